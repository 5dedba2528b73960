#include "baselines.hpp"

#include <filesystem>
#include <stdexcept>

namespace waybill::bench {

namespace {

// The numbers that raw_store gives the texts, field after field.
constexpr std::int64_t first_kind = 1;
constexpr std::int64_t first_target = first_kind + num_kinds;
constexpr std::int64_t first_instance = first_target + num_targets;
constexpr std::int64_t first_script = first_instance + num_instances;
constexpr std::int64_t first_node = first_script + num_scripts;

std::int64_t name_id(std::int64_t first, std::uint64_t n, std::uint64_t count) {
  return first + static_cast<std::int64_t>(n % count);
}

std::string with_schema(const std::string& file) {
  if (!std::filesystem::exists(file)) {
    store_options x;
    x.file = file;
    operation_tracking_store{x}.close();
  }
  return file;
}

template <class F>
void add_names(sqlite_file& db, int field, std::int64_t first,
               std::uint64_t count, F&& text) {
  for (std::uint64_t n = 0; n < count; ++n)
    db.exec("INSERT INTO name (id, field, text) VALUES ("
            + std::to_string(first + static_cast<std::int64_t>(n)) + ", "
            + std::to_string(field) + ", '" + text(n) + "')");
}

void add_all_names(sqlite_file& db) {
  if (db.number("SELECT count(*) FROM name") != 0)
    return;
  db.exec("BEGIN");
  add_names(db, 0, first_kind, num_kinds, kind_text);
  add_names(db, 1, first_target, num_targets, target_text);
  add_names(db, 2, first_instance, num_instances, instance_text);
  add_names(db, 3, first_script, num_scripts, script_text);
  add_names(db, 4, first_node, num_nodes, node_text);
  db.exec("COMMIT");
}

void bind_text(const sqlite_file::statement& x, int at,
               const std::string& text) {
  sqlite3_bind_text(x.get(), at, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
}

} // namespace

sqlite_file::sqlite_file(const std::string& file, durability synchronous,
                         const std::string& vfs)
  : db_{nullptr, &sqlite3_close} {
  sqlite3* db = nullptr;
  const auto code = sqlite3_open_v2(file.c_str(), &db,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                      | SQLITE_OPEN_NOMUTEX
                                      | SQLITE_OPEN_PRIVATECACHE,
                                    vfs.empty() ? nullptr : vfs.c_str());
  db_.reset(db);
  check(code == SQLITE_OK, "open");
  if (number("PRAGMA page_count") == 0)
    exec("PRAGMA auto_vacuum = INCREMENTAL");
  exec("PRAGMA journal_mode = WAL");
  exec("PRAGMA synchronous = " + std::to_string(static_cast<int>(synchronous)));
  exec("PRAGMA cache_size = -16384");
  exec("PRAGMA temp_store = MEMORY");
  exec("PRAGMA mmap_size = 0");
  exec("PRAGMA wal_autocheckpoint = 4000");
}

void sqlite_file::exec(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr)
      != SQLITE_OK)
    throw std::runtime_error{sql + ": " + sqlite3_errmsg(db_.get())};
}

std::int64_t sqlite_file::number(const std::string& sql) {
  const auto stmt = prepare(sql.c_str());
  check(sqlite3_step(stmt.get()) == SQLITE_ROW, sql.c_str());
  return sqlite3_column_int64(stmt.get(), 0);
}

sqlite_file::statement sqlite_file::prepare(const char* sql) {
  sqlite3_stmt* stmt = nullptr;
  const auto code = sqlite3_prepare_v3(db_.get(), sql, -1,
                                       SQLITE_PREPARE_PERSISTENT, &stmt,
                                       nullptr);
  check(code == SQLITE_OK, sql);
  return {stmt, &sqlite3_finalize};
}

void sqlite_file::run(const statement& x) {
  const auto code = sqlite3_step(x.get());
  sqlite3_reset(x.get());
  check(code == SQLITE_DONE, "step");
}

void sqlite_file::check(bool ok, const char* what) {
  if (!ok)
    throw std::runtime_error{std::string{"baseline: "} + what};
}

