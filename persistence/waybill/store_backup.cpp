#include "waybill/store_backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/store_identity.hpp"

namespace waybill {

namespace {

constexpr int pages_a_step = 1'024;

[[noreturn]] void fail(const std::string& file, const std::string& doing,
                       int code) {
  const auto full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  throw store_error{full ? errc::store_full : errc::store_unavailable,
                    file + ": " + doing + ": "
                      + std::generic_category().message(code)};
}

void sync(const std::string& path, int flags) {
  const auto fd = ::open(path.c_str(), flags | O_CLOEXEC);
  const auto failed = fd < 0 || ::fsync(fd) != 0;
  const auto code = errno;
  if (fd >= 0)
    ::close(fd);
  if (failed)
    fail(path, "cannot sync it", code);
}

} // namespace

unfinished_copy::unfinished_copy(const std::string& name)
  : name_{name}, part_{name + ".part"} {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(name, ignored)))
    fail(name, "cannot create it", EEXIST);
  // Whoever has made a file of that name may need it.
  const auto fd = ::open(part_.c_str(),
                         O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC,
                         0600);
  if (fd < 0 && errno == EEXIST)
    throw store_error{errc::store_unavailable,
                      part_
                        + ": is there already; remove it, unless it is "
                          "being written"};
  if (fd < 0)
    fail(part_, "cannot create it", errno);
  const auto failed = ::fchmod(fd, 0600) != 0; // whatever the umask is
  const auto code = errno;
  ::close(fd);
  if (failed) {
    remove_all();
    fail(part_, "cannot create it", code);
  }
}

unfinished_copy::~unfinished_copy() {
  remove_all();
}

bool unfinished_copy::write(sqlite::connection& from,
                            const std::string& base_vfs,
                            const progress_function& progress) {
  const sqlite::sealed_vfs vfs{base_vfs, store_application_id};
  sqlite::connection to{part_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        vfs.name()};
  // Nobody sees the copy before it is whole.
  to.exec("PRAGMA journal_mode = OFF");
  to.exec("PRAGMA synchronous = OFF");
  struct finisher {
    void operator()(sqlite3_backup* x) const noexcept {
      sqlite3_backup_finish(x);
    }
  };
  std::unique_ptr<sqlite3_backup, finisher> work{
    sqlite3_backup_init(to.get(), "main", from.get(), "main")};
  if (!work)
    sqlite::raise(to.get(), sqlite3_extended_errcode(to.get()),
                  "copying to " + part_);
  for (;;) {
    const auto code = sqlite3_backup_step(work.get(), pages_a_step);
    const auto total = sqlite3_backup_pagecount(work.get());
    const auto left = sqlite3_backup_remaining(work.get());
    if (code == SQLITE_DONE)
      break;
    if (code != SQLITE_OK)
      sqlite::raise(to.get(), code, "copying to " + part_);
    if (progress && !progress(total - left, total))
      return false;
  }
  work.reset();
  begin_incarnation(to);
  return true;
}

void unfinished_copy::finish() {
  sync(part_, O_RDWR);
  // Unlike rename(), this replaces nothing.
  if (::link(part_.c_str(), name_.c_str()) != 0)
    fail(name_, "cannot create it", errno);
  ::unlink(part_.c_str());
  sync(std::filesystem::path{name_}.parent_path().string(),
       O_RDONLY | O_DIRECTORY);
}

void unfinished_copy::remove_all() noexcept {
  for (const auto* const suffix : {"", "-wal", "-shm", "-journal"})
    ::unlink((part_ + suffix).c_str());
}

} // namespace waybill
