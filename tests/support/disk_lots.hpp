// How much a store gives its disk to do at once: pages of the database file
// that are written before one sync, pages that are cut off.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "support/fault_vfs.hpp"
#include "waybill/sealed_vfs.hpp"

namespace waybill::test {

/// Not thread-safe.
class disk_lots {
public:
  /// To be called by `fault_vfs::after`.
  void see(const io_call& x) {
    if (x.file != io_file::database)
      return;
    if (x.op == io_op::write) {
      unsynced_ += std::ssize(x.bytes);
      size_ = std::max<sqlite3_int64>(size_, x.offset + std::ssize(x.bytes));
    } else if (x.op == io_op::sync) {
      most_synced_ = std::max(most_synced_, std::exchange(unsynced_, 0));
    } else if (x.op == io_op::truncate) {
      most_freed_ = std::max<std::int64_t>(
        most_freed_, std::exchange(size_, x.offset) - x.offset);
    }
  }

  /// The most pages that one sync had to write since the last call.
  std::int64_t take_most_synced() { return pages(most_synced_); }

  /// The most pages that were cut off at once since the last call.
  std::int64_t take_most_freed() { return pages(most_freed_); }

private:
  static std::int64_t pages(std::int64_t& bytes) {
    return std::exchange(bytes, 0)
           / static_cast<std::int64_t>(sqlite::page_bytes);
  }

  std::int64_t unsynced_ = 0;
  sqlite3_int64 size_ = 0;
  std::int64_t most_synced_ = 0;
  std::int64_t most_freed_ = 0;
};

} // namespace waybill::test
