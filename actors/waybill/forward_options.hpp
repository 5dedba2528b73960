// What a store-and-forward actor can be told: one list of options, read from a
// struct, from CAF's config or from JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/options.hpp"

namespace waybill {

/// What becomes of an order key when its call is parked or failed.
enum class after_end : std::uint8_t {
  /// The next call with the key follows.
  go_on = 0,
  /// None does, until an operator discards the call.
  block = 1,
};

/// What follows an attempt of which nobody knows whether the target took it.
enum class after_doubt : std::uint8_t {
  /// Another attempt: the target may see the call twice.
  retry = 0,
  /// None: the call is parked.
  park = 1,
};

/// What is stored in the place of a payload.
struct encoded_payload {
  std::string bytes;
  /// How they are encoded, with which key; up to `limits::max_codec` bytes of
  /// UTF-8. The store keeps it beside each payload, so that calls may wait
  /// longer than a key is used. None: not at all, and they are not decoded.
  std::optional<std::string> codec = std::nullopt;
};

/// Encrypts or compresses a payload.
using encode_function = std::function<encoded_payload(std::string payload)>;

/// Takes that back.
/// @returns none if it does not know that codec, or these bytes.
using decode_function = std::function<std::optional<std::string>(
  std::string bytes, const std::string& codec)>;

struct forward_options {
  /// The target's name, under which the store keeps its calls; 1 to
  /// `limits::max_target` bytes. One actor at a time works for a target.
  std::string target = "target";
  /// Attempts that run at a time; 1 to 256.
  std::int64_t max_concurrency = 4;
  /// Calls that are kept, taken and not yet finished; 1 to 1000000000. Past it
  /// a call is answered `overloaded`.
  std::int64_t max_calls = 1'000'000;
  /// Bytes of their payloads; 1024 to 1099511627776 (1 TiB). Past it the answer
  /// is `overloaded`.
  std::int64_t max_bytes = std::int64_t{1} << 30;
  /// Parked and failed calls that are kept; as `max_calls`. At it no call is
  /// taken; those that were are kept all the same.
  std::int64_t max_kept_calls = 1'000'000;
  /// Bytes of their payloads; as `max_bytes`.
  std::int64_t max_kept_bytes = std::int64_t{1} << 30;
  /// Bytes of a payload; 0 to 67108864 (64 MiB). A longer one is an
  /// `invalid_request`.
  std::int64_t max_payload = std::int64_t{1} << 20;
  /// Calls that are in memory too, without their payloads; 1 to 1000000. As
  /// many may be taken at a time, and as many messages wait for the actor.
  std::int64_t max_heads = 10'000;
  /// Bytes of the messages that wait; 1024 to 17179869184 (16 GiB).
  std::int64_t max_waiting_bytes = std::int64_t{64} * 1'024 * 1'024;
  /// Attempts before a call is parked; 1 to 1000000.
  std::int64_t max_attempts = 8;
  /// Times that a call may be interrupted by the process's end before it is
  /// parked; 1 to 1000.
  std::int64_t max_interruptions = 3;
  /// When a call with an order key is parked or failed: `continue` with the
  /// next one, or `block` them until it is discarded.
  after_end on_park = after_end::go_on;
  /// When an attempt was interrupted by the process's end, or its result is
  /// `unknown`, or `deliver` has thrown: `retry`, or `park` for targets that
  /// must not see a call twice.
  after_doubt on_unknown = after_doubt::retry;
  /// The wait before the second attempt; 1ms to 1d.
  std::chrono::milliseconds first_delay{200};
  /// The longest wait; `first_delay` to 7d.
  std::chrono::milliseconds max_delay{60'000};
  /// The longest wait that a target may ask for (`retry_after`), however long
  /// `max_delay` is; 0s to 7d.
  std::chrono::milliseconds max_retry_after{3'600'000};
  /// How much longer each wait is than the one before; 1 to 10.
  double backoff_factor = 2.0;
  /// The part of each wait that is random; 0 to 1. Spreads out calls that
  /// failed together.
  double jitter = 0.5;
  /// The part of the attempts that has to fail transiently for the breaker to
  /// open, which then lets none begin for a while; 0 to 1. 0: it never does.
  double breaker_failure_ratio = 0.5;
  /// Attempts that must have ended for that; 1 to 1000000.
  std::int64_t breaker_min_attempts = 10;
  /// How far back attempts are counted; 1s to 1h.
  std::chrono::milliseconds breaker_window{30'000};
  /// How long it is open before one attempt tries; 1ms to 1h. Each time that
  /// this fails it is open for twice as long.
  std::chrono::milliseconds breaker_first_pause{5'000};
  /// At most; `breaker_first_pause` to 1d.
  std::chrono::milliseconds breaker_max_pause{300'000};
  /// Attempts begun a second; 0 to 1000000. 0: as many as can be.
  double max_rate = 0;
  /// Of them, those that may begin at once after a quiet time; 1 to 1000000.
  std::int64_t burst = 10;
  /// Makes the jitter repeatable; random if none.
  std::optional<std::uint64_t> seed;
  /// How long to wait for the tracker before a report is repeated; 1ms to 1h.
  std::chrono::milliseconds report_timeout{5'000};
  /// Longer errors of `deliver` are shortened before they are reported; 64 to
  /// 1048576 bytes.
  std::int64_t last_error_cap = 4'096;

  // Not to be set from text:
  /// What is stored of a payload; the payload itself if empty. The actor calls
  /// it for each call that it takes, and does nothing else meanwhile. If it
  /// throws, the call is an `invalid_request`. All sizes and bounds are those
  /// of what is stored.
  encode_function encode;
  /// Called before each attempt at a call that was encoded, on the attempt's
  /// thread, where it may take its time; by several threads at a time. If there
  /// is none, or it throws or returns none, the call is `Parked` with the
  /// reason, and `deliver` is not called.
  decode_function decode;
  /// Where it gets the time from; tests put their own there.
  time_source clock;
  /// Whether `shut_down` and exit messages count; if empty, those of everybody
  /// who has a handle do. Called by many threads at a time. A service sets its
  /// own: only its `stop()` ends what it has started.
  std::function<bool()> may_end;
  /// Hears when the breaker opens, and when it closes or the actor ends; may be
  /// empty. A service sets its own.
  std::function<void(bool is_open)> on_breaker;
};

/// All of them, in the order of the struct.
std::vector<option_info> describe_forward_options();

/// @throws store_error `invalid_options` naming the option and its range.
void validate(const forward_options& x);

/// Reads a JSON object whose keys are option names, on top of the defaults; as
/// options_from_json().
/// @throws store_error `invalid_options`.
forward_options forward_options_from_json(std::string_view text);

/// The same from a file, as options_from_json_file().
forward_options forward_options_from_json_file(const std::string& path);

/// The same from a section of a CAF config, as options_from_config(). Each
/// target has its own, of whatever name: `mes { max-concurrency = 8 }`; it may
/// be in another one: `targets.mes`.
forward_options
forward_options_from_config(const caf::actor_system_config& config,
                            const std::string& section);

/// Makes each option known as `--SECTION.NAME=VALUE` to the command line of a
/// host, as add_options() does.
void add_forward_options(caf::config_option_set& to,
                         const std::string& section);

/// The wait after attempt number `attempt` (from 1) has failed:
/// `first_delay * backoff_factor^(attempt - 1)`, at most `max_delay`, of which
/// the part `jitter` is multiplied by `random`. Rounded to milliseconds.
/// @param random from 0 to 1.
std::chrono::milliseconds backoff(const forward_options& x,
                                  std::int64_t attempt, double random);

} // namespace waybill
