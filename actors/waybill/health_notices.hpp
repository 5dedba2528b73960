// What the operator is told of a tracker's storage, and how often.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "waybill/options.hpp"
#include "waybill/recurring_trouble.hpp"
#include "waybill/storage_causes.hpp"

namespace waybill {

/// What an operator is to be told.
struct health_notice {
  severity level = severity::info;
  std::string text;
};

/// Each cause is a trouble of its own, told while it is the gravest; so is a
/// disk that is slow.
class health_notices {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using list = std::vector<health_notice>;

  /// The causes may have changed, or one of them has shown itself again.
  [[nodiscard]] list look_at(const storage_causes& causes, time_point now);

  /// Work that waits for the disk has taken as long as `took`.
  [[nodiscard]] list has_waited(const char* what, time_point::duration took,
                                time_point now);

  /// What came and went untold, if that is to be told now.
  [[nodiscard]] list catch_up(time_point now);

  [[nodiscard]] bool has_untold() const noexcept;

private:
  std::array<recurring_trouble, num_storage_causes> troubles_; // as the gravest
  recurring_trouble slowness_;
};

} // namespace waybill
