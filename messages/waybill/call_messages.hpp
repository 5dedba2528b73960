// The calls that a store keeps: what a store-and-forward actor tells the
// tracker about them. Not for hosts.
//
//   request       reply          what it does
//   open_target   target_reply   begin to work for a target, after a crash too
//   get_target    target_reply   how much is kept for it
//   take_call     take_reply     keep a call, and record its operation
//   begin_call    begin_reply    an attempt begins: hand the payload out
//   retry_call    update_reply   it has ended, another one follows
//   end_call      update_reply   it has ended, and none follows
//   find_calls    find_reply     the calls that wait, in the order of taking
//   find_due      find_reply     those that wait for a time, in its order
//   find_keyed    find_reply     the call whose turn it is with an order key
//
// A call is kept with its operation, whose number `seq` is the call's too. Each
// attempt has a number, from 1: a report that names another one than the call
// is at comes too late, and changes nothing. Repeating a request is harmless.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "waybill/forward_messages.hpp"
#include "waybill/pause_messages.hpp"

namespace waybill {

struct target_reply;
struct take_reply;
struct begin_reply;
struct find_reply;

// -- what they are about ------------------------------------------------------

/// How much of a target's may be kept, and in which order. Past it calls are
/// refused, and never dropped.
struct target_bounds {
  /// Calls that are on their way, and the bytes of their payloads.
  std::int64_t max_calls = 1'000'000;
  std::int64_t max_bytes = std::int64_t{1} << 30;
  /// Parked and failed ones: when this much is kept, no call is taken. One that
  /// was taken before is kept all the same.
  std::int64_t max_kept_calls = 1'000'000;
  std::int64_t max_kept_bytes = std::int64_t{1} << 30;
  /// Bytes of a payload, up to `limits::max_payload`.
  std::int64_t max_payload = std::int64_t{1} << 20;
  /// Whether a call that is parked or failed keeps its order key for as long as
  /// its payload is kept.
  bool kept_block = false;

  bool operator==(const target_bounds&) const = default;
  static constexpr const char* type_name = "target_bounds";
  static constexpr auto fields() {
    using self = target_bounds;
    return std::tuple{field{"max_calls", &self::max_calls},
                      field{"max_bytes", &self::max_bytes},
                      field{"max_kept_calls", &self::max_kept_calls},
                      field{"max_kept_bytes", &self::max_kept_bytes},
                      field{"max_payload", &self::max_payload},
                      field{"kept_block", &self::kept_block}};
  }
};

/// All that is known of a call without its payload.
struct call_head {
  std::int64_t seq = 0;
  tracked_operation_id id;
  /// The number of the attempt that is next, or has begun.
  std::int32_t attempt = 1;
  /// How many of its attempts a crash has ended.
  std::int32_t interruptions = 0;
  /// When the next attempt may begin; none means now.
  std::optional<timestamp> due = std::nullopt;
  /// See `forward_call`.
  std::optional<timestamp> expires = std::nullopt;
  std::int32_t priority = 1;
  std::optional<std::string> order_key = std::nullopt;
  /// Of the payload.
  std::int64_t bytes = 0;
  /// Whether it is one that is tried again: it may come before calls with its
  /// order key that have lower numbers.
  bool requeued = false;

  bool operator==(const call_head&) const = default;
  static constexpr const char* type_name = "call_head";
  static constexpr auto fields() {
    using self = call_head;
    return std::tuple{field{"seq", &self::seq},
                      field{"id", &self::id},
                      field{"attempt", &self::attempt},
                      field{"interruptions", &self::interruptions},
                      field{"due", &self::due},
                      field{"expires", &self::expires},
                      field{"priority", &self::priority},
                      field{"order_key", &self::order_key},
                      field{"bytes", &self::bytes},
                      field{"requeued", &self::requeued}};
  }
};

// -- requests -----------------------------------------------------------------

/// Begins to work for a target: what had begun when the process died has been
/// interrupted. That uses the attempt up and is a transition to `Retrying` with
/// its number; a call that was interrupted `max_interruptions` times is
/// `Parked`. The bounds hold until the target is opened again, or the store.
/// Refused with `overloaded` if there are `limits::max_targets` others.
struct open_target {
  /// 1 to `limits::max_target` bytes.
  std::string target;
  target_bounds bounds;
  std::int32_t max_interruptions = 3;
  /// Calls whose attempts go on, because only the tracker has died: their
  /// `seq`.
  std::vector<std::int64_t> under_way;

