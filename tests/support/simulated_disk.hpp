// A disk that is full, without one: for what no file system is needed.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "support/fault_vfs.hpp"
#include "waybill/space_reserve.hpp"

namespace waybill::test {

/// Has the database and the log of one store, from its making on; the log keeps
/// the space that it has in reserve. Hooks into a VFS as long as it lives.
class simulated_disk {
public:
  explicit simulated_disk(fault_vfs& vfs) : vfs_{vfs} {
    vfs.before = [this](const io_call& x) {
      if (x.op != io_op::write || !is_full_)
        return SQLITE_OK;
      return refuses_ || end_of(x) - space(x) > free_ ? SQLITE_FULL : SQLITE_OK;
    };
    vfs.after = [this](const io_call& x) {
      if (x.op == io_op::write)
        occupy(x, std::max(space(x), end_of(x)));
      else if (x.op == io_op::truncate)
        occupy(x, x.file == io_file::wal
                    ? std::max<std::int64_t>(x.offset, log_reserve_bytes)
                    : x.offset);
    };
  }
  ~simulated_disk() {
    vfs_.before = nullptr;
    vfs_.after = nullptr;
  }
  simulated_disk(const simulated_disk&) = delete;
  simulated_disk& operator=(const simulated_disk&) = delete;

  /// From now on it has no more than the files have.
  void fill() { is_full_ = true; }

  /// Since then.
  [[nodiscard]] std::int64_t free_bytes() const { return free_; }

  /// Somebody else has given space back.
  void free(std::int64_t bytes) { free_ += bytes; }

  /// Whether it refuses all writes meanwhile, be there space or not.
  void refuse_all(bool x) { refuses_ = x; }

private:
  static std::int64_t end_of(const io_call& x) {
    return x.offset + std::ssize(x.bytes);
  }

  std::int64_t& space(const io_call& x) {
    return space_.at(static_cast<std::size_t>(x.file));
  }

  void occupy(const io_call& x, std::int64_t bytes) {
    if (is_full_)
      free_ += space(x) - bytes;
    space(x) = bytes;
  }

  fault_vfs& vfs_;
  std::atomic<bool> is_full_{false};
  std::atomic<bool> refuses_{false};
  std::atomic<std::int64_t> free_{0};
  std::array<std::int64_t, 3> space_{0, log_reserve_bytes, 0}; // of each file
};

} // namespace waybill::test
