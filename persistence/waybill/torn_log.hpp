// Damage to a write-ahead log that SQLite would pass over in silence.
//
// SQLite ends a log at its first frame that does not add up, as it must: a
// power loss leaves such frames behind, of the transaction that was not synced
// yet. But with synchronous = FULL a transaction is synced before the next one
// is written. If a later one is there, the one that does not add up had been
// acknowledged and is damaged, and so would be lost with all after it.
//
// Damage to the last transaction of a log cannot be told from a power loss, nor
// can a log that was cut off or taken away.
#pragma once

#include <sqlite3.h>

#include <optional>
#include <string>

#include "waybill/store_options.hpp"

namespace waybill {

/// Looks for such damage in the log `file`, which may be missing.
/// @param synchronous what the log was written with; `normal` and `off` do not
///        sync each transaction, and less can be told.
/// @returns what is wrong, or none.
std::optional<std::string> find_torn_log(const std::string& file,
                                         durability synchronous);

/// The same for one who only reads, and whose log another process may be
/// writing: looks behind the end that the log has for the connection. Must be
/// called in a transaction that has read something.
/// @param file the database file.
/// @returns what is wrong, or none, also if the log cannot be read.
std::optional<std::string> find_torn_log(sqlite3* db, const std::string& file);

} // namespace waybill
