// The requests and replies of a store-and-forward actor.
//
//   request        reply           what it does
//   forward_call   forward_reply   keep a call and see it through; several in
//                                  a message: forward_bundle.hpp
//   discard        update_reply    give an operation up (an operator's wish)
//   pause_target   pause_reply     begin no attempts; pause_messages.hpp
//   resume_target  pause_reply     begin them again
//   get_backlog    backlog_reply   how much work is waiting
//   shut_down                      end
//
// and what a target's function answers it: delivery_result.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/pause_messages.hpp"

namespace waybill {

struct forward_reply;
struct backlog_reply;
struct backlogs_reply;

/// A call to an external system, to be tracked and delivered. Its first six
/// fields are recorded as in `record_enqueue`.
struct forward_call {
  tracked_operation_id id;
  std::string kind;
  std::optional<std::string> target_summary;
  std::optional<std::string> source_instance_id;
  std::optional<std::string> source_script;
  std::optional<std::string> source_node;
  /// What `deliver` gets to send; any bytes, at most
  /// `forward_options::max_payload`. The store keeps it until the operation is
  /// `Delivered` or `Discarded`.
  std::string payload;
  /// No attempt begins before this.
  std::optional<timestamp> due = std::nullopt;
  /// No attempt begins after this: the operation is `Discarded` then.
  std::optional<timestamp> expires = std::nullopt;
  /// 0 to 3, the higher the more urgent; none means 1. It counts among calls
  /// that are in memory (`forward_options::max_heads`).
  std::optional<std::int32_t> priority = std::nullopt;
  /// Calls with the same key are delivered in the order in which they were
  /// taken; at most `limits::max_order_key` bytes.
  std::optional<std::string> order_key = std::nullopt;

  bool operator==(const forward_call&) const = default;
  using reply = forward_reply;
  static constexpr const char* type_name = "forward_call";
  static constexpr auto fields() {
    using self = forward_call;
    return std::tuple{field{"id", &self::id},
                      field{"kind", &self::kind},
                      field{"target_summary", &self::target_summary},
                      field{"source_instance_id", &self::source_instance_id},
                      field{"source_script", &self::source_script},
                      field{"source_node", &self::source_node},
                      field{"payload", &self::payload},
                      field{"due", &self::due},
                      field{"expires", &self::expires},
                      field{"priority", &self::priority},
                      field{"order_key", &self::order_key}};
  }
};

/// What became of a `forward_call`.
enum class forward_outcome : std::uint8_t {
  /// Operation and payload are durable, now or from before; attempts will
  /// follow until it is terminal, also after a crash.
  accepted = 0,
  /// This actor has the same id in memory already; nothing changed.
  already_accepted = 1,
  /// The operation has finished before; it is not called again.
  already_terminal = 2,
  /// The operation has finished and was purged; it is not called again for as
  /// long as it is remembered (`duplicate_window`). The reply says what it was.
  duplicate = 3,
};
inline constexpr int num_forward_outcomes = 4;
std::string to_string(forward_outcome x);
std::optional<forward_outcome>
parse_forward_outcome(std::string_view text) noexcept;

struct forward_reply {
  forward_outcome outcome = forward_outcome::accepted;
  /// Of a `duplicate`: what it was.
  std::optional<purged_operation> purged = std::nullopt;

  bool operator==(const forward_reply&) const = default;
  static constexpr const char* type_name = "forward_reply";
  static constexpr auto fields() {
    return std::tuple{field{"outcome", &forward_reply::outcome},
                      field{"purged", &forward_reply::purged}};
  }
};

/// Gives an operation up: it becomes `Discarded` unless it is terminal already.
/// An attempt that is running is not interrupted, but none follows it. The
/// payload is kept no longer. Answered with `update_reply`.
struct discard {
  tracked_operation_id id;
  /// Why; recorded as the operation's last error.
  std::optional<std::string> reason;
  /// Who wants it; see `operator_act::who`.
  std::optional<std::string> who = std::nullopt;

  bool operator==(const discard&) const = default;
  using reply = update_reply;
  static constexpr const char* type_name = "discard";
  static constexpr auto fields() {
    return std::tuple{field{"id", &discard::id},
                      field{"reason", &discard::reason},
                      field{"who", &discard::who}};
  }
};

/// Asks how much work a store-and-forward actor has.
struct get_backlog {
  bool operator==(const get_backlog&) const = default;
  using reply = backlog_reply;
  static constexpr const char* type_name = "get_backlog";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Whether a target is left alone because its attempts fail.
enum class breaker_state : std::uint8_t {
  /// Attempts begin as they are due.
  closed = 0,
  /// None begins for a while.
  open = 1,
  /// One begins, or runs; how it ends decides.
  half_open = 2,
};
inline constexpr int num_breaker_states = 3;
std::string to_string(breaker_state x);
std::optional<breaker_state>
parse_breaker_state(std::string_view text) noexcept;

struct backlog_reply {
  /// The target's calls that are kept and not yet terminal, those below
  /// included.
  std::int64_t calls = 0;
  /// Calls that `deliver` is working on now.
  std::int64_t delivering = 0;
  /// Of those in memory: calls that wait for their next attempt's time.
  std::int64_t backing_off = 0;
  breaker_state breaker = breaker_state::closed;
  /// When an attempt may begin again, if the breaker is open.
  std::optional<timestamp> open_until = std::nullopt;
  /// Of those in memory: calls that are due but for the breaker, which is not
  /// closed, or for the pause.
  std::int64_t held_back = 0;
  /// What pauses the target, if anything does.
  std::optional<target_pause> pause = std::nullopt;
  /// `forward_options::max_rate`, as attempts a minute, rounded up; none means
  /// no limit.
  std::optional<std::int64_t> max_a_minute = std::nullopt;

