// Keeps a tracking actor running on a file: starts another one when it dies.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "waybill/open_breakers.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"
#include "waybill/remembered_times.hpp"

namespace waybill {

/// What stopping has come to.
struct tracker_stop {
  /// What had not ended in time, and was killed; for people.
  std::vector<std::string> late;
  /// Why the log was left beside the file, if it could not be copied into it.
  std::optional<std::string> log_left;
};

/// The owner of a store's tracking actors, of which one at most runs at a time.
class tracker_supervisor {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Opens the store and starts the first tracking actor.
  /// @throws store_error as operation_tracking_store; std::system_error if a
  ///         thread is not to be had.
  tracker_supervisor(caf::actor_system& system, const options& x);

  /// Calls `stop` with no time to lose.
  ~tracker_supervisor();

  tracker_supervisor(const tracker_supervisor&) = delete;
  tracker_supervisor& operator=(const tracker_supervisor&) = delete;

  /// Stays valid over restarts; answers `stopped` after `stop`.
  [[nodiscard]] const tracking_actor& tracker() const noexcept { return gate_; }

  /// For those who work for targets.
  [[nodiscard]] std::shared_ptr<open_breakers> breakers() const noexcept;

  /// What the store told when it was opened first.
  [[nodiscard]] const remembered_times& remembered() const noexcept;

  /// Admits nothing more; answers what has been admitted, closes the store and
  /// ends. Must not be called from an actor. Calling it again does nothing.
  /// @param when what has not ended by then is killed.
  tracker_stop stop(time_point when);

private:
  class core;
  std::shared_ptr<core> core_;
  tracking_actor gate_;
};

} // namespace waybill
