// What a store tells of the time before it was opened.
#pragma once

#include <array>
#include <optional>

#include "waybill/timestamp.hpp"

namespace waybill {

struct remembered_times {
  /// The latest time at which an operation was recorded or finished.
  std::optional<timestamp> latest;
  /// When the first of those that are there finished in each terminal status,
  /// in the order of the statuses.
  std::array<std::optional<timestamp>, 4> oldest_finished;
  /// When the first of those that are remembered was purged.
  std::optional<timestamp> oldest_purged;
};

} // namespace waybill
