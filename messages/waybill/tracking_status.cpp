#include "waybill/tracking_status.hpp"

#include "waybill/enum_names.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_tracking_statuses> status_names{
  "Submitted", "Retrying", "Delivered", "Parked", "Failed", "Discarded"};

} // namespace

std::string to_string(tracking_status s) {
  return detail::enum_name<0>(status_names, s);
}

std::optional<tracking_status>
parse_tracking_status(std::string_view text) noexcept {
  return detail::enum_value<0, tracking_status>(status_names, text);
}

} // namespace waybill
