// An SQLite VFS that does what the default one does, but sees every call and
// can make it fail. Recovery and durability are tested through it.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace waybill::test {

enum class io_op : std::uint8_t {
  open,
  read,
  write,
  truncate,
  sync,
  size,
  remove,
  access,
  full_path,
  lock,
  shm_map,
  shm_lock,
};

enum class io_file : std::uint8_t { database, wal, other };

/// One call of SQLite to its VFS.
struct io_call {
  io_op op;
  io_file file;
  /// What is written where; the new size of `truncate`.
  std::string_view bytes = {};
  sqlite3_int64 offset = 0;
};

/// A VFS for one test at a time, registered as long as it lives.
class fault_vfs {
public:
  /// Asked before each call, by one thread at a time; anything but SQLITE_OK
  /// makes the call fail with that code, undone. An unlock is never asked
  /// about: SQLite cannot bear it.
  std::function<int(const io_call&)> before;

  /// Told of each call that succeeded.
  std::function<void(const io_call&)> after;

  /// Called in the midst of each sync, by whichever thread carries it out.
  std::function<void(io_file)> during_sync;

  /// False leaves out the syncs themselves: quick, and no less to test with as
  /// long as the machine stays up.
  bool real_syncs = true;

  /// False only counts the time that SQLite waits for locks.
  bool real_sleeps = true;

  /// False is a disk that may destroy what lies beside a write in its sector:
  /// SQLite then pads the log up to the sector's end.
  bool powersafe_overwrite = true;

  /// How long SQLite has waited for locks, in µs.
  std::atomic<std::int64_t> slept_us{0};

  fault_vfs() {
    vfs_ = *base_;
    vfs_.zName = name_.c_str();
    vfs_.pNext = nullptr;
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(shim)) + base_->szOsFile;
    vfs_.xOpen = [](sqlite3_vfs* vfs, const char* name, sqlite3_file* file,
                    int flags, int* out_flags) {
      return self_of(vfs).open(name, file, flags, out_flags);
    };
    vfs_.xDelete = [](sqlite3_vfs* vfs, const char* name, int sync_folder) {
      auto& self = self_of(vfs);
      return self.through({io_op::remove, kind_of(name)}, [&] {
        return self.base_->xDelete(self.base_, name, sync_folder);
      });
    };
    vfs_.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* out) {
      auto& self = self_of(vfs);
      return self.through({io_op::access, kind_of(name)}, [&] {
        return self.base_->xAccess(self.base_, name, flags, out);
      });
    };
    vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int n,
                            char* out) {
      auto& self = self_of(vfs);
      return self.through({io_op::full_path, kind_of(name)}, [&] {
        return self.base_->xFullPathname(self.base_, name, n, out);
      });
    };
    vfs_.xSleep = [](sqlite3_vfs* vfs, int us) {
      auto& self = self_of(vfs);
      self.slept_us += us;
      return self.real_sleeps ? self.base_->xSleep(self.base_, us) : us;
    };
    sqlite3_vfs_register(&vfs_, 0);
  }

  ~fault_vfs() { sqlite3_vfs_unregister(&vfs_); }

  fault_vfs(const fault_vfs&) = delete;
  fault_vfs& operator=(const fault_vfs&) = delete;

  /// For store_options::vfs; each has its own.
  [[nodiscard]] std::string name() const { return name_; }

  /// Makes call number `nth` of that sort fail with `code`; with `lasting`, all
  /// after it too.
  void fail(io_op op, io_file file, int code, int nth = 1,
            bool lasting = false) {
    before = [=, n = 0](const io_call& call) mutable {
      if (call.op != op || call.file != file)
        return SQLITE_OK;
      ++n;
      return n == nth || (lasting && n > nth) ? code : SQLITE_OK;
    };
  }

  void heal() { before = nullptr; }

  /// Calls `f` while no call is under way: files that it copies are those of
  /// one moment, as a kill then would leave them.
  /// @pre `f` itself makes none.
  template <class F>
  void between_calls(F&& f) {
    const std::lock_guard guard{calls_};
    f();
  }