raw_store::raw_store(const std::string& file, durability synchronous,
                     const std::string& vfs)
  : db_{with_schema(file), synchronous, vfs},
    begin_{db_.prepare("BEGIN IMMEDIATE")},
    commit_{db_.prepare("COMMIT")},
    insert_{db_.prepare(
      "INSERT INTO operation (id, status, retry_count, created_at, "
      "updated_at, kind, target, source_instance, source_script, source_node, "
      "last_transition) VALUES (?1, ?8, 0, ?2, ?2, ?3, ?4, ?5, ?6, ?7, 0) "
      "ON CONFLICT (id) DO NOTHING")},
    attempt_{db_.prepare(
      "UPDATE operation SET status = max(status, ?2), updated_at = ?3, "
      "retry_count = ?4, last_error = ?5, http_status = ?6 "
      "WHERE id = ?1 AND status < 2")},
    terminal_{db_.prepare(
      "UPDATE operation SET status = ?2, updated_at = ?3, last_error = NULL, "
      "http_status = ?6 WHERE id = ?1 AND status < 2")},
    select_{db_.prepare(
      "SELECT status, retry_count, http_status, created_at, updated_at, kind, "
      "target, source_instance, source_script, source_node, last_error "
      "FROM operation WHERE id = ?1")},
    delete_{db_.prepare(
      "DELETE FROM operation WHERE seq IN (SELECT seq FROM operation "
      "WHERE status >= 2 AND status = 2 AND updated_at < ?1 "
      "ORDER BY updated_at LIMIT ?2)")},
    count_{db_.prepare(
      "INSERT INTO counter (kind, status, operations) VALUES (1, ?1, ?2) "
      "ON CONFLICT (kind, status) DO UPDATE SET operations = "
      "excluded.operations")} {
  add_all_names(db_);
  // It counts all kinds as one.
  for (int status = 0; status < 6; ++status)
    counts_[status] = db_.number("SELECT coalesce(sum(operations), 0) FROM "
                                 "counter WHERE status = "
                                 + std::to_string(status));
}

void raw_store::commit() {
  for (int status = 0; status < 6; ++status) {
    auto& change = changes_[status];
    if (change == 0)
      continue;
    sqlite3_bind_int(count_.get(), 1, status);
    counts_[status] += change;
    sqlite3_bind_int64(count_.get(), 2, counts_[status]);
    sqlite_file::run(count_);
    change = 0;
  }
  sqlite_file::run(commit_);
}

void raw_store::bind_id(const sqlite_file::statement& x,
                        const tracked_operation_id& id) {
  for (unsigned i = 0; i < 8; ++i) {
    id_[i] = static_cast<unsigned char>(id.high() >> (56U - 8U * i));
    id_[i + 8] = static_cast<unsigned char>(id.low() >> (56U - 8U * i));
  }
  sqlite3_bind_blob(x.get(), 1, id_, sizeof id_, SQLITE_STATIC);
}

void raw_store::insert(const tracked_operation_id& id, std::uint64_t n,
                       std::int64_t now, int status) {
  auto* const x = insert_.get();
  bind_id(insert_, id);
  sqlite3_bind_int64(x, 2, now);
  sqlite3_bind_int64(x, 3, name_id(first_kind, n, num_kinds));
  sqlite3_bind_int64(x, 4, name_id(first_target, n, num_targets));
  sqlite3_bind_int64(x, 5, name_id(first_instance, n, num_instances));
  sqlite3_bind_int64(x, 6, name_id(first_script, n, num_scripts));
  sqlite3_bind_int64(x, 7, name_id(first_node, n, num_nodes));
  sqlite3_bind_int(x, 8, status);
  sqlite_file::run(insert_);
  changes_[status] += sqlite3_changes(db_.get());
}

void raw_store::enqueue(const tracked_operation_id& id, std::uint64_t n,
                        std::int64_t now) {
  insert(id, n, now, 0);
}

void raw_store::finished(const tracked_operation_id& id, std::uint64_t n,
                         std::int64_t now) {
  insert(id, n, now, 2);
}

