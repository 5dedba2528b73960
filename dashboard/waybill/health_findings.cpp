#include "waybill/health_findings.hpp"

#include <algorithm>
#include <utility>

#include "waybill/times.hpp"

namespace waybill::dashboard {

namespace {

std::int64_t count_of(const counts_reply& counts,
                      bool (*is_counted)(tracking_status)) {
  std::int64_t sum = 0;
  for (const auto& each : counts.counts)
    if (is_counted(each.status))
      sum += each.operations;
  return sum;
}

// In percent, of the bound of a target of which most is used.
std::int64_t most_used_of(const targets_reply& x) {
  std::int64_t most = 0;
  for (const auto& each : x.targets)
    for (const auto& [is, bound] :
         {std::pair{each.calls, each.max_calls},
          std::pair{each.bytes, each.max_bytes},
          std::pair{each.kept_calls, each.max_kept_calls},
          std::pair{each.kept_bytes, each.max_kept_bytes}})
      if (bound && *bound > 0)
        most = std::max(most, static_cast<std::int64_t>(
                                100.0 * static_cast<double>(is)
                                / static_cast<double>(*bound)));
  return most;
}

std::int64_t count_paused(const targets_reply& x) {
  return std::ranges::count_if(x.targets, [](const target_snapshot& each) {
    return each.paused_since.has_value();
  });
}

} // namespace

std::vector<health_finding> judge(const health_limits& x,
                                  const counts_reply& counts,
                                  const store_size& size,
                                  const targets_reply& targets, timestamp now) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const auto max_age = x.max_age.value_or(health_limits::default_age);
  // A time to come is no age.
  const auto age = counts.oldest_in_flight
                     ? std::max(now - *counts.oldest_in_flight,
                                std::chrono::microseconds{0})
                     : std::chrono::microseconds{0};
  const auto is_parked = [](tracking_status status) {
    return status == tracking_status::parked;
  };
  const auto seconds_text = [](std::int64_t figure) {
    return duration_text(seconds{figure});
  };
  const auto count_text = [](std::int64_t figure) {
    return std::to_string(figure);
  };
  const auto percent_text = [](std::int64_t figure) {
    return std::to_string(figure) + " %";
  };
  return {{"oldest_in_flight_seconds", "oldest in flight",
           duration_cast<seconds>(age).count(),
           duration_cast<seconds>(max_age).count(), seconds_text},
          {"in_flight", "in flight", count_of(counts, &is_in_flight),
           x.max_in_flight, count_text},
          {"parked", "parked", count_of(counts, is_parked), x.max_parked,
           count_text},
          {"write_ahead_log_bytes", "write-ahead log", size.log_bytes,
           x.max_log.value_or(health_limits::default_log), &size_text},
          {"target_bounds_percent", "fullest target", most_used_of(targets),
           health_limits::most_used, percent_text},
          {"paused_targets", "paused targets", count_paused(targets),
           x.max_paused, count_text}};
}

} // namespace waybill::dashboard
