// A database file names its log.
//
// SQLite replays whatever log lies beside a database: that of another store, or
// of another moment of this one, and ruins the file with it. So before a log
// begins, 20 bytes of the database's header (from byte 72 on, reserved for
// expansion: SQLite keeps them and looks at nothing there) are set to say which
// one continues the file: its salt, which SQLite draws by chance, and that of
// the log before, which lies there until the new one has begun. They are synced
// before the log gets its header, so after any crash the log that is there has
// one of the two names, and everything in one that has the second is in the
// file already. The first pages that are copied into the file take the second
// name away.
//
//   72  salt of the log   80  salt of the one before, or 0   88  checksum
//
// All zero: a file of schema version 1. It takes any log but one of pages that
// are sealed, which none of its own are.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <span>

#include "waybill/file_format.hpp"

namespace waybill::sqlite {

/// The logs that a database file names.
struct log_name {
  file_format::log_salt current{};
  file_format::log_salt previous{};
  /// A file of schema version 1 names none, and excludes none.
  bool is_unnamed = false;
  /// The checksum does not match.
  bool is_damaged = false;

  [[nodiscard]] bool admits(const file_format::log_salt& log) const noexcept {
    return log == current || log == previous;
  }

  bool operator==(const log_name&) const = default;
};

/// The name in the bytes of the header that are for it.
log_name decode_log_name(
  std::span<const std::uint8_t, file_format::expansion_bytes> x) noexcept;

/// Reads the name from a database file; that of one which is empty yet admits
/// no log.
/// @returns an SQLite result code.
int read_log_name(sqlite3_file* database, log_name& out) noexcept;

/// Writes it into a database file, and does not sync.
/// @returns an SQLite result code.
int write_log_name(sqlite3_file* database, const log_name& x) noexcept;

/// Writes it into the first page, or any first part of it with the header.
void put_log_name(std::uint8_t* first_page, const log_name& x) noexcept;

} // namespace waybill::sqlite
