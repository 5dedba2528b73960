// Durations as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace waybill {

/// Reads `500ms`, `30s`, `10min` (or `10m`), `1h`, `7d`.
/// @returns none for anything else, and for what an int64 of microseconds
///          cannot hold.
std::optional<std::chrono::milliseconds>
parse_duration(std::string_view text) noexcept;

/// Writes what `parse_duration` reads, with the largest unit that is exact.
std::string to_text(std::chrono::milliseconds duration);

} // namespace waybill
