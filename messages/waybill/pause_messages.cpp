#include "waybill/pause_messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_pause_outcomes> pause_outcome_names{
  "applied", "unchanged", "not_found"};

} // namespace

using namespace detail;

std::string to_string(pause_outcome x) {
  return enum_name<0>(pause_outcome_names, x);
}

std::optional<pause_outcome>
parse_pause_outcome(std::string_view text) noexcept {
  return enum_value<0, pause_outcome>(pause_outcome_names, text);
}

fault find_fault(const pause_target& x) {
  return first_fault(
    [&] { return check_name("target", x.target, limits::max_target); },
    [&] { return check_name("who", x.who, limits::max_operator); },
    [&] { return check_name("reason", x.reason, limits::max_reason); });
}

fault find_fault(const resume_target& x) {
  return first_fault(
    [&] { return check_name("target", x.target, limits::max_target); },
    [&] { return check_operator("who", x.who); },
    [&] {
      return x.reason ? check_name("reason", *x.reason, limits::max_reason)
                      : fault{};
    });
}

} // namespace waybill
