#include "waybill/store_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "waybill/file_access.hpp"

namespace waybill {

namespace {

constexpr off_t smallest_database = 512; // one page of the smallest size
constexpr std::array companion_suffixes{"-wal", "-shm", "-journal", "-lock"};

// Whether `other`, beside a database, is not a file that someone has put there
// who may read what is written to it, or keep it locked.
bool is_own(const struct stat& other,
            const std::optional<struct stat>& database) noexcept {
  const auto shared = database && (database->st_mode & S_IWGRP) != 0
                      && other.st_gid == database->st_gid;
  return shared || other.st_uid == ::geteuid() || other.st_uid == 0
         || (database && other.st_uid == database->st_uid);
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

// Takes others' rights away that the database does not give them.
void restrict_companions(const std::string& file) noexcept {
  const auto database = look_at(file);
  for (const auto* const suffix : companion_suffixes) {
    const auto name = file + suffix;
    const auto info = look_at(name);
    constexpr mode_t all = S_IRWXU | S_IRWXG | S_IRWXO;
    if (database && info && (info->st_mode & all & ~database->st_mode) != 0)
      ::chmod(name.c_str(), database->st_mode & info->st_mode & all);
  }
}

} // namespace

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
  const auto database = look_at(file);
  // SQLite would write through a link, and wait at a pipe.
  for (const auto* const suffix : companion_suffixes) {
    const auto name = file + suffix;
    const auto info = look_at(name);
    if (!info && errno != ENOENT)
      unavailable(name, error_text(errno));
    if (info && (!S_ISREG(info->st_mode) || info->st_nlink > 1))
      unavailable(name, "is not a plain file of this store's own");
    if (info && !is_own(*info, database))
      unavailable(name, "belongs to another user; remove it if it is not this "
                        "store's");
  }
  // It also removes the log of a database that is empty or gone, with all that
  // is in it.
  if ((!database || database->st_size == 0) && has_log(file))
    throw store_error{errc::store_corrupt,
                      file + ": is empty, but its log is there"};
}

bool check_store_file(const std::string& file, file_use use) {
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
  if (use == file_use::reading)
    return true;
  constexpr mode_t for_writing = S_IWUSR | S_IWGRP | S_IWOTH;
  if ((info.st_mode & for_writing) == 0)
    unavailable(file, "is read-only" + because(EACCES, info));
  if (::access(file.c_str(), W_OK) != 0)
    unavailable(file, "cannot be written" + because(errno, info));
  return true;
}

std::optional<file_stamp> stamp_of(const std::string& file) noexcept {
  const auto info = look_at(file);
  if (!info)
    return std::nullopt;
  const auto ns = [](const timespec& t) {
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  };
  return file_stamp{id_of(*info), info->st_size, ns(info->st_mtim),
                    ns(info->st_ctim)};
}

bool folder_is_read_only(const std::string& file) noexcept {
  const auto end = file.rfind('/');
  const auto folder = end == std::string::npos ? "." : file.substr(0, end + 1);
  return ::access(folder.c_str(), W_OK) != 0;
}

std::int64_t bytes_of_log(const std::string& file) noexcept {
  struct stat info {};
  return ::lstat((file + "-wal").c_str(), &info) == 0 ? info.st_size : 0;
}

bool has_log(const std::string& file) noexcept {
  return bytes_of_log(file) > 0;
}

void ensure_store_file(const std::string& file) {
  const auto fd = open_apart(file,
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
  sync_folder_of(file);
}

file_ownership take_store_file(const std::string& file) {
  check_store_file(file);
  check_companions(file);
  file_ownership ownership{file};
  try {
    ensure_store_file(file);
    restrict_companions(file);
  } catch (...) {
    ownership.withdraw();
    throw;
  }
  return ownership;
}

} // namespace waybill
