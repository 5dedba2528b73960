// Questions about many operations, and about what happens to them: lists,
// histories, waits and watches.
//
//   request             reply            what it does
//   list_operations     list_reply       a page of what a filter lets through
//   get_history         history_reply    the transitions of one operation
//   watch_transitions   watch_reply      what has been committed since; waits
//                                        until there is something
//   await_terminal      wait_reply       answers when operations have finished
//
// None of them changes anything, so that an error always means `refused`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/unread_mark.hpp"

namespace waybill {

struct list_reply;
struct history_reply;
struct watch_reply;
struct wait_reply;

// -- lists --------------------------------------------------------------------

/// Which operations a list shows: those that fit each field that is set.
/// Ranges of times include `…_from` and exclude `…_until`.
struct operation_filter {
  /// Any of these; empty: all.
  std::vector<tracking_status> statuses;
  std::vector<std::string> kinds;
  /// The whole text, as recorded.
  std::optional<std::string> target_summary;
  /// The whole target, in which `*` stands for any text, also none.
  std::optional<std::string> target_pattern;
  std::optional<std::string> source_instance_id;
  std::optional<std::string> source_script;
  std::optional<std::string> source_node;
  /// The least `retry_count`, 0 or more.
  std::optional<std::int32_t> retry_count_from;
  std::optional<timestamp> created_from;
  std::optional<timestamp> created_until;
  std::optional<timestamp> updated_from;
  std::optional<timestamp> updated_until;
  /// With `updated_until`: also what was updated after this, by a clock that
  /// was ahead.
  std::optional<timestamp> or_updated_after;
  /// These two let no operation in flight through.
  std::optional<timestamp> terminal_from;
  std::optional<timestamp> terminal_until;
  /// A part of `last_error`; case matters.
  std::optional<std::string> error_contains;
  /// Targets and last errors of this shape: `errors_reply` has them, and
  /// text_shape.hpp says what it is.
  std::optional<std::string> target_shape;
  std::optional<std::string> error_shape;
  std::optional<std::int32_t> http_status;
  /// The first digit of `http_status`, 1 to 5.
  std::optional<std::int32_t> http_class;
  /// What the list is ordered by has happened before the transition with this
  /// number: it was recorded, or has finished if `statuses` names terminal ones
  /// only. Unlike times, numbers hold whatever the clock does.
  std::optional<std::int64_t> number_until;

  bool operator==(const operation_filter&) const = default;
  static constexpr const char* type_name = "operation_filter";
  static constexpr auto fields() {
    using self = operation_filter;
    return std::tuple{field{"statuses", &self::statuses},
                      field{"kinds", &self::kinds},
                      field{"target_summary", &self::target_summary},
                      field{"target_pattern", &self::target_pattern},
                      field{"source_instance_id", &self::source_instance_id},
                      field{"source_script", &self::source_script},
                      field{"source_node", &self::source_node},
                      field{"retry_count_from", &self::retry_count_from},
                      field{"created_from", &self::created_from},
                      field{"created_until", &self::created_until},
                      field{"updated_from", &self::updated_from},
                      field{"updated_until", &self::updated_until},
                      field{"or_updated_after", &self::or_updated_after},
                      field{"terminal_from", &self::terminal_from},
                      field{"terminal_until", &self::terminal_until},
                      field{"error_contains", &self::error_contains},
                      field{"target_shape", &self::target_shape},
                      field{"error_shape", &self::error_shape},
                      field{"http_status", &self::http_status},
                      field{"http_class", &self::http_class},
                      field{"number_until", &self::number_until}};
  }
};

/// Which end of a list comes first.
enum class list_order : std::uint8_t {
  newest_first = 0,
  oldest_first = 1,
};
inline constexpr int num_list_orders = 2;
std::string to_string(list_order x);
std::optional<list_order> parse_list_order(std::string_view text) noexcept;

/// Asks for a page of operations. They come in the order in which they were
/// recorded; if `filter.statuses` names terminal statuses only, in the order in
/// which they finished.
struct list_operations {
  operation_filter filter;
  list_order order = list_order::newest_first;
  /// `list_reply::next_cursor` of the page before; none: the first page.
  std::optional<std::string> cursor;
  /// The most operations that a page may have; 1 to `limits::max_page_size`.
  std::int32_t page_size = 100;
  /// Whether long texts come whole; if not, `last_error` is shortened to
  /// `limits::summary_error` bytes.
  bool full = false;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const list_operations&) const = default;
  using reply = list_reply;
  static constexpr const char* type_name = "list_operations";
  static constexpr auto fields() {
    using self = list_operations;
    return std::tuple{
      field{"filter", &self::filter}, field{"order", &self::order},
      field{"cursor", &self::cursor}, field{"page_size", &self::page_size},
      field{"full", &self::full},     field{"deadline", &self::deadline}};
  }
};

