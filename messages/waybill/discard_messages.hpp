// An operator's wish that operations are given up.
//
//   request        reply           what it does
//   discard_many   discard_reply   each becomes Discarded, or keeps no payload
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "waybill/messages.hpp"

namespace waybill {

struct discard_reply;

/// Gives operations up. What is in flight becomes `Discarded`, and its call
/// goes: an attempt that is running is not interrupted, but none follows it.
/// What is parked or failed stays so, but its payload is kept no longer. Each
/// of them is done or left alone for itself, all of them in one transaction.
struct discard_many {
  /// 1 to `limits::max_acted_on`.
  std::vector<tracked_operation_id> ids = {};
  /// Why; recorded as the operations' last error, at most
  /// `limits::max_last_error` bytes. Must be there for several.
  std::optional<std::string> reason = std::nullopt;
  std::optional<operator_act> act = std::nullopt;
  /// See `record_enqueue::deadline`.
  std::optional<timestamp> deadline = std::nullopt;

  bool operator==(const discard_many&) const = default;
  using reply = discard_reply;
  static constexpr const char* type_name = "discard_many";
  static constexpr auto fields() {
    using self = discard_many;
    return std::tuple{field{"ids", &self::ids}, field{"reason", &self::reason},
                      field{"act", &self::act},
                      field{"deadline", &self::deadline}};
  }
};

/// What became of one of them.
enum class discard_outcome : std::uint8_t {
  /// It is `Discarded` now.
  applied = 0,
  /// It had finished before, and has no payload; nothing has changed.
  already_terminal = 1,
  /// The operation was never recorded, or is purged.
  not_found = 2,
  /// It had been parked or had failed, and stays so; its payload is gone now.
  payload_discarded = 3,
};
inline constexpr int num_discard_outcomes = 4;
std::string to_string(discard_outcome x);
std::optional<discard_outcome>
parse_discard_outcome(std::string_view text) noexcept;

struct discard_result {
  tracked_operation_id id;
  discard_outcome outcome = discard_outcome::not_found;
  /// Of one that had finished before: how.
  std::optional<tracking_status> status = std::nullopt;
  /// Of one that had a call: whom it was for.
  std::optional<std::string> target = std::nullopt;

  bool operator==(const discard_result&) const = default;
  static constexpr const char* type_name = "discard_result";
  static constexpr auto fields() {
    using self = discard_result;
    return std::tuple{field{"id", &self::id}, field{"outcome", &self::outcome},
                      field{"status", &self::status},
                      field{"target", &self::target}};
  }
};

struct discard_reply {
  /// One for each id, in the same order.
  std::vector<discard_result> results;

  bool operator==(const discard_reply&) const = default;
  static constexpr const char* type_name = "discard_reply";
  static constexpr auto fields() {
    return std::tuple{field{"results", &discard_reply::results}};
  }
};

/// Says what is wrong with a request; see `messages.hpp`.
std::optional<std::string> find_fault(const discard_many& x);

} // namespace waybill
