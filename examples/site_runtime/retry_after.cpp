#include "site_runtime/retry_after.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>

namespace site_runtime {

namespace {

namespace chrono = std::chrono;

constexpr chrono::seconds longest = chrono::hours{24 * 36'525};

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr",
                                                  "May", "Jun", "Jul", "Aug",
                                                  "Sep", "Oct", "Nov", "Dec"};

// The parts of a date: `06 Nov 1994 08:49:37`, in whatever order they came.
struct parts {
  std::string day;
  std::string month;
  std::string year;
  std::string time;
};

// A number of just so many digits.
std::optional<unsigned> number(std::string_view text, std::size_t digits) {
  if (text.size() != digits)
    return std::nullopt;
  unsigned value = 0;
  for (const auto c : text) {
    if (c < '0' || c > '9')
      return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

std::optional<chrono::sys_seconds> to_time(const parts& x) {
  const auto day = number(x.day, x.day.size() == 1 ? 1 : 2);
  const auto month = std::find(months.begin(), months.end(), x.month);
  const auto year = number(x.year, 4);
  if (!day || month == months.end() || !year || x.time.size() != 8
      || x.time[2] != ':' || x.time[5] != ':')
    return std::nullopt;
  const auto hour = number(x.time.substr(0, 2), 2);
  const auto minute = number(x.time.substr(3, 2), 2);
  const auto second = number(x.time.substr(6), 2);
  const chrono::year_month_day date{
    chrono::year{static_cast<int>(*year)},
    chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
    chrono::day{*day}};
  // A leap second has the number 60.
  if (!date.ok() || !hour || *hour > 23 || !minute || *minute > 59 || !second
      || *second > 60)
    return std::nullopt;
  return chrono::sys_days{date} + chrono::hours{*hour}
         + chrono::minutes{*minute} + chrono::seconds{*second};
}

// RFC 850 has two digits.
std::string full_year(const std::string& text) {
  return text.size() == 2 ? (text < "70" ? "20" : "19") + text : text;
}

} // namespace

std::optional<chrono::sys_seconds> parse_http_date(std::string_view text) {
  std::istringstream in{std::string{text}};
  std::array<std::string, 7> words;
  std::size_t n = 0;
  while (n < words.size() && in >> words[n])
    ++n;
  const auto& [first, second, third, fourth, fifth, sixth, seventh] = words;
  const auto ends_with_zone = n > 0 && words[n - 1] == "GMT";
  if (n == 6 && ends_with_zone && first.ends_with(','))
    return to_time(
      {.day = second, .month = third, .year = fourth, .time = fifth});
  if (n == 4 && ends_with_zone && first.ends_with(',') && second.size() == 9
      && second[2] == '-' && second[6] == '-')
    return to_time({.day = second.substr(0, 2),
                    .month = second.substr(3, 3),
                    .year = full_year(second.substr(7)),
                    .time = third});
  if (n == 5)
    return to_time(
      {.day = third, .month = second, .year = fifth, .time = fourth});
  return std::nullopt;
}

std::optional<chrono::milliseconds> parse_retry_after(std::string_view text,
                                                      chrono::sys_seconds now) {
  if (!text.empty()
      && text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto digits
      = text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
    const auto value = digits.size() > 10
                         ? std::nullopt
                         : std::optional{std::stoll(std::string{digits})};
    return std::min(chrono::seconds{value.value_or(longest.count())}, longest);
  }
  const auto until = parse_http_date(text);
  if (!until)
    return std::nullopt;
  return std::clamp(*until - now, chrono::seconds{0}, longest);
}

} // namespace site_runtime
