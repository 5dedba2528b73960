#include "waybill/messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_enqueue_outcomes> enqueue_names{
  "inserted", "duplicate"};
constexpr std::array<std::string_view, num_update_outcomes> update_names{
  "applied", "already_terminal", "not_found"};
constexpr std::array<std::string_view, num_health_states> health_names{
  "ok", "degraded", "failed"};

using detail::fault;

fault check_terminal(tracking_status status) {
  if (!is_terminal(status))
    return "status: must be Delivered, Parked, Failed or Discarded, but is "
           + to_string(status);
  return std::nullopt;
}

fault check_in_flight(tracking_status status) {
  if (!is_in_flight(status))
    return "status: must be Submitted or Retrying, but is " + to_string(status);
  return std::nullopt;
}

} // namespace

using namespace detail;

std::string to_string(enqueue_outcome x) {
  return detail::enum_name<0>(enqueue_names, x);
}

std::optional<enqueue_outcome>
parse_enqueue_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, enqueue_outcome>(enqueue_names, text);
}

std::string to_string(update_outcome x) {
  return detail::enum_name<0>(update_names, x);
}

std::optional<update_outcome>
parse_update_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, update_outcome>(update_names, text);
}

std::string to_string(health_state x) {
  return detail::enum_name<0>(health_names, x);
}

std::optional<health_state> parse_health_state(std::string_view text) noexcept {
  return detail::enum_value<0, health_state>(health_names, text);
}

fault find_fault(const record_enqueue& x) {
  return first_fault([&] { return check_id("id", x.id); },
                     [&] { return check_kind("kind", x.kind); },
                     [&] { return check_descriptions(x); },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const record_attempt& x) {
  return first_fault([&] { return check_id("id", x.id); },
                     [&] { return check_in_flight(x.status); },
                     [&] { return check_retry_count(x.retry_count); },
                     [&] {
                       return check_text("last_error", x.last_error,
                                         limits::max_last_error);
                     },
                     [&] { return check_http_status(x.http_status); },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const record_terminal& x) {
  return first_fault([&] { return check_id("id", x.id); },
                     [&] { return check_terminal(x.status); },
                     [&] {
                       return check_text("last_error", x.last_error,
                                         limits::max_last_error);
                     },
                     [&] { return check_http_status(x.http_status); },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const get_status& x) {
  return check_question(x);
}

fault find_fault(const get_many& x) {
  return first_fault(
    [&] {
      return check_range("ids", std::ssize(x.ids), 1,
                         std::int64_t{limits::max_asked});
    },
    [&] { return first_fault_in("ids", x.ids, &check_id); },
    [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const purge_terminal& x) {
  return first_fault(
    [&] { return check_time("older_than", x.older_than); },
    [&] { return x.status ? check_terminal(*x.status) : fault{}; },
    [&] { return check_time("deadline", x.deadline); },
    [&] { return check_time("not_before", x.not_before); },
    [&] { return check_act(x.act); },
    [&] { return check_time("forget_before", x.forget_before); },
    [&] { return check_time("forget_not_before", x.forget_not_before); });
}

fault find_fault(const get_counts& x) {
  return check_time("deadline", x.deadline);
}

} // namespace waybill
