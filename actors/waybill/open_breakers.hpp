// The targets whose breakers are open: their actors say so, whoever asks how
// the service is reads it in a thread of their own.
#pragma once

#include <algorithm>
#include <mutex>
#include <set>
#include <string>

#include "waybill/messages.hpp"

namespace waybill {

/// Thread-safe; outlives the tracking actor, as those actors do.
class open_breakers {
public:
  void set(const std::string& target, bool is_open) {
    const std::lock_guard guard{mutex_};
    if (is_open)
      targets_.insert(target);
    else
      targets_.erase(target);
  }

  /// Up to `limits::max_told_targets` of them.
  void add_to(health_reply& x) const {
    const std::lock_guard guard{mutex_};
    std::size_t told = 0;
    for (const auto& each : targets_) {
      if (told++ == limits::max_told_targets)
        return;
      const auto at = std::ranges::find(x.targets, each, &target_health::name);
      auto& of_target = at != x.targets.end()
                          ? *at
                          : x.targets.emplace_back(target_health{.name = each});
      of_target.breaker_open = true;
    }
  }

private:
  mutable std::mutex mutex_;
  std::set<std::string> targets_;
};

} // namespace waybill
