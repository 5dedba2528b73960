// All requests and replies of the tracker: what is said, one struct each.
//
//   request           reply           what it does
//   record_enqueue    enqueue_reply   insert an operation in Submitted
//   record_attempt    update_reply    update an operation in flight
//   record_terminal   update_reply    finish an operation
//   get_status        status_reply    the latest snapshot, or none
//   get_many          many_reply      the same of many operations
//   purge_terminal    purge_reply     delete old finished operations
//   get_counts        counts_reply    how many operations by kind and status
//   get_health        health_reply    how the tracker is doing
//
// A request ends in its reply (done), or in an error whose code says whether
// the request is refused or its fate unknown (errc.hpp). Repeating a request
// is always harmless.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "waybill/errc.hpp"
#include "waybill/field_list.hpp"
#include "waybill/limits.hpp"
#include "waybill/operator_act.hpp"
#include "waybill/timestamp.hpp"
#include "waybill/tracked_operation_id.hpp"
#include "waybill/tracking_status.hpp"

namespace waybill {

struct enqueue_reply;
struct update_reply;
struct status_reply;
struct many_reply;
struct purge_reply;
struct counts_reply;
struct health_reply;

// -- requests -----------------------------------------------------------------

/// Inserts an operation in `Submitted` with a retry count of 0. If the id is
/// there already, nothing changes: the id is the idempotency key.
struct record_enqueue {
  tracked_operation_id id;
  /// What sort of call it is, for example `ExternalSystem.CachedCall`;
  /// 1 to `limits::max_kind` bytes, and not `other_kinds`.
  std::string kind;
  /// Whom or what the call addresses; at most `limits::max_target` bytes.
  std::optional<std::string> target_summary;
  /// Who makes the call; at most `limits::max_source` bytes each.
  std::optional<std::string> source_instance_id;
  std::optional<std::string> source_script;
  std::optional<std::string> source_node;
  /// If this has passed before the request is applied, it is refused with
  /// `deadline_passed`; after that the request runs to its end.
  std::optional<timestamp> deadline;

  bool operator==(const record_enqueue&) const = default;
  using reply = enqueue_reply;
  static constexpr const char* type_name = "record_enqueue";
  static constexpr auto fields() {
    using self = record_enqueue;
    return std::tuple{field{"id", &self::id},
                      field{"kind", &self::kind},
                      field{"target_summary", &self::target_summary},
                      field{"source_instance_id", &self::source_instance_id},
                      field{"source_script", &self::source_script},
                      field{"source_node", &self::source_node},
                      field{"deadline", &self::deadline}};
  }
};

/// Updates an operation in flight. A terminal one is never touched, and one in
/// `Retrying` never goes back to `Submitted`.
struct record_attempt {
  tracked_operation_id id;
  /// `Submitted` or `Retrying`.
  tracking_status status = tracking_status::retrying;
  /// How often the call has been repeated; 0 or more. It never goes down: a
  /// lower one than the operation has is a late repeat of an earlier report,
  /// which is answered `applied` and changes nothing. So go on from what
  /// `get_status` shows after a restart.
  std::int32_t retry_count = 0;
  /// Why the attempt failed. Replaces the last one, also with none. Stored
  /// without blanks and line ends at its end, with blanks for control
  /// characters but newline and tab, and shortened to the store's
  /// `last_error_cap`.
  std::optional<std::string> last_error;
  /// 100 to 599.
  std::optional<std::int32_t> http_status;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const record_attempt&) const = default;
  using reply = update_reply;
  static constexpr const char* type_name = "record_attempt";
  static constexpr auto fields() {
    using self = record_attempt;
    return std::tuple{field{"id", &self::id},
                      field{"status", &self::status},
                      field{"retry_count", &self::retry_count},
                      field{"last_error", &self::last_error},
                      field{"http_status", &self::http_status},
                      field{"deadline", &self::deadline}};
  }
};

/// Flips an operation in flight to a terminal status. The first one wins: a
/// terminal operation never changes again.
struct record_terminal {
  tracked_operation_id id;
  /// `Delivered`, `Parked`, `Failed` or `Discarded`.
  tracking_status status = tracking_status::delivered;
  /// See `record_attempt::last_error`.
  std::optional<std::string> last_error;
  /// 100 to 599.
  std::optional<std::int32_t> http_status;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const record_terminal&) const = default;
  using reply = update_reply;
  static constexpr const char* type_name = "record_terminal";
  static constexpr auto fields() {
    using self = record_terminal;
    return std::tuple{field{"id", &self::id}, field{"status", &self::status},
                      field{"last_error", &self::last_error},
                      field{"http_status", &self::http_status},
                      field{"deadline", &self::deadline}};
  }
};

