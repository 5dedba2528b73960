// Attempts that are to be made, and the workers that take them.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "waybill/internal_protocol.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Makes one attempt after the other, on a thread of its own.
using delivery_worker = caf::typed_actor<
  // There may be an attempt to make.
  hears<work_tick>,
  // Let go of the function, say `drained` to the sender, and end.
  hears<shut_down>>;

/// Who hears of attempts.
using delivery_listener
  = caf::typed_actor<hears<delivery_done>, hears<drained>>;

/// An attempt that is to be made; `delivery_done` goes to the listener.
struct delivery_job {
  delivery_listener to;
  /// The number of its place, for the answer.
  std::int64_t worker = 0;
  outgoing_call what;
};

/// Shared by a store-and-forward actor and its workers. One worker is woken at
/// a time, and wakes the next one before it begins if more is to be done: short
/// attempts need few threads, long ones all. There are never more attempts than
/// workers. Thread-safe.
class delivery_queue {
public:
  /// A worker, which looks for no attempt before it is woken.
  void add(const delivery_worker& x) {
    const std::lock_guard guard{mutex_};
    idle_.push_back(x);
  }

  /// @returns whom to wake.
  std::optional<delivery_worker> push(delivery_job x) {
    const std::lock_guard guard{mutex_};
    jobs_.push_back(std::move(x));
    return next_to_wake();
  }

  /// A worker has been woken.
  void woken() {
    const std::lock_guard guard{mutex_};
    is_waking_ = false;
  }

  struct taken {
    /// None: the worker is idle from now on.
    std::optional<delivery_job> job;
    /// Whom to wake.
    std::optional<delivery_worker> next;
  };

  /// What a worker that is not idle does next.
  taken take(const delivery_worker& self) {
    const std::lock_guard guard{mutex_};
    taken x;
    if (jobs_.empty()) {
      if (!is_closed_)
        idle_.push_back(self);
      return x;
    }
    x.job = std::move(jobs_.front());
    jobs_.pop_front();
    x.next = next_to_wake();
    return x;
  }

  /// Forgets all: its workers are about to end.
  void close() {
    std::deque<delivery_job> jobs;
    std::vector<delivery_worker> idle;
    const std::lock_guard guard{mutex_};
    is_closed_ = true;
    jobs.swap(jobs_);
    idle.swap(idle_);
  }

private:
  std::optional<delivery_worker> next_to_wake() {
    if (is_waking_ || jobs_.empty() || idle_.empty())
      return std::nullopt;
    is_waking_ = true;
    auto next = std::move(idle_.back());
    idle_.pop_back();
    return next;
  }

  std::mutex mutex_;
  std::deque<delivery_job> jobs_;
  std::vector<delivery_worker> idle_;
  bool is_waking_ = false;
  bool is_closed_ = false;
};

} // namespace waybill
