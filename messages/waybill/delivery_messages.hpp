// What a store-and-forward actor and the workers that deliver for it say.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "waybill/forward_messages.hpp"

namespace waybill {

/// How an attempt ended.
struct delivery_result {
  enum class kind : std::uint8_t {
    /// The target took the call.
    delivered = 0,
    /// It may work later: no connection, a time-out, 429, 503, …
    transient = 1,
    /// It will never work: 400, a constraint, …
    permanent = 2,
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

/// Make an attempt at `call`.
struct delivery_job {
  /// The worker's number, for the answer.
  std::int64_t worker = 0;
  forward_call call;

  static constexpr const char* type_name = "delivery_job";
  static constexpr auto fields() {
    return std::tuple{field{"worker", &delivery_job::worker},
                      field{"call", &delivery_job::call}};
  }
};

/// The attempt of worker number `worker` has ended.
struct delivery_done {
  std::int64_t worker = 0;
  delivery_result result;

  static constexpr const char* type_name = "delivery_done";
  static constexpr auto fields() {
    return std::tuple{field{"worker", &delivery_done::worker},
                      field{"result", &delivery_done::result}};
  }
};

} // namespace waybill
