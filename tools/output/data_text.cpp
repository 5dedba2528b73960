#include "output/data_text.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>

#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// The bytes of the character that begins with `lead`.
std::size_t length_of(char lead) {
  const auto x = static_cast<unsigned char>(lead);
  return x < 0xC0U ? 1 : x < 0xE0U ? 2 : x < 0xF0U ? 3 : 4;
}

// The number in what `escape` made of one character: `\xHH` or `\u{HHHH}`.
std::uint32_t code_point_in(std::string_view escaped) {
  escaped.remove_prefix(escaped.starts_with("\\u{") ? 3 : 2);
  std::uint32_t x = 0;
  std::from_chars(escaped.data(), escaped.data() + escaped.size(), x, 16);
  return x;
}

void append_unit(std::string& to, std::uint32_t unit) {
  char text[16];
  std::snprintf(text, sizeof text, "\\u%04X", static_cast<unsigned>(unit));
  to += text;
}

} // namespace

std::string data_text(std::string_view text) {
  std::string all;
  for (std::size_t at = 0; at < text.size();) {
    const auto one = text.substr(at, length_of(text[at]));
    at += one.size();
    // A carriage return alone goes back over what is on the line.
    const auto ends_line = one == "\n"
                           || (one == "\r" && text.substr(at, 1) == "\n");
    const auto is_plain = ends_line || one == "\"" || one == "\\"
                          || one == "\t";
    const auto escaped = is_plain ? std::string{one} : escape(one);
    if (escaped == one) {
      all += one;
    } else if (const auto x = code_point_in(escaped); x < 0x1'0000U) {
      append_unit(all, x);
    } else { // as a pair of surrogates
      append_unit(all, 0xD800U + ((x - 0x1'0000U) >> 10U));
      append_unit(all, 0xDC00U + ((x - 0x1'0000U) & 0x3FFU));
    }
  }
  return all;
}

} // namespace waybill::cli
