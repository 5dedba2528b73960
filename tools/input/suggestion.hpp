// What a mistyped word was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace waybill::cli {

/// Those of `known` that are nearest to `word`, by the letters that are wrong,
/// missing, too many or swapped (a third of them at most); if none is near, the
/// one that it abbreviates. Leading dashes do not count.
std::vector<std::string> nearest(std::string_view word,
                                 const std::vector<std::string>& known);

/// `a`, `a or b`, `a, b or c`.
std::string listed(const std::vector<std::string>& words,
                   const std::string& last_link = "or");

/// `; did you mean a or b?`; empty if `words` is.
std::string did_you_mean(const std::vector<std::string>& words);

} // namespace waybill::cli
