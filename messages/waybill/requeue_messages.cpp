#include "waybill/requeue_messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_requeue_outcomes>
  requeue_outcome_names{"requeued",   "already_requeued", "not_found",
                        "in_flight",  "delivered",        "discarded",
                        "no_payload", "expired",          "overloaded",
                        "id_is_taken"};

} // namespace

std::string to_string(requeue_outcome x) {
  return detail::enum_name<0>(requeue_outcome_names, x);
}

std::optional<requeue_outcome>
parse_requeue_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, requeue_outcome>(requeue_outcome_names, text);
}

std::optional<std::string> find_fault(const requeue& x) {
  using namespace detail;
  return first_fault(
    [&] { return check_acted_on(x.ids); },
    [&] { return x.as ? check_id("as", *x.as) : fault{}; },
    [&] {
      return x.as && x.ids.size() != 1
               ? fault{"as: must not be there for several ids"}
               : fault{};
    },
    [&] { return check_text("reason", x.reason, limits::max_last_error); },
    [&] { return check_act(x.act); },
    [&] { return check_time("deadline", x.deadline); });
}

} // namespace waybill
