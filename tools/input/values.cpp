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

} // namespace waybill::cli
