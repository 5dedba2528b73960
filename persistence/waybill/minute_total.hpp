// What happened in a minute.
#pragma once

#include <cstdint>

#include "waybill/timestamp.hpp"

namespace waybill {

/// Counted by the store's owner, and written to the store each ten seconds at
/// most, with an operation, or when it is closed. What a service that was
/// killed had not written is not counted.
struct minute_total {
  /// When the minute began.
  timestamp begin;
  /// Operations that were recorded, and that ended so.
  std::int64_t taken = 0;
  std::int64_t delivered = 0;
  std::int64_t parked = 0;
  std::int64_t failed = 0;
  std::int64_t discarded = 0;
  /// Attempts that were to be repeated.
  std::int64_t retries = 0;
  /// Operations in flight behind its last change.
  std::int64_t in_flight = 0;

  bool operator==(const minute_total&) const = default;
};

} // namespace waybill
