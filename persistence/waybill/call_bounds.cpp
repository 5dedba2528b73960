#include "waybill/call_bounds.hpp"

#include "waybill/field_checks.hpp"
#include "waybill/store_error.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

std::string refusal(const std::string& target, const call_sum& sum,
                    const char* what, const std::string& bounds) {
  return "target " + escape(target) + ": " + to_text(sum) + " " + what + "; "
         + bounds;
}

} // namespace

std::optional<std::string> find_full(const std::string& target,
                                     const target_sums& sums,
                                     const target_bounds& bounds,
                                     std::int64_t bytes) {
  const auto& [active, kept] = sums;
  if (active.calls >= bounds.max_calls
      || bytes > bounds.max_bytes - active.bytes)
    return refusal(target, active, "wait already",
                   "max_calls is " + std::to_string(bounds.max_calls)
                     + ", max_bytes " + std::to_string(bounds.max_bytes));
  if (kept.calls >= bounds.max_kept_calls
      || kept.bytes >= bounds.max_kept_bytes)
    return refusal(target, kept, "are parked or failed",
                   "max_kept_calls is " + std::to_string(bounds.max_kept_calls)
                     + ", max_kept_bytes "
                     + std::to_string(bounds.max_kept_bytes));
  return std::nullopt;
}

void require_payload_within(const target_bounds& bounds, std::size_t bytes) {
  const auto most = static_cast<std::size_t>(bounds.max_payload);
  if (const auto fault = detail::check_size("payload", bytes, most))
    throw store_error{errc::invalid_request, *fault};
}

} // namespace waybill
