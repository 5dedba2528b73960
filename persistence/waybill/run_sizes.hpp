// How large sorted runs are, and how many become one (packed_runs.hpp).
#pragma once

#include <cstdint>

namespace waybill {

/// Tests take small ones, so that all that happens to runs happens often.
struct run_sizes {
  /// Most entries a page; no more than fit into it.
  std::int64_t page_entries = 1'024;
  /// About how many runs of a size become one of the next size.
  std::int64_t fan_in = 8;
  /// A run with as many entries is merged with no other.
  std::int64_t full = 1'048'576;
  /// Past so many new entries of a transaction they become a run before its
  /// end.
  std::int64_t fresh = 4'096;
};

} // namespace waybill
