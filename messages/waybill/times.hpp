// Times, ages, durations and sizes as people read and write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "waybill/duration_text.hpp"
#include "waybill/timestamp.hpp"

namespace waybill {

/// In which zone times are shown, and read if they name none.
enum class zone : std::uint8_t {
  /// The process's, as TZ or the system says.
  local,
  utc,
};

enum class precision : std::uint8_t { seconds, milliseconds };

/// `2026-11-23 09:15:30 +01:00`, or `2026-11-23 08:15:30Z` in UTC; what is
/// finer is cut off.
std::string time_text(timestamp t, zone where,
                      precision how = precision::seconds);

/// How long ago: `12 s ago`, `3 min ago`, `5 h ago`, `9 d ago`; `now` for less
/// than a second; `in 3 min` for a time to come.
std::string age_text(std::chrono::microseconds age);

/// As `age_text`, for columns: `now`, `12s`, `3m`, `5h`, `9d`, `in 3m`.
std::string compact_age_text(std::chrono::microseconds age);

/// How long: `25 ms`, `1.25 s`, `3 min 4 s`, `2 h 5 min`, `9 d 4 h`.
std::string duration_text(std::chrono::microseconds duration);

/// `512 B`, `4.0 KiB`, `12.3 MiB`.
std::string size_text(std::int64_t bytes);

/// Reads a duration, which is so long before `now`, or a time: a date, then if
/// wanted a clock time (`08:15`, `08:15:30`, `08:15:30.25`) after a blank or
/// `T`, then if wanted a zone (`Z` or `+01:00`). What `time_text` and
/// `to_string(timestamp)` write is read too.
///
/// A clock time that the zone shows twice, in autumn, is the earlier one.
/// @param where the zone of times that name none.
/// @returns none for anything else, also for a date that does not exist.
std::optional<timestamp> parse_time(std::string_view text, timestamp now,
                                    zone where);

} // namespace waybill
