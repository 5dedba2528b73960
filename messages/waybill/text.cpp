#include "waybill/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace waybill {

namespace {

struct decoded {
  char32_t code_point; // meaningless if !valid
  std::size_t length;  // bytes taken; 1 for an invalid byte
  bool valid;
};

constexpr std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(text[i]);
}

// Decodes the character at `at`, after table 3-7 of the Unicode standard:
// checking the second byte's range rules out overlong forms and surrogates.
decoded decode(std::string_view text, std::size_t at) noexcept {
  const auto first = byte_at(text, at);
  if (first < 0x80U)
    return {first, 1, true};
  std::size_t length = 0;
  std::uint8_t low = 0x80U;
  std::uint8_t high = 0xBFU;
  char32_t code_point = 0;
  if (first >= 0xC2U && first <= 0xDFU) {
    length = 2;
    code_point = first & 0x1FU;
  } else if (first >= 0xE0U && first <= 0xEFU) {
    length = 3;
    code_point = first & 0x0FU;
    if (first == 0xE0U)
      low = 0xA0U;
    if (first == 0xEDU)
      high = 0x9FU;
  } else if (first >= 0xF0U && first <= 0xF4U) {
    length = 4;
    code_point = first & 0x07U;
    if (first == 0xF0U)
      low = 0x90U;
    if (first == 0xF4U)
      high = 0x8FU;
  } else {
    return {0, 1, false};
  }
  if (text.size() - at < length)
    return {0, 1, false};
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = byte_at(text, at + i);
    if (next < low || next > high)
      return {0, 1, false};
    low = 0x80U;
    high = 0xBFU;
    code_point = (code_point << 6U) | (next & 0x3FU);
  }
  return {code_point, length, true};
}

// The eight bytes at `p`, in one load.
std::uint64_t load_block(const char* p) noexcept {
  std::uint64_t block = 0;
  std::memcpy(&block, p, sizeof block);
  return block;
}

// True if all bytes are 1 to 127: no high bit is set, and adding 127 to each
// sets it in all.
bool is_plain(std::uint64_t block) noexcept {
  constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080U;
  return ((block | ~(block + 0x7F7F'7F7F'7F7F'7F7FU)) & high_bits) == 0;
}

bool is_plain(std::string_view text) noexcept {
  const auto* p = text.data();
  auto left = text.size();
  for (; left >= 8; left -= 8, p += 8)
    if (!is_plain(load_block(p)))
      return false;
  if (left == 0)
    return true;
  if (text.size() >= 8) // looks at some bytes twice
    return is_plain(load_block(text.data() + text.size() - 8));
  return std::all_of(p, p + left, [](char c) {
    return c != 0 && static_cast<unsigned char>(c) < 0x80U;
  });
}

template <class... Args>
void append_format(std::string& out, const char* format, Args... args) {
  std::array<char, 16> buf{};
  const auto n = std::snprintf(buf.data(), buf.size(), format, args...);
  out.append(buf.data(), static_cast<std::size_t>(n));
}

// Characters that change what a terminal or an editor shows around them.
constexpr bool is_deceptive(char32_t c) noexcept {
  return c < 0x20U || (c >= 0x7FU && c <= 0x9FU) || c == 0x061CU
         || (c >= 0x200BU && c <= 0x200FU) || (c >= 0x2028U && c <= 0x202EU)
         || (c >= 0x2060U && c <= 0x2069U) || c == 0xFEFFU
         || (c >= 0xE0000U && c <= 0xE007FU);
}

// What says nothing at the end of a text.
constexpr std::string_view ends_nothing = " \t\n";

// The bytes of the control character at `at` (C0, DEL, C1), none if it is none,
// or a newline or a tab.
std::size_t control_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = byte_at(text, at);
  if (byte == 0xC2U)
    return at + 1 < text.size() && byte_at(text, at + 1) <= 0x9FU ? 2 : 0;
  return byte == 0x7FU || (byte < 0x20U && byte != '\n' && byte != '\t') ? 1
                                                                         : 0;
}

} // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && is_plain(load_block(text.data() + at))) {
      at += 8;
      continue;
    }
    const auto next = decode(text, at);
    if (!next.valid)
      return false;
    at += next.length;
  }
  return true;
}

bool is_valid_text(std::string_view text) noexcept {
  return is_plain(text)
         || (text.find('\0') == std::string_view::npos && is_valid_utf8(text));
}

std::string sanitize_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto next = decode(text, at);
    if (next.valid && next.code_point != 0)
      out.append(text.substr(at, next.length));
    else
      out += "\uFFFD";
    at += next.length;
  }
  return out;
}

std::string truncate_utf8(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes)
    return std::string{text};
  auto keep = max_bytes - truncation_mark.size();
  while (keep > 0 && (byte_at(text, keep) & 0xC0U) == 0x80U)
    --keep;
  std::string out;
  out.reserve(keep + truncation_mark.size());
  out += text.substr(0, keep);
  out += truncation_mark;
  return out;
}

bool is_tidy(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size(); ++at)
    if (control_length(text, at) > 0)
      return false;
  return text.empty() || ends_nothing.find(text.back()) == ends_nothing.npos;
}

std::string tidy(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto length = control_length(text, at);
    if (length == 0)
      out += text[at++];
    else if (text.substr(at, 2) == "\r\n")
      ++at;
    else {
      out += ' ';
      at += length;
    }
  }
  out.erase(out.find_last_not_of(ends_nothing) + 1);
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto next = decode(text, at);
    if (!next.valid)
      append_format(out, "\\x%02X", unsigned{byte_at(text, at)});
    else if (next.code_point == '"' || next.code_point == '\\')
      out += {'\\', text[at]};
    else if (next.code_point == '\n')
      out += "\\n";
    else if (next.code_point == '\r')
      out += "\\r";
    else if (next.code_point == '\t')
      out += "\\t";
    else if (next.code_point < 0x20U || next.code_point == 0x7FU)
      append_format(out, "\\x%02X", static_cast<unsigned>(next.code_point));
    else if (is_deceptive(next.code_point))
      append_format(out, "\\u{%04X}", static_cast<unsigned>(next.code_point));
    else
      out += text.substr(at, next.length);
    at += next.length;
  }
  return out;
}

} // namespace waybill