/// Asks for the latest snapshot of an operation.
struct get_status {
  tracked_operation_id id;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_status&) const = default;
  using reply = status_reply;
  static constexpr const char* type_name = "get_status";
  static constexpr auto fields() {
    return std::tuple{field{"id", &get_status::id},
                      field{"deadline", &get_status::deadline}};
  }
};

/// Asks for the latest snapshots of 1 to `limits::max_asked` operations; of one
/// as often as it is named. It takes as many places as it has ids among what
/// may wait (`max_waiting_requests`).
struct get_many {
  std::vector<tracked_operation_id> ids;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_many&) const = default;
  using reply = many_reply;
  static constexpr const char* type_name = "get_many";
  static constexpr auto fields() {
    return std::tuple{field{"ids", &get_many::ids},
                      field{"deadline", &get_many::deadline}};
  }
};

/// Deletes terminal operations that finished strictly before `older_than`.
/// Operations in flight stay, whatever their age.
struct purge_terminal {
  timestamp older_than;
  /// Only this terminal status; none means all four.
  std::optional<tracking_status> status;
  /// See `record_enqueue::deadline`; looked at before the first chunk.
  std::optional<timestamp> deadline;
  /// What finished before this stays, too; none means nothing.
  std::optional<timestamp> not_before = std::nullopt;
  /// Parked and failed operations that still hold a payload stay, unless this
  /// is set: then they alone are deleted, with their payloads. Those that keep
  /// their order key from others stay until they are discarded.
  bool with_payload = false;
  /// Only what an operator wants is in the audit.
  std::optional<operator_act> act = std::nullopt;
  /// What was purged strictly before this, and not before the other, is
  /// forgotten: its id counts as new again (`duplicate_window`). None forgets
  /// nothing.
  std::optional<timestamp> forget_before = std::nullopt;
  std::optional<timestamp> forget_not_before = std::nullopt;

  bool operator==(const purge_terminal&) const = default;
  using reply = purge_reply;
  static constexpr const char* type_name = "purge_terminal";
  static constexpr auto fields() {
    using self = purge_terminal;
    return std::tuple{field{"older_than", &self::older_than},
                      field{"status", &self::status},
                      field{"deadline", &self::deadline},
                      field{"not_before", &self::not_before},
                      field{"with_payload", &self::with_payload},
                      field{"act", &self::act},
                      field{"forget_before", &self::forget_before},
                      field{"forget_not_before", &self::forget_not_before}};
  }
};

/// Asks for the number of operations by kind and status.
struct get_counts {
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_counts&) const = default;
  using reply = counts_reply;
  static constexpr const char* type_name = "get_counts";
  static constexpr auto fields() {
    return std::tuple{field{"deadline", &get_counts::deadline}};
  }
};

/// Asks how the tracker is doing. Answered at once, also while storage fails.
struct get_health {
  bool operator==(const get_health&) const = default;
  using reply = health_reply;
  static constexpr const char* type_name = "get_health";
  static constexpr auto fields() { return std::tuple{}; }
};

// -- replies ------------------------------------------------------------------

/// What `record_enqueue` found.
enum class enqueue_outcome : std::uint8_t {
  /// The operation is new and stored now.
  inserted = 0,
  /// The id was there already; its row is untouched. Or it was purged, and the
  /// host wants such ids refused (`duplicate_window_for`).
  duplicate = 1,
};
inline constexpr int num_enqueue_outcomes = 2;
std::string to_string(enqueue_outcome x);
std::optional<enqueue_outcome>
parse_enqueue_outcome(std::string_view text) noexcept;

/// What `record_attempt` or `record_terminal` found.
enum class update_outcome : std::uint8_t {
  /// The transition is stored now.
  applied = 0,
  /// The operation had finished before; its row is untouched.
  already_terminal = 1,
  /// No operation has this id (purged or never recorded).
  not_found = 2,
};
inline constexpr int num_update_outcomes = 3;
std::string to_string(update_outcome x);
std::optional<update_outcome>
parse_update_outcome(std::string_view text) noexcept;

