// Hears what happens to operations, from a watch of the tracker.
#pragma once

#include <vector>

#include "waybill/protocol.hpp"

namespace site_runtime {

/// Follows the transitions that a tracker commits.
class follower {
public:
  /// Hears of all that is committed from now on.
  /// @throws waybill::request_error if the tracker does not answer.
  follower(caf::actor_system& system, waybill::tracking_actor tracker);

  /// What has been committed since the last call, in order; at most a page, the
  /// rest comes with the next call. Does not wait. Nothing while the tracker
  /// does not answer, and nothing of what it has let go.
  std::vector<waybill::transition> take();

private:
  caf::actor_system& system_;
  const waybill::tracking_actor tracker_;
  waybill::watch_transitions question_;
};

} // namespace site_runtime
