// What follows an attempt, and how it is reported.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "waybill/forward_messages.hpp"
#include "waybill/forward_options.hpp"
#include "waybill/text.hpp"

namespace waybill {

/// The status that a call ends in after attempt number `attempt`; none if
/// another one follows.
inline std::optional<tracking_status> end_after(const forward_options& x,
                                                std::int64_t attempt,
                                                const delivery_result& result) {
  using kind = delivery_result::kind;
  switch (result.what) {
    case kind::delivered:
      return tracking_status::delivered;
    case kind::permanent:
      return tracking_status::failed;
    default:
      if (attempt >= x.max_attempts)
        return tracking_status::parked;
      return std::nullopt;
  }
}

/// How long the next attempt waits: for the backoff, or for longer if the
/// target asks for it, up to `max_retry_after`.
/// @param random from 0 to 1.
inline std::chrono::milliseconds wait_after(const forward_options& x,
                                            std::int64_t attempt,
                                            const delivery_result& result,
                                            double random) {
  const auto wait = backoff(x, attempt, random);
  return std::max(wait, std::min(result.retry_after.value_or(wait),
                                 x.max_retry_after));
}

/// Says that attempt number `attempt` has failed and another one follows.
inline record_attempt retry_report(const tracked_operation_id& id,
                                   std::int64_t attempt,
                                   const delivery_result& result) {
  return {.id = id,
          .status = tracking_status::retrying,
          .retry_count = static_cast<std::int32_t>(attempt),
          .last_error = result.error,
          .http_status = result.http_status,
          .deadline = std::nullopt};
}

/// To at most `cap` bytes.
inline void shorten(std::optional<std::string>& text, std::int64_t cap) {
  if (text)
    text = truncate_utf8(*text, static_cast<std::size_t>(cap));
}

inline record_terminal
end_report(const tracked_operation_id& id, tracking_status status,
           std::optional<std::string> last_error,
           std::optional<std::int32_t> http_status = std::nullopt) {
  return {.id = id,
          .status = status,
          .last_error = std::move(last_error),
          .http_status = http_status,
          .deadline = std::nullopt};
}

} // namespace waybill
