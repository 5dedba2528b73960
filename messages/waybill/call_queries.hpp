// Questions about calls that a store keeps, and about the targets they are for.
//
//   request        reply           what it tells
//   get_call       call_reply      an operation, and its call if it has one
//   get_payload    payload_reply   what a call sends, or why it is not there
//   list_targets   targets_reply   how much waits for each target, and how much
//                                  may
//
// None of them changes anything, so that an error always means `refused`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill {

struct call_reply;
struct payload_reply;
struct targets_reply;

// -- calls --------------------------------------------------------------------

/// Where a call stands. The numbers are stored in files; they never change.
enum class call_state : std::uint8_t {
  /// It waits for its next attempt.
  waiting = 0,
  /// An attempt has begun: it is under way, or a crash has ended it and nobody
  /// has taken note of that yet.
  begun = 1,
  /// It is parked or failed, and its payload is kept.
  kept = 2,
};
inline constexpr int num_call_states = 3;
std::string to_string(call_state x);
std::optional<call_state> parse_call_state(std::string_view text) noexcept;

/// What is kept of a call besides its operation, without the payload.
struct call_snapshot {
  /// The target's name; see `forward_options::target`.
  std::string target;
  call_state state = call_state::waiting;
  /// The number of the attempt that is next, or has begun; of a call that is
  /// kept the last one.
  std::int32_t attempt = 1;
  /// How many of its attempts a crash has ended.
  std::int32_t interruptions = 0;
  /// When the next attempt may begin; none means at once.
  std::optional<timestamp> due = std::nullopt;
  /// See `forward_call`.
  std::optional<timestamp> expires = std::nullopt;
  std::int32_t priority = 1;
  std::optional<std::string> order_key = std::nullopt;
  /// The id that the target knows the call by; none means the operation's.
  std::optional<tracked_operation_id> root = std::nullopt;
  /// Of the payload.
  std::int64_t bytes = 0;

  bool operator==(const call_snapshot&) const = default;
  static constexpr const char* type_name = "call_snapshot";
  static constexpr auto fields() {
    using self = call_snapshot;
    return std::tuple{field{"target", &self::target},
                      field{"state", &self::state},
                      field{"attempt", &self::attempt},
                      field{"interruptions", &self::interruptions},
                      field{"due", &self::due},
                      field{"expires", &self::expires},
                      field{"priority", &self::priority},
                      field{"order_key", &self::order_key},
                      field{"root", &self::root},
                      field{"bytes", &self::bytes}};
  }
};

/// Asks for an operation and its call.
struct get_call {
  tracked_operation_id id;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_call&) const = default;
  using reply = call_reply;
  static constexpr const char* type_name = "get_call";
  static constexpr auto fields() {
    return std::tuple{field{"id", &get_call::id},
                      field{"deadline", &get_call::deadline}};
  }
};

/// What an operation has to do with others whose calls were tried again; see
/// `requeue`.
struct requeue_link {
  /// Which operation this one is the successor of; none if it is of none, or
  /// that one is purged.
  std::optional<tracked_operation_id> requeue_of = std::nullopt;
  /// Its own successor; that may be purged.
  std::optional<tracked_operation_id> requeued_as = std::nullopt;
  /// The first of them all: the target knows the call by its id.
  std::optional<tracked_operation_id> root = std::nullopt;
  /// How many come before it; 0 for the first.
  std::int32_t generation = 0;

  bool operator==(const requeue_link&) const = default;
  static constexpr const char* type_name = "requeue_link";
  static constexpr auto fields() {
    using self = requeue_link;
    return std::tuple{field{"requeue_of", &self::requeue_of},
                      field{"requeued_as", &self::requeued_as},
                      field{"root", &self::root},
                      field{"generation", &self::generation}};
  }
};

/// As committed at one moment.
struct call_reply {
  /// None: never recorded, or purged.
  std::optional<tracking_status_snapshot> snapshot;
  /// None: it has none, or none any more.
  std::optional<call_snapshot> call;
  /// None: it was not requeued, and is not what another one was requeued as.
  std::optional<requeue_link> requeue = std::nullopt;
  /// See `status_reply`.
  std::optional<purged_operation> purged = std::nullopt;

  bool operator==(const call_reply&) const = default;
  static constexpr const char* type_name = "call_reply";
  static constexpr auto fields() {
    return std::tuple{field{"snapshot", &call_reply::snapshot},
                      field{"call", &call_reply::call},
                      field{"requeue", &call_reply::requeue},
                      field{"purged", &call_reply::purged}};
  }
};

// -- payloads -----------------------------------------------------------------

/// Asks for the payload of a call.
struct get_payload {
  tracked_operation_id id;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const get_payload&) const = default;
  using reply = payload_reply;
  static constexpr const char* type_name = "get_payload";
  static constexpr auto fields() {
    return std::tuple{field{"id", &get_payload::id},
                      field{"deadline", &get_payload::deadline}};
  }
};

