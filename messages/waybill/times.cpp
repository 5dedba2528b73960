#include "waybill/times.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace waybill {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using sys_micros = std::chrono::sys_time<microseconds>;

template <class... Args>
std::string format(const char* pattern, Args... args) {
  std::array<char, 96> text{};
  const auto size = std::snprintf(text.data(), text.size(), pattern, args...);
  return {text.data(), static_cast<std::size_t>(size)};
}

// -- printing -----------------------------------------------------------------

std::tm broken_down(std::time_t seconds, zone where) {
  std::tm parts{};
  if (where == zone::utc)
    gmtime_r(&seconds, &parts);
  else
    localtime_r(&seconds, &parts);
  return parts;
}

std::string offset_text(long seconds) {
  const auto minutes = std::labs(seconds) / 60;
  return format(" %c%02ld:%02ld", seconds < 0 ? '-' : '+', minutes / 60,
                minutes % 60);
}

// -- reading ------------------------------------------------------------------

// Takes a text apart from its beginning.
class scanner {
public:
  explicit scanner(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c)
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  // A number of exactly so many digits.
  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count)
      return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9')
        return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  // Up to six digits after a decimal point.
  std::optional<microseconds> fraction() {
    microseconds value{0};
    microseconds place{100'000};
    std::size_t count = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
         ++count, place /= 10) {
      value += place * (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (count < 1 || count > 6)
      return std::nullopt;
    return value;
  }

private:
  std::string_view rest_;
};

struct civil_time {
  std::chrono::year_month_day date{};
  microseconds clock{0};
};

std::optional<std::chrono::year_month_day> read_date(scanner& in) {
  const auto year = in.digits(4);
  if (!year || !in.take('-'))
    return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.take('-'))
    return std::nullopt;
  const auto day = in.digits(2);
  if (!day)
    return std::nullopt;
  const std::chrono::year_month_day date{
    std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
    std::chrono::day{static_cast<unsigned>(*day)}};
  return date.ok() ? std::optional{date} : std::nullopt;
}

// `08:15`; behind a sign, the offset of a zone.
std::optional<microseconds> read_hour_and_minute(scanner& in) {
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.take(':'))
    return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59)
    return std::nullopt;
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute};
}

std::optional<microseconds> read_clock(scanner& in) {
  const auto clock = read_hour_and_minute(in);
  if (!clock || !in.take(':'))
    return clock;
  const auto second = in.digits(2);
  if (!second || *second > 59)
    return std::nullopt;
  const auto whole = *clock + std::chrono::seconds{*second};
  if (!in.take('.'))
    return whole;
  const auto fraction = in.fraction();
  return fraction ? std::optional{whole + *fraction} : std::nullopt;
}

microseconds since_epoch_in_utc(const civil_time& x) {
  return microseconds{std::chrono::sys_days{x.date}.time_since_epoch()}
         + x.clock;
}

bool same_clock(const std::tm& a, const std::tm& b) {
  return a.tm_mday == b.tm_mday && a.tm_hour == b.tm_hour
         && a.tm_min == b.tm_min && a.tm_sec == b.tm_sec;
}

// The earliest time that a local clock shows as it shows `time`: mktime() may
// choose any of those that look the same. Clocks are put back by what the
// zone's offset is made smaller, whether that is an hour or not.
std::time_t earliest_like(std::time_t time) {
  const auto shown = broken_down(time, zone::local);
  auto earliest = time;
  constexpr std::time_t day = 86'400;
  // Nowhere have clocks been put back twice in two days; two days before, the
  // former offset holds.
  for (const auto before : {2 * day, day}) {
    const auto former = broken_down(time - before, zone::local).tm_gmtoff;
    const auto twin = time - (former - shown.tm_gmtoff);
    if (twin < earliest && same_clock(broken_down(twin, zone::local), shown))
      earliest = twin;
  }
  return earliest;
}

std::optional<microseconds> since_epoch_in_local_zone(const civil_time& x) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(x.clock);
  const std::chrono::hh_mm_ss clock{seconds};
  std::tm parts{};
  parts.tm_year = static_cast<int>(x.date.year()) - 1'900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned>(x.date.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned>(x.date.day()));
  parts.tm_hour = static_cast<int>(clock.hours().count());
  parts.tm_min = static_cast<int>(clock.minutes().count());
  parts.tm_sec = static_cast<int>(clock.seconds().count());
  parts.tm_isdst = -1;
  parts.tm_wday = -1; // stays so if it fails; the result alone does not tell
  const auto result = std::mktime(&parts);
  if (parts.tm_wday == -1)
    return std::nullopt;
  return microseconds{std::chrono::seconds{earliest_like(result)}}
         + (x.clock - seconds);
}

