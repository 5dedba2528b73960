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
  /// Where it gets the time from; tests put their own there.
  time_source clock;
  /// Whether `shut_down` and exit messages count; if empty, those of everybody
  /// who has a handle do. Called by many threads at a time. A service sets its
  /// own: only its `stop()` ends what it has started.
  std::function<bool()> may_end;
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
