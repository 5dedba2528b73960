// What texts have in common that differ only in numbers, ids, addresses and
// times: many errors are few by it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace waybill {

/// What stands in a shape for what differs.
namespace masks {

inline constexpr std::string_view number = "#";
inline constexpr std::string_view id = "<id>";
inline constexpr std::string_view address = "<address>";
inline constexpr std::string_view time = "<time>";

} // namespace masks

/// So much of a text, in bytes, decides about its shape.
inline constexpr std::size_t max_shaped = 256;

/// `text` with masks in it: `mes-app-7 (10.0.0.8:443) refused 4711` becomes
/// `mes-app-# (<address>) refused #`. An HTTP status that the text begins with
/// stays, and so does one behind `HTTP `. One blank stands for each run of
/// blanks and control characters; behind `max_shaped` bytes there is a `…`.
std::string shape_of(std::string_view text);

/// The same, behind what is in `to`.
void append_shape(std::string& to, std::string_view text);

} // namespace waybill
