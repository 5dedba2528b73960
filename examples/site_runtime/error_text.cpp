#include "site_runtime/error_text.hpp"

#include "waybill/text.hpp"

namespace site_runtime {

namespace {

// The bytes of a blank, a control character (C0, DEL, C1) or a separator of
// lines that `text`, valid UTF-8, begins with; 0 if it begins with none.
std::size_t gap_at(std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  if (c <= 0x20 || c == 0x7F)
    return 1;
  if (c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0)
    return 2;
  return text.starts_with("\u2028") || text.starts_with("\u2029") ? 3 : 0;
}

} // namespace

std::string one_line(std::string_view text, std::size_t max_bytes) {
  const auto valid = waybill::sanitize_utf8(text);
  std::string line;
  bool apart = false;
  for (std::string_view rest = valid; !rest.empty();) {
    if (const auto gap = gap_at(rest); gap > 0) {
      apart = !line.empty();
      rest.remove_prefix(gap);
      continue;
    }
    if (apart)
      line += ' ';
    apart = false;
    line += rest.front();
    rest.remove_prefix(1);
  }
  return waybill::truncate_utf8(line, max_bytes);
}

} // namespace site_runtime
