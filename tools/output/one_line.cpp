#include "output/one_line.hpp"

#include <algorithm>

#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// Control characters of ASCII and blanks; others have no place in one byte.
bool is_trimmed(char c) {
  const auto x = static_cast<unsigned char>(c);
  return x <= 0x20U || x == 0x7FU;
}

bool ends_line(char c) {
  return c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f';
}

} // namespace

std::string one_line(std::string_view text) {
  while (!text.empty() && is_trimmed(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_trimmed(text.back()))
    text.remove_suffix(1);
  std::string line;
  while (!text.empty()) {
    const auto blanks = std::min(text.find_first_not_of(" \n\r\t\v\f"),
                                 text.size());
    const auto run = text.substr(0, blanks);
    if (std::ranges::any_of(run, ends_line))
      line += ' ';
    else
      line += run;
    text.remove_prefix(blanks);
    const auto word = text.substr(0, text.find_first_of(" \n\r\t\v\f"));
    line += word;
    text.remove_prefix(word.size());
  }
  return escape(line);
}

} // namespace waybill::cli
