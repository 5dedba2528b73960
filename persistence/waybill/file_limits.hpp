// What the kernel ends a process for when its files cannot grow, asked before:
// a write beyond the limit on the size of files (SIGXFSZ), and one to shared
// memory whose file finds no place on its disk (SIGBUS). How a host takes those
// signals is its own affair. And what must be had before it is needed.
#pragma once

#include <sqlite3.h>

#include <cstddef>

namespace waybill::sqlite {

/// Whether files of this process may have that size, in bytes.
bool may_have_size(sqlite3_int64 bytes) noexcept;

/// Writes to a file as it does itself.
/// @returns an SQLite result code; SQLITE_FULL beyond that size.
int write_within_limit(sqlite3_file* file, const void* from, int n,
                       sqlite3_int64 offset) noexcept;

/// What a file has answered, in SQLite's result codes, of which only ENOSPC is
/// a full disk: so are a quota and that limit.
int with_quota(sqlite3_file* file, int code) noexcept;

/// Sees to it that a file has `bytes` bytes on its disk. If it cannot, it gives
/// back what it could.
/// @param used how many of them others may write to meanwhile.
/// @returns an SQLite result code; SQLITE_FULL as above.
int make_room(sqlite3_file* file, sqlite3_int64 used,
              sqlite3_int64 bytes) noexcept;

/// Gives each page of mapped memory its place in the file that it is of; what
/// it holds stays, whoever else changes it.
/// @returns false if there is no place, so that writing to it would end the
///          process.
bool allocate(volatile void* memory, std::size_t bytes) noexcept;

} // namespace waybill::sqlite
