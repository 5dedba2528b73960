// Many things to do later, behind the one timer of whoever owns the queue.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
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

/// A time at which whoever owns the queue is to look again. Must live as long
/// as the queue has actions.
class reminder {
public:
  explicit reminder(timer_queue& timers) noexcept : timers_{&timers} {}

  reminder(const reminder&) = delete;
  reminder& operator=(const reminder&) = delete;

  /// In the place of the time before.
  /// @param when `time_point::max()` if there is no need.
  void set(timer_queue::time_point when) {
    if (entry_)
      timers_->cancel(*std::exchange(entry_, std::nullopt));
    if (when != timer_queue::time_point::max())
      entry_ = timers_->add(when, [this] { entry_.reset(); });
  }

private:
  timer_queue* timers_;
  std::optional<timer_queue::entry> entry_;
};

/// The delayed message that wakes an actor for the first action of its queue.
/// CAF cannot take one back: when an earlier one is sent, the later one still
/// comes, and is to be passed over.
class wake_up {
public:
  struct message {
    std::chrono::steady_clock::duration delay;
    /// Positive.
    std::int64_t serial = 0;
  };

  /// @returns what has to be sent now; none if there is nothing to wake for, or
  ///          a message comes early enough.
  std::optional<message> arm(const timer_queue& queue,
                             timer_queue::time_point now) {
    const auto next = queue.next();
    if (!next || (armed_ && *armed_ <= *next))
      return std::nullopt;
    const auto delay = std::clamp<std::chrono::steady_clock::duration>(
      *next - now, std::chrono::steady_clock::duration::zero(), longest_delay);
    armed_ = now + delay;
    return message{delay, ++serial_};
  }

  /// A message has come.
  /// @returns true if it is the last that was sent.
  bool is_for(std::int64_t serial) {
    if (serial != serial_)
      return false;
    armed_.reset();
    return true;
  }

private:
  // None is left behind for longer than this.
  static constexpr auto longest_delay = std::chrono::seconds{10};

  std::optional<timer_queue::time_point> armed_;
  std::int64_t serial_ = 0;
};

} // namespace waybill
