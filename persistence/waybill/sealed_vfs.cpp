#include "waybill/sealed_vfs.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "waybill/file_format.hpp"
#include "waybill/file_limits.hpp"
#include "waybill/log_name.hpp"
#include "waybill/sqlite.hpp"

namespace waybill::sqlite {

namespace {

using namespace file_format;

// Of the locks in a log's index: https://sqlite.org/walformat.html#wal_locks.
constexpr int checkpoint_lock = 1;

// A page that was never written, in a hole of the file, may be read for its
// place alone. SQLite finds one that should have content, unless it is the rest
// of a long text: the store looks for the NULs in that.
bool is_hole(const std::uint8_t* page) noexcept {
  return std::all_of(page, page + page_bytes,
                     [](std::uint8_t x) { return x == 0; });
}

std::string text_of(const log_findings& x) {
  const auto number = std::to_string(x.number);
  switch (x.what) {
    case damage::page:
      return "page " + number + " does not match its seal";
    case damage::frame:
      return "frame " + number + " of the log does not match its checksum";
    case damage::foreign_log:
      return "the log beside it (-wal) belongs to another store or to another "
             "moment of this one; if the file was put there in place of "
             "another, the log is of that one: move it away";
    case damage::log_name:
      return "the bytes of its header that name its log are damaged";
    default:
      return {};
  }
}

} // namespace

// What SQLite takes for its file: the real one lies behind it.
struct sealed_vfs::layer {
  sqlite3_file base{};
  sqlite3_file* real = nullptr;

  static layer& of(sqlite3_file* x) noexcept {
    return *reinterpret_cast<layer*>(x);
  }

  template <auto Method>
  struct passed_on;

  template <class Result, class... Args,
            Result (*sqlite3_io_methods::*Method)(sqlite3_file*, Args...)>
  struct passed_on<Method> {
    static Result call(sqlite3_file* f, Args... args) {
      auto* const real = of(f).real;
      return (real->pMethods->*Method)(real, args...);
    }
  };

  int map_shared(int region, int size, int extend,
                 void volatile** out) const noexcept {
    if (extend != 0 && !may_have_size((region + sqlite3_int64{1}) * size))
      return SQLITE_FULL;
    const auto code = real->pMethods->xShmMap(real, region, size, extend, out);
    if (code == SQLITE_IOERR_SHMSIZE)
      return SQLITE_FULL; // the disk has no place for it
    if (code != SQLITE_OK || *out == nullptr
        || allocate(*out, static_cast<std::size_t>(size)))
      return code;
    *out = nullptr;
    return SQLITE_FULL;
  }

  // Passes all calls on, within what the process may do. Version 2: without
  // xFetch, pages are never mapped past the seals.
  static sqlite3_io_methods methods() noexcept {
    sqlite3_io_methods m{};
    m.iVersion = 2;
    m.xClose = passed_on<&sqlite3_io_methods::xClose>::call;
    m.xRead = passed_on<&sqlite3_io_methods::xRead>::call;
    m.xWrite = [](sqlite3_file* f, const void* from, int n,
                  sqlite3_int64 offset) {
      return write_within_limit(of(f).real, from, n, offset);
    };
    m.xTruncate = passed_on<&sqlite3_io_methods::xTruncate>::call;
    m.xSync = passed_on<&sqlite3_io_methods::xSync>::call;
    m.xFileSize = passed_on<&sqlite3_io_methods::xFileSize>::call;
    m.xLock = passed_on<&sqlite3_io_methods::xLock>::call;
    m.xUnlock = passed_on<&sqlite3_io_methods::xUnlock>::call;
    m.xCheckReservedLock
      = passed_on<&sqlite3_io_methods::xCheckReservedLock>::call;
    m.xFileControl = passed_on<&sqlite3_io_methods::xFileControl>::call;
    m.xSectorSize = passed_on<&sqlite3_io_methods::xSectorSize>::call;
    m.xDeviceCharacteristics
      = passed_on<&sqlite3_io_methods::xDeviceCharacteristics>::call;
    m.xShmMap = [](sqlite3_file* f, int region, int size, int extend,
                   void volatile** out) {
      return of(f).map_shared(region, size, extend, out);
    };
    m.xShmLock = passed_on<&sqlite3_io_methods::xShmLock>::call;
    m.xShmBarrier = passed_on<&sqlite3_io_methods::xShmBarrier>::call;
    m.xShmUnmap = passed_on<&sqlite3_io_methods::xShmUnmap>::call;
    return m;
  }

