// The files of a store: who owns them, how they are made, what is refused.
//
//   FILE        the SQLite database, created 0600
//   FILE-wal    SQLite's write-ahead log, FILE-shm its index; mode as FILE
//   FILE-lock   see file_ownership.hpp
#pragma once

#include <cstdint>
#include <string>

#include "waybill/file_ownership.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

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
///         file, has more than one name, or belongs to another user;
///         `store_corrupt` if a log is there without its database.
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
