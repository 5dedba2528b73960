// Status requests: what became of that call?
#pragma once

#include <functional>

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Starts a status request actor for `tracker`, on a thread of its own: it is
/// in time also while the host keeps all workers of CAF busy. It answers within
/// the request's deadline (of which 10 ms are left at least, if it has not
/// passed), or within `status_timeout` if it has none or a later one. Past
/// `max_waiting_requests` or `max_waiting_bytes` of them it answers
/// `overloaded`.
/// @param may_end whether exit messages count; called by many threads at a
///        time.
/// @throws std::system_error if no thread is to be had.
status_request_actor spawn_status_request_actor(
  caf::actor_system& system, tracking_actor tracker, const options& x,
  std::function<bool()> may_end = [] { return true; });

} // namespace waybill
