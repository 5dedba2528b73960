// How the owner of a store opens its database: checked, set up, brought to this
// version, and on durable ground.
#pragma once

#include <string>

#include "waybill/sqlite.hpp"
#include "waybill/store_options.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

/// Opens the database, creates the schema in an empty one, and checks all that
/// can be checked without reading it.
/// @param vfs the sealed one.
/// @throws store_error whatever is in the way; `as_open_error` says what that
///         means.
sqlite::connection open_database(const store_options& options,
                                 const std::string& vfs);

/// Baseline: all that this file shows from here on is durable.
///
/// A process killed between writing the log and syncing it leaves commits that
/// are visible and yet only in the kernel's memory. `duplicate` answers and
/// snapshots rest on them without writing, hence without a sync of their own.
/// And if the sync failed before the kill, the kernel may have given up the
/// pages that it still shows. So what the log holds is written once more and
/// synced. A small write after it shows that the file takes writes.
///
/// Only then may the log be copied into the file: a power loss in the middle
/// of that is repaired from the log.
///
/// Comes last: what fails before has written nothing.
void make_baseline(sqlite::connection& db, durability synchronous,
                   transition_log& transitions);

/// The smallest change there is, of the store's own.
void write_own(sqlite::connection& db);

} // namespace waybill