  bool operator==(const backlog_reply&) const = default;
  static constexpr const char* type_name = "backlog_reply";
  static constexpr auto fields() {
    using self = backlog_reply;
    return std::tuple{field{"calls", &self::calls},
                      field{"delivering", &self::delivering},
                      field{"backing_off", &self::backing_off},
                      field{"breaker", &self::breaker},
                      field{"open_until", &self::open_until},
                      field{"held_back", &self::held_back},
                      field{"pause", &self::pause},
                      field{"max_a_minute", &self::max_a_minute}};
  }
};

/// Asks how much work each store-and-forward actor of a service has, and
/// whether its target is left alone. Asked of the service, by operators'
/// programs.
struct get_backlogs {
  bool operator==(const get_backlogs&) const = default;
  using reply = backlogs_reply;
  static constexpr const char* type_name = "get_backlogs";
  static constexpr auto fields() { return std::tuple{}; }
};

struct target_backlog {
  std::string target;
  backlog_reply backlog;

  bool operator==(const target_backlog&) const = default;
  static constexpr const char* type_name = "target_backlog";
  static constexpr auto fields() {
    return std::tuple{field{"target", &target_backlog::target},
                      field{"backlog", &target_backlog::backlog}};
  }
};

struct backlogs_reply {
  /// In the order in which the actors were started; those that have not
  /// answered are not among them.
  std::vector<target_backlog> backlogs;

  bool operator==(const backlogs_reply&) const = default;
  static constexpr const char* type_name = "backlogs_reply";
  static constexpr auto fields() {
    return std::tuple{field{"backlogs", &backlogs_reply::backlogs}};
  }
};

/// Ends the actor: it answers what it has taken, takes nothing more and lets go
/// of all it holds. Never answered.
struct shut_down {
  bool operator==(const shut_down&) const = default;
  static constexpr const char* type_name = "shut_down";
  static constexpr auto fields() { return std::tuple{}; }
};

/// How an attempt ended.
struct delivery_result {
  enum class kind : std::uint8_t {
    /// The target took the call.
    delivered = 0,
    /// It may work later: no connection, a time-out, 429, 503, …
    transient = 1,
    /// It will never work: 400, a constraint, …
    permanent = 2,
    /// Nobody knows whether the target took it: the answer never came.
    /// `forward_options::on_unknown` says what follows.
    unknown = 3,
  };

  kind what = kind::delivered;
  /// Why not; shown to whoever asks. Need not be valid UTF-8. Shortened to
  /// `forward_options::last_error_cap`.
  std::optional<std::string> error = std::nullopt;
  /// The answer's HTTP status, if the target speaks HTTP. Not recorded if it is
  /// not 100 to 599.
  std::optional<std::int32_t> http_status = std::nullopt;
  /// How long the target asked to be left alone (HTTP's Retry-After), at least;
  /// cut to `forward_options::max_retry_after`.
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;

  bool operator==(const delivery_result&) const = default;
  static constexpr const char* type_name = "delivery_result";
  static constexpr auto fields() {
    using self = delivery_result;
    return std::tuple{field{"what", &self::what}, field{"error", &self::error},
                      field{"http_status", &self::http_status},
                      field{"retry_after", &self::retry_after}};
  }
};

/// A call as its target gets to see it, in one attempt.
struct delivery : forward_call {
  /// What the target is to know the call by, in all of its attempts: it may see
  /// the call again, and can tell by that. It is the id of the operation that
  /// was handed over first, whichever one this attempt belongs to.
  tracked_operation_id idempotency_key;

  bool operator==(const delivery&) const = default;
};

/// Makes one attempt. Runs on a thread of its own and may block; up to
/// `max_concurrency` of them run at a time, so it must be safe to call from
/// several threads. An exception counts as `unknown`. It cannot be interrupted:
/// one that blocks for ever keeps its thread, and with it the actor system,
/// from ending. Give what it does a time limit.
///
/// That the attempt begins is durable before. If the process ends before its
/// end is durable, too, the target sees the call again: send it the
/// `idempotency_key`.
using deliver_function = std::function<delivery_result(const delivery& call)>;

/// Says what is wrong with a call; see `messages.hpp`.
std::optional<std::string> find_fault(const forward_call& x);
std::optional<std::string> find_fault(const discard& x);

/// The enqueue request that records `call`.
record_enqueue to_enqueue(const forward_call& call);

} // namespace waybill
