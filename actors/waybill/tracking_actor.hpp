// The tracking actor: owns the store and commits in groups.
#pragma once

#include <functional>

#include "waybill/operation_tracking_store.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// What the tracker's owner can say to it: the protocol, and `shut_down`, after
/// which it answers what it has admitted, closes the store and ends.
using owned_tracking_actor
  = tracking_actor::extend<hears<shut_down>, hears<drained>, hears<commit_tick>,
                           hears<work_tick>, hears<recovery_tick>>;

/// Starts a tracking actor on a thread of its own. `store` was opened by the
/// caller, so that whoever starts it sees why a file cannot be used.
/// @param on_closed called once, by the actor, when it has answered everything
///        and closed the store. (CAF 1 tells who monitors an actor of its end
///        before the actor has cleaned up.)
owned_tracking_actor spawn_tracking_actor(caf::actor_system& system,
                                          operation_tracking_store store,
                                          const options& x,
                                          std::function<void()> on_closed);

} // namespace waybill
