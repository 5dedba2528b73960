// Many things to do later, behind the one timer of whoever owns the queue.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace waybill {

/// Actions in the order of their times. What is cancelled is gone at once,
/// however far away its time was.
class timer_queue {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using action = std::function<void()>;
  using entry = std::multimap<time_point, action>::iterator;

  /// @returns what `cancel` wants; valid until the action begins.
  entry add(time_point due, action f) {
    return actions_.emplace(due, std::move(f));
  }

  void cancel(entry x) { actions_.erase(x); }

  void clear() { actions_.clear(); }

  /// The time of the first action, or none.
  [[nodiscard]] std::optional<time_point> next() const {
    if (actions_.empty())
      return std::nullopt;
    return actions_.begin()->first;
  }

  /// Does, and forgets, all that is due at `now`. An action may add others.
  void run(time_point now) {
    while (!actions_.empty() && actions_.begin()->first <= now) {
      const auto due = actions_.extract(actions_.begin());
      due.mapped()();
    }
  }

private:
  std::multimap<time_point, action> actions_;
};

} // namespace waybill
