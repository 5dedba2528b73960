// What a host can set: one list of options, read from a struct, from CAF's
// config or from JSON, and checked in one place.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/duration_text.hpp"
#include "waybill/option_info.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_options.hpp"
#include "waybill/timestamp.hpp"

namespace caf {
class actor_system_config;
class config_option_set;
} // namespace caf

namespace waybill {

/// Where the actors get the time from; tests put their own there.
struct time_source {
  /// UTC, as stored. May jump.
  std::function<timestamp()> wall = &timestamp::now;
  /// Never jumps.
  std::function<std::chrono::steady_clock::time_point()> steady
    = &std::chrono::steady_clock::now;

  /// The wall clock's time, or the system's if that throws: a host's clock may.
  [[nodiscard]] timestamp wall_or_system() const {
    try {
      return wall();
    } catch (const std::exception&) {
      return timestamp::now();
    }
  }

  /// How long someone may wait who gives up at `deadline`: a year at most, and
  /// no time at all without a deadline.
  [[nodiscard]] std::chrono::microseconds
  time_until(const std::optional<timestamp>& deadline) const {
    using std::chrono::microseconds;
    return deadline ? std::min<microseconds>(*deadline - wall(),
                                             std::chrono::hours{24 * 365})
                    : microseconds{0};
  }
};

enum class severity : std::uint8_t { info, warning, error };

/// Hears what an operator should know, for example that storage fails or that
/// the clock has jumped. Text from outside is escaped in it. Called by several
/// threads; an exception that it throws is dropped.
using notice_function = std::function<void(severity, const std::string& text)>;

/// Writes `waybill: warning: …` to standard error.
void print_notice(severity level, const std::string& text);

/// Calls `notify` if it holds a function, and drops what that throws.
void notify(const notice_function& notify, severity level,
            const std::string& text) noexcept;

enum class on_off : std::uint8_t { off, on };

struct options {
  std::string file;
  // These are the store's.
  durability synchronous = store_options{}.synchronous;
  std::int64_t last_error_cap
    = static_cast<std::int64_t>(store_options{}.last_error_cap);
  std::int64_t checkpoint_pages = store_options{}.checkpoint_pages;
  std::int64_t history = store_options{}.history;
  std::int64_t audit_records = store_options{}.audit_records;
  std::int64_t cache_bytes = store_options{}.cache_bytes;

  std::int64_t max_batch = 4'096;
  std::int64_t max_waiting_requests = 65'536;
  std::int64_t max_waiting_bytes = std::int64_t{32} * 1'024 * 1'024;
  std::int64_t max_waits = 16'384;
  std::int64_t max_watches = 256;
  std::int64_t purge_chunk_rows = 512;
  retention_window retention_delivered = std::chrono::hours{7 * 24};
  retention_window retention_parked = std::chrono::hours{7 * 24};
  retention_window retention_failed = std::chrono::hours{7 * 24};
  retention_window retention_discarded = std::chrono::hours{7 * 24};
  /// Of those that are parked or failed and still hold a payload.
  retention_window retention_payloads = std::nullopt;
  std::chrono::milliseconds retention_interval = std::chrono::hours{1};
  /// How long operations are remembered that were purged.
  retention_window duplicate_window = std::chrono::hours{30 * 24};
  duplicate_scope duplicate_window_for = store_options{}.duplicates_of;
  std::int64_t max_tombstones = store_options{}.max_tombstones;
  std::chrono::milliseconds status_timeout = std::chrono::seconds{5};
  std::chrono::milliseconds stop_timeout = std::chrono::seconds{10};
  /// Whether operators' commands reach the service, by a socket beside the
  /// file (`FILE.sock`), for its user and root only.
  on_off operator_socket = on_off::on;

  // Not to be set from text:
  time_source clock;
  notice_function on_notice = &print_notice;
  /// See store_options::vfs.
  std::string vfs;
  /// Whether a batch may be worked on while the one before is synced.
  bool overlap_commits = true;
};

/// All options, in the order of the struct.
std::vector<option_info> describe_options();

/// @throws store_error `invalid_options` naming the first option that is out of
///         its range, the value and the range.
void validate(const options& x);

/// Reads a JSON object whose keys are option names, on top of the defaults.
/// Numbers are plain, durations texts like `"500ms"`, `"30s"`, `"10min"`,
/// `"1h"`, `"7d"`, windows also `"forever"`; `retention` sets all windows but
/// that of payloads.
/// @throws store_error `invalid_options` for an unknown key or one that is
/// there
///         twice, an ill-typed value, a value out of its range or a text that
///         is no JSON object.
options options_from_json(std::string_view text);

/// The same from a file of at most 1 MiB.
/// @throws store_error `invalid_options` also if it cannot be read, with the
///         reason, or is empty.
options options_from_json_file(const std::string& path);

/// The same from the section `waybill { … }` of a CAF config, where durations
/// may be CAF's own too, and keys may be written with `-` for `_`.
options options_from_config(const caf::actor_system_config& config);

/// Makes each option known as `--waybill.NAME=VALUE` to the command line of a
/// host: call it in the constructor of its config with `custom_options_`.
/// `actor_config` does.
void add_options(caf::config_option_set& to);

} // namespace waybill
