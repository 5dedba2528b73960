// Hears which operations have changed, from a watch of the tracker.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "waybill/protocol.hpp"

namespace site_runtime {

/// Follows the transitions that a tracker commits, in a thread of its own.
class follower {
public:
  /// Hears of all that is committed from now on.
  /// @throws waybill::request_error if the tracker does not answer.
  follower(caf::actor_system& system, waybill::tracking_actor tracker);

  ~follower();
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  struct news {
    /// Operations with transitions, each as often as it had one.
    std::vector<waybill::tracked_operation_id> changed;
    /// Whether others may have changed too, for the tracker could not tell.
    bool incomplete = false;
  };

  /// What has happened since the last call.
  news take();

private:
  void follow(waybill::watch_transitions question);

  caf::actor_system& system_;
  const waybill::tracking_actor tracker_;
  std::mutex mutex_;
  news news_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace site_runtime
