// Status requests: what became of that call?
#pragma once

#include <functional>
#include <memory>

#include "waybill/actor_supervisor.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Starts a status request actor for `tracker`, on a thread of its own: it is
/// in time also while the host keeps all workers of CAF busy. It answers within
/// the request's deadline (of which 10 ms are left at least, if it has not
/// passed), or within `status_timeout` if it has none or a later one. Past
/// `max_waiting_requests` or `max_waiting_bytes` of them it answers
/// `overloaded`.
/// @throws std::system_error if no thread is to be had.
status_request_actor spawn_status_request_actor(caf::actor_system& system,
                                                tracking_actor tracker,
                                                const options& x);

/// Starts what clients hold as the status request actor, whichever runs behind
/// it: only requests get through. While none runs, the last one's refusal is
/// `tracker_gone`.
/// @param behind who runs; has been started once.
/// @param may_end whether an exit message ends the gate; called by many threads
///        at a time.
status_request_actor
spawn_status_request_gate(caf::actor_system& system,
                          std::shared_ptr<const supervised_actor> behind,
                          std::function<bool()> may_end);

} // namespace waybill
