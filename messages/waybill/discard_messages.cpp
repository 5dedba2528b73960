#include "waybill/discard_messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_discard_outcomes>
  discard_outcome_names{"applied", "already_terminal", "not_found",
                        "payload_discarded"};

} // namespace

std::string to_string(discard_outcome x) {
  return detail::enum_name<0>(discard_outcome_names, x);
}

std::optional<discard_outcome>
parse_discard_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, discard_outcome>(discard_outcome_names, text);
}

std::optional<std::string> find_fault(const discard_many& x) {
  using namespace detail;
  return first_fault(
    [&] { return check_acted_on(x.ids); },
    [&] { return check_text("reason", x.reason, limits::max_last_error); },
    [&] {
      return x.ids.size() > 1 && !x.reason
               ? fault{"reason: must be there for several ids"}
               : fault{};
    },
    [&] { return check_act(x.act); },
    [&] { return check_time("deadline", x.deadline); });
}

} // namespace waybill