struct enqueue_reply {
  enqueue_outcome outcome = enqueue_outcome::inserted;

  bool operator==(const enqueue_reply&) const = default;
  static constexpr const char* type_name = "enqueue_reply";
  static constexpr auto fields() {
    return std::tuple{field{"outcome", &enqueue_reply::outcome}};
  }
};

struct update_reply {
  update_outcome outcome = update_outcome::applied;

  bool operator==(const update_reply&) const = default;
  static constexpr const char* type_name = "update_reply";
  static constexpr auto fields() {
    return std::tuple{field{"outcome", &update_reply::outcome}};
  }
};

/// An operation as last committed.
struct tracking_status_snapshot {
  tracked_operation_id id;
  std::string kind;
  std::optional<std::string> target_summary;
  tracking_status status = tracking_status::submitted;
  std::int32_t retry_count = 0;
  std::optional<std::string> last_error;
  std::optional<std::int32_t> http_status;
  timestamp created_at;
  timestamp updated_at;
  /// When it became terminal; none while in flight.
  std::optional<timestamp> terminal_at;
  std::optional<std::string> source_instance_id;
  std::optional<std::string> source_script;
  std::optional<std::string> source_node;

  bool operator==(const tracking_status_snapshot&) const = default;
  static constexpr const char* type_name = "tracking_status_snapshot";
  static constexpr auto fields() {
    using self = tracking_status_snapshot;
    return std::tuple{field{"id", &self::id},
                      field{"kind", &self::kind},
                      field{"target_summary", &self::target_summary},
                      field{"status", &self::status},
                      field{"retry_count", &self::retry_count},
                      field{"last_error", &self::last_error},
                      field{"http_status", &self::http_status},
                      field{"created_at", &self::created_at},
                      field{"updated_at", &self::updated_at},
                      field{"terminal_at", &self::terminal_at},
                      field{"source_instance_id", &self::source_instance_id},
                      field{"source_script", &self::source_script},
                      field{"source_node", &self::source_node}};
  }
};

/// What is left of an operation that was purged, for as long as it is
/// remembered (`duplicate_window`).
struct purged_operation {
  /// How and when it finished.
  tracking_status status = tracking_status::delivered;
  timestamp finished_at;
  timestamp purged_at;
  /// Which operation its call was tried again as; see `requeue`.
  std::optional<tracked_operation_id> successor = std::nullopt;

  bool operator==(const purged_operation&) const = default;
  static constexpr const char* type_name = "purged_operation";
  static constexpr auto fields() {
    using self = purged_operation;
    return std::tuple{field{"status", &self::status},
                      field{"finished_at", &self::finished_at},
                      field{"purged_at", &self::purged_at},
                      field{"successor", &self::successor}};
  }
};

struct status_reply {
  /// None: purged or never recorded.
  std::optional<tracking_status_snapshot> snapshot;
  /// What it was, if it is purged and remembered.
  std::optional<purged_operation> purged = std::nullopt;

  bool operator==(const status_reply&) const = default;
  static constexpr const char* type_name = "status_reply";
  static constexpr auto fields() {
    return std::tuple{field{"snapshot", &status_reply::snapshot},
                      field{"purged", &status_reply::purged}};
  }
};

struct many_reply {
  /// One for each id, in their order. Each is as of a moment of its own, while
  /// the question was asked.
  std::vector<status_reply> answers;

  bool operator==(const many_reply&) const = default;
  static constexpr const char* type_name = "many_reply";
  static constexpr auto fields() {
    return std::tuple{field{"answers", &many_reply::answers}};
  }
};

struct purge_reply {
  /// How many rows went.
  std::int64_t deleted = 0;

  bool operator==(const purge_reply&) const = default;
  static constexpr const char* type_name = "purge_reply";
  static constexpr auto fields() {
    return std::tuple{field{"deleted", &purge_reply::deleted}};
  }
};

/// The number of operations of one kind in one status; never 0.
struct status_count {
  std::string kind;
  tracking_status status = tracking_status::submitted;
  std::int64_t operations = 0;

  bool operator==(const status_count&) const = default;
  static constexpr const char* type_name = "status_count";
  static constexpr auto fields() {
    return std::tuple{field{"kind", &status_count::kind},
                      field{"status", &status_count::status},
                      field{"operations", &status_count::operations}};
  }
};

