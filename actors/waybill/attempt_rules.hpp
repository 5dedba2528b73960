// What follows an attempt, and how it is reported.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "waybill/call_messages.hpp"
#include "waybill/delivery_messages.hpp"
#include "waybill/forward_options.hpp"
#include "waybill/text.hpp"

namespace waybill {

/// What begins the work for a target.
inline open_target open_request(const forward_options& x) {
  return {.target = x.target,
          .bounds = {.max_calls = x.max_calls,
                     .max_bytes = x.max_bytes,
                     .max_kept_calls = x.max_kept_calls,
                     .max_kept_bytes = x.max_kept_bytes,
                     .max_payload = x.max_payload,
                     .kept_block = x.on_park == after_end::block},
          .max_interruptions
          = x.on_unknown == after_doubt::park
              ? 1
              : static_cast<std::int32_t>(x.max_interruptions),
          .under_way = {}};
}

/// What an attempt is made with: a `take_call` or `begin_reply` that is not
/// needed any more. Without a root the operation's own id is the key.
template <class Source>
outgoing_call to_outgoing(Source& x) {
  const auto key = x.root.value_or(x.call.id);
  return {{std::move(x.call), key}, std::move(x.codec)};
}

/// How a call ends after which no attempt follows.
struct call_end {
  tracking_status status = tracking_status::parked;
  std::optional<std::string> reason;
  std::optional<std::int32_t> http_status = std::nullopt;
};

/// How a call ends after attempt number `attempt`; none if another one follows.
inline std::optional<call_end> end_after(const forward_options& x,
                                         std::int64_t attempt,
                                         const delivery_done& done) {
  using kind = delivery_result::kind;
  const auto& result = done.result;
  const auto end = [&result](tracking_status status) {
    return call_end{status, result.error, result.http_status};
  };
  if (!done.made)
    return end(tracking_status::parked);
  switch (result.what) {
    case kind::delivered:
      return end(tracking_status::delivered);
    case kind::permanent:
      return end(tracking_status::failed);
    default:
      if (result.what == kind::unknown && x.on_unknown == after_doubt::park)
        return end(tracking_status::parked);
      if (attempt >= x.max_attempts)
        return end(tracking_status::parked);
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

/// How long it is until `due`, by the host's clock. That of a repeated attempt
/// is no longer than the longest wait there is, should the clock have been set
/// back since.
inline std::chrono::milliseconds
wait_until(const forward_options& x, timestamp due, std::int64_t attempt) {
  using std::chrono::milliseconds;
  const auto wait
    = std::chrono::ceil<milliseconds>(due - x.clock.wall_or_system());
  const auto longest = attempt > 1 ? std::max(x.max_delay, x.max_retry_after)
                                   : milliseconds::max();
  return std::clamp(wait, milliseconds::zero(), longest);
}

/// How a call ends of which no attempt begins any more.
inline std::optional<call_end> find_end(const forward_options& x,
                                        const std::optional<timestamp>& expires,
                                        std::int64_t next_attempt) {
  if (expires && *expires <= x.clock.wall_or_system())
    return call_end{tracking_status::discarded,
                    "expired " + to_string(*expires)};
  if (next_attempt > x.max_attempts)
    return call_end{tracking_status::parked,
                    "no attempt is left of " + std::to_string(x.max_attempts)};
  return std::nullopt;
}

/// To at most `cap` bytes.
inline void shorten(std::optional<std::string>& text, std::int64_t cap) {
  if (text)
    text = truncate_utf8(*text, static_cast<std::size_t>(cap));
}

} // namespace waybill
