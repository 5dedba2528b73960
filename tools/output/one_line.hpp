// Texts of a store in tables and lists for people.
#pragma once

#include <string>
#include <string_view>

namespace waybill::cli {

/// `text` in one line and ready to be printed: without blanks and control
/// characters at its ends, with one blank for each run of line ends, tabs and
/// blanks that has a line end or tab in it, all else escaped.
std::string one_line(std::string_view text);

} // namespace waybill::cli
