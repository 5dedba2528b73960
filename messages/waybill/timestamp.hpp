// A point in UTC time with microsecond resolution, as stored and as sent.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waybill {

/// A UTC time in microseconds since 1970-01-01T00:00:00Z.
///
/// The library never reads a clock where a time is stored: times come in as
/// arguments, so that tests and replays are exact.
class timestamp {
public:
  constexpr timestamp() noexcept = default;

  /// @param us microseconds since the Unix epoch.
  constexpr explicit timestamp(std::int64_t us) noexcept : us_{us} {}

  /// Microseconds since the Unix epoch.
  [[nodiscard]] constexpr std::int64_t us() const noexcept { return us_; }

  /// The current wall-clock time.
  static timestamp now() noexcept;

  friend constexpr auto operator<=>(timestamp, timestamp) = default;

  /// Saturates at the ends of the range instead of overflowing.
  friend constexpr timestamp operator+(timestamp t,
                                       std::chrono::microseconds d) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(t.us_, std::int64_t{d.count()}, &sum))
      sum = d.count() < 0 ? INT64_MIN : INT64_MAX;
    return timestamp{sum};
  }

  /// Saturates at the ends of the range instead of overflowing.
  friend constexpr timestamp operator-(timestamp t,
                                       std::chrono::microseconds d) noexcept {
    std::int64_t diff = 0;
    if (__builtin_sub_overflow(t.us_, std::int64_t{d.count()}, &diff))
      diff = d.count() < 0 ? INT64_MAX : INT64_MIN;
    return timestamp{diff};
  }

  /// Saturates at the ends of the range instead of overflowing.
  friend constexpr std::chrono::microseconds operator-(timestamp a,
                                                       timestamp b) noexcept {
    std::int64_t diff = 0;
    if (__builtin_sub_overflow(a.us_, b.us_, &diff))
      diff = b.us_ < 0 ? INT64_MAX : INT64_MIN;
    return std::chrono::microseconds{diff};
  }

private:
  std::int64_t us_ = 0;
};

/// The earliest and latest times that have a text form (and that requests
/// accept): 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z.
inline constexpr timestamp min_timestamp{-62'167'219'200'000'000};
inline constexpr timestamp max_timestamp{253'402'300'799'999'999};

/// ISO-8601 in UTC with all six fractional digits, for example
/// `2026-11-23T08:15:30.000250Z`. Times outside `min_timestamp` to
/// `max_timestamp` are printed as the nearer of the two.
std::string to_string(timestamp t);

/// Reads `YYYY-MM-DDThh:mm:ss[.f{1,6}]Z`; nothing else is accepted.
/// @returns none for any other text, also for a date that does not exist.
std::optional<timestamp> parse_timestamp(std::string_view text) noexcept;

} // namespace waybill
