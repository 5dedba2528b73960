// How many columns a text takes on a terminal, and what of it fits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace waybill::cli {

/// The columns that `text` takes. Characters of East Asian scripts and emoji
/// count as two, combining marks as none, by their main blocks: close, but what
/// a terminal does with rare characters may differ.
/// @pre `text` is valid UTF-8 without control characters, as `escape` gives it.
std::size_t width_of(std::string_view text);

/// `text`, cut to at most `columns` columns with `ellipsis` (one column wide)
/// at the end; never within a character.
std::string fit(std::string_view text, std::size_t columns,
                std::string_view ellipsis);

/// `text`, cut to at most `columns` columns with `ellipsis` in the middle.
std::string fit_middle(std::string_view text, std::size_t columns,
                       std::string_view ellipsis);

} // namespace waybill::cli