private:
  // What SQLite takes for its file: the real one lies behind it.
  struct shim {
    sqlite3_file base;
    fault_vfs* self;
    io_file kind;
    sqlite3_file* real;
  };

  struct depth_guard {
    explicit depth_guard(int& x) : depth{x} { ++depth; }
    ~depth_guard() { --depth; }
    depth_guard(const depth_guard&) = delete;
    depth_guard& operator=(const depth_guard&) = delete;
    int& depth;
  };

  static fault_vfs& self_of(sqlite3_vfs* vfs) {
    return *static_cast<fault_vfs*>(vfs->pAppData);
  }

  static shim& of(sqlite3_file* file) { return *reinterpret_cast<shim*>(file); }

  static io_file kind_of(std::string_view name) {
    if (name.ends_with("-wal"))
      return io_file::wal;
    return name.ends_with("-journal") ? io_file::other : io_file::database;
  }

  template <class F>
  int through(const io_call& call, F&& real) {
    // A call may be made within another one, by who is asked or told.
    static thread_local int depth = 0;
    std::shared_lock under_way{calls_, std::defer_lock};
    if (depth == 0)
      under_way.lock();
    const depth_guard deeper{depth};
    if (const std::lock_guard guard{mutex_}; before)
      if (const auto code = before(call); code != SQLITE_OK)
        return code;
    const auto code = real();
    if (const std::lock_guard guard{mutex_}; after && code == SQLITE_OK)
      after(call);
    return code;
  }

  template <class F>
  static int through(sqlite3_file* file, io_op op, F&& real,
                     std::string_view bytes = {}, sqlite3_int64 offset = 0) {
    auto& x = of(file);
    return x.self->through({op, x.kind, bytes, offset},
                           [&] { return real(x.real); });
  }

  int open(const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto& x = *new (file) shim{};
    x.self = this;
    x.kind = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? io_file::database
             : (flags & SQLITE_OPEN_WAL) != 0   ? io_file::wal
                                                : io_file::other;
    x.real = reinterpret_cast<sqlite3_file*>(&x + 1);
    std::memset(x.real, 0, static_cast<std::size_t>(base_->szOsFile));
    const auto code = through({io_op::open, x.kind}, [&] {
      return base_->xOpen(base_, name, x.real, flags, out_flags);
    });
    // SQLite closes a file exactly if it has methods.
    if (x.real->pMethods != nullptr)
      x.base.pMethods = methods();
    return code;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all = [] {
      sqlite3_io_methods m{};
      m.iVersion = 2;
      m.xClose = [](sqlite3_file* f) {
        return of(f).real->pMethods->xClose(of(f).real);
      };
      m.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 offset) {
        return through(f, io_op::read, [&](sqlite3_file* real) {
          return real->pMethods->xRead(real, to, n, offset);
        });
      };
      m.xWrite = [](sqlite3_file* f, const void* from, int n,
                    sqlite3_int64 offset) {
        return through(
          f, io_op::write,
          [&](sqlite3_file* real) {
            return real->pMethods->xWrite(real, from, n, offset);
          },
          {static_cast<const char*>(from), static_cast<std::size_t>(n)},
          offset);
      };
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return through(
          f, io_op::truncate,
          [&](sqlite3_file* real) {
            return real->pMethods->xTruncate(real, size);
          },
          {}, size);
      };
      m.xSync = [](sqlite3_file* f, int flags) {
        return through(f, io_op::sync, [&](sqlite3_file* real) {
          if (of(f).self->during_sync)
            of(f).self->during_sync(of(f).kind);
          return of(f).self->real_syncs ? real->pMethods->xSync(real, flags)
                                        : SQLITE_OK;
        });
      };
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return through(f, io_op::size, [&](sqlite3_file* real) {
          return real->pMethods->xFileSize(real, size);
        });
      };
      m.xLock = [](sqlite3_file* f, int level) {
        return through(f, io_op::lock, [&](sqlite3_file* real) {
          return real->pMethods->xLock(real, level);
        });
      };
      m.xUnlock = [](sqlite3_file* f, int level) {
        return of(f).real->pMethods->xUnlock(of(f).real, level);
      };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return through(f, io_op::lock, [&](sqlite3_file* real) {
          return real->pMethods->xCheckReservedLock(real, out);
        });
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* arg) {
        return of(f).real->pMethods->xFileControl(of(f).real, op, arg);
      };
      m.xSectorSize = [](sqlite3_file* f) {
        return of(f).real->pMethods->xSectorSize(of(f).real);
      };
      m.xDeviceCharacteristics = [](sqlite3_file* f) {
        const auto real
          = of(f).real->pMethods->xDeviceCharacteristics(of(f).real);
        return of(f).self->powersafe_overwrite
                 ? real
                 : real & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE;
      };
      m.xShmMap = [](sqlite3_file* f, int page, int size, int extend,
                     void volatile** out) {
        return through(f, io_op::shm_map, [&](sqlite3_file* real) {
          return real->pMethods->xShmMap(real, page, size, extend, out);
        });
      };
      m.xShmLock = [](sqlite3_file* f, int offset, int n, int flags) {
        const auto go = [&](sqlite3_file* real) {
          return real->pMethods->xShmLock(real, offset, n, flags);
        };
        if ((flags & SQLITE_SHM_UNLOCK) != 0)
          return go(of(f).real);
        return through(f, io_op::shm_lock, go);
      };
      m.xShmBarrier = [](sqlite3_file* f) {
        of(f).real->pMethods->xShmBarrier(of(f).real);
      };
      m.xShmUnmap = [](sqlite3_file* f, int remove) {
        return of(f).real->pMethods->xShmUnmap(of(f).real, remove);
      };
      return m;
    }();
    return &all;
  }

  static inline std::atomic<int> last_{0};
  const std::string name_ = "waybill-test-" + std::to_string(++last_);

  std::shared_mutex calls_;    // shared by calls under way
  std::recursive_mutex mutex_; // what is called may use SQLite itself
  sqlite3_vfs* base_ = sqlite3_vfs_find(nullptr);
  sqlite3_vfs vfs_{};
};

/// Fails call number `nth`, from 1, with an error of its kind.
/// @param reached set when it comes to that; must live as long.
inline std::function<int(const io_call&)> fail_call(int nth, bool& reached) {
  return [nth, &reached, calls = 0](const io_call& call) mutable {
    if (++calls != nth)
      return SQLITE_OK;
    reached = true;
    switch (call.op) {
      case io_op::open:
        return SQLITE_CANTOPEN;
      case io_op::write:
        return SQLITE_FULL;
      case io_op::lock:
      case io_op::shm_lock:
        return SQLITE_BUSY;
      default:
        return SQLITE_IOERR;
    }
  };
}

} // namespace waybill::test
