// The id of a tracked operation, which is also its idempotency key.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace waybill {

/// A 128-bit operation id (a UUID, RFC 9562). The caller chooses it; recording
/// the same id twice is the same operation.
///
/// Ordered as its 16 bytes are, so version 7 ids sort by their time.
class tracked_operation_id {
public:
  /// The nil id. No request accepts it.
  constexpr tracked_operation_id() noexcept = default;

  /// @param high the first eight bytes, big-endian.
  /// @param low the last eight bytes, big-endian.
  constexpr tracked_operation_id(std::uint64_t high, std::uint64_t low) noexcept
    : high_{high}, low_{low} {}

  [[nodiscard]] constexpr std::uint64_t high() const noexcept { return high_; }
  [[nodiscard]] constexpr std::uint64_t low() const noexcept { return low_; }
  [[nodiscard]] constexpr bool is_nil() const noexcept {
    return high_ == 0 && low_ == 0;
  }

  /// Makes a version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, a 12-bit
  /// sub-millisecond counter (method 3, which makes ids increase strictly
  /// within the process, over all threads), 62 random bits. Prefer these ids:
  /// time-ordered keys cost the store several times less than random ones.
  /// @throws std::system_error if the system gives no random bytes.
  static tracked_operation_id generate();

  /// Reads the canonical text: 32 hexadecimal digits of either case in groups
  /// of 8-4-4-4-12, 36 characters in all, no braces, no blanks.
  /// @returns none for anything else.
  static std::optional<tracked_operation_id>
  parse(std::string_view text) noexcept;

  friend constexpr auto operator<=>(const tracked_operation_id&,
                                    const tracked_operation_id&)
    = default;

private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

/// The canonical text in lower case, 36 characters.
std::string to_string(const tracked_operation_id& id);

} // namespace waybill

template <>
struct std::hash<waybill::tracked_operation_id> {
  std::size_t
  operator()(const waybill::tracked_operation_id& id) const noexcept {
    // Both halves of a random id are random, but the high half of a version 7
    // id is a clock: mix before folding.
    const auto mixed = (id.high() ^ (id.low() >> 32U)) * 0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>(mixed ^ (mixed >> 29U) ^ id.low());
  }
};