  // Of a file that is nothing but a file: a journal.
  static const sqlite3_io_methods* methods_of_journal() noexcept {
    static const auto all = [] {
      auto m = methods();
      m.iVersion = 1;
      return m;
    }();
    return &all;
  }
};

struct sealed_vfs::database_file : layer {
  std::uint32_t application_id = 0;
  bool sealed = false; // unless the header says that it is another program's
  sealed_log* log = nullptr; // while it is open
  log_findings* found = nullptr;
  bool may_checkpoint = false; // and nobody else

  static database_file& of(sqlite3_file* x) noexcept {
    return static_cast<database_file&>(layer::of(x));
  }

  // Any read that shows the header tells whose file it is.
  int look_at_header(const std::uint8_t* header) noexcept {
    const bytes x{header, database_header_bytes};
    const auto has_room = x[reserved_bytes_at] == seal_bytes;
    const auto size = big_endian(x.subspan(page_size_at)) >> 16U;
    sealed = has_room
             || big_endian(x.subspan(application_id_at)) == application_id;
    // Without room there are no seals; with another page size SQLite would
    // read past them.
    return sealed && (!has_room || size != page_bytes) ? SQLITE_CORRUPT
                                                       : SQLITE_OK;
  }

  int read(void* to, int n, sqlite3_int64 offset) noexcept {
    const auto code = real->pMethods->xRead(real, to, n, offset);
    if (code != SQLITE_OK)
      return code;
    const auto* const bytes = static_cast<const std::uint8_t*>(to);
    if (offset == 0 && n >= static_cast<int>(database_header_bytes))
      if (const auto fault = look_at_header(bytes); fault != SQLITE_OK)
        return fault;
    if (!is_page(n, offset) || is_hole(bytes))
      return SQLITE_OK;
    const auto number = number_of(offset);
    if (is_sealed(std::span<const std::uint8_t, page_bytes>{bytes, page_bytes},
                  number))
      return SQLITE_OK;
    return fail(damage::page, number);
  }

  int write(const void* from, int n, sqlite3_int64 offset) noexcept {
    const auto* const bytes = static_cast<const std::uint8_t*>(from);
    if (offset == 0 && n >= static_cast<int>(database_header_bytes))
      if (const auto fault = look_at_header(bytes); fault != SQLITE_OK)
        return fault;
    if (!is_page(n, offset))
      return write_within_limit(real, from, n, offset);
    if (log != nullptr)
      if (const auto code = begin_copy(); code != SQLITE_OK)
        return code;
    const auto number = number_of(offset);
    // From the log a page comes with its seal.
    const std::span<const std::uint8_t, page_bytes> given{bytes, page_bytes};
    if (number != 0 && is_sealed(given, number))
      return write_within_limit(real, from, n, offset);
    std::array<std::uint8_t, page_bytes> page{};
    copy_bytes(given, page.data());
    if (number == 0)
      if (const auto code = keep_log_name(page.data()); code != SQLITE_OK)
        return code;
    seal(page, number);
    return write_within_limit(real, page.data(), n, offset);
  }

  // A page is written when it is copied from the log.
  int begin_copy() const {
    if (const auto code = log->verify(committed_frames()); code != SQLITE_OK)
      return code;
    return log->settle_name();
  }

  // By the log's index; see find_log_end().
  [[nodiscard]] std::size_t committed_frames() const noexcept {
    constexpr int region_bytes = 32'768;
    constexpr int frames_at = 4;
    void volatile* region = nullptr;
    if (real->pMethods->iVersion < 2
        || real->pMethods->xShmMap(real, 0, region_bytes, 0, &region)
             != SQLITE_OK
        || region == nullptr)
      return 0;
    return static_cast<const volatile std::uint32_t*>(region)[frames_at];
  }

  int fail(damage what, std::uint64_t number) const noexcept {
    found->what = what;
    found->number = number + 1;
    return SQLITE_CORRUPT;
  }

  int control(int op, void* arg) {
    if (op == keep_checkpoints_opcode)
      return keep_checkpoints();
#ifdef SQLITE_FCNTL_CKPT_START
    if (op == SQLITE_FCNTL_CKPT_START && log != nullptr)
      log->verify_again();
#endif
    if (op != damage_opcode)
      return real->pMethods->xFileControl(real, op, arg);
    *static_cast<std::string*>(arg) = text_of(*found);
    return SQLITE_OK;
  }

