// UTF-8 text: checking, shortening and escaping what comes from outside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace waybill {

/// True if `text` is valid UTF-8 (RFC 3629: no overlong forms, no surrogates,
/// nothing above U+10FFFF). NUL is valid here.
bool is_valid_utf8(std::string_view text) noexcept;

/// True if `text` is valid UTF-8 without NUL.
bool is_valid_text(std::string_view text) noexcept;

/// `text` with each invalid byte and each NUL replaced by U+FFFD.
std::string sanitize_utf8(std::string_view text);

/// What ends a text that `truncate_utf8` shortened.
inline constexpr std::string_view truncation_mark = "…[truncated]";

/// Shortens valid UTF-8 to at most `max_bytes` bytes, mark included, without
/// cutting a character in two. Text that fits is left as it is.
/// @pre `max_bytes >= truncation_mark.size()`
std::string truncate_utf8(std::string_view text, std::size_t max_bytes);

/// Whether `tidy` changes nothing.
bool is_tidy(std::string_view text) noexcept;

/// `text` as errors are kept: without the blanks, tabs and newlines at its end,
/// with a blank for each control character (C0, DEL, C1) but newline and tab,
/// and newlines for CR LF.
std::string tidy(std::string_view text);

/// `text` made safe to print on a terminal, a log line or between quotes:
/// control characters (C0, DEL, C1), line and paragraph separators, directional
/// overrides, `"` and `\` are written as `\n`, `\t`, `\"`, `\\`, `\xHH` or
/// `\u{HHHH}`; an invalid byte as `\xHH`.
std::string escape(std::string_view text);

} // namespace waybill
