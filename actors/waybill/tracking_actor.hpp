// The tracking actor: owns the store and commits in groups.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "waybill/admission.hpp"
#include "waybill/health_board.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/open_targets.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"
#include "waybill/query_actor.hpp"

namespace waybill {

/// What the tracker's owner can say to it: the protocol, and `shut_down`, after
/// which it answers what it has admitted, closes the store and ends.
using owned_tracking_actor = tracking_actor::extend<
  hears<shut_down>, hears<drained>, hears<commit_tick>, hears<sync_ended>,
  hears<purge_tick>, hears<log_tick>, hears<recovery_tick>, hears<work_tick>>;

/// How a tracking actor ended.
struct tracker_end {
  /// Why.
  std::string reason;
  /// Whether its file is damaged; another tracking actor would find it no
  /// better.
  bool damaged = false;
  /// Why the log was left beside the file; see `close()` of the store.
  std::optional<std::string> log_left = std::nullopt;
};

/// What a tracking actor gets from its owner, who starts one after the other.
struct tracker_context {
  /// Where those who pass requests on count them in.
  std::shared_ptr<admission> waiting;
  /// Where it shows how it is doing.
  std::shared_ptr<health_board> board;
  /// Called once, by the actor, when it has answered everything and closed the
  /// store. (CAF 1 tells who monitors an actor of its end before the actor has
  /// cleaned up.)
  std::function<void(const tracker_end&)> on_closed;
  /// What its predecessor died of.
  std::optional<std::string> last_error = std::nullopt;
  /// What store-and-forward actors have opened, also from its predecessor.
  std::shared_ptr<open_targets> targets;
  /// Who answers what only reads, and may want to hear of commits.
  query_endpoint queries;
};

/// Starts a tracking actor on a thread of its own. `store` was opened by the
/// caller, so that whoever starts it sees why a file cannot be used.
/// @throws std::system_error if no thread is to be had.
owned_tracking_actor spawn_tracking_actor(caf::actor_system& system,
                                          operation_tracking_store store,
                                          const options& x,
                                          tracker_context post);

} // namespace waybill
