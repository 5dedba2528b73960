// Which of a target's calls are in memory, and when the store is to be asked
// for others.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "waybill/call_messages.hpp"
#include "waybill/timer_queue.hpp"

namespace waybill {

/// The store keeps all calls, memory the heads of some. Those that wait for a
/// worker are read on in the order of taking: all up to `after()` are in memory
/// or were, those behind it are read when there is room. Those that wait for a
/// time are in memory if that comes before `horizon()`.
class kept_calls {
public:
  using time_point = timer_queue::time_point;

  /// The store had none.
  void none_are_kept() noexcept {
    all_are_here_ = !is_left_since_;
    horizon_ = time_point::max();
  }

  // -- those that wait for a worker -------------------------------------------

  /// Whether none waits in the store alone: only then may one that has just
  /// been taken wait in memory, else it would overtake them.
  [[nodiscard]] bool are_all_here() const noexcept { return all_are_here_; }

  /// Whether call number `seq` would be found: none up to where the store has
  /// been read is looked for again.
  [[nodiscard]] bool may_be_left(std::int64_t seq) const noexcept {
    return seq > after_;
  }

  /// One that was taken, or is tried again, waits in the store alone.
  void left_behind() noexcept {
    all_are_here_ = false;
    is_left_since_ = true;
  }

  /// Calls that were passed over may begin now: all are looked at again.
  void start_over() noexcept {
    after_ = 0;
    all_are_here_ = false;
    starts_over_ = is_asking_;
  }

  [[nodiscard]] bool should_ask(time_point now) const noexcept {
    return !all_are_here_ && !is_asking_ && now >= next_;
  }

  /// The store is asked for those behind it.
  [[nodiscard]] std::int64_t ask() noexcept {
    is_asking_ = true;
    is_left_since_ = false;
    return after_;
  }

  /// It has answered; memory has them now.
  void found(const find_reply& x) noexcept {
    is_asking_ = false;
    if (std::exchange(starts_over_, false))
      return;
    after_ = std::max(after_, x.cursor);
    all_are_here_ = x.complete && !is_left_since_;
  }

  /// It has not.
  /// @param next when it may be asked again.
  void not_found(time_point next) noexcept {
    is_asking_ = false;
    next_ = next;
  }

  // -- those that wait for a time ---------------------------------------------

  /// One that is due at `due` is in the store alone.
  void left_until(time_point due) noexcept {
    horizon_ = std::min(horizon_, due);
  }

  [[nodiscard]] bool should_ask_due(time_point now) const noexcept {
    return !is_asking_due_ && now >= horizon_;
  }

  void ask_due() noexcept {
    is_asking_due_ = true;
    horizon_ = time_point::max(); // until one is left meanwhile
  }

  /// @param last when the last of those that were found is due; none if they
  ///        are all.
  void found_due(std::optional<time_point> last) noexcept {
    is_asking_due_ = false;
    if (last)
      left_until(*last);
  }

  /// When the store should be asked for something next; `time_point::max()` if
  /// only when something has happened.
  [[nodiscard]] time_point next(time_point now) const noexcept {
    auto at = is_asking_due_ ? time_point::max() : horizon_;
    if (!all_are_here_ && !is_asking_ && next_ > now)
      at = std::min(at, next_);
    return at > now ? at : time_point::max();
  }

private:
  bool all_are_here_ = false;
  bool is_asking_ = false;
  bool is_left_since_ = false; // since it was asked
  bool starts_over_ = false;   // when it has answered
  time_point next_ = time_point::min();
  std::int64_t after_ = 0;
  bool is_asking_due_ = false;
  time_point horizon_ = time_point::min();
};

} // namespace waybill
