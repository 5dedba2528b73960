// How much is remembered of operations that were purged.
#pragma once

#include <cstdint>
#include <optional>

#include "waybill/timestamp.hpp"

namespace waybill {

struct tombstone_sums {
  std::int64_t rows = 0;
  /// All that were purged after this are remembered; none: all ever.
  std::optional<timestamp> remembered_since = std::nullopt;

  bool operator==(const tombstone_sums&) const = default;
};

} // namespace waybill
