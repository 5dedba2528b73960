// The files of a store: who owns them, how they are made, what is refused.
//
//   FILE        the SQLite database, created 0600
//   FILE-wal    SQLite's write-ahead log, FILE-shm its index; mode as FILE
//   FILE-lock   see file_ownership.hpp
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/file_access.hpp"
#include "waybill/file_ownership.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// The one absolute name of `file`, so that two ways to write the same name
/// meet in one lock.
/// @throws store_error `store_unavailable` if its folder does not exist.
std::string canonical_store_path(const std::string& file);

/// What a file is wanted for.
enum class file_use : std::uint8_t { reading, writing };

/// Looks at `file` without opening it.
/// @returns false if it does not exist.
/// @throws store_error `store_unavailable` if it is no regular file, is a
///         symbolic link, has more than one hard link, cannot be read or, for
///         writing, not be written; `not_a_store` if it is too short for a
///         database and not empty.
bool check_store_file(const std::string& file,
                      file_use use = file_use::writing);

/// Looks at the files that SQLite keeps beside `file`, which it would follow
/// and write through whatever they are.
/// @throws store_error `store_unavailable` if one is there that is no regular
///         file, has more than one name, or belongs to another user;
///         `store_corrupt` if a log is there without its database.
void check_companions(const std::string& file);

/// Size of the write-ahead log beside `file`; 0 if there is none.
std::int64_t bytes_of_log(const std::string& file) noexcept;

/// Tells whether a file has been written.
struct file_stamp {
  file_id id;
  std::int64_t size = 0; // bytes
  /// Times in ns: of the content, and of anything.
  std::int64_t written = 0;
  std::int64_t changed = 0;

  bool operator==(const file_stamp&) const = default;
};

/// None if there is no such file.
std::optional<file_stamp> stamp_of(const std::string& file) noexcept;

/// Whether we may make no files beside `file`: those that its owner has, and a
/// reader of a log.
bool folder_is_read_only(const std::string& file) noexcept;

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