std::optional<microseconds>
read_zone_and_convert(scanner& in, const civil_time& x, zone where) {
  in.take(' ');
  if (in.take('Z'))
    return since_epoch_in_utc(x);
  const auto ahead = in.take('+');
  if (ahead || in.take('-')) {
    const auto offset = read_hour_and_minute(in);
    if (!offset)
      return std::nullopt;
    return since_epoch_in_utc(x) - (ahead ? *offset : -*offset);
  }
  if (!in.at_end())
    return std::nullopt;
  return where == zone::utc ? since_epoch_in_utc(x)
                            : since_epoch_in_local_zone(x);
}

std::optional<timestamp> read_point(std::string_view text, zone where) {
  scanner in{text};
  civil_time x;
  const auto date = read_date(in);
  if (!date)
    return std::nullopt;
  x.date = *date;
  if (in.take('T') || in.take(' ')) {
    const auto clock = read_clock(in);
    if (!clock)
      return std::nullopt;
    x.clock = *clock;
  }
  const auto us = read_zone_and_convert(in, x, where);
  if (!us || !in.at_end() || text.back() == ' ')
    return std::nullopt;
  const timestamp t{us->count()};
  if (t < min_timestamp || t > max_timestamp)
    return std::nullopt;
  return t;
}

} // namespace

std::string time_text(timestamp t, zone where, precision how) {
  const auto clamped = std::clamp(t, min_timestamp, max_timestamp);
  const sys_micros time{microseconds{clamped.us()}};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto parts = broken_down(
    static_cast<std::time_t>(seconds.time_since_epoch().count()), where);
  auto text = format("%04d-%02d-%02d %02d:%02d:%02d", parts.tm_year + 1'900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
  if (how == precision::milliseconds)
    text += format(".%03d", static_cast<int>((time - seconds) / 1ms));
  return text + (where == zone::utc ? "Z" : offset_text(parts.tm_gmtoff));
}

namespace {

struct age_units {
  const char* second;
  const char* minute;
  const char* hour;
  const char* day;
  const char* behind; // a time that has gone by
};

std::string age_in(const age_units& units, microseconds age) {
  const auto to_come = age < 0us;
  // The magnitude of the least value has no place in the type.
  const auto length = to_come ? -std::max(age, -microseconds::max()) : age;
  if (length < 1s)
    return "now";
  std::string text;
  if (length < 1min)
    text = std::to_string(length / 1s) + units.second;
  else if (length < 1h)
    text = std::to_string(length / 1min) + units.minute;
  else if (length < 48h)
    text = std::to_string(length / 1h) + units.hour;
  else
    text = std::to_string(length / 24h) + units.day;
  return to_come ? "in " + text : text + units.behind;
}

} // namespace

std::string age_text(microseconds age) {
  return age_in({" s", " min", " h", " d", " ago"}, age);
}

std::string compact_age_text(microseconds age) {
  return age_in({"s", "m", "h", "d", ""}, age);
}

std::string duration_text(microseconds duration) {
  const auto x = std::max(duration, 0us);
  const auto two = [](auto large, const char* unit, auto small,
                      const char* smaller_unit) {
    auto text = std::to_string(large) + ' ' + unit;
    if (small > 0)
      text += ' ' + std::to_string(small) + ' ' + smaller_unit;
    return text;
  };
  if (x < 1ms)
    return std::to_string(x.count()) + " µs";
  if (x < 1s)
    return std::to_string(x / 1ms) + " ms";
  if (x < 1min)
    return format("%.2f s", static_cast<double>(x / 10ms) / 100);
  if (x < 1h)
    return two(x / 1min, "min", x % 1min / 1s, "s");
  if (x < 48h)
    return two(x / 1h, "h", x % 1h / 1min, "min");
  return two(x / 24h, "d", x % 24h / 1h, "h");
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1'024)
    return std::to_string(bytes) + " B";
  auto size = static_cast<double>(bytes) / 1'024;
  std::size_t unit = 0;
  // What would be printed as 1024.0 is 1.0 of the next unit.
  while (size >= 1'023.95 && unit + 1 < units.size()) {
    size /= 1'024;
    ++unit;
  }
  return format("%.1f %s", size, units.at(unit));
}

std::optional<timestamp> parse_time(std::string_view text, timestamp now,
                                    zone where) {
  if (const auto duration = parse_duration(text)) {
    const auto t = now - *duration;
    return t < min_timestamp ? std::nullopt : std::optional{t};
  }
  return text.empty() ? std::nullopt : read_point(text, where);
}

} // namespace waybill