/// A page as committed at one moment. The next page is as of its own moment: an
/// operation that is there throughout appears exactly once, one that comes,
/// goes or finishes in between once or not at all.
struct list_reply {
  std::vector<tracking_status_snapshot> operations;
  /// Where the next page begins; none after the last one. A page may have fewer
  /// operations than asked for, even none, and yet not be the last: searching
  /// ends after a while, and at `limits::max_answer_bytes`.
  std::optional<std::string> next_cursor;
  /// No part of what is said; see limits::max_unread_bytes.
  unread_mark mark{};

  bool operator==(const list_reply&) const = default;
  static constexpr const char* type_name = "list_reply";
  static constexpr auto fields() {
    return std::tuple{field{"operations", &list_reply::operations},
                      field{"next_cursor", &list_reply::next_cursor}};
  }
};

/// The question which operations are stuck: in flight and not touched since
/// `now - age`, those recorded first first. One whose time is to come by more
/// than `age` is among them: the clock was ahead, and for how long it has not
/// been touched is not known.
list_operations stuck_operations(timestamp now, std::chrono::microseconds age);

// -- transitions --------------------------------------------------------------

/// A step of an operation, as committed.
struct transition {
  /// Counts all transitions of a store. Later ones have larger numbers, over
  /// restarts too; numbers may be left out.
  std::int64_t number = 0;
  tracked_operation_id id;
  std::string kind;
  /// What the operation was from then on.
  tracking_status status = tracking_status::submitted;
  std::int32_t retry_count = 0;
  std::optional<std::string> last_error;
  std::optional<std::int32_t> http_status;
  timestamp at;

  bool operator==(const transition&) const = default;
  static constexpr const char* type_name = "transition";
  static constexpr auto fields() {
    using self = transition;
    return std::tuple{field{"number", &self::number},
                      field{"id", &self::id},
                      field{"kind", &self::kind},
                      field{"status", &self::status},
                      field{"retry_count", &self::retry_count},
                      field{"last_error", &self::last_error},
                      field{"http_status", &self::http_status},
                      field{"at", &self::at}};
  }
};

/// Asks for the transitions of an operation.
struct get_history {
  tracked_operation_id id;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_history&) const = default;
  using reply = history_reply;
  static constexpr const char* type_name = "get_history";
  static constexpr auto fields() {
    return std::tuple{field{"id", &get_history::id},
                      field{"deadline", &get_history::deadline}};
  }
};

/// A payload that is kept no longer, although its operation stays as it was:
/// somebody has discarded a call that was parked or failed.
struct payload_discard {
  timestamp at;
  /// Why, as whoever discarded it says.
  std::optional<std::string> reason;

  bool operator==(const payload_discard&) const = default;
  static constexpr const char* type_name = "payload_discard";
  static constexpr auto fields() {
    return std::tuple{field{"at", &payload_discard::at},
                      field{"reason", &payload_discard::reason}};
  }
};

struct history_reply {
  /// None: purged or never recorded.
  std::optional<tracking_status_snapshot> snapshot;
  /// In order. The first is always how the operation was recorded, after it
  /// come the last ones, up to the store's option `history`.
  std::vector<transition> transitions;
  /// False if some in the middle are not kept any more, or never were, or would
  /// have made the answer larger than `limits::max_answer_bytes`.
  bool complete = true;
  /// When the call of a parked or failed operation was discarded; none if it
  /// was not, or the history was off. It is no transition.
  std::optional<payload_discard> payload_discarded = std::nullopt;
  /// No part of what is said; see limits::max_unread_bytes.
  unread_mark mark{};

  bool operator==(const history_reply&) const = default;
  static constexpr const char* type_name = "history_reply";
  static constexpr auto fields() {
    using self = history_reply;
    return std::tuple{field{"snapshot", &self::snapshot},
                      field{"transitions", &self::transitions},
                      field{"complete", &self::complete},
                      field{"payload_discarded", &self::payload_discarded}};
  }
};

