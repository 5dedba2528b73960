#include "waybill/store_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace waybill {

namespace {

constexpr mode_t owner_only = S_IRUSR | S_IWUSR;
constexpr off_t smallest_database = 512; // one page of the smallest size

[[noreturn]] void unavailable(const std::string& file,
                              const std::string& reason) {
  throw store_error{errc::store_unavailable, file + ": " + reason};
}

std::string error_text(int code) {
  return std::generic_category().message(code);
}

// Why a file does not grant what is asked for: whose it is, if it is about
// that.
std::string because(int code, const struct stat& info) {
  if (code != EACCES)
    return ": " + error_text(code);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(),
                ": it has mode %04o and belongs to user %lu",
                static_cast<unsigned>(info.st_mode & 07777U),
                static_cast<unsigned long>(info.st_uid));
  return text.data();
}

} // namespace

file_ownership::file_ownership(const std::string& file)
  : lock_file_{file + "-lock"} {
  for (;;) {
    constexpr auto flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    fd_ = ::open(lock_file_.c_str(), flags | O_CREAT | O_EXCL, owner_only);
    created_ = fd_ >= 0;
    if (fd_ < 0 && errno == EEXIST) {
      fd_ = ::open(lock_file_.c_str(), flags);
      if (fd_ < 0 && errno == ENOENT)
        continue; // withdrawn by its maker just now
    }
    if (fd_ < 0)
      unavailable(lock_file_,
                  "cannot open the lock file: " + error_text(errno));
    if (created_) // the umask may have taken the owner's own rights away
      ::fchmod(fd_, owner_only);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const auto code = errno;
      ::close(std::exchange(fd_, -1));
      if (code == EWOULDBLOCK)
        throw store_error{errc::store_locked,
                          file + ": another owner holds this store ("
                            + lock_file_ + " is locked)"};
      unavailable(lock_file_, "cannot lock: " + error_text(code));
    }
    // A lock on a file that has been withdrawn meanwhile guards nothing.
    struct stat held {};
    struct stat named {};
    const auto known = ::fstat(fd_, &held) == 0;
    if (known && (!S_ISREG(held.st_mode) || held.st_nlink > 1)) {
      ::close(std::exchange(fd_, -1));
      unavailable(lock_file_, "is not a plain file of this store's own");
    }
    if (known && ::lstat(lock_file_.c_str(), &named) == 0
        && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
      return;
    ::close(std::exchange(fd_, -1));
  }
}

void file_ownership::withdraw() noexcept {
  if (fd_ >= 0 && created_)
    ::unlink(lock_file_.c_str());
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

file_ownership::~file_ownership() {
  if (fd_ >= 0)
    ::close(fd_);
}

file_ownership::file_ownership(file_ownership&& other) noexcept
  : lock_file_{std::move(other.lock_file_)},
    created_{other.created_},
    fd_{std::exchange(other.fd_, -1)} {}

file_ownership& file_ownership::operator=(file_ownership&& other) noexcept {
  std::swap(lock_file_, other.lock_file_);
  std::swap(created_, other.created_);
  std::swap(fd_, other.fd_);
  return *this;
}

store_error as_open_error(const store_error& e, const std::string& file) {
  auto code = e.code();
  switch (e.sqlite_code() & 0xFF) {
    case SQLITE_NOTADB:
      // SQLite's text begins with the statement that found out.
      return {errc::not_a_store, file + ": is not a database", e.sqlite_code()};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      code = errc::store_unavailable;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      code = errc::store_locked;
      break;
    default:
      break;
  }
  const std::string what = e.what();
  return {code, what.starts_with(file) ? what : file + ": " + what,
          e.sqlite_code()};
}

std::string canonical_store_path(const std::string& file) {
  if (file.empty())
    throw store_error{errc::store_unavailable, "file: must not be empty"};
  if (file.find('\0') != std::string::npos)
    throw store_error{errc::store_unavailable, "file: must not contain NUL"};
  const std::filesystem::path path{file};
  const auto parent = path.has_parent_path() ? path.parent_path()
                                             : std::filesystem::path{"."};
  std::error_code error;
  const auto folder = std::filesystem::canonical(parent, error);
  if (error)
    unavailable(file, "its folder cannot be used: " + error.message());
  if (!path.has_filename() || path.filename() == "." || path.filename() == "..")
    unavailable(file, "is not the name of a file");
  return (folder / path.filename()).string();
}

void check_companions(const std::string& file) {
  // SQLite would write through a link, and wait at a pipe.
  for (const auto* const suffix : {"-wal", "-shm", "-journal"}) {
    const auto name = file + suffix;
    struct stat info {};
    if (::lstat(name.c_str(), &info) != 0) {
      if (errno != ENOENT)
        unavailable(name, error_text(errno));
    } else if (!S_ISREG(info.st_mode) || info.st_nlink > 1) {
      unavailable(name, "is not a plain file of this store's own");
    }
  }
  // It also removes the log of a database that is empty or gone, with all that
  // is in it.
  struct stat database {};
  if ((::lstat(file.c_str(), &database) != 0 || database.st_size == 0)
      && has_log(file))
    throw store_error{errc::store_corrupt,
                      file + ": is empty, but its log is there"};
}

bool check_store_file(const std::string& file) {
  // Only looked at, never opened: closing another descriptor of a database
  // would drop the locks that SQLite holds on it in this process.
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0) {
    if (errno == ENOENT)
      return false;
    unavailable(file, error_text(errno));
  }
  if (S_ISLNK(info.st_mode))
    unavailable(file, "is a symbolic link; name the file itself");
  if (S_ISDIR(info.st_mode))
    unavailable(file, "is a directory");
  if (!S_ISREG(info.st_mode))
    unavailable(file, "is not a regular file");
  if (info.st_nlink > 1)
    unavailable(file, "has more than one hard link; two names for one store "
                      "would have two locks");
  if (info.st_size > 0 && info.st_size < smallest_database)
    // SQLite would take it for an empty one, and write over it.
    throw store_error{errc::not_a_store, file + ": is not a database"};
  if (::access(file.c_str(), R_OK) != 0)
    unavailable(file, "cannot be read" + because(errno, info));
  constexpr mode_t for_writing = S_IWUSR | S_IWGRP | S_IWOTH;
  if ((info.st_mode & for_writing) == 0)
    unavailable(file, "is read-only" + because(EACCES, info));
  if (::access(file.c_str(), W_OK) != 0)
    unavailable(file, "cannot be written" + because(errno, info));
  return true;
}

std::int64_t bytes_of_log(const std::string& file) noexcept {
  struct stat info {};
  return ::lstat((file + "-wal").c_str(), &info) == 0 ? info.st_size : 0;
}

bool has_log(const std::string& file) noexcept {
  return bytes_of_log(file) > 0;
}

void ensure_store_file(const std::string& file) {
  const auto fd = ::open(file.c_str(),
                         O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                         owner_only);
  if (fd < 0) {
    if (errno != EEXIST)
      unavailable(file, "cannot create the file: " + error_text(errno));
    check_store_file(file);
    return;
  }
  // The umask may have taken the owner's own rights away.
  const auto moded = ::fchmod(fd, owner_only);
  const auto code = errno;
  ::close(fd);
  if (moded != 0)
    unavailable(file, "cannot set its mode to 0600: " + error_text(code));
}

file_ownership take_store_file(const std::string& file) {
  check_store_file(file);
  check_companions(file);
  file_ownership ownership{file};
  try {
    ensure_store_file(file);
  } catch (...) {
    ownership.withdraw();
    throw;
  }
  return ownership;
}

} // namespace waybill
