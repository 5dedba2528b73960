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

fault check_acted_on(const std::vector<tracked_operation_id>& ids) {
  return first_fault(
    [&] {
      return check_range("ids: their number", std::ssize(ids), 1,
                         limits::max_acted_on);
    },
    [&] { return first_fault_in("ids", ids, check_id); });
}

fault check_act(const std::optional<operator_act>& x) {
  if (!x)
    return std::nullopt;
  return first_fault(
    [&] { return x->id ? check_id("act.id", *x->id) : fault{}; },
    [&] { return check_operator("act.who", x->who); },
    [&] {
      return x->what ? check_name("act.what", *x->what, limits::max_audit_text)
                     : fault{};
    },
    [&] {
      return x->reason
               ? check_name("act.reason", *x->reason, limits::max_reason)
               : fault{};
    });
}

} // namespace waybill::detail
