// What a tracker has done and how it is doing, in numbers: as a message, and as
// the text that Prometheus reads.
//
//   request     reply         what it does
//   get_stats   stats_reply   counters, latencies, sizes and ages
//
// It changes nothing, so that an error always means `refused`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill {

struct stats_reply;

// -- histograms ---------------------------------------------------------------

/// How many values of which size there were. The field that holds it says in
/// which unit.
///
/// One from another node may have lists that do not fit each other: what counts
/// and bounds do not share is then left out, and nothing breaks.
struct histogram {
  /// The largest value of each bucket but the last; increasing.
  std::vector<std::int64_t> upper_bounds;
  /// The values in each bucket, each counted in one only. One more than bounds:
  /// the last is for all above.
  std::vector<std::int64_t> counts = {0};
  /// Of all values. Stays at the ends of its range instead of overflowing.
  std::int64_t sum = 0;

  /// Counts `value`. Allocates nothing.
  void add(std::int64_t value) noexcept;

  /// How many values have been counted.
  [[nodiscard]] std::int64_t count() const noexcept;

  /// The upper bound of the bucket that holds the `q`-quantile: at least that
  /// part of the values is not larger. The last bucket's is INT64_MAX.
  /// @param q 0 to 1; 0.5 is the median.
  /// @returns none if nothing has been counted or `q` is out of its range.
  [[nodiscard]] std::optional<std::int64_t> quantile(double q) const noexcept;

  bool operator==(const histogram&) const = default;
  static constexpr const char* type_name = "histogram";
  static constexpr auto fields() {
    using self = histogram;
    return std::tuple{field{"upper_bounds", &self::upper_bounds},
                      field{"counts", &self::counts}, field{"sum", &self::sum}};
  }
};

/// An empty one for times in µs: 10, 20, 50, 100, … up to 10 s.
histogram latency_histogram();

/// An empty one for numbers of things: 1, 2, 4, … up to 65,536.
histogram size_histogram();

// -- messages -----------------------------------------------------------------

/// Asks for a tracker's numbers.
struct get_stats {
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_stats&) const = default;
  using reply = stats_reply;
  static constexpr const char* type_name = "get_stats";
  static constexpr auto fields() {
    return std::tuple{field{"deadline", &get_stats::deadline}};
  }
};

/// How many operations are in a status, of all kinds.
struct status_total {
  tracking_status status = tracking_status::submitted;
  std::int64_t operations = 0;

  bool operator==(const status_total&) const = default;
  static constexpr const char* type_name = "status_total";
  static constexpr auto fields() {
    return std::tuple{field{"status", &status_total::status},
                      field{"operations", &status_total::operations}};
  }
};

/// What is kept for a target of store-and-forward.
struct target_total {
  std::string name;
  /// Calls on their way: those that wait for nothing but a worker, those that
  /// wait for a time or have waited for it, those of which an attempt has
  /// begun.
  std::int64_t ready = 0;
  std::int64_t scheduled = 0;
  std::int64_t begun = 0;
  /// Bytes of their payloads.
  std::int64_t bytes = 0;
  /// Parked and failed ones whose payloads are kept.
  std::int64_t kept_calls = 0;
  std::int64_t kept_bytes = 0;
  /// Since when an operator has paused it; none if none has.
  std::optional<timestamp> paused_since = std::nullopt;

  bool operator==(const target_total&) const = default;
  static constexpr const char* type_name = "target_total";
  static constexpr auto fields() {
    using self = target_total;
    return std::tuple{field{"name", &self::name},
                      field{"ready", &self::ready},
                      field{"scheduled", &self::scheduled},
                      field{"begun", &self::begun},
                      field{"bytes", &self::bytes},
                      field{"kept_calls", &self::kept_calls},
                      field{"kept_bytes", &self::kept_bytes},
                      field{"paused_since", &self::paused_since}};
  }
};

/// A tracker's numbers. What it counts it counts in memory, from `since` on:
/// all but `restarts` begins at 0 with each start. The rest is as of now.
struct stats_reply {
  /// When the counting began: the tracker's start.
  timestamp since;

  /// Enqueue requests by what they found.
  std::int64_t inserted = 0;
  std::int64_t duplicates = 0;

  /// Attempts that were applied.
  std::int64_t attempts = 0;
  /// Operations that were finished, by how.
  std::int64_t delivered = 0;
  std::int64_t parked = 0;
  std::int64_t failed = 0;
  std::int64_t discarded = 0;
  /// Attempts and ends that changed nothing, by what they found.
  std::int64_t already_terminal = 0;
  std::int64_t not_found = 0;

  /// Requests that were not carried out by their own or the moment's fault:
  /// invalid, past their deadline, too many, or too late.
  std::int64_t refused = 0;
  /// Requests that were rolled back because storage failed.
  std::int64_t not_stored = 0;
  /// Requests that were answered with `outcome_unknown`.
  std::int64_t unknown = 0;

  /// Questions for one operation's status that were answered.
  std::int64_t status_questions = 0;
  /// Rows of operations that purges deleted.
  std::int64_t purged = 0;

