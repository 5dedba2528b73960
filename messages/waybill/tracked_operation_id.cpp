#include "waybill/tracked_operation_id.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace waybill {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

constexpr bool is_hyphen_position(std::size_t i) noexcept {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

// Unix time in units of 1/4096 ms: the 48 bits of milliseconds and the 12 bits
// that follow the version. Strictly increasing, so that two ids of one process
// never tie; it runs ahead of the clock only while more than 4096 ids are made
// in a millisecond or the clock stands still or goes back.
std::uint64_t next_tick() noexcept {
  static std::atomic<std::uint64_t> last{0};
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count();
  const auto unsigned_ns = static_cast<std::uint64_t>(std::max<int64_t>(0, ns));
  const auto now = ((unsigned_ns / 1'000'000) << 12U)
                   | ((unsigned_ns % 1'000'000) * 4096 / 1'000'000);
  auto seen = last.load(std::memory_order_relaxed);
  auto next = std::max(now, seen + 1);
  while (!last.compare_exchange_weak(seen, next, std::memory_order_relaxed))
    next = std::max(now, seen + 1);
  return next;
}

// How often this process has been on the younger side of a fork(): both sides
// would go on with the same buffers.
std::atomic<std::uint64_t> forks{0};

const bool forks_are_counted
  = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); }) == 0;

// Asked of the kernel for many ids at a time: a call costs more than all the
// rest of an id.
std::uint64_t random_bits() {
  struct buffer {
    std::array<std::uint64_t, 32> bits{}; // as much as one call gives
    std::size_t used = 32;
    std::uint64_t forks = 0;
  };
  thread_local buffer x;
  const auto now = forks.load(std::memory_order_relaxed);
  if (x.used == x.bits.size() || x.forks != now || !forks_are_counted) {
    if (::getentropy(x.bits.data(), sizeof x.bits) != 0)
      throw std::system_error{errno, std::generic_category(),
                              "cannot read random bytes for an operation id"};
    x.used = 0;
    x.forks = now;
  }
  return x.bits[x.used++];
}

} // namespace

tracked_operation_id tracked_operation_id::generate() {
  const auto tick = next_tick();
  const auto high = ((tick >> 12U) << 16U) | 0x7000U | (tick & 0x0FFFU);
  const auto low = (random_bits() & 0x3FFF'FFFF'FFFF'FFFFU)
                   | 0x8000'0000'0000'0000U;
  return {high, low};
}

std::optional<tracked_operation_id>
tracked_operation_id::parse(std::string_view text) noexcept {
  if (text.size() != 36)
    return std::nullopt;
  std::uint64_t halves[2] = {0, 0};
  std::size_t nibbles = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_hyphen_position(i)) {
      if (text[i] != '-')
        return std::nullopt;
      continue;
    }
    const auto value = hex_value(text[i]);
    if (value < 0)
      return std::nullopt;
    auto& half = halves[nibbles++ / 16];
    half = (half << 4U) | static_cast<std::uint64_t>(value);
  }
  return tracked_operation_id{halves[0], halves[1]};
}

std::string to_string(const tracked_operation_id& id) {
  std::string text(36, '-');
  std::size_t nibbles = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_hyphen_position(i))
      continue;
    const auto half = nibbles < 16 ? id.high() : id.low();
    const auto shift = 60 - 4 * (nibbles++ % 16);
    text[i] = hex_digits[(half >> shift) & 0xFU];
  }
  return text;
}

} // namespace waybill