  int keep_checkpoints() noexcept {
    if (may_checkpoint)
      return SQLITE_OK;
    const auto code = real->pMethods->xShmLock(
      real, checkpoint_lock, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
    may_checkpoint = code == SQLITE_OK;
    return code;
  }

  // What SQLite locks and unlocks for a checkpoint is held already; it is the
  // first of what it locks to read the log anew.
  int lock_shared(int first, int n, int flags) const noexcept {
    if (may_checkpoint && first == checkpoint_lock) {
      ++first;
      --n;
    }
    return n == 0 ? SQLITE_OK : real->pMethods->xShmLock(real, first, n, flags);
  }

  int unmap_shared(int remove) noexcept {
    if (std::exchange(may_checkpoint, false))
      real->pMethods->xShmLock(real, checkpoint_lock, 1,
                               SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    return real->pMethods->xShmUnmap(real, remove);
  }

  // Only the log gives the file another name.
  int keep_log_name(std::uint8_t* first_page) const noexcept {
    log_name name;
    if (const auto code = read_log_name(real, name); code != SQLITE_OK)
      return code;
    if (name.is_damaged)
      return fail(damage::log_name, 0);
    put_log_name(first_page, name);
    return SQLITE_OK;
  }

  [[nodiscard]] bool is_page(int n, sqlite3_int64 offset) const noexcept {
    return sealed && n == static_cast<int>(page_bytes)
           && offset % static_cast<sqlite3_int64>(page_bytes) == 0;
  }

  static std::uint64_t number_of(sqlite3_int64 offset) noexcept {
    return static_cast<std::uint64_t>(offset) / page_bytes;
  }

  // The calls that the file behind it has, too.
  static const sqlite3_io_methods*
  methods(const sqlite3_io_methods& of_real) noexcept {
    static const auto all = [] {
      auto m = layer::methods();
      m.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 offset) {
        return of(f).read(to, n, offset);
      };
      m.xWrite = [](sqlite3_file* f, const void* from, int n,
                    sqlite3_int64 offset) {
        return of(f).write(from, n, offset);
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* arg) {
        return of(f).control(op, arg);
      };
      m.xShmLock = [](sqlite3_file* f, int first, int n, int flags) {
        return of(f).lock_shared(first, n, flags);
      };
      m.xShmUnmap = [](sqlite3_file* f, int remove) {
        return of(f).unmap_shared(remove);
      };
      return m;
    }();
    static const auto without_shared_memory = [] {
      auto some = all;
      some.iVersion = 1;
      return some;
    }();
    return of_real.iVersion < 2 || of_real.xShmMap == nullptr
             ? &without_shared_memory
             : &all;
  }
};

// The log, of a database that may turn out to be another program's.
struct sealed_vfs::log_file : layer {
  database_file* database = nullptr;
  sealed_log log;

  static log_file& of(sqlite3_file* x) noexcept {
    return static_cast<log_file&>(layer::of(x));
  }

  int read(void* to, int n, sqlite3_int64 offset) {
    if (!database->sealed)
      return real->pMethods->xRead(real, to, n, offset);
    return log.read(
      {static_cast<std::uint8_t*>(to), static_cast<std::size_t>(n)}, offset);
  }

  int write(const void* from, int n, sqlite3_int64 offset) {
    if (!database->sealed)
      return write_within_limit(real, from, n, offset);
    return log.write({static_cast<const std::uint8_t*>(from),
                      static_cast<std::size_t>(n)},
                     offset);
  }

  int close() {
    log.finish();
    if (database->log == &log)
      database->log = nullptr;
    return real->pMethods->xClose(real);
  }

  static const sqlite3_io_methods* methods() noexcept {
    static const auto all = [] {
      auto m = layer::methods();
      m.iVersion = 1; // a log is not shared memory
      m.xClose = [](sqlite3_file* f) { return of(f).close(); };
      m.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 offset) {
        return of(f).read(to, n, offset);
      };
      m.xWrite = [](sqlite3_file* f, const void* from, int n,
                    sqlite3_int64 offset) {
        return of(f).write(from, n, offset);
      };
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return of(f).log.truncate(size);
      };
      m.xSync = [](sqlite3_file* f, int flags) {
        return of(f).log.sync(flags);
      };
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* out) {
        return of(f).log.size(out);
      };
      return m;
    }();
    return &all;
  }
};