  /// Transactions that were committed.
  std::int64_t batches = 0;
  /// Requests in a transaction.
  histogram batch_size = size_histogram();
  /// How long COMMIT took, in µs.
  histogram commit_latency = latency_histogram();
  /// How long a message waited in the mailbox, in µs; one sample a transaction.
  histogram queue_latency = latency_histogram();

  /// Requests admitted and not yet answered, and their bytes of text.
  std::int64_t waiting_requests = 0;
  std::int64_t waiting_bytes = 0;
  /// Open `await_terminal` requests.
  std::int64_t waits = 0;
  /// Open `watch_transitions` requests.
  std::int64_t watches = 0;

  /// Size of the database file, in bytes.
  std::int64_t file_bytes = 0;
  /// Of these, unused.
  std::int64_t free_bytes = 0;
  /// Size of the write-ahead log's content, in bytes.
  std::int64_t wal_bytes = 0;

  /// Operations in the store; at most one entry a status.
  std::vector<status_total> operations;
  /// When the oldest operation that is in flight was recorded; none if none is.
  std::optional<timestamp> oldest_in_flight;
  /// When the operation that has been parked for longest was parked; none if
  /// none is.
  std::optional<timestamp> oldest_parked;
  /// By how much the oldest finished operation has outlived its retention
  /// window, in µs; 0 if none has.
  std::int64_t purge_lag_us = 0;

  /// The targets with the most calls, up to `limits::max_told_targets`; the
  /// most first.
  std::vector<target_total> targets;
  /// How many others there are.
  std::int64_t other_targets = 0;
  /// How many targets are paused, of all.
  std::int64_t paused_targets = 0;

  /// Calls that were purged and are remembered (`duplicate_window`), and other
  /// operations if the host wants these, too (`duplicate_window_for`).
  std::int64_t tombstones = 0;
  /// All of those that were purged after this are; none: all ever.
  std::optional<timestamp> remembered_since = std::nullopt;

  health_state health = health_state::ok;
  /// How often the tracker died and was started again by its service.
  std::int64_t restarts = 0;

  bool operator==(const stats_reply&) const = default;
  static constexpr const char* type_name = "stats_reply";
  static constexpr auto fields() {
    using self = stats_reply;
    return std::tuple{field{"since", &self::since},
                      field{"inserted", &self::inserted},
                      field{"duplicates", &self::duplicates},
                      field{"attempts", &self::attempts},
                      field{"delivered", &self::delivered},
                      field{"parked", &self::parked},
                      field{"failed", &self::failed},
                      field{"discarded", &self::discarded},
                      field{"already_terminal", &self::already_terminal},
                      field{"not_found", &self::not_found},
                      field{"refused", &self::refused},
                      field{"not_stored", &self::not_stored},
                      field{"unknown", &self::unknown},
                      field{"status_questions", &self::status_questions},
                      field{"purged", &self::purged},
                      field{"batches", &self::batches},
                      field{"batch_size", &self::batch_size},
                      field{"commit_latency", &self::commit_latency},
                      field{"queue_latency", &self::queue_latency},
                      field{"waiting_requests", &self::waiting_requests},
                      field{"waiting_bytes", &self::waiting_bytes},
                      field{"waits", &self::waits},
                      field{"watches", &self::watches},
                      field{"file_bytes", &self::file_bytes},
                      field{"free_bytes", &self::free_bytes},
                      field{"wal_bytes", &self::wal_bytes},
                      field{"operations", &self::operations},
                      field{"oldest_in_flight", &self::oldest_in_flight},
                      field{"oldest_parked", &self::oldest_parked},
                      field{"purge_lag_us", &self::purge_lag_us},
                      field{"targets", &self::targets},
                      field{"other_targets", &self::other_targets},
                      field{"paused_targets", &self::paused_targets},
                      field{"tombstones", &self::tombstones},
                      field{"remembered_since", &self::remembered_since},
                      field{"health", &self::health},
                      field{"restarts", &self::restarts}};
  }
};

/// See the others in messages.hpp.
std::optional<std::string> find_fault(const get_stats& x);

// -- Prometheus ---------------------------------------------------------------

/// `x` in Prometheus's text exposition format 0.0.4, to be served as
/// `text/plain; version=0.0.4; charset=utf-8`. All names begin with `waybill_`;
/// times are in seconds, sizes in bytes. A time that is none is left out.
std::string to_prometheus(const stats_reply& x);

/// The same of targets alone, for those who know no more.
std::string to_prometheus(const std::vector<target_total>& targets,
                          std::int64_t other_targets,
                          std::int64_t paused_targets);

/// The same of what is remembered of calls that were purged.
std::string to_prometheus(std::int64_t tombstones,
                          const std::optional<timestamp>& remembered_since);

/// `text` as it may stand between the quotes of a label in that format: `\`,
/// `"` and line feeds escaped; NUL and bytes that are not UTF-8 become U+FFFD.
/// For hosts that add samples of their own.
std::string escape_label_value(std::string_view text);

} // namespace waybill
