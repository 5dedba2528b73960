// Status requests: what became of that call?
#pragma once

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Starts a status request actor for `tracker`. It answers within the request's
/// deadline, or within `status_timeout` if it has none or a later one. Past
/// `max_waiting_requests` or `max_waiting_bytes` of them it answers
/// `overloaded`.
status_request_actor spawn_status_request_actor(caf::actor_system& system,
                                                tracking_actor tracker,
                                                const options& x);

} // namespace waybill
