#include "waybill/packed_run.hpp"

#include <algorithm>
#include <string>

#include "waybill/operation_row.hpp"
#include "waybill/page_seal.hpp"

namespace waybill {

namespace {

// Of a fixed size, compilers make one instruction of these.
std::uint64_t decode_eight(const std::uint8_t* from) noexcept {
  std::uint64_t x = 0;
  for (std::size_t i = 0; i < 8; ++i)
    x = x << 8U | from[i];
  return x;
}

void encode_eight(std::uint8_t* to, std::uint64_t x) noexcept {
  for (std::size_t i = 0; i < 8; ++i)
    to[i] = static_cast<std::uint8_t>(x >> (56 - 8 * i));
}

std::uint64_t decode_big_endian(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() == 8)
    return decode_eight(bytes.data());
  std::uint64_t x = 0;
  for (const auto each : bytes)
    x = x << 8U | each;
  return x;
}

std::uint8_t* encode_big_endian(std::uint8_t* to, std::uint64_t x,
                                std::size_t bytes) noexcept {
  if (bytes == 8)
    encode_eight(to, x);
  else
    for (std::size_t i = 0; i < bytes; ++i)
      to[i] = static_cast<std::uint8_t>(x >> (8 * (bytes - 1 - i)));
  return to + bytes;
}

} // namespace

void append_number(std::vector<std::uint8_t>& to, std::uint64_t x,
                   std::size_t bytes) {
  to.resize(to.size() + bytes);
  encode_big_endian(to.data() + to.size() - bytes, x, bytes);
}

void append_key(std::vector<std::uint8_t>& to, const run_layout& layout,
                const run_key& x) {
  append_number(to, x.high, 8);
  append_number(to, x.low, layout.key_bytes - 8);
}

void append_entry(std::vector<std::uint8_t>& to, const run_layout& layout,
                  std::int64_t first, const run_entry& x) {
  to.resize(to.size() + layout.entry_bytes());
  auto* at = to.data() + to.size() - layout.entry_bytes();
  at = encode_big_endian(at, x.key.high, 8);
  at = encode_big_endian(at, x.key.low, layout.key_bytes - 8);
  at = encode_big_endian(at, static_cast<std::uint64_t>(x.number - first),
                         run_layout::number_bytes);
  encode_big_endian(at, x.value, layout.value_bytes);
}

run_key decode_key(const run_layout& layout,
                   std::span<const std::uint8_t> bytes) noexcept {
  return {decode_big_endian(bytes.first(8)),
          decode_big_endian(bytes.subspan(8, layout.key_bytes - 8))};
}

run_page::run_page(const run_layout& layout,
                   std::span<const std::uint8_t> bytes)
  : layout_{layout} {
  constexpr auto head = run_layout::page_head;
  const auto each = layout.entry_bytes();
  if (bytes.size() < head + each || bytes.size() > sqlite::page_bytes
      || (bytes.size() - head) % each != 0)
    row_is_corrupt("a page of a run of " + std::to_string(bytes.size())
                   + " bytes");
  const auto first = decode_big_endian(bytes.first(head));
  if (first < 1 || first > static_cast<std::uint64_t>(max_run_number))
    row_is_corrupt("a page of a run whose first number is "
                   + std::to_string(first));
  first_ = static_cast<std::int64_t>(first);
  bytes_ = bytes.subspan(head);
  size_ = bytes_.size() / each;
}

std::span<const std::uint8_t> run_page::bytes_of(std::size_t i) const noexcept {
  const auto each = layout_.entry_bytes();
  return bytes_.subspan(i * each, each);
}

run_key run_page::key_at(std::size_t i) const noexcept {
  return decode_key(layout_, bytes_of(i));
}

run_entry run_page::at(std::size_t i) const noexcept {
  const auto all = bytes_of(i);
  const auto behind = all.subspan(layout_.key_bytes);
  return {decode_key(layout_, all),
          first_
            + static_cast<std::int64_t>(
              decode_big_endian(behind.first(run_layout::number_bytes))),
          decode_big_endian(behind.subspan(run_layout::number_bytes))};
}

std::optional<run_entry> run_page::find(const run_key& key) const noexcept {
  std::size_t low = 0; // behind those that are not above the key
  for (auto high = size_; low < high;) {
    const auto middle = low + (high - low) / 2;
    if (key_at(middle) <= key)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || key_at(low - 1) != key)
    return std::nullopt;
  return at(low - 1);
}

std::size_t packed_run::page_of(const run_key& key) const noexcept {
  const auto behind = std::ranges::upper_bound(fences, key);
  return behind == fences.begin()
           ? 0
           : static_cast<std::size_t>(behind - fences.begin()) - 1;
}

} // namespace waybill
