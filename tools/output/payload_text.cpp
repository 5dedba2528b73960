#include "output/payload_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "waybill/text.hpp"

namespace waybill::cli {

std::string payload_text(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    // None of these is a part of a longer character.
    const auto plain = std::min(bytes.find_first_of("\r\n\t\"\\"),
                                bytes.size());
    text += escape(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    if (bytes.empty())
      break;
    // A carriage return alone goes back over what is on the line.
    if (bytes.starts_with('\r') && !bytes.starts_with("\r\n"))
      text += "\\r";
    else if (!bytes.starts_with('\r'))
      text += bytes.front();
    bytes.remove_prefix(1);
  }
  if (!text.empty() && text.back() != '\n')
    text += '\n';
  return text;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8U
             | (i < group.size() ? static_cast<std::uint8_t>(group[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= group.size() ? digits[bits >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

} // namespace waybill::cli