  bool operator==(const open_target&) const = default;
  using reply = target_reply;
  static constexpr const char* type_name = "open_target";
  static constexpr auto fields() {
    using self = open_target;
    return std::tuple{field{"target", &self::target},
                      field{"bounds", &self::bounds},
                      field{"max_interruptions", &self::max_interruptions},
                      field{"under_way", &self::under_way}};
  }
};

/// Asks how much is kept for a target that was opened.
struct get_target {
  std::string target;

  bool operator==(const get_target&) const = default;
  using reply = target_reply;
  static constexpr const char* type_name = "get_target";
  static constexpr auto fields() {
    return std::tuple{field{"target", &get_target::target}};
  }
};

/// Records the operation of a call, if it is new, and keeps the call. An
/// `invalid_request` if the target has not been opened, if the payload is
/// longer than the target's may be, or if the call is kept for another target.
struct take_call {
  std::string target;
  forward_call call;
  /// Its first attempt begins with that, unless an earlier call has its order
  /// key, or the target is paused.
  bool begin = false;
  /// The operation whose id the target gets as the idempotency key; none means
  /// this one.
  std::optional<tracked_operation_id> root = std::nullopt;
  /// How the payload is encoded; for who decodes it.
  std::optional<std::string> codec = std::nullopt;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline = std::nullopt;

  bool operator==(const take_call&) const = default;
  using reply = take_reply;
  static constexpr const char* type_name = "take_call";
  static constexpr auto fields() {
    using self = take_call;
    return std::tuple{
      field{"target", &self::target}, field{"call", &self::call},
      field{"begin", &self::begin},   field{"root", &self::root},
      field{"codec", &self::codec},   field{"deadline", &self::deadline}};
  }
};

/// Attempt number `attempt` of a call that waits begins: if the process dies,
/// it is used up. It does not begin while an earlier call with the same order
/// key is kept that has not finished, nor while the target is paused.
struct begin_call {
  std::int64_t seq = 0;
  tracked_operation_id id;
  std::int32_t attempt = 1;

  bool operator==(const begin_call&) const = default;
  using reply = begin_reply;
  static constexpr const char* type_name = "begin_call";
  static constexpr auto fields() {
    using self = begin_call;
    return std::tuple{field{"seq", &self::seq}, field{"id", &self::id},
                      field{"attempt", &self::attempt}};
  }
};

/// Attempt number `attempt`, which had begun, has failed: the operation is
/// `Retrying` with that count, and the call waits for the next one.
///
/// Answered `applied` if the call is past that attempt already, `not_found`
/// also if the attempt has never begun or there is no such call.
struct retry_call {
  std::int64_t seq = 0;
  tracked_operation_id id;
  std::int32_t attempt = 1;
  /// When the next one may begin; none means now.
  std::optional<timestamp> due = std::nullopt;
  /// See `record_attempt`.
  std::optional<std::string> last_error = std::nullopt;
  std::optional<std::int32_t> http_status = std::nullopt;

