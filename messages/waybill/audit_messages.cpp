#include "waybill/audit_messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_audit_verbs> audit_verb_names{
  "requeue", "discard", "pause", "resume", "purge"};

} // namespace

using namespace detail;

std::string to_string(audit_verb x) {
  return enum_name<0>(audit_verb_names, x);
}

std::optional<audit_verb> parse_audit_verb(std::string_view text) noexcept {
  return enum_value<0, audit_verb>(audit_verb_names, text);
}

fault find_fault(const audit_record& x) {
  return first_fault(
    [&] { return check_id("id", x.id); },
    [&] {
      return check_range("verb", static_cast<int>(x.verb), 0,
                         num_audit_verbs - 1);
    },
    [&] { return check_time("at", x.at); },
    [&] { return check_time("last_at", x.last_at); },
    [&] { return check_operator("who", x.who); },
    [&] { return check_name("what", x.what, limits::max_audit_text); },
    [&] {
      return check_range("operations", x.operations, 0,
                         audit_record::max_operations);
    },
    [&] { return x.last ? check_id("last", *x.last) : fault{}; },
    [&] { return check_text("reason", x.reason, limits::max_audit_text); });
}

fault find_fault(const list_audit& x) {
  const auto check_verb = [](const char* name, audit_verb verb) {
    return check_range(name, static_cast<int>(verb), 0, num_audit_verbs - 1);
  };
  return first_fault(
    [&] { return first_fault_in("verbs", x.verbs, check_verb); },
    [&] { return check_time("from", x.from); },
    [&] { return check_time("until", x.until); },
    [&] {
      return check_range("page_size", x.page_size, 1, limits::max_page_size);
    });
}

} // namespace waybill
