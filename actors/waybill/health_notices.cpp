#include "waybill/health_notices.hpp"

#include <algorithm>
#include <cstdint>

#include "waybill/duration_text.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

health_notice describe(const storage_causes& causes, std::int64_t untold) {
  const auto state = causes.state();
  return {state == health_state::failed ? severity::error : severity::warning,
          "storage is " + to_string(state) + ": " + escape(causes.text())
            + to_untold_text(untold)};
}

} // namespace

health_notices::list health_notices::look_at(const storage_causes& causes,
                                             time_point now) {
  const auto gravest = causes.gravest();
  list all;
  auto was_told = false; // something graver than what is left
  for (std::size_t i = 0; i < troubles_.size(); ++i)
    if (const auto x = static_cast<storage_cause>(i);
        !causes.holds(x) && troubles_.at(i).end())
      was_told |= !gravest || x > *gravest;
  if (was_told)
    all.push_back({severity::info, "storage works again"});
  if (!gravest)
    return all;
  auto& trouble = troubles_[static_cast<std::size_t>(*gravest)];
  const auto untold = trouble.note(now, was_told);
  if (untold || was_told)
    all.push_back(describe(causes, untold.value_or(0)));
  return all;
}

health_notices::list health_notices::has_waited(const char* what,
                                                time_point::duration took,
                                                time_point now) {
  const auto untold = slowness_.note(now);
  slowness_.end(); // the next time is another one
  if (!untold)
    return {};
  return {{severity::warning,
           std::string{"the disk is slow: "} + what + " took "
             + to_text(std::chrono::floor<std::chrono::seconds>(took))
             + to_untold_text(*untold)}};
}

health_notices::list health_notices::catch_up(time_point now) {
  list all;
  for (auto& each : troubles_)
    if (const auto untold = each.take_untold(now))
      all.push_back({severity::warning, "storage works, but was degraded "
                                          + std::to_string(*untold)
                                          + (*untold == 1 ? " time" : " times")
                                          + " since that was last told"});
  return all;
}

bool health_notices::has_untold() const noexcept {
  return std::ranges::any_of(troubles_, &recurring_trouble::has_untold);
}

} // namespace waybill