  bool operator==(const retry_call&) const = default;
  using reply = update_reply;
  static constexpr const char* type_name = "retry_call";
  static constexpr auto fields() {
    using self = retry_call;
    return std::tuple{field{"seq", &self::seq},
                      field{"id", &self::id},
                      field{"attempt", &self::attempt},
                      field{"due", &self::due},
                      field{"last_error", &self::last_error},
                      field{"http_status", &self::http_status}};
  }
};

/// No attempt follows number `attempt`, whether that has begun or not: the
/// operation is finished. A call that is `Delivered` or `Discarded` is not kept
/// any more, one that is `Parked` or `Failed` is.
///
/// Answered `not_found` also if the call is not at that attempt, or there is no
/// such call.
struct end_call {
  std::int64_t seq = 0;
  tracked_operation_id id;
  std::int32_t attempt = 1;
  tracking_status status = tracking_status::delivered;
  /// See `record_terminal`.
  std::optional<std::string> last_error = std::nullopt;
  std::optional<std::int32_t> http_status = std::nullopt;

  bool operator==(const end_call&) const = default;
  using reply = update_reply;
  static constexpr const char* type_name = "end_call";
  static constexpr auto fields() {
    using self = end_call;
    return std::tuple{field{"seq", &self::seq},
                      field{"id", &self::id},
                      field{"attempt", &self::attempt},
                      field{"status", &self::status},
                      field{"last_error", &self::last_error},
                      field{"http_status", &self::http_status}};
  }
};

/// Asks for the calls of a target that wait and could begin now, in the order
/// in which they were taken.
struct find_calls {
  std::string target;
  /// Only those behind this one: a `seq`, or `find_reply::cursor`.
  std::int64_t after = 0;
  /// How many; 1 to `limits::max_found_calls`.
  std::int32_t limit = 1'000;
  /// How many calls of any target are looked at for that; 1 to
  /// `limits::max_scanned_calls`.
  std::int32_t max_scanned = 100'000;

  bool operator==(const find_calls&) const = default;
  using reply = find_reply;
  static constexpr const char* type_name = "find_calls";
  static constexpr auto fields() {
    using self = find_calls;
    return std::tuple{field{"target", &self::target},
                      field{"after", &self::after},
                      field{"limit", &self::limit},
                      field{"max_scanned", &self::max_scanned}};
  }
};

/// Asks for the calls of a target that wait for a time, the first due first.
/// Those whose time has come are among them, and among `find_calls` too.
struct find_due {
  std::string target;
  /// How many; 1 to `limits::max_found_calls`.
  std::int32_t limit = 1'000;

  bool operator==(const find_due&) const = default;
  using reply = find_reply;
  static constexpr const char* type_name = "find_due";
  static constexpr auto fields() {
    return std::tuple{field{"target", &find_due::target},
                      field{"limit", &find_due::limit}};
  }
};

/// Asks for the call that comes first of those with an order key, if it waits;
/// it may wait for a time. None is found while an earlier one has begun.
struct find_keyed {
  std::string target;
  std::string order_key;

  bool operator==(const find_keyed&) const = default;
  using reply = find_reply;
  static constexpr const char* type_name = "find_keyed";
  static constexpr auto fields() {
    return std::tuple{field{"target", &find_keyed::target},
                      field{"order_key", &find_keyed::order_key}};
  }
};

// -- replies ------------------------------------------------------------------

struct target_reply {
  /// The store's number for the target.
  std::int64_t number = 0;
  /// Calls that are on their way, and the bytes of their payloads.
  std::int64_t calls = 0;
  std::int64_t bytes = 0;
  /// Parked and failed ones that are kept.
  std::int64_t kept_calls = 0;
  std::int64_t kept_bytes = 0;
  /// What opening the target has interrupted and waits again. Repeated, it
  /// finds none.
  std::vector<call_head> interrupted;
  /// How many were interrupted once too often.
  std::int64_t parked = 0;
  /// What pauses the target, if anything does.
  std::optional<target_pause> pause = std::nullopt;

