// HTTP's Retry-After, in both of its forms (RFC 9110, 10.2.3).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace site_runtime {

/// Reads a date as HTTP has them: `Sun, 06 Nov 1994 08:49:37 GMT`, or one of
/// the two obsolete forms (RFC 9110, 5.6.7).
/// @returns none for anything else.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

/// How long to wait: so many seconds, or until a date, a century at most.
/// @param now the time at which the answer was given.
/// @returns none for a text that is neither.
std::optional<std::chrono::milliseconds>
parse_retry_after(std::string_view text, std::chrono::sys_seconds now);

} // namespace site_runtime
