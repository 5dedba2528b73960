// Purges that are at work or wait for it, and the space that they free.
#pragma once

#include <cstdint>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "waybill/begun_purge.hpp"
#include "waybill/purge_progress.hpp"

namespace waybill {

/// One purge after the other, in steps; then space is given back, in steps too.
///
/// The steps share the batches of requests. If the disk has no space for one,
/// they have transactions of their own from then on, which need less, until
/// they are through.
class purge_queue {
public:
  void push(const purge_terminal& x, const owed_answer<purge_reply>& to) {
    purges_.push_back({x, to});
    purges_.back().request.deadline.reset(); // it was in time
    make_one(purges_.back().request.act);
  }

  // -- steps ------------------------------------------------------------------

  /// @returns true if the message for the next step has to be sent; it lines up
  ///          behind what waits, so that requests go between two steps.
  [[nodiscard]] bool schedule() noexcept {
    if (purges_.empty() && !space_is_free_) {
      is_alone_ = false;
      return false;
    }
    return !std::exchange(is_scheduled_, true);
  }

  /// The message has come.
  void begin_step() noexcept { is_scheduled_ = false; }

  /// What the next step is of; null if no purge is left.
  [[nodiscard]] const purge_terminal* current() const noexcept {
    return purges_.empty() ? nullptr : &purges_.front().request;
  }

  /// Whether it has a transaction of its own.
  [[nodiscard]] bool is_alone() const noexcept { return is_alone_; }

  /// Whether there may be space to give back, when no purge is left. If that
  /// fails, it is for the next purge to try again.
  [[nodiscard]] bool space_is_free() const noexcept { return space_is_free_; }

  void set_space_is_free(bool x) noexcept { space_is_free_ = x; }

  /// A step of the current purge has been done.
  /// @returns the purge if that was the last one.
  std::optional<begun_purge> advance(const purge_progress& step) {
    purges_.front().in_batch += step.deleted;
    space_is_free_ = space_is_free_ || step.has_forgotten;
    if (!step.finished)
      return std::nullopt;
    auto done = take();
    space_is_free_ = space_is_free_ || done.deleted() > 0;
    return done;
  }

  /// The batch that it was in has been committed.
  void keep_steps() noexcept {
    if (!purges_.empty())
      purges_.front().committed += std::exchange(purges_.front().in_batch, 0);
  }

  // -- failures ---------------------------------------------------------------

  /// A step of the current purge has failed.
  void fail_step(const store_error& e, admission& waiting) {
    if (is_alone_ || !may_go_alone(e))
      refuse_current(e, waiting);
    else
      is_alone_ = true;
  }

  /// The open batch has been undone, and steps with it.
  /// @param ended the purges of which it had the last ones, if they may go
  ///        alone.
  void undo_steps(const store_error& e, std::vector<begun_purge> ended,
                  admission& waiting) {
    if (!may_go_alone(e))
      return refuse_begun(e, waiting);
    is_alone_ = true;
    purges_.insert(purges_.begin(), std::move_iterator{ended.begin()},
                   std::move_iterator{ended.end()});
    for (auto& each : purges_)
      each.in_batch = 0;
  }

  /// A batch has failed, which a step of the current purge may have been in.
  void refuse_begun(const store_error& e, admission& waiting) {
    if (!purges_.empty() && purges_.front().deleted() > 0)
      refuse_current(e, waiting);
  }

  void refuse_all(const store_error& e, admission& waiting) {
    while (!purges_.empty())
      refuse_current(e, waiting);
  }

private:
  void refuse_current(const store_error& e, admission& waiting) {
    if (purges_.empty())
      return; // it fell with the batch before
    auto x = take();
    x.to.refuse(waiting, purge_failure(x.committed, e));
  }

  begun_purge take() {
    auto x = std::move(purges_.front());
    purges_.pop_front();
    return x;
  }

  std::deque<begun_purge> purges_;
  bool space_is_free_ = false;
  bool is_alone_ = false;
  bool is_scheduled_ = false;
};

} // namespace waybill
