// Space that a store keeps for the day on which its disk is full, so that it
// can be opened and purged then. Files keep it allocated behind their end,
// where only `du` sees it.
//
//   FILE-wal    enough for a transaction that deletes or gives back a little
//   FILE-lock   while nobody has the store open: for the log and its index
#pragma once

#include <cstdint>
#include <string>

namespace waybill {

inline constexpr std::int64_t log_reserve_bytes = std::int64_t{512} * 1'024;
inline constexpr std::int64_t opening_reserve_bytes
  = log_reserve_bytes + std::int64_t{128} * 1'024;

/// Sees to it that a file has that much space, however long it is. Goes without
/// if the disk has no more, or its file system cannot do that.
void reserve_space(int fd, std::int64_t bytes) noexcept;

/// The same for a file by its name, if it is there. Not for one that SQLite
/// locks: it would lose its locks.
void reserve_space(const std::string& file, std::int64_t bytes) noexcept;

/// How many bytes the log may occupy so that it is not what fills the disk:
/// those that it does, or an eighth of what is free; no limit if that cannot be
/// told.
std::int64_t share_of_log(const std::string& log) noexcept;

/// Gives back all that a file has behind its end.
/// @returns false if that was nothing.
bool release_space(int fd) noexcept;

} // namespace waybill
