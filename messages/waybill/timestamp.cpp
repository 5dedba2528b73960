#include "waybill/timestamp.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace waybill {

namespace {

using days = std::chrono::sys_days;
using micros = std::chrono::microseconds;

// Reads exactly `n` decimal digits; a negative value means "not digits".
constexpr int digits(std::string_view text, std::size_t at,
                     std::size_t n) noexcept {
  int value = 0;
  for (std::size_t i = at; i < at + n; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

} // namespace

timestamp timestamp::now() noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return timestamp{std::chrono::duration_cast<micros>(now).count()};
}

std::string to_string(timestamp t) {
  const auto clamped = std::clamp(t, min_timestamp, max_timestamp);
  const std::chrono::sys_time<micros> time{micros{clamped.us()}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 64> buf{};
  const auto n = std::snprintf(
    buf.data(), buf.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
    static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
    static_cast<int>(clock.minutes().count()),
    static_cast<int>(clock.seconds().count()),
    static_cast<int>(clock.subseconds().count()));
  return {buf.data(), static_cast<std::size_t>(n)};
}

std::optional<timestamp> parse_timestamp(std::string_view text) noexcept {
  // 2026-11-23T08:15:30Z is the shortest form.
  if (text.size() < 20 || text.size() > 27 || text.back() != 'Z')
    return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':'
      || text[16] != ':')
    return std::nullopt;
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (year < 0 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0
      || minute > 59 || second < 0 || second > 59)
    return std::nullopt;
  int fraction = 0;
  if (text.size() > 20) {
    const auto n = text.size() - 21; // between '.' and 'Z'
    if (text[19] != '.' || n < 1)
      return std::nullopt;
    fraction = digits(text, 20, n);
    if (fraction < 0)
      return std::nullopt;
    for (auto i = n; i < 6; ++i)
      fraction *= 10;
  } else if (text[19] != 'Z') {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{
    std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
    std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok())
    return std::nullopt;
  const auto since_epoch
    = std::chrono::duration_cast<micros>(days{date}.time_since_epoch())
      + std::chrono::hours{hour} + std::chrono::minutes{minute}
      + std::chrono::seconds{second} + micros{fraction};
  return timestamp{since_epoch.count()};
}

} // namespace waybill
