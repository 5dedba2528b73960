#include "waybill/field_checks.hpp"

#include "waybill/text.hpp"

namespace waybill::detail {

fault check_text(const char* name, std::string_view text,
                 std::size_t max_bytes) {
  const auto too_long = text.size() > max_bytes;
  if (!too_long && is_valid_text(text))
    return std::nullopt;
  const auto has_nul = !too_long && text.find('\0') != text.npos;
  const auto prefix = std::string{name} + ": ";
  if (too_long)
    return prefix + "must be at most " + std::to_string(max_bytes)
           + " bytes, but is " + std::to_string(text.size());
  // A value that fails is shown escaped, and only its beginning.
  return prefix + (has_nul ? "must not contain NUL" : "must be valid UTF-8")
         + " (\"" + escape(text.substr(0, 40)) + "\""
         + (text.size() > 40 ? "…)" : ")");
}

} // namespace waybill::detail
