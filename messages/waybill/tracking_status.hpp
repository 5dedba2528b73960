// The states of a tracked operation and the words for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waybill {

/// Where an operation stands:
/// `Submitted -> Retrying -> Delivered | Parked | Failed | Discarded`.
/// The numbers are stored in files and sent between nodes; they never change.
enum class tracking_status : std::uint8_t {
  /// Recorded, no attempt has failed yet.
  submitted = 0,
  /// At least one attempt failed; more will follow.
  retrying = 1,
  /// The external system took the call. Terminal.
  delivered = 2,
  /// All attempts are used up. Terminal; an operator may look into it.
  parked = 3,
  /// A permanent error: another attempt would fail as well. Terminal.
  failed = 4,
  /// An operator gave the operation up. Terminal.
  discarded = 5,
};

/// The number of statuses.
inline constexpr int num_tracking_statuses = 6;

/// True for one of the enumerators; a value from another node may be none.
constexpr bool is_valid(tracking_status s) noexcept {
  return static_cast<std::uint8_t>(s) < num_tracking_statuses;
}

/// True for `delivered`, `parked`, `failed` and `discarded`: final.
constexpr bool is_terminal(tracking_status s) noexcept {
  return is_valid(s) && s >= tracking_status::delivered;
}

/// True for `submitted` and `retrying`.
constexpr bool is_in_flight(tracking_status s) noexcept {
  return s < tracking_status::delivered;
}

/// `Submitted`, `Retrying`, `Delivered`, `Parked`, `Failed` or `Discarded`; for
/// a value that is no status, `invalid(N)`.
std::string to_string(tracking_status s);

/// Reads exactly what `to_string` writes; case matters.
std::optional<tracking_status>
parse_tracking_status(std::string_view text) noexcept;

} // namespace waybill
