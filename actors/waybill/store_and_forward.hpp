// Store-and-forward: see calls to one target through, and report every step of
// each to the tracker.
#pragma once

#include "waybill/forward_options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Starts a store-and-forward actor. Most hosts call
/// `service::spawn_store_and_forward` instead, whose `stop()` ends it too.
///
/// Each call is recorded (`record_enqueue`) before it is delivered. After a
/// failed attempt that another one follows, `record_attempt` says `Retrying`
/// with the number of retries begun, and the next attempt waits for the
/// backoff's end and for the tracker's answer; the last attempt is reported as
/// `Delivered`, `Failed` (permanent) or `Parked` (attempts used up). A call
/// whose id the tracker knows already is not called again if it is terminal; if
/// it is in flight, which means that the process before this one ended with it,
/// it goes on with the attempt number where that one stopped. Give an operation
/// to one store-and-forward actor at a time.
///
/// While too many attempts fail transiently, none begins (`breaker_…` in the
/// options): the calls wait, without using up attempts, and one of them tries
/// the target now and then. `max_rate` bounds the attempts begun a second.
///
/// Reports are repeated, with a backoff, until the tracker has answered: every
/// verb is idempotent. Whoever sent the call waits that long for its answer; an
/// error says that the call has not been taken:
///
/// - `invalid_request`: the text names the field;
/// - `overloaded`: the buffer is full;
/// - `stopped`: this actor or the tracker has ended, and nothing is recorded;
/// - `outcome_unknown`: the same, but the call may be recorded (in flight);
/// - `store_corrupt` and the like: the store needs an operator.
///
/// The buffer is in memory: after a restart, send unfinished calls again.
///
/// Send it `shut_down` to end it: no attempt begins any more, the running ones
/// are waited for and reported, and `deliver` is destroyed. Calls that wait
/// stay in flight in the store. If it is killed, or the tracker ends, it
/// answers all who wait and ends at once; attempts that run then go unreported.
/// Keep its handle until then: an actor that nobody can reach may end as if
/// killed.
/// @throws store_error `invalid_options`, also for a tracker or a function that
///         is empty.
store_and_forward_actor
spawn_store_and_forward(caf::actor_system& system, tracking_actor tracker,
                        forward_options options, deliver_function deliver,
                        notice_function on_notice = &print_notice);

} // namespace waybill
