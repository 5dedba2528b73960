// Purges that are at work or wait for it, and the space that they free.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "waybill/owed_answer.hpp"

namespace waybill {

/// What is told of a purge that fails: earlier steps may stand.
inline store_error purge_failure(std::int64_t deleted, const store_error& e) {
  return deleted == 0
           ? e
           : store_error{errc::outcome_unknown, e.what(), e.sqlite_code()};
}

/// One purge after the other, in steps; then space is given back, in steps too.
class purge_queue {
public:
  struct purge {
    purge_terminal request;
    owed_answer<purge_reply> to;
    std::int64_t deleted = 0;
  };

  void push(const purge_terminal& x, const owed_answer<purge_reply>& to) {
    purges_.push_back({x, to});
    purges_.back().request.deadline.reset(); // it was in time
  }

  // -- steps ------------------------------------------------------------------

  /// @returns true if the message for the next step has to be sent; it lines up
  ///          behind what waits, so that requests go between two steps.
  [[nodiscard]] bool schedule() noexcept {
    return (!purges_.empty() || space_is_free_)
           && !std::exchange(is_scheduled_, true);
  }

  /// The message has come.
  void begin_step() noexcept { is_scheduled_ = false; }

  /// What the next step is of; null if no purge is left.
  [[nodiscard]] const purge_terminal* current() const noexcept {
    return purges_.empty() ? nullptr : &purges_.front().request;
  }

  /// Whether there may be space to give back, when no purge is left. If that
  /// fails, it is for the next purge to try again.
  [[nodiscard]] bool space_is_free() const noexcept { return space_is_free_; }

  void set_space_is_free(bool x) noexcept { space_is_free_ = x; }

  /// A step of the current purge has been done.
  /// @returns the purge if that was the last one.
  std::optional<purge> advance(std::int64_t deleted, bool is_last) {
    purges_.front().deleted += deleted;
    if (!is_last)
      return std::nullopt;
    auto done = take();
    space_is_free_ = space_is_free_ || done.deleted > 0;
    return done;
  }

  // -- failures ---------------------------------------------------------------

  /// A step of the current purge has failed.
  void refuse_current(const store_error& e, admission& waiting) {
    if (purges_.empty())
      return; // it fell with the batch before
    auto x = take();
    x.to.refuse(waiting, purge_failure(x.deleted, e));
  }

  /// A batch has failed, which a step of the current purge may have been in.
  void refuse_begun(const store_error& e, admission& waiting) {
    if (!purges_.empty() && purges_.front().deleted > 0)
      refuse_current(e, waiting);
  }

  void refuse_all(const store_error& e, admission& waiting) {
    while (!purges_.empty())
      refuse_current(e, waiting);
  }

private:
  purge take() {
    auto x = std::move(purges_.front());
    purges_.pop_front();
    return x;
  }

  std::deque<purge> purges_;
  bool space_is_free_ = false;
  bool is_scheduled_ = false;
};

} // namespace waybill
