// Whether an attempt may begin now: a worker is free, and the target can take
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "waybill/attempt_pacing.hpp"
#include "waybill/forward_notices.hpp"
#include "waybill/lone_delivery.hpp"
#include "waybill/worker_pool.hpp"

namespace waybill {

/// What an attempt has of those who deliver.
struct attempt_place {
  std::int64_t worker = 0; // its number
  attempt_pacing::ticket ticket = 0;
  /// If it may be what ends the process; see lone_delivery.
  std::optional<std::uint64_t> alone;
};

/// A place is taken for an attempt, and given back when it has ended, or has
/// not begun after all.
class attempt_places {
public:
  using time_point = attempt_pacing::time_point;

  attempt_places(caf::actor_system& system, deliver_function deliver,
                 const forward_options& x)
    : pacing_{x}, workers_{system, std::move(deliver), x} {}

  /// @param was_interrupted whether it must be alone.
  /// @returns none if there is no place, or not yet; see `next()`.
  std::optional<attempt_place> take(const tracked_operation_id& call,
                                    bool was_interrupted, time_point now,
                                    forward_notices& notices) {
    next_ = pacing_.next_attempt(workers_.num_busy(), now);
    if (next_ > now)
      return std::nullopt;
    next_ = time_point::max(); // the end of another attempt
    attempt_place place;
    if (was_interrupted) {
      place.alone = lone_delivery::of_process().begin();
      if (!place.alone) {
        next_ = now + lone_delivery::patience;
        return std::nullopt;
      }
      alone_ = place.alone;
    }
    if (const auto worker = occupy(call, now, notices)) {
      place.worker = *worker;
      place.ticket = pacing_.begin(now);
      ++num_beginning_;
      return place;
    }
    end_alone(place);
    return std::nullopt;
  }

  /// When to ask again if there was none; `time_point::max()` if only when a
  /// place has been given back.
  [[nodiscard]] time_point next() const noexcept { return next_; }

  /// Places that are taken for attempts that have not started yet.
  [[nodiscard]] std::int64_t num_beginning() const noexcept {
    return num_beginning_;
  }

  /// See attempt_pacing.
  void ramp_up(time_point now) noexcept { pacing_.ramp_up(now); }

  /// See worker_pool.
  std::optional<delivery_worker>
  start(const attempt_place& x, delivery_listener to, outgoing_call what) {
    --num_beginning_;
    return workers_.start(std::move(to), x.worker, std::move(what));
  }

  /// The attempt for which there may be a place has not begun.
  void give_back(std::optional<attempt_place>& held) {
    const auto x = std::exchange(held, std::nullopt);
    if (!x)
      return;
    --num_beginning_;
    workers_.release(x->worker);
    pacing_.give_back(x->ticket);
    end_alone(*x);
  }

  /// The call that a worker was at, which is free again.
  tracked_operation_id release(std::int64_t worker) {
    return workers_.release(worker);
  }

  /// The attempt that has this place has ended.
  void end(std::optional<attempt_place>& held, const delivery_done& how,
           time_point now, forward_notices& notices) {
    const auto x = *std::exchange(held, std::nullopt);
    end_alone(x);
    if (!how.made) // the target is none the wiser
      return pacing_.give_back(x.ticket);
    const auto changed = pacing_.end(x.ticket, how.result.what, now);
    notices.breaker_changed(changed, pacing_.pause(), how.result.error, now);
  }

  [[nodiscard]] const attempt_pacing& pacing() const noexcept {
    return pacing_;
  }

  /// See worker_pool. Others need not wait for an attempt that runs on.
  std::vector<delivery_worker> close() {
    end_alone({.worker = 0, .ticket = 0, .alone = alone_});
    return workers_.close();
  }

private:
  void end_alone(const attempt_place& x) {
    if (!x.alone)
      return;
    lone_delivery::of_process().end(*x.alone);
    alone_.reset();
  }

  // A want of threads may pass.
  std::optional<std::int64_t> occupy(const tracked_operation_id& call,
                                     time_point now, forward_notices& notices) {
    std::optional<std::int64_t> worker;
    try {
      worker = workers_.occupy(call, now);
    } catch (const std::system_error& e) {
      notices.threads_wanted(e.what(),
                             "tried again every "
                               + to_text(worker_pool::thread_delay),
                             now);
    }
    const auto has_threads = workers_.next_start() <= now;
    if (worker && has_threads)
      notices.threads_found();
    if (!worker && !has_threads)
      next_ = workers_.next_start();
    return worker;
  }

  attempt_pacing pacing_;
  worker_pool workers_;
  time_point next_ = time_point::max();
  std::int64_t num_beginning_ = 0;
  std::optional<std::uint64_t> alone_; // there is one in the process
};

} // namespace waybill
