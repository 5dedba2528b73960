#include "waybill/forward_messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_forward_outcomes> outcome_names{
  "accepted", "already_accepted", "already_terminal", "duplicate"};

constexpr std::array<std::string_view, num_breaker_states> state_names{
  "closed", "open", "half_open"};

} // namespace

std::string to_string(forward_outcome x) {
  return detail::enum_name<0>(outcome_names, x);
}

std::optional<forward_outcome>
parse_forward_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, forward_outcome>(outcome_names, text);
}

std::string to_string(breaker_state x) {
  return detail::enum_name<0>(state_names, x);
}

std::optional<breaker_state>
parse_breaker_state(std::string_view text) noexcept {
  return detail::enum_value<0, breaker_state>(state_names, text);
}

record_enqueue to_enqueue(const forward_call& call) {
  return {.id = call.id,
          .kind = call.kind,
          .target_summary = call.target_summary,
          .source_instance_id = call.source_instance_id,
          .source_script = call.source_script,
          .source_node = call.source_node,
          .deadline = std::nullopt};
}

std::optional<std::string> find_fault(const forward_call& x) {
  using namespace detail;
  return first_fault([&] { return check_id("id", x.id); },
                     [&] { return check_kind("kind", x.kind); },
                     [&] { return check_descriptions(x); },
                     [&] { return check_time("due", x.due); },
                     [&] { return check_time("expires", x.expires); },
                     [&] {
                       return x.priority ? check_range("priority", *x.priority,
                                                       0, limits::max_priority)
                                         : fault{};
                     },
                     [&] {
                       return check_text("order_key", x.order_key,
                                         limits::max_order_key);
                     });
}

std::optional<std::string> find_fault(const discard& x) {
  using namespace detail;
  return first_fault(
    [&] { return check_id("id", x.id); },
    [&] { return check_text("reason", x.reason, limits::max_last_error); },
    [&] { return check_operator("who", x.who); });
}

} // namespace waybill
