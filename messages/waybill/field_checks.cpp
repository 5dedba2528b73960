#include "waybill/field_checks.hpp"

#include "waybill/text.hpp"

namespace waybill::detail {

fault check_size(const char* name, std::size_t bytes, std::size_t max_bytes) {
  if (bytes <= max_bytes)
    return std::nullopt;
  return std::string{name} + ": must be at most " + std::to_string(max_bytes)
         + " bytes, but is " + std::to_string(bytes);
}

fault check_text(const char* name, std::string_view text,
                 std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return check_size(name, text.size(), max_bytes);
  if (is_valid_text(text))
    return std::nullopt;
  const auto has_nul = text.find('\0') != text.npos;
  const auto prefix = std::string{name} + ": ";
  // A value that fails is shown escaped, and only its beginning.
  return prefix + (has_nul ? "must not contain NUL" : "must be valid UTF-8")
         + " (\"" + escape(text.substr(0, 40)) + "\""
         + (text.size() > 40 ? "…)" : ")");
}

} // namespace waybill::detail