sealed_vfs::sealed_vfs(const std::string& base, std::uint32_t application_id)
  : base_{sqlite3_vfs_find(base.empty() ? nullptr : base.c_str())},
    application_id_{application_id},
    vfs_{} {
  if (base_ == nullptr)
    raise(nullptr, SQLITE_CANTOPEN, "no such VFS: " + base);
  static std::atomic<std::uint64_t> serial{0};
  name_ = "waybill-sealed-" + std::to_string(++serial);
  vfs_.iVersion = std::min(base_->iVersion, 2);
  vfs_.szOsFile
    = static_cast<int>(std::max(sizeof(database_file), sizeof(log_file)))
      + base_->szOsFile;
  vfs_.mxPathname = base_->mxPathname;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = [](sqlite3_vfs* vfs, const char* name, sqlite3_file* out,
                  int flags, int* out_flags) {
    return self_of(vfs).open(name, out, flags, out_flags);
  };
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* name, int sync_folder) {
    auto* const real = self_of(vfs).base_;
    return real->xDelete(real, name, sync_folder);
  };
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    auto* const real = self_of(vfs).base_;
    return real->xAccess(real, name, flags, out);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int n,
                          char* out) {
    auto* const real = self_of(vfs).base_;
    return real->xFullPathname(real, name, n, out);
  };
  vfs_.xRandomness = [](sqlite3_vfs* vfs, int n, char* out) {
    auto* const real = self_of(vfs).base_;
    return real->xRandomness(real, n, out);
  };
  vfs_.xSleep = [](sqlite3_vfs* vfs, int us) {
    auto& self = self_of(vfs);
    const auto spent = self.patience_.spend(
      std::chrono::microseconds{us}, [&](std::chrono::microseconds share) {
        self.base_->xSleep(self.base_, static_cast<int>(share.count()));
      });
    return static_cast<int>(spent.count());
  };
  vfs_.xCurrentTime = [](sqlite3_vfs* vfs, double* out) {
    auto* const real = self_of(vfs).base_;
    return real->xCurrentTime(real, out);
  };
  vfs_.xGetLastError = [](sqlite3_vfs* vfs, int n, char* out) {
    auto* const real = self_of(vfs).base_;
    return real->xGetLastError(real, n, out);
  };
  vfs_.xCurrentTimeInt64 = [](sqlite3_vfs* vfs, sqlite3_int64* out) {
    auto* const real = self_of(vfs).base_;
    return real->xCurrentTimeInt64(real, out);
  };
  if (const auto code = sqlite3_vfs_register(&vfs_, 0); code != SQLITE_OK)
    raise(nullptr, code, "cannot register a VFS");
}

sealed_vfs::~sealed_vfs() {
  sqlite3_vfs_unregister(&vfs_);
}

int sealed_vfs::open(const char* name, sqlite3_file* out, int flags,
                     int* out_flags) {
  const auto open_behind = [&](auto& x) {
    x.real = reinterpret_cast<sqlite3_file*>(&x + 1);
    std::memset(x.real, 0, static_cast<std::size_t>(base_->szOsFile));
    return base_->xOpen(base_, name, x.real, flags, out_flags);
  };
  // SQLite closes a file exactly if it has methods.
  const auto is_open = [](const layer& x) {
    return x.real->pMethods != nullptr;
  };
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
    auto& x = *new (out) database_file{};
    x.application_id = application_id_;
    x.sealed = true;
    x.found = &found_;
    const auto code = open_behind(x);
    if (is_open(x))
      x.base.pMethods = database_file::methods(*x.real->pMethods);
    return code;
  }
  if ((flags & SQLITE_OPEN_WAL) != 0) {
    auto& database = database_file::of(sqlite3_database_file_object(name));
    auto* const real = reinterpret_cast<sqlite3_file*>(
      static_cast<log_file*>(static_cast<void*>(out)) + 1);
    auto& x = *new (out)
                log_file{{}, &database, {real, database.real, syncer_, found_}};
    const auto code = open_behind(x);
    if (is_open(x)) {
      x.base.pMethods = log_file::methods();
      database.log = &x.log;
      syncer_.opened(x.real);
    }
    return code;
  }
  auto& x = *new (out) layer{};
  const auto code = open_behind(x);
  if (is_open(x))
    x.base.pMethods = layer::methods_of_journal();
  return code;
}

void sealed_vfs::prepare(sqlite3* db) {
  int bytes = seal_bytes;
  const auto code = sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES,
                                         &bytes);
  if (code != SQLITE_OK)
    raise(db, code, "cannot make room for the seals of pages");
  auto* const file = file_of(db);
  std::array<std::uint8_t, database_header_bytes> header{};
  if (file != nullptr
      && file->pMethods->xRead(file, header.data(), database_header_bytes, 0)
           == SQLITE_OK
      && header[reserved_bytes_at] != seal_bytes)
    throw store_error{errc::not_a_store,
                      "is an empty database of another program, without room "
                      "for checksums; remove it"};
}

} // namespace waybill::sqlite