  bool operator==(const target_reply&) const = default;
  static constexpr const char* type_name = "target_reply";
  static constexpr auto fields() {
    using self = target_reply;
    return std::tuple{field{"number", &self::number},
                      field{"calls", &self::calls},
                      field{"bytes", &self::bytes},
                      field{"kept_calls", &self::kept_calls},
                      field{"kept_bytes", &self::kept_bytes},
                      field{"interrupted", &self::interrupted},
                      field{"parked", &self::parked},
                      field{"pause", &self::pause}};
  }
};

/// What `take_call` found.
enum class take_outcome : std::uint8_t {
  /// The operation is new, and the call is kept.
  taken = 0,
  /// The operation was in flight without a call, and has this one now; it goes
  /// on with the operation's attempts.
  attached = 1,
  /// The call is kept already, as its head says; nothing changed.
  known = 2,
  /// The operation has finished before; nothing changed.
  already_terminal = 3,
  /// A bound of the target would be passed; nothing changed. An answer, and no
  /// error, for it may rest on what is not committed yet.
  refused = 4,
  /// The operation has finished before and was purged, and is remembered;
  /// nothing changed.
  duplicate = 5,
};
inline constexpr int num_take_outcomes = 6;
std::string to_string(take_outcome x);

struct take_reply {
  take_outcome outcome = take_outcome::taken;
  /// The call as it stands, if it is kept.
  call_head head = {};
  /// Whether its attempt has begun, by whomever.
  bool begun = false;
  /// Which bound it is, if it was refused.
  std::string reason = {};
  /// Of a `duplicate`: what it was.
  std::optional<purged_operation> purged = std::nullopt;

  bool operator==(const take_reply&) const = default;
  static constexpr const char* type_name = "take_reply";
  static constexpr auto fields() {
    return std::tuple{field{"outcome", &take_reply::outcome},
                      field{"head", &take_reply::head},
                      field{"begun", &take_reply::begun},
                      field{"reason", &take_reply::reason},
                      field{"purged", &take_reply::purged}};
  }
};

struct begin_reply {
  /// False if there is no such call, if it does not wait, or for another
  /// attempt; then the rest says nothing.
  bool begun = false;
  /// It waits for that attempt, but an earlier call has its order key.
  bool blocked = false;
  /// It waits for that attempt, but the target is paused.
  bool paused = false;
  /// As it was taken; `due` is that of this attempt.
  forward_call call;
  /// See `take_call`.
  std::optional<tracked_operation_id> root = std::nullopt;
  std::optional<std::string> codec = std::nullopt;

  bool operator==(const begin_reply&) const = default;
  static constexpr const char* type_name = "begin_reply";
  static constexpr auto fields() {
    using self = begin_reply;
    return std::tuple{
      field{"begun", &self::begun},   field{"blocked", &self::blocked},
      field{"paused", &self::paused}, field{"call", &self::call},
      field{"root", &self::root},     field{"codec", &self::codec}};
  }
};

struct find_reply {
  std::vector<call_head> heads;
  /// Where to go on, as `find_calls::after`.
  std::int64_t cursor = 0;
  /// Whether there are no more for now.
  bool complete = false;

  bool operator==(const find_reply&) const = default;
  static constexpr const char* type_name = "find_reply";
  static constexpr auto fields() {
    return std::tuple{field{"heads", &find_reply::heads},
                      field{"cursor", &find_reply::cursor},
                      field{"complete", &find_reply::complete}};
  }
};

// -- checks -------------------------------------------------------------------

/// Says what is wrong with a request; see `messages.hpp`.
std::optional<std::string> find_fault(const open_target& x);
std::optional<std::string> find_fault(const get_target& x);
std::optional<std::string> find_fault(const take_call& x);
std::optional<std::string> find_fault(const begin_call& x);
std::optional<std::string> find_fault(const retry_call& x);
std::optional<std::string> find_fault(const end_call& x);
std::optional<std::string> find_fault(const find_calls& x);
std::optional<std::string> find_fault(const find_due& x);
std::optional<std::string> find_fault(const find_keyed& x);

} // namespace waybill
