// The threads that a store-and-forward actor delivers with.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "waybill/delivery_worker.hpp"

namespace waybill {

/// Delivery workers, and a place for each with the call that is at it. A worker
/// is started when all places are taken, up to `max_concurrency` of them.
class worker_pool {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Before a thread is asked for again when none was to be had.
  static constexpr auto thread_delay = std::chrono::milliseconds{500};

  worker_pool(caf::actor_system& system, deliver_function deliver,
              const forward_options& x)
    : system_{&system},
      functions_{std::make_shared<const target_functions>(
        target_functions{std::move(deliver), x.decode})},
      max_workers_{static_cast<std::size_t>(x.max_concurrency)},
      last_error_cap_{x.last_error_cap} {}

  /// Attempts that run.
  [[nodiscard]] std::int64_t num_busy() const noexcept {
    return static_cast<std::int64_t>(actors_.size() - free_.size());
  }

  /// From when on another worker may be started; later than now only while
  /// there is no thread for one.
  [[nodiscard]] time_point next_start() const noexcept { return next_start_; }

  /// Keeps a worker free for `call`.
  /// @returns the number of its place, from 0; none if all are busy.
  /// @throws std::system_error if there is no thread to start one.
  std::optional<std::int64_t> occupy(const tracked_operation_id& call,
                                     time_point now) {
    const auto number = find_free(now);
    if (!number)
      return std::nullopt;
    calls_.at(*number) = call;
    return static_cast<std::int64_t>(*number);
  }

  /// The attempt at a place that `occupy` gave begins.
  /// @returns the worker that is to be woken for it, if one is.
  std::optional<delivery_worker>
  start(delivery_listener to, std::int64_t number, outgoing_call what) {
    return queue_->push({std::move(to), number, std::move(what)});
  }

  /// A place is free again.
  /// @returns the call that it was at.
  tracked_operation_id release(std::int64_t number) {
    const auto at = static_cast<std::size_t>(number);
    free_.push_back(at);
    return calls_.at(at);
  }

  /// Lets go of the functions and starts no worker any more.
  /// @returns all workers, for whoever ends them.
  std::vector<delivery_worker> close() {
    functions_.reset();
    queue_->close();
    return std::exchange(actors_, {});
  }

private:
  std::optional<std::size_t> find_free(time_point now) {
    if (!free_.empty()) {
      const auto number = free_.back();
      free_.pop_back();
      return number;
    }
    if (now < next_start_ || actors_.size() >= max_workers_)
      return std::nullopt;
    calls_.resize(actors_.size() + 1);
    next_start_ = now + thread_delay;
    actors_.push_back(
      spawn_delivery_worker(*system_, functions_, queue_, last_error_cap_));
    next_start_ = now;
    return actors_.size() - 1;
  }

  caf::actor_system* system_;
  std::shared_ptr<const target_functions> functions_;
  std::shared_ptr<delivery_queue> queue_ = std::make_shared<delivery_queue>();
  std::size_t max_workers_;
  std::int64_t last_error_cap_;
  std::vector<delivery_worker> actors_;
  // What each is at, or was.
  std::vector<tracked_operation_id> calls_;
  std::vector<std::size_t> free_;
  time_point next_start_{};
};

} // namespace waybill
