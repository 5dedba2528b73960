#include "waybill/store_opening.hpp"

#include "waybill/log_tail.hpp"
#include "waybill/schema.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_identity.hpp"
#include "waybill/torn_log.hpp"

namespace waybill {

namespace {

void configure(sqlite::connection& db, const store_options& options) {
  // A file that turns out to be damaged or someone else's stays as it is.
  // Without a log there is nothing to copy, but files to remove.
  db.checkpoint_on_close(!has_log(options.file));
  db.set_up(options.cache_bytes);
  const auto wanted = static_cast<int>(options.synchronous);
  db.exec(("PRAGMA synchronous = " + std::to_string(wanted)).c_str());
  if (db.query_int("PRAGMA synchronous") != wanted)
    throw store_error{errc::store_unavailable,
                      options.file + ": synchronous cannot be set"};
  if (sqlite3_db_readonly(db.get(), "main") != 0)
    throw store_error{errc::store_unavailable, options.file + ": is read-only"};
}

// The lock file may have been removed. But nobody has anything to checkpoint
// except an owner, so the one of the log's index that is for this is another
// sign of who that is; it goes with the process. An ordinary SQLite that copies
// the log is waited for.
void take_checkpoints(sqlite::connection& db, const std::string& file) {
  if (db.query_text("PRAGMA journal_mode") != "wal")
    return; // there is no log yet
  constexpr int step_ms = 10;
  for (int waited = 0;; waited += step_ms) {
    const auto code = sqlite3_file_control(db.get(), "main",
                                           sqlite::keep_checkpoints_opcode,
                                           nullptr);
    if (code == SQLITE_OK)
      return;
    if (code != SQLITE_BUSY)
      sqlite::raise(db.get(), code, "locking the log");
    if (waited >= sqlite::busy_timeout_ms)
      throw store_error{errc::store_locked,
                        file
                          + ": another owner holds this store (its log is "
                            "locked)"};
    sqlite3_sleep(step_ms);
  }
}

} // namespace

sqlite::connection open_database(const store_options& options,
                                 const std::string& vfs) {
  if (const auto fault = find_torn_log(options.file + "-wal",
                                       options.synchronous))
    throw store_error{errc::store_corrupt, *fault};
  sqlite::connection db{options.file,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW
                          | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                        vfs};
  configure(db, options);
  take_checkpoints(db, options.file);
  migrate(db, options.file);
  if (db.query_text("PRAGMA journal_mode = WAL") != "wal")
    throw store_error{errc::store_unavailable,
                      options.file
                        + ": the file system cannot hold a write-ahead log"};
  take_checkpoints(db, options.file); // of a new file, too
  verify_schema(db, options.file);
  read_identity(db); // every store has one
  return db;
}

void make_baseline(sqlite::connection& db, durability synchronous,
                   transition_log& transitions) {
  db.exec("BEGIN IMMEDIATE");
  const auto sync = synchronous != durability::off;
  if (const auto code = write_log_again(db.get(), sync); code != SQLITE_OK)
    sqlite::raise(db.get(), code, "writing the log again");
  write_own(db);
  transitions.mark_switch(db);
  db.exec("COMMIT");
}

void write_own(sqlite::connection& db) {
  db.exec("UPDATE store SET opens = opens + 1");
  if (sqlite3_changes(db.get()) != 1)
    throw store_error{errc::store_corrupt, "the table store has no row"};
}

} // namespace waybill
