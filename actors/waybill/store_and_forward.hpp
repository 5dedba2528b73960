// Store-and-forward: see calls to one target through, and report every step of
// each to the tracker.
#pragma once

#include "waybill/forward_options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Starts a store-and-forward actor. Most hosts call
/// `service::spawn_store_and_forward` instead, whose `stop()` ends it too.
///
/// Each call is taken into the store before it is delivered: its operation's
/// row and its payload, in one transaction. The sender's answer says that this
/// is durable. After any crash a new actor for the same target goes on with all
/// calls that are unfinished; nobody need send them again.
///
/// That an attempt begins is durable, too, before `deliver` is called, and what
/// has been reported as `Delivered` is never called again. So a call is made
/// twice only if the process ends in between: the attempt was interrupted,
/// which its history says, and uses it up. A call that was interrupted is
/// delivered only while no other such call is, in the whole process, for up to
/// a minute; after `max_interruptions` it is `Parked`. The target gets the same
/// `idempotency_key` each time, to know it again.
///
/// After a failed attempt that another one follows, the store keeps when that
/// is due, and the operation is `Retrying` with the number of attempts made;
/// the last attempt is reported as `Delivered`, `Failed` (permanent) or
/// `Parked` (attempts used up). Payloads of parked and failed calls are kept.
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
/// - `overloaded`: too many are being taken, or the target has as many calls or
///   bytes as it may; the text names the bound;
/// - `stopped`: this actor or the tracker has ended, and nothing is recorded;
/// - `outcome_unknown`: the same, but the call may be recorded (in flight);
/// - `store_corrupt` and the like: the store needs an operator.
///
/// Many calls can come in one message (`forward_bundle`): the same holds for
/// each of them.
///
/// Memory holds up to `max_heads` calls, without payloads; the others wait in
/// the store, and are read when their turn comes.
///
/// Send it `shut_down` to end it: no attempt begins any more, the running ones
/// are waited for and reported, and `deliver` is destroyed. Calls that wait
/// stay in flight in the store. If it is killed, or the tracker ends, it
/// answers all who wait and ends at once; attempts that run then go unreported,
/// and count as interrupted.
/// Keep its handle until then: an actor that nobody can reach may end as if
/// killed.
/// @throws store_error `invalid_options`, also for a tracker or a function that
///         is empty.
store_and_forward_actor
spawn_store_and_forward(caf::actor_system& system, tracking_actor tracker,
                        forward_options options, deliver_function deliver,
                        notice_function on_notice = &print_notice);

} // namespace waybill