struct counts_reply {
  /// Ordered by kind, then status; all kinds past `limits::max_counted_kinds`
  /// are counted together as `other_kinds`.
  std::vector<status_count> counts;
  /// When the operation in flight was recorded that was so first; never later
  /// than now, though the clock may have been ahead.
  std::optional<timestamp> oldest_in_flight;
  /// When the operation was parked that has been so for longest; as above.
  std::optional<timestamp> oldest_parked;

  bool operator==(const counts_reply&) const = default;
  static constexpr const char* type_name = "counts_reply";
  static constexpr auto fields() {
    using self = counts_reply;
    return std::tuple{field{"counts", &self::counts},
                      field{"oldest_in_flight", &self::oldest_in_flight},
                      field{"oldest_parked", &self::oldest_parked}};
  }
};

/// How a tracker is doing.
enum class health_state : std::uint8_t {
  /// Requests are stored.
  ok = 0,
  /// Storage fails now, or a reader keeps the write-ahead log growing; the
  /// tracker tries again and heals by itself, for example once a full disk has
  /// space.
  degraded = 1,
  /// Storage has failed for good; an operator is needed.
  failed = 2,
};
inline constexpr int num_health_states = 3;
std::string to_string(health_state x);
std::optional<health_state> parse_health_state(std::string_view text) noexcept;

/// A target of store-and-forward that wants a look.
struct target_health {
  std::string name;
  /// The bound of which four fifths are used or more, for example `max_calls`:
  /// past it no call is taken. Health is `degraded` meanwhile.
  std::optional<std::string> crowded = std::nullopt;
  /// Since when an operator has paused it.
  std::optional<timestamp> paused_since = std::nullopt;
  /// Whether so many attempts fail that the breaker lets none begin, or one to
  /// try; of targets whose actors the service has started.
  bool breaker_open = false;

  bool operator==(const target_health&) const = default;
  static constexpr const char* type_name = "target_health";
  static constexpr auto fields() {
    using self = target_health;
    return std::tuple{field{"name", &self::name},
                      field{"crowded", &self::crowded},
                      field{"paused_since", &self::paused_since},
                      field{"breaker_open", &self::breaker_open}};
  }
};

struct health_reply {
  health_state state = health_state::ok;
  /// Why it is not `ok`; empty if it is.
  std::string reason;
  /// Since when the state has been what it is.
  timestamp since;
  /// The last storage error, also if the tracker has recovered since.
  std::optional<std::string> last_error;
  /// Requests admitted and not yet answered, and their bytes of text.
  std::int64_t waiting_requests = 0;
  std::int64_t waiting_bytes = 0;
  /// Transactions committed since the last start, and requests in them.
  std::int64_t batches = 0;
  std::int64_t batched_requests = 0;
  /// Size of the write-ahead log's content, in bytes.
  std::int64_t wal_bytes = 0;
  /// How often the tracker died and was started again by its service.
  std::int64_t restarts = 0;
  /// Targets that want a look, as of the last commit: at most
  /// `limits::max_told_targets` of those that are crowded or paused, and as
  /// many whose breakers are open.
  std::vector<target_health> targets = {};

  bool operator==(const health_reply&) const = default;
  static constexpr const char* type_name = "health_reply";
  static constexpr auto fields() {
    using self = health_reply;
    return std::tuple{field{"state", &self::state},
                      field{"reason", &self::reason},
                      field{"since", &self::since},
                      field{"last_error", &self::last_error},
                      field{"waiting_requests", &self::waiting_requests},
                      field{"waiting_bytes", &self::waiting_bytes},
                      field{"batches", &self::batches},
                      field{"batched_requests", &self::batched_requests},
                      field{"wal_bytes", &self::wal_bytes},
                      field{"restarts", &self::restarts},
                      field{"targets", &self::targets}};
  }
};

// -- checks -------------------------------------------------------------------

/// Says what is wrong with a request, for example `kind: must not be empty`;
/// none if it is acceptable. Times must be between `min_timestamp` and
/// `max_timestamp`; texts must be UTF-8 without NUL; ids must not be nil.
std::optional<std::string> find_fault(const record_enqueue& x);
std::optional<std::string> find_fault(const record_attempt& x);
std::optional<std::string> find_fault(const record_terminal& x);
std::optional<std::string> find_fault(const get_status& x);
std::optional<std::string> find_fault(const get_many& x);
std::optional<std::string> find_fault(const purge_terminal& x);
std::optional<std::string> find_fault(const get_counts& x);

} // namespace waybill
