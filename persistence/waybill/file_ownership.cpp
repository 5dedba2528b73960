#include "waybill/file_ownership.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "waybill/space_reserve.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

namespace {

// The descriptors of all locks that this process holds. A child that is forked
// and executes nothing would hold them as well, also when its parent has been
// killed; so it closes them before it does anything else. What runs in a child
// of many threads may take no lock and no memory.
class held_locks {
public:
  static held_locks& all() {
    static held_locks x;
    return x;
  }

  /// @returns false if there are too many.
  bool add(int fd) noexcept { return replace(-1, fd); }

  /// @returns false if it is not there: a child has closed it.
  bool remove(int fd) noexcept { return replace(fd, -1); }

private:
  held_locks() {
    for (auto& place : fds_)
      place.store(-1);
    ::pthread_atfork(nullptr, nullptr, [] {
      for (auto& place : all().fds_)
        if (const auto fd = place.exchange(-1); fd >= 0)
          ::close(fd);
    });
  }

  bool replace(int from, int to) noexcept {
    for (auto& place : fds_) {
      auto found = from;
      if (place.compare_exchange_strong(found, to))
        return true;
    }
    return false;
  }

  std::array<std::atomic<int>, 1'024> fds_{};
};

// The lock belongs to whom the database belongs to, as SQLite's own files
// beside it do: root may have made it.
void give_to_owner_of(const std::string& file, int fd) noexcept {
  const auto database = look_at(file);
  if (database && S_ISREG(database->st_mode)) {
    const auto given = ::fchown(fd, database->st_uid, database->st_gid) == 0
                       || database->st_uid == ::geteuid();
    ::fchmod(fd, given ? database->st_mode & 0666 : owner_only);
  } else { // the umask may have taken the owner's own rights away
    ::fchmod(fd, owner_only);
  }
}

} // namespace

file_ownership::file_ownership(const std::string& file)
  : lock_file_{file + "-lock"} {
  for (;;) {
    constexpr auto flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    fd_ = open_apart(lock_file_, flags | O_CREAT | O_EXCL, owner_only);
    created_ = fd_ >= 0;
    if (fd_ < 0 && errno == EEXIST) {
      fd_ = open_apart(lock_file_, flags);
      if (fd_ < 0 && errno == ENOENT)
        continue; // withdrawn by its maker just now
    }
    if (fd_ < 0)
      unavailable(lock_file_,
                  "cannot open the lock file: " + error_text(errno));
    if (!held_locks::all().add(fd_)) {
      ::close(std::exchange(fd_, -1));
      unavailable(file, "this process has too many stores open");
    }
    if (created_)
      give_to_owner_of(file, fd_);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const auto code = errno;
      close();
      if (code == EWOULDBLOCK)
        throw store_error{errc::store_locked,
                          file + ": another owner holds this store ("
                            + lock_file_ + " is locked)"};
      unavailable(lock_file_, "cannot lock: " + error_text(code));
    }
    struct stat held {};
    const auto known = ::fstat(fd_, &held) == 0;
    if (known && (!S_ISREG(held.st_mode) || held.st_nlink > 1)) {
      close();
      unavailable(lock_file_, "is not a plain file of this store's own");
    }
    id_ = id_of(held);
    if (known && is_held()) {
      ::futimens(fd_, nullptr);
      touched_ = std::chrono::steady_clock::now();
      return;
    }
    close(); // it was withdrawn meanwhile, and guards nothing
  }
}

void file_ownership::withdraw() noexcept {
  if (fd_ >= 0 && created_)
    ::unlink(lock_file_.c_str());
  close();
}

bool file_ownership::is_held() const noexcept {
  const auto named = look_at(lock_file_);
  return fd_ >= 0 && named && id_of(*named) == id_;
}

void file_ownership::reserve_space() noexcept {
  if (fd_ >= 0)
    waybill::reserve_space(fd_, opening_reserve_bytes);
}

bool file_ownership::release_space() noexcept {
  return fd_ >= 0 && waybill::release_space(fd_);
}

void file_ownership::touch() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (fd_ < 0 || now - touched_ < std::chrono::hours{1})
    return;
  touched_ = now;
  ::futimens(fd_, nullptr);
}

void file_ownership::close() noexcept {
  if (fd_ >= 0 && held_locks::all().remove(fd_))
    ::close(fd_);
  fd_ = -1;
}

file_ownership::~file_ownership() {
  close();
}

file_ownership::file_ownership(file_ownership&& other) noexcept
  : lock_file_{std::move(other.lock_file_)},
    created_{other.created_},
    fd_{std::exchange(other.fd_, -1)},
    id_{other.id_},
    touched_{other.touched_} {}

file_ownership& file_ownership::operator=(file_ownership&& other) noexcept {
  std::swap(lock_file_, other.lock_file_);
  std::swap(created_, other.created_);
  std::swap(fd_, other.fd_);
  std::swap(id_, other.id_);
  std::swap(touched_, other.touched_);
  return *this;
}

} // namespace waybill
