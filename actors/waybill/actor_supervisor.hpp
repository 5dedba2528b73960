// Keeps a service's smaller actors running: starts another one when one ends.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "waybill/caf_seam.hpp"
#include "waybill/options.hpp"

namespace waybill {

/// The one of a supervisor's actors that has been started last. Thread-safe.
class supervised_actor {
public:
  /// It may have ended.
  [[nodiscard]] caf::strong_actor_ptr current() const {
    const std::lock_guard guard{mutex_};
    return current_;
  }

  void set(caf::strong_actor_ptr x) {
    const std::lock_guard guard{mutex_};
    std::swap(current_, x); // what was there is let go of without the lock
  }

private:
  mutable std::mutex mutex_;
  caf::strong_actor_ptr current_;
};

/// Starts actors, and others in their places however they end, after the delays
/// of `restart_delay`. What they end of, and that they run again, it tells
/// `on_notice`.
class actor_supervisor {
public:
  using spawn_function = std::function<caf::strong_actor_ptr()>;
  using time_point = std::chrono::steady_clock::time_point;

  /// @throws std::system_error if a thread is not to be had.
  explicit actor_supervisor(notice_function on_notice);

  /// Calls `stop` with no time to lose, and kills who runs.
  ~actor_supervisor();

  actor_supervisor(const actor_supervisor&) = delete;
  actor_supervisor& operator=(const actor_supervisor&) = delete;

  /// Starts an actor in the caller's thread.
  /// @param name what notices call it.
  /// @param spawn called again, in the supervisor's thread, whenever the last
  ///        one has ended; may throw.
  /// @throws what `spawn` throws; nothing is kept then.
  std::shared_ptr<const supervised_actor> keep(std::string name,
                                               spawn_function spawn);

  /// From now on nobody is started again; who runs goes on.
  /// @returns false if somebody is being started still when the time is up.
  bool stop(time_point when);

private:
  class core;
  std::shared_ptr<core> core_;
};

} // namespace waybill
