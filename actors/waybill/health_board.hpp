// What a tracker shows of its health: the tracking actor writes it, whoever
// asks reads it in a thread of their own, because the actor may wait for the
// disk.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <utility>

#include "waybill/admission.hpp"
#include "waybill/commit_listener.hpp"
#include "waybill/messages.hpp"
#include "waybill/open_breakers.hpp"

namespace waybill {

/// What may keep a tracking actor.
enum class disk_work : std::uint8_t { none = 0, request, sync, checkpoint };

/// Thread-safe; written by one thread.
class health_board {
public:
  using clock = std::chrono::steady_clock;

  /// Work that takes longer is told.
  static constexpr auto long_time = std::chrono::seconds{1};

  /// @param listener who knows of damage that readers have found.
  /// @param breakers which are open.
  /// @param restarts how many tracking actors there have been before.
  health_board(std::shared_ptr<commit_listener> listener,
               std::shared_ptr<const open_breakers> breakers,
               std::int64_t restarts) noexcept
    : listener_{std::move(listener)},
      breakers_{std::move(breakers)},
      restarts_{restarts} {}

  [[nodiscard]] std::int64_t restarts() const noexcept { return restarts_; }

  // -- for the tracking actor -------------------------------------------------

  /// @param x what is known of storage.
  void show(health_reply x);

  void count(std::int64_t batches, std::int64_t requests) noexcept {
    batches_.store(batches, std::memory_order_relaxed);
    batched_requests_.store(requests, std::memory_order_relaxed);
  }

  void set_log(std::int64_t bytes) noexcept {
    log_bytes_.store(bytes, std::memory_order_relaxed);
  }

  /// A sync has begun that another thread carries out; none if it has ended.
  void set_sync(clock::time_point since) noexcept { sync_since_ = ns(since); }
  void end_sync() noexcept { sync_since_ = 0; }

  /// The actor is at work that may wait for the disk, as long as this lives.
  class at_work {
  public:
    at_work(health_board& board, disk_work what) noexcept
      : board_{board}, before_{board.work_.load(std::memory_order_relaxed)} {
      board_.work_.store(4 * coarse_now() + static_cast<std::int64_t>(what),
                         std::memory_order_relaxed);
    }

    ~at_work() { board_.work_.store(before_, std::memory_order_relaxed); }

    at_work(const at_work&) = delete;
    at_work& operator=(const at_work&) = delete;

  private:
    health_board& board_;
    std::int64_t before_;
  };

  // -- for whoever asks -------------------------------------------------------

  /// @param waiting what waits for the tracking actor.
  [[nodiscard]] health_reply read(const admission& waiting) const;

private:
  static std::int64_t ns(clock::time_point x) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
             x.time_since_epoch())
      .count();
  }

  // The steady clock's time, up to some ms ago: once a request, that is cheaper
  // than the exact one by a hundredth of the request.
  static std::int64_t coarse_now() noexcept {
    timespec x{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &x);
    return ns(clock::time_point{std::chrono::seconds{x.tv_sec}
                                + std::chrono::nanoseconds{x.tv_nsec}});
  }

  void add_hanging_work(health_reply& x) const;

  const std::shared_ptr<commit_listener> listener_;
  const std::shared_ptr<const open_breakers> breakers_;
  const std::int64_t restarts_;
  mutable std::mutex mutex_;
  health_reply shown_;
  std::atomic<std::int64_t> batches_{0};
  std::atomic<std::int64_t> batched_requests_{0};
  std::atomic<std::int64_t> log_bytes_{0};
  // Since when, on the steady clock in ns, times 4, and which disk_work: one
  // store once a request. 0: none.
  std::atomic<std::int64_t> work_{0};
  std::atomic<std::int64_t> sync_since_{0}; // in ns; 0 if there is none
};

} // namespace waybill
