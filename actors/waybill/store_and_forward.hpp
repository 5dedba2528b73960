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

/// How an attempt ended.
struct delivery_result {
  enum class kind : std::uint8_t {
    /// The target took the call.
    delivered,
    /// It may work later: no connection, a time-out, 429, 503, …
    transient,
    /// It will never work: 400, a constraint, …
    permanent,
  };

  kind what = kind::delivered;
  /// Why not; shown to whoever asks. Need not be valid UTF-8.
  std::optional<std::string> error;
  /// The answer's HTTP status, if the target speaks HTTP.
  std::optional<std::int32_t> http_status;
  /// How long the target asked to be left alone (HTTP's Retry-After), at least;
  /// cut to `max_delay`.
  std::optional<std::chrono::milliseconds> retry_after;
};

/// Makes one attempt. Runs on a thread of its own and may block; up to
/// `max_concurrency` of them run at a time. An exception counts as transient.
/// The target may see a call again after a crash: use `call.id` as the
/// idempotency key there.
using deliver_function
  = std::function<delivery_result(const forward_call& call)>;

struct forward_options {
  /// The target's name, for notices.
  std::string target = "target";
  /// Attempts that run at a time; 1 to 256.
  std::int64_t max_concurrency = 4;
  /// Calls that are accepted and not yet terminal; 1 to 1000000. Past it a call
  /// is answered `overloaded`.
  std::int64_t max_calls = 10'000;
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
};

/// @throws store_error `invalid_options` naming the option and its range.
void validate(const forward_options& x);

/// The wait after attempt number `attempt` (from 1) has failed:
/// `first_delay * backoff_factor^(attempt - 1)`, at most `max_delay`, of which
/// the part `jitter` is multiplied by `random`.
/// @param random from 0 to 1.
std::chrono::milliseconds backoff(const forward_options& x,
                                  std::int64_t attempt, double random);

/// Starts a store-and-forward actor. Most hosts call
/// `service::spawn_store_and_forward` instead, whose `stop()` ends it too.
///
/// Each call is recorded (`record_enqueue`) before it is delivered. After a
/// failed attempt that another one follows, `record_attempt` says `Retrying`
/// with the number of retries begun; the last attempt is reported as
/// `Delivered`, `Failed` (permanent) or `Parked` (attempts used up). A call
/// whose id the tracker knows already is not called again if it is terminal;
/// if it is in flight, which means that the process before this one ended
/// with it, it goes on with the attempt number where that one stopped. Reports
/// are repeated until the tracker has answered: every verb is idempotent.
///
/// The buffer is in memory: after a restart, send unfinished calls again.
///
/// Send it `shut_down` to end it: no attempt begins any more, the running ones
/// are waited for and reported.
store_and_forward_actor spawn_store_and_forward(caf::actor_system& system,
                                                tracking_actor tracker,
                                                forward_options options,
                                                deliver_function deliver,
                                                notice_function on_notice
                                                = &print_notice);

} // namespace waybill
