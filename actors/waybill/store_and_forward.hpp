// Store-and-forward: see calls to one target through, and report every step of
// each to the tracker.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Makes one attempt. Runs on a thread of its own and may block; up to
/// `max_concurrency` of them run at a time, so it must be safe to call from
/// several threads. An exception counts as transient. It cannot be interrupted:
/// one that blocks for ever keeps its thread, and with it the actor system,
/// from ending. Give what it does a time limit.
///
/// The target may see a call again after a crash: use `call.id` as the
/// idempotency key there.
using deliver_function
  = std::function<delivery_result(const forward_call& call)>;

struct forward_options {
  /// The target's name, for notices; at most `limits::max_target` bytes.
  std::string target = "target";
  /// Attempts that run at a time; 1 to 256.
  std::int64_t max_concurrency = 4;
  /// Calls in the buffer: taken and not yet terminal; 1 to 1000000. Past it a
  /// call is answered `overloaded`. As many messages again may wait for the
  /// actor.
  std::int64_t max_calls = 10'000;
  /// Bytes of their texts and payloads; 1024 to 17179869184 (16 GiB). Past it
  /// the answer is `overloaded`; to a call that is larger alone,
  /// `invalid_request`.
  std::int64_t max_bytes = std::int64_t{64} * 1'024 * 1'024;
  /// Attempts before a call is parked; 1 to 1000000.
  std::int64_t max_attempts = 8;
  /// The wait before the second attempt; 1ms to 1d.
  std::chrono::milliseconds first_delay{200};
  /// The longest wait; `first_delay` to 7d.
  std::chrono::milliseconds max_delay{60'000};
  /// How much longer each wait is than the one before; 1 to 10.
  double backoff_factor = 2.0;
  /// The part of each wait that is random; 0 to 1. Spreads out calls that
  /// failed together.
  double jitter = 0.5;
  /// Makes the jitter repeatable; random if none.
  std::optional<std::uint64_t> seed;
  /// How long to wait for the tracker before a report is repeated; 1ms to 1h.
  std::chrono::milliseconds report_timeout{5'000};
  /// Longer errors of `deliver` are shortened before they are reported; 64 to
  /// 1048576 bytes.
  std::int64_t last_error_cap = 4'096;
  /// Where it gets the time from; tests put their own there.
  time_source clock;
};

/// @throws store_error `invalid_options` naming the option and its range.
void validate(const forward_options& x);

/// The wait after attempt number `attempt` (from 1) has failed:
/// `first_delay * backoff_factor^(attempt - 1)`, at most `max_delay`, of which
/// the part `jitter` is multiplied by `random`. Rounded to milliseconds.
/// @param random from 0 to 1.
std::chrono::milliseconds backoff(const forward_options& x,
                                  std::int64_t attempt, double random);

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
