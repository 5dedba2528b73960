#include "waybill/errc.hpp"

#include "waybill/enum_names.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_errcs> code_names{
  "invalid_request", "overloaded",      "deadline_passed", "stopped",
  "not_stored",      "outcome_unknown", "store_locked",    "store_unavailable",
  "not_a_store",     "newer_schema",    "store_corrupt",   "store_full",
  "invalid_options", "tracker_gone",    "timed_out"};

} // namespace

std::string to_string(errc code) {
  return detail::enum_name<1>(code_names, code);
}

std::optional<errc> parse_errc(std::string_view text) noexcept {
  return detail::enum_value<1, errc>(code_names, text);
}

} // namespace waybill
