#include "input/resume_point.hpp"

#include "input/options.hpp"

namespace waybill::cli {

std::optional<resume_point>
read_resume_point(const std::optional<std::string>& text) {
  if (!text)
    return std::nullopt;
  auto point = parse_resume_point(*text);
  if (!point)
    must_be("--cursor", "what a list or an export ended with", *text);
  return point;
}

} // namespace waybill::cli
