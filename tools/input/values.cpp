#include "input/values.hpp"

#include "waybill/text.hpp"

namespace waybill::cli {

std::string quoted(const std::string& value) {
  return '"' + escape(value) + '"';
}

void must_be(const std::string& option, const std::string& what,
             const std::string& value, const std::string& hint) {
  throw usage_error{option + " must be " + what + ", but is " + quoted(value)
                    + hint};
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos)
      return parts;
    list.remove_prefix(comma + 1);
  }
}

} // namespace waybill::cli
