// What the tracker is told of a call, and asked of it.
#pragma once

#include "waybill/attempt_rules.hpp"
#include "waybill/call_buffer.hpp"

namespace waybill {

inline begin_call begin_request(const tracked_call& c) {
  return {.seq = c.seq, .id = c.id, .attempt = c.attempt};
}

/// @param due when the next attempt may begin.
inline retry_call retry_report(const tracked_call& c, timestamp due,
                               const delivery_result& x) {
  return {.seq = c.seq,
          .id = c.id,
          .attempt = c.attempt,
          .due = due,
          .last_error = x.error,
          .http_status = x.http_status};
}

inline end_call end_report(const tracked_call& c, const call_end& x) {
  return {.seq = c.seq,
          .id = c.id,
          .attempt = c.attempt,
          .status = x.status,
          .last_error = x.reason,
          .http_status = x.http_status};
}

} // namespace waybill
