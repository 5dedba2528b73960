// The files of a store: who owns them, how they are made, what is refused.
//
//   FILE        the SQLite database, created 0600
//   FILE-wal    SQLite's write-ahead log, FILE-shm its index; mode as FILE
//   FILE-lock   empty; its flock(2) says that a process owns FILE. It stays
//               when the store closes.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/store_error.hpp"

namespace waybill {

/// Ownership of a store's files, for as long as the object lives. The kernel
/// gives it up when the process ends, however it ends.
class file_ownership {
public:
  file_ownership() noexcept = default;

  /// Takes the ownership of `file`.
  /// @throws store_error `store_locked` if anyone holds it, this process
  ///         included; `store_unavailable` if the lock file cannot be made.
  explicit file_ownership(const std::string& file);

  /// Gives up what has just been taken and removes the lock file if this object
  /// made it: a file that turns out to be no store gets no company.
  void withdraw() noexcept;

  ~file_ownership();
  file_ownership(file_ownership&& other) noexcept;
  file_ownership& operator=(file_ownership&& other) noexcept;
  file_ownership(const file_ownership&) = delete;
  file_ownership& operator=(const file_ownership&) = delete;

private:
  std::string lock_file_;
  bool created_ = false;
  int fd_ = -1;
};

/// The one absolute name of `file`, so that two ways to write the same name
/// meet in one lock.
/// @throws store_error `store_unavailable` if its folder does not exist.
std::string canonical_store_path(const std::string& file);

/// Looks at `file` without opening it.
/// @returns false if it does not exist.
/// @throws store_error `store_unavailable` if it is no regular file, is a
///         symbolic link, has more than one hard link or is marked read-only;
///         `not_a_store` if it is too short for a database and not empty.
bool check_store_file(const std::string& file);

/// Looks at the files that SQLite keeps beside `file`, which it would follow
/// and write through whatever they are.
/// @throws store_error `store_unavailable` if one is there that is no regular
///         file or has more than one name; `store_corrupt` if a log is there
///         without its database.
void check_companions(const std::string& file);

/// Size of the write-ahead log beside `file`; 0 if there is none.
std::int64_t bytes_of_log(const std::string& file) noexcept;

/// True if SQLite left a write-ahead log with content beside `file`.
bool has_log(const std::string& file) noexcept;

/// What an error while opening means; the codes of verbs do not fit there.
store_error as_open_error(const store_error& e, const std::string& file);

/// Takes the ownership of a file that looks as if it could be a store, and
/// creates it if it is missing.
/// @throws store_error as the functions above and `ensure_store_file`.
file_ownership take_store_file(const std::string& file);

/// Creates `file` with mode 0600 unless it exists; else checks it as above.
/// @throws store_error `store_unavailable` also if it cannot be created.
void ensure_store_file(const std::string& file);

} // namespace waybill
