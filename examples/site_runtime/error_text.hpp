// Errors as they are stored: what others say, in one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace site_runtime {

/// `text` in one line of valid UTF-8: a blank for each run of blanks, control
/// characters and line ends, none at its ends, shortened to `max_bytes`.
std::string one_line(std::string_view text, std::size_t max_bytes);

} // namespace site_runtime