/// Whether a payload is there, and why not.
enum class payload_outcome : std::uint8_t {
  found = 0,
  /// The operation was never recorded, or is purged.
  not_found = 1,
  /// The payload, if there was one, went when the call was delivered.
  delivered = 2,
  /// It went when the operation was given up.
  discarded = 3,
  /// The operation was recorded without a call.
  never_kept = 4,
  /// Its successor has it.
  requeued = 5,
};
inline constexpr int num_payload_outcomes = 6;
std::string to_string(payload_outcome x);
std::optional<payload_outcome>
parse_payload_outcome(std::string_view text) noexcept;

struct payload_reply {
  payload_outcome outcome = payload_outcome::not_found;
  /// How the host has encoded it; none: not at all. Only the host can decode
  /// it.
  std::optional<std::string> codec;
  /// Its bytes as they are stored; none if there is no payload. What is not
  /// UTF-8 in them is lost in JSON.
  std::optional<std::string> payload;

  bool operator==(const payload_reply&) const = default;
  static constexpr const char* type_name = "payload_reply";
  static constexpr auto fields() {
    return std::tuple{field{"outcome", &payload_reply::outcome},
                      field{"codec", &payload_reply::codec},
                      field{"payload", &payload_reply::payload}};
  }
};

// -- targets ------------------------------------------------------------------

/// What is kept for a target, and how much may be.
struct target_snapshot {
  std::string name;
  /// Calls that are on their way: those that could begin now, those that wait
  /// for a time, those of which an attempt has begun.
  std::int64_t calls = 0;
  std::int64_t due = 0;
  std::int64_t scheduled = 0;
  std::int64_t begun = 0;
  /// Bytes of their payloads.
  std::int64_t bytes = 0;
  /// Parked and failed ones whose payloads are kept.
  std::int64_t kept_calls = 0;
  std::int64_t kept_bytes = 0;
  /// The bounds that its actor was last started with; none if that was before
  /// stores kept them.
  std::optional<std::int64_t> max_calls = std::nullopt;
  std::optional<std::int64_t> max_bytes = std::nullopt;
  std::optional<std::int64_t> max_kept_calls = std::nullopt;
  std::optional<std::int64_t> max_kept_bytes = std::nullopt;
  /// When the first of those that wait for a time is due.
  std::optional<timestamp> next_due = std::nullopt;
  /// When the operation of the call that was taken first, of those on their
  /// way, was recorded.
  std::optional<timestamp> oldest = std::nullopt;
  /// Which bound is reached, so that no call is taken.
  std::optional<std::string> full = std::nullopt;
  /// Since when an operator has paused it, who, and why; none if none has.
  std::optional<timestamp> paused_since = std::nullopt;
  std::optional<std::string> paused_by = std::nullopt;
  std::optional<std::string> pause_reason = std::nullopt;

  bool operator==(const target_snapshot&) const = default;
  static constexpr const char* type_name = "target_snapshot";
  static constexpr auto fields() {
    using self = target_snapshot;
    return std::tuple{field{"name", &self::name},
                      field{"calls", &self::calls},
                      field{"due", &self::due},
                      field{"scheduled", &self::scheduled},
                      field{"begun", &self::begun},
                      field{"bytes", &self::bytes},
                      field{"kept_calls", &self::kept_calls},
                      field{"kept_bytes", &self::kept_bytes},
                      field{"max_calls", &self::max_calls},
                      field{"max_bytes", &self::max_bytes},
                      field{"max_kept_calls", &self::max_kept_calls},
                      field{"max_kept_bytes", &self::max_kept_bytes},
                      field{"next_due", &self::next_due},
                      field{"oldest", &self::oldest},
                      field{"full", &self::full},
                      field{"paused_since", &self::paused_since},
                      field{"paused_by", &self::paused_by},
                      field{"pause_reason", &self::pause_reason}};
  }
};

/// Asks for all targets of a store.
struct list_targets {
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline;

  bool operator==(const list_targets&) const = default;
  using reply = targets_reply;
  static constexpr const char* type_name = "list_targets";
  static constexpr auto fields() {
    return std::tuple{field{"deadline", &list_targets::deadline}};
  }
};

struct targets_reply {
  /// In the order in which they were opened first.
  std::vector<target_snapshot> targets;

  bool operator==(const targets_reply&) const = default;
  static constexpr const char* type_name = "targets_reply";
  static constexpr auto fields() {
    return std::tuple{field{"targets", &targets_reply::targets}};
  }
};

// -- checks -------------------------------------------------------------------

/// Says what is wrong with a request; see `messages.hpp`.
std::optional<std::string> find_fault(const get_call& x);
std::optional<std::string> find_fault(const get_payload& x);
std::optional<std::string> find_fault(const list_targets& x);

} // namespace waybill