void raw_store::attempt(const tracked_operation_id& id, std::int64_t now) {
  auto* const x = attempt_.get();
  bind_id(attempt_, id);
  sqlite3_bind_int(x, 2, 1);
  sqlite3_bind_int64(x, 3, now);
  sqlite3_bind_int(x, 4, 1);
  sqlite3_bind_text(x, 5, attempt_error, -1, SQLITE_STATIC);
  sqlite3_bind_int(x, 6, 503);
  sqlite_file::run(attempt_);
  move_changed(0, 1);
}

void raw_store::terminal(const tracked_operation_id& id, std::int64_t now,
                         int from) {
  auto* const x = terminal_.get();
  bind_id(terminal_, id);
  sqlite3_bind_int(x, 2, 2);
  sqlite3_bind_int64(x, 3, now);
  sqlite3_bind_int(x, 6, 200);
  sqlite_file::run(terminal_);
  move_changed(from, 2);
}

void raw_store::move_changed(int from, int to) {
  const auto rows = sqlite3_changes(db_.get());
  changes_[from] -= rows;
  changes_[to] += rows;
}

bool raw_store::status(const tracked_operation_id& id) {
  auto* const x = select_.get();
  bind_id(select_, id);
  const auto found = sqlite3_step(x) == SQLITE_ROW;
  std::int64_t sum = 0;
  if (found) {
    for (int column = 0; column < 10; ++column)
      sum += sqlite3_column_int64(x, column);
    sum += sqlite3_column_bytes(x, 10);
  }
  sqlite3_reset(x);
  return found && sum != 0;
}

std::int64_t raw_store::purge_chunk(std::int64_t older_than,
                                    std::int64_t limit) {
  sqlite3_bind_int64(delete_.get(), 1, older_than);
  sqlite3_bind_int64(delete_.get(), 2, limit);
  sqlite_file::run(delete_);
  const auto deleted = sqlite3_changes(db_.get());
  changes_[2] -= deleted;
  return deleted;
}

text_store::text_store(const std::string& file)
  : db_{file, durability::full},
    insert_{nullptr, &sqlite3_finalize},
    delete_{nullptr, &sqlite3_finalize} {
  db_.exec("CREATE TABLE IF NOT EXISTS OperationTracking ("
           "TrackedOperationId TEXT PRIMARY KEY, Kind TEXT NOT NULL, "
           "TargetSummary TEXT, Status TEXT NOT NULL, "
           "RetryCount INTEGER NOT NULL, LastError TEXT, HttpStatus INTEGER, "
           "CreatedAtUtc TEXT NOT NULL, UpdatedAtUtc TEXT NOT NULL, "
           "TerminalAtUtc TEXT, SourceInstanceId TEXT, SourceScript TEXT, "
           "SourceNode TEXT)");
  db_.exec("CREATE INDEX IF NOT EXISTS IX_OperationTracking_Terminal "
           "ON OperationTracking (Status, TerminalAtUtc)");
  insert_ = db_.prepare("INSERT OR IGNORE INTO OperationTracking VALUES "
                        "(?1, ?2, ?3, 'Delivered', 0, NULL, 200, ?4, ?4, ?4, "
                        "?5, ?6, ?7)");
  delete_ = db_.prepare("DELETE FROM OperationTracking WHERE "
                        "Status = 'Delivered' AND TerminalAtUtc < ?1");
}

void text_store::finished(const tracked_operation_id& id, std::uint64_t n,
                          timestamp now) {
  bind_text(insert_, 1, to_string(id));
  bind_text(insert_, 2, kind_text(n));
  bind_text(insert_, 3, target_text(n));
  bind_text(insert_, 4, to_string(now));
  bind_text(insert_, 5, instance_text(n));
  bind_text(insert_, 6, script_text(n));
  bind_text(insert_, 7, node_text(n));
  sqlite_file::run(insert_);
}

void text_store::purge(timestamp older_than) {
  bind_text(delete_, 1, to_string(older_than));
  sqlite_file::run(delete_);
}

} // namespace waybill::bench
