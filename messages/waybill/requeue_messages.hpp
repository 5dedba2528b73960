// An operator's wish that calls are tried again which are parked or failed.
//
//   request   reply           what it does
//   requeue   requeue_reply   each becomes a new operation with the old payload
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill {

struct requeue_reply;

/// Tries calls again that are parked or failed and still have their payloads.
/// The old operation stays as it is. Its successor is a new one, which gets the
/// payload, the root's idempotency key and the old call's place in its order
/// key; it has no `due`, and attempts from 1 on. Each of them is done or
/// refused for itself, all of them in one transaction. Asked again, it is
/// answered with the successor that there is.
struct requeue {
  /// 1 to `limits::max_acted_on`.
  std::vector<tracked_operation_id> ids;
  /// The successor's id, if `ids` has one only; none means a new one.
  std::optional<tracked_operation_id> as = std::nullopt;
  /// Why; the old operation's history has it. At most `limits::max_last_error`
  /// bytes.
  std::optional<std::string> reason = std::nullopt;
  std::optional<operator_act> act = std::nullopt;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline = std::nullopt;

  bool operator==(const requeue&) const = default;
  using reply = requeue_reply;
  static constexpr const char* type_name = "requeue";
  static constexpr auto fields() {
    using self = requeue;
    return std::tuple{field{"ids", &self::ids}, field{"as", &self::as},
                      field{"reason", &self::reason}, field{"act", &self::act},
                      field{"deadline", &self::deadline}};
  }
};

/// What became of one of them. All but the first change nothing.
enum class requeue_outcome : std::uint8_t {
  requeued = 0,
  /// It has a successor from before; either of them may be purged.
  already_requeued = 1,
  /// The operation was never recorded, or is purged and had no successor that
  /// is remembered.
  not_found = 2,
  /// It has not finished: attempts follow by themselves.
  in_flight = 3,
  delivered = 4,
  discarded = 5,
  /// It is parked or failed, but its payload is kept no longer, or never was.
  no_payload = 6,
  /// No attempt may begin any more, as the sender has said.
  expired = 7,
  /// A bound of the target would be passed; the reason says which one.
  overloaded = 8,
  /// There is an operation with the id that its successor was to have, or one
  /// that was purged is remembered.
  id_is_taken = 9,
};
inline constexpr int num_requeue_outcomes = 10;
std::string to_string(requeue_outcome x);
std::optional<requeue_outcome>
parse_requeue_outcome(std::string_view text) noexcept;

struct requeue_result {
  tracked_operation_id id;
  requeue_outcome outcome = requeue_outcome::not_found;
  /// If it is requeued, now or from before.
  std::optional<tracked_operation_id> successor = std::nullopt;
  /// Of a successor that is new: the target, and the key of its order.
  std::optional<std::string> target = std::nullopt;
  std::optional<std::string> order_key = std::nullopt;
  /// Which bound it is, if it was refused for one.
  std::optional<std::string> reason = std::nullopt;

  bool operator==(const requeue_result&) const = default;
  static constexpr const char* type_name = "requeue_result";
  static constexpr auto fields() {
    using self = requeue_result;
    return std::tuple{field{"id", &self::id},
                      field{"outcome", &self::outcome},
                      field{"successor", &self::successor},
                      field{"target", &self::target},
                      field{"order_key", &self::order_key},
                      field{"reason", &self::reason}};
  }
};

struct requeue_reply {
  /// One for each id, in the same order.
  std::vector<requeue_result> results;

  bool operator==(const requeue_reply&) const = default;
  static constexpr const char* type_name = "requeue_reply";
  static constexpr auto fields() {
    return std::tuple{field{"results", &requeue_reply::results}};
  }
};

/// Says what is wrong with a request; see `messages.hpp`.
std::optional<std::string> find_fault(const requeue& x);

} // namespace waybill
