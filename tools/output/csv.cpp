#include "output/csv.hpp"

namespace waybill::cli {

std::string csv_field(std::string_view text) {
  const auto plain = !text.empty()
                     && text.find_first_of(",\"\r\n") == std::string_view::npos
                     && text.front() != ' ' && text.back() != ' ';
  if (plain)
    return std::string{text};
  std::string quoted = "\"";
  for (const auto c : text) {
    if (c == '"')
      quoted += '"';
    quoted += c;
  }
  return quoted += '"';
}

} // namespace waybill::cli
