// What a store's file tells of its health, against limits. `waybill health`
// prints the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "waybill/call_queries.hpp"
#include "waybill/messages.hpp"
#include "waybill/store_size.hpp"

namespace waybill::dashboard {

/// Limits; none: not judged.
struct health_limits {
  std::optional<std::chrono::microseconds> max_age;
  std::optional<std::int64_t> max_in_flight;
  std::optional<std::int64_t> max_parked;
  std::optional<std::int64_t> max_log;
  std::optional<std::int64_t> max_paused;

  static constexpr std::chrono::hours default_age{24};
  /// Bytes: four times the size at which a service empties its log.
  static constexpr std::int64_t default_log = std::int64_t{64} * 1'024 * 1'024;
  /// Percent of a target's bounds; at 80 a service is degraded.
  static constexpr std::int64_t most_used = 79;
};

/// A figure and whether it is within its limit.
struct health_finding {
  /// In JSON; it ends with the unit, if there is one.
  const char* name = nullptr;
  /// For people, as are `text`s of figures.
  const char* title = nullptr;
  std::int64_t value = 0;
  /// None: not judged.
  std::optional<std::int64_t> limit;
  std::string (*text)(std::int64_t figure) = nullptr;

  [[nodiscard]] bool ok() const { return !limit || value <= *limit; }
};

/// @param now what ages count from.
std::vector<health_finding> judge(const health_limits& x,
                                  const counts_reply& counts,
                                  const store_size& size,
                                  const targets_reply& targets, timestamp now);

} // namespace waybill::dashboard
