// How large a store is.
#pragma once

#include <cstdint>

namespace waybill {

/// In bytes.
struct store_size {
  /// The database file.
  std::int64_t file_bytes = 0;
  /// Of these, unused.
  std::int64_t free_bytes = 0;
  /// The content of the write-ahead log, as of the last commit.
  std::int64_t log_bytes = 0;
};

} // namespace waybill