/// Asks what has been committed after a transition, and waits for the first if
/// there is none yet. To follow a store, ask again with `after` set to
/// `watch_reply::next`; nobody who falls behind holds anything up.
struct watch_transitions {
  /// Where to begin: the `watch_reply::next` of an earlier answer, or the
  /// number of a transition (`0`: with the oldest that is kept); none: only
  /// what is committed from now on. A `next` that this store has not given is
  /// refused, also if it is a restored backup that had not come so far; a bare
  /// number only if the store has not reached it.
  std::optional<std::string> after;
  /// Only these; empty: all. At most `limits::max_watched` each.
  std::vector<tracked_operation_id> ids;
  std::vector<std::string> kinds;
  std::vector<tracking_status> statuses;
  /// The most transitions that an answer may have; 1 to
  /// `limits::max_page_size`.
  std::int32_t page_size = 100;
  /// When to answer without a transition; none: at once.
  std::optional<timestamp> deadline;

  bool operator==(const watch_transitions&) const = default;
  using reply = watch_reply;
  static constexpr const char* type_name = "watch_transitions";
  static constexpr auto fields() {
    using self = watch_transitions;
    return std::tuple{
      field{"after", &self::after},         field{"ids", &self::ids},
      field{"kinds", &self::kinds},         field{"statuses", &self::statuses},
      field{"page_size", &self::page_size}, field{"deadline", &self::deadline}};
  }
};

/// Numbers of transitions of which some are not kept any more: the operations
/// were purged, or had too many, or the history was off.
struct transition_gap {
  std::int64_t from = 0;
  std::int64_t to = 0;

  bool operator==(const transition_gap&) const = default;
  static constexpr const char* type_name = "transition_gap";
  static constexpr auto fields() {
    return std::tuple{field{"from", &transition_gap::from},
                      field{"to", &transition_gap::to}};
  }
};

struct watch_reply {
  /// In order; up to `limits::max_answer_bytes`.
  std::vector<transition> transitions;
  /// Set if transitions between `after` and `next` may be missing here.
  std::optional<transition_gap> gap;
  /// A cursor, what to ask with next: all before it has been looked at.
  std::string next;
  /// No part of what is said; see limits::max_unread_bytes.
  unread_mark mark{};

  bool operator==(const watch_reply&) const = default;
  static constexpr const char* type_name = "watch_reply";
  static constexpr auto fields() {
    using self = watch_reply;
    return std::tuple{field{"transitions", &self::transitions},
                      field{"gap", &self::gap}, field{"next", &self::next}};
  }
};

// -- waits --------------------------------------------------------------------

/// When a wait for several operations ends.
enum class wait_mode : std::uint8_t {
  all_of = 0,
  any_of = 1,
};
inline constexpr int num_wait_modes = 2;
std::string to_string(wait_mode x);
std::optional<wait_mode> parse_wait_mode(std::string_view text) noexcept;

/// Asks to be told when operations have finished.
struct await_terminal {
  /// 1 to `limits::max_awaited`, none of them twice.
  std::vector<tracked_operation_id> ids;
  wait_mode mode = wait_mode::all_of;
  /// Whether to wait also for operations that are not recorded yet. If not,
  /// they count as finished.
  bool until_recorded = false;
  /// When to answer in any case; none: at once.
  std::optional<timestamp> deadline;

  bool operator==(const await_terminal&) const = default;
  using reply = wait_reply;
  static constexpr const char* type_name = "await_terminal";
  static constexpr auto fields() {
    using self = await_terminal;
    return std::tuple{field{"ids", &self::ids}, field{"mode", &self::mode},
                      field{"until_recorded", &self::until_recorded},
                      field{"deadline", &self::deadline}};
  }
};

struct wait_reply {
  /// Whether what was waited for has come about; if not, the deadline has.
  bool finished = false;
  /// For each id, in order: the committed state, or none if it is not recorded
  /// (or purged).
  std::vector<status_reply> operations;

  bool operator==(const wait_reply&) const = default;
  static constexpr const char* type_name = "wait_reply";
  static constexpr auto fields() {
    return std::tuple{field{"finished", &wait_reply::finished},
                      field{"operations", &wait_reply::operations}};
  }
};

// -- exports ------------------------------------------------------------------

/// All that a store knows of an operation: a line of an export.
struct operation_record {
  tracking_status_snapshot snapshot;
  /// As in history_reply.
  std::vector<transition> transitions;

  bool operator==(const operation_record&) const = default;
  static constexpr const char* type_name = "operation_record";
  static constexpr auto fields() {
    return std::tuple{field{"snapshot", &operation_record::snapshot},
                      field{"transitions", &operation_record::transitions}};
  }
};

// -- checks -------------------------------------------------------------------

/// See the others in messages.hpp.
std::optional<std::string> find_fault(const list_operations& x);
std::optional<std::string> find_fault(const get_history& x);
std::optional<std::string> find_fault(const watch_transitions& x);
std::optional<std::string> find_fault(const await_terminal& x);

/// What a store could not have written.
std::optional<std::string> find_fault(const operation_record& x);

} // namespace waybill
