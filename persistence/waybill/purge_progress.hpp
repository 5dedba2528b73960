// What one step of a purge did.
#pragma once

#include <cstdint>

namespace waybill {

struct purge_progress {
  std::int64_t deleted = 0; // rows
  /// False if rows that are due may be left.
  bool finished = true;
  /// Whether something that was purged before was forgotten, or what is left of
  /// such was deleted: there may be space.
  bool has_forgotten = false;
};

} // namespace waybill
