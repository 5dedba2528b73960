#include "waybill/html.hpp"

#include <algorithm>

#include "waybill/text.hpp"

namespace waybill::dashboard {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20U && c != '\n' && c != '\t') || byte == 0x7FU;
}

// How many bytes a character that changes the direction of text has at the
// beginning of `text`, U+202A to U+202E and U+2066 to U+2069; 0 if it is none.
std::size_t steering(std::string_view text) {
  if (!text.starts_with("\xE2\x80") && !text.starts_with("\xE2\x81"))
    return 0;
  if (text.size() < 3)
    return 0;
  const auto last = static_cast<unsigned char>(text[2]);
  const auto is_override = text[1] == '\x80' && last >= 0xAAU && last <= 0xAEU;
  const auto is_isolate = text[1] == '\x81' && last >= 0xA6U && last <= 0xA9U;
  return is_override || is_isolate ? 3 : 0;
}

} // namespace

std::string escaped_html(std::string_view text) {
  const auto valid = sanitize_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t i = 0; i < valid.size(); ++i) {
    if (const auto bytes = steering(std::string_view{valid}.substr(i))) {
      out += replacement;
      i += bytes - 1;
      continue;
    }
    switch (const auto c = valid[i]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (is_control(c))
          out += replacement;
        else
          out += c;
    }
  }
  return out;
}

html& html::number(std::int64_t x) {
  return text(grouped(x));
}

std::string grouped(std::int64_t x) {
  auto digits = std::to_string(x);
  const auto first = digits.front() == '-' ? 1U : 0U;
  for (auto at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

} // namespace waybill::dashboard
