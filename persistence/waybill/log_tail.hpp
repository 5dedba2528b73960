// The write-ahead log's own bytes: what it holds behind the last commit that
// was answered, which is the truth about a COMMIT that failed; and how what it
// holds gets to the disk for certain.
//
// SQLite says that COMMIT failed, not whether the log holds the transaction.
// After a restart it counts if its last frame, which carries the commit mark,
// is there whole; then all frames before it are too, because each frame's
// checksum continues the one before. So the log itself is asked, through
// SQLite's own handle of it, by the rules of https://sqlite.org/walformat.html.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>

#include "waybill/file_format.hpp"

namespace waybill {

/// Where the committed part of a log ends.
struct log_end {
  /// 0 if the log is empty, or begins anew with the next frame.
  std::uint32_t frames = 0;
  /// How many pages the database has then; 0 if no log has told yet.
  std::uint32_t pages = 0;
  file_format::log_salt salt{};
};

/// Reads it from the log's index, where SQLite keeps it. (The checksum that is
/// there as well is not the log's: see sealed_log.hpp.)
/// @returns none if it cannot be told.
std::optional<log_end> find_log_end(sqlite3* db) noexcept;

/// True if a transaction that began at `begin`, failed and was rolled back is
/// certain not to come back: the log has no whole commit behind `begin`.
bool is_surely_undone(sqlite3* db, const log_end& begin) noexcept;

/// Writes the committed part of the log once more, as it is, and syncs it
/// unless `sync` is false. After a failed sync the kernel may show pages that
/// it has given up: they never reach the disk, and a later sync that succeeds
/// says nothing about them. It is synced before another transaction comes
/// behind it, as every transaction is. What lies there already, of one that
/// never ended, is cut off: after one more power loss it could pass for damage
/// (torn_log.hpp). Must be called in a transaction that may write.
/// @returns an SQLite result code.
int write_log_again(sqlite3* db, bool sync);

} // namespace waybill
