#include "waybill/call_queries.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_call_states> call_state_names{
  "waiting", "begun", "kept"};

constexpr std::array<std::string_view, num_payload_outcomes>
  payload_outcome_names{"found",     "not_found",  "delivered",
                        "discarded", "never_kept", "requeued"};

} // namespace

using namespace detail;

std::string to_string(call_state x) {
  return enum_name<0>(call_state_names, x);
}

std::optional<call_state> parse_call_state(std::string_view text) noexcept {
  return enum_value<0, call_state>(call_state_names, text);
}

std::string to_string(payload_outcome x) {
  return enum_name<0>(payload_outcome_names, x);
}

std::optional<payload_outcome>
parse_payload_outcome(std::string_view text) noexcept {
  return enum_value<0, payload_outcome>(payload_outcome_names, text);
}

fault find_fault(const get_call& x) {
  return check_question(x);
}

fault find_fault(const get_payload& x) {
  return check_question(x);
}

fault find_fault(const list_targets& x) {
  return check_time("deadline", x.deadline);
}

} // namespace waybill
