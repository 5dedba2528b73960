// What runs are sorted by: an id, or a hash.
#pragma once

#include <compare>
#include <cstdint>

namespace waybill {

/// Ordered as its bytes are, big-endian.
struct run_key {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend constexpr auto operator<=>(const run_key&, const run_key&) = default;
};

} // namespace waybill
