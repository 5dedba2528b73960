// What can go wrong, and what it says about the request's fate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace waybill {

/// Error codes of requests, of the store and of the options. The numbers are
/// sent between nodes; they never change.
enum class errc : std::uint8_t {
  /// A field of the request is not acceptable; the text names it.
  invalid_request = 1,
  /// Too many requests or bytes are waiting; ask again later.
  overloaded = 2,
  /// The request's deadline passed before it was applied.
  deadline_passed = 3,
  /// The tracker has stopped or is stopping and did not apply the request.
  stopped = 4,
  /// Storage failed and the request was rolled back.
  not_stored = 5,
  /// Storage failed during COMMIT: the request may or may not be stored.
  /// Repeat it with the same id.
  outcome_unknown = 6,
  /// Another owner holds the file.
  store_locked = 7,
  /// The file cannot be opened: missing folder, no permission, no regular file.
  store_unavailable = 8,
  /// The file is not a waybill store.
  not_a_store = 9,
  /// A newer version of waybill wrote the file.
  newer_schema = 10,
  /// The file is damaged. Nothing in it is changed any more.
  store_corrupt = 11,
  /// The disk or the file's size limit is full.
  store_full = 12,
  /// An option is out of its range; the text names it and the range.
  invalid_options = 13,
  /// The tracker does not run (any more); whether it stored the request is
  /// not known. Repeat it with the same id.
  tracker_gone = 14,
  /// The tracker did not answer in time; whether it stored the request is not
  /// known. Repeat it with the same id.
  timed_out = 15,
};

/// The number of error codes; they count from 1.
inline constexpr int num_errcs = 15;

/// What an error says about the request that it answers.
enum class certainty : std::uint8_t {
  /// Not stored, and never will be.
  refused,
  /// May be stored. Repeat the request with the same id.
  unknown,
};

/// Which of the two `code` means. What a newer version means by a code that
/// this one does not know is unknown.
constexpr certainty certainty_of(errc code) noexcept {
  switch (code) {
    case errc::invalid_request:
    case errc::overloaded:
    case errc::deadline_passed:
    case errc::stopped:
    case errc::not_stored:
    case errc::store_locked:
    case errc::store_unavailable:
    case errc::not_a_store:
    case errc::newer_schema:
    case errc::store_corrupt:
    case errc::store_full:
    case errc::invalid_options:
      return certainty::refused;
    case errc::outcome_unknown:
    case errc::tracker_gone:
    case errc::timed_out:
      break;
  }
  return certainty::unknown;
}

/// The enumerator's name, for example `store_locked`; `invalid(N)` for a value
/// that is none.
std::string to_string(errc code);

/// Reads exactly what `to_string` writes for an enumerator.
std::optional<errc> parse_errc(std::string_view text) noexcept;

} // namespace waybill
