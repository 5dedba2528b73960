#include "output/text_width.hpp"

#include <algorithm>
#include <array>

namespace waybill::cli {

namespace {

struct range {
  char32_t first;
  char32_t last;

  [[nodiscard]] constexpr bool has(char32_t c) const {
    return c >= first && c <= last;
  }
};

constexpr std::array combining{range{0x0300, 0x036F}, range{0x0483, 0x0489},
                               range{0x0591, 0x05BD}, range{0x064B, 0x065F},
                               range{0x1AB0, 0x1AFF}, range{0x1DC0, 0x1DFF},
                               range{0x20D0, 0x20FF}, range{0xFE00, 0xFE0F},
                               range{0xFE20, 0xFE2F}};

constexpr std::array wide{range{0x1100, 0x115F},   range{0x2E80, 0x303E},
                          range{0x3041, 0xA4CF},   range{0xA960, 0xA97F},
                          range{0xAC00, 0xD7A3},   range{0xF900, 0xFAFF},
                          range{0xFE30, 0xFE6F},   range{0xFF00, 0xFF60},
                          range{0xFFE0, 0xFFE6},   range{0x1F300, 0x1F64F},
                          range{0x1F680, 0x1F6FF}, range{0x1F900, 0x1FAFF},
                          range{0x20000, 0x3FFFD}};

struct character {
  std::size_t bytes;
  std::size_t columns;
};

std::size_t columns_of(char32_t c) {
  const auto has = [c](const range& x) { return x.has(c); };
  if (c < 0x300)
    return 1;
  if (std::any_of(combining.begin(), combining.end(), has))
    return 0;
  return std::any_of(wide.begin(), wide.end(), has) ? 2 : 1;
}

// The character at the beginning of `text`, which is not empty.
character first_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t bytes
    = first < 0x80U ? 1 : (first < 0xE0U ? 2 : (first < 0xF0U ? 3 : 4));
  if (bytes == 1 || bytes > text.size())
    return {1, 1};
  char32_t c = first & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i)
    c = (c << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return {bytes, columns_of(c)};
}

} // namespace

std::size_t width_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto next = first_of(text);
    columns += next.columns;
    text.remove_prefix(next.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns,
                std::string_view ellipsis) {
  std::size_t used = 0;
  std::size_t keep = 0; // bytes that leave room for the ellipsis
  for (std::size_t at = 0; at < text.size();) {
    const auto next = first_of(text.substr(at));
    if (used + next.columns > columns)
      return columns == 0 ? std::string{}
                          : std::string{text.substr(0, keep)}.append(ellipsis);
    used += next.columns;
    at += next.bytes;
    if (used < columns)
      keep = at;
  }
  return std::string{text};
}

std::string fit_middle(std::string_view text, std::size_t columns,
                       std::string_view ellipsis) {
  const auto width = width_of(text);
  if (width <= columns)
    return std::string{text};
  if (columns < 3)
    return fit(text, columns, ellipsis);
  const auto head = (columns - 1) / 2;
  const auto to_drop = width - (columns - 1 - head);
  auto tail = text;
  for (std::size_t dropped = 0; dropped < to_drop;) {
    const auto next = first_of(tail);
    dropped += next.columns;
    tail.remove_prefix(next.bytes);
  }
  return fit(text, head + 1, ellipsis).append(tail);
}

} // namespace waybill::cli
