#include "waybill/run_filter.hpp"

namespace waybill {

namespace {

constexpr std::size_t filter_bits_a_key = 12;
constexpr std::size_t max_filter_bytes = std::size_t{1} << 31U;

} // namespace

run_filter::run_filter(std::int64_t keys) {
  const auto bits = static_cast<std::size_t>(keys) * filter_bits_a_key;
  if (bits > 0)
    bytes_.resize(block_bytes * (1 + bits / (8 * block_bytes)));
}

std::optional<run_filter> run_filter::of(std::span<const std::uint8_t> stored) {
  if (stored.size() % block_bytes != 0 || stored.size() > max_filter_bytes)
    return std::nullopt;
  run_filter x;
  x.bytes_.assign(stored.begin(), stored.end());
  return x;
}

// Part of the format: what is stored is found by it again.
run_hash::run_hash(const run_key& key) noexcept {
  auto x = key.high * 0x9E37'79B9'7F4A'7C15U ^ key.low;
  x ^= x >> 32U;
  x *= 0xD6E8'FEB8'6659'FD93U;
  x ^= x >> 29U;
  x *= 0xBF58'476D'1CE4'E5B9U;
  x ^= x >> 32U;
  block_ = x;
  bits_ = x * 0x94D0'49BB'1331'11EBU;
  bits_ ^= bits_ >> 30U;
}

void run_filter::add(const run_hash& x) noexcept {
  if (bytes_.empty())
    return;
  const auto at = block_bytes * x.block_of(bytes_.size() / block_bytes);
  for (unsigned i = 0; i < bits_a_key; ++i)
    bytes_[at + x.bit(i) / 8U] |= static_cast<std::uint8_t>(1U
                                                            << x.bit(i) % 8U);
}

bool run_filter::may_have(const run_hash& x) const noexcept {
  if (bytes_.empty())
    return false;
  const auto at = block_bytes * x.block_of(bytes_.size() / block_bytes);
  for (unsigned i = 0; i < bits_a_key; ++i)
    if ((bytes_[at + x.bit(i) / 8U] >> x.bit(i) % 8U & 1U) == 0)
      return false;
  return true;
}

} // namespace waybill
