#include "call_baselines.hpp"

namespace waybill::bench {

namespace {

std::string with_target() {
  return "INSERT INTO target (number, name, calls, bytes, kept_calls, "
         "kept_bytes) SELECT 1, '"
         + std::string{raw_calls::target}
         + "', 0, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM target)";
}

void bind_bytes(const sqlite_file::statement& x, int at,
                const std::string& bytes) {
  sqlite3_bind_blob(x.get(), at, bytes.data(), static_cast<int>(bytes.size()),
                    SQLITE_STATIC);
}

void bind_text(const sqlite_file::statement& x, int at,
               const std::string& text) {
  sqlite3_bind_text(x.get(), at, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
}

} // namespace

raw_calls::raw_calls(const std::string& file, durability synchronous,
                     const std::string& vfs)
  : operations_{file, synchronous, vfs},
    insert_call_{operations_.file().prepare(
      "INSERT INTO call (seq, target, state, attempt, interruptions, due, "
      "expires, priority, order_key, root, bytes) "
      "VALUES (?1, 1, ?2, 1, 0, ?3, NULL, 1, NULL, NULL, ?4)")},
    insert_payload_{operations_.file().prepare(
      "INSERT INTO payload (seq, codec, bytes) VALUES (?1, NULL, ?2)")},
    payload_{
      operations_.file().prepare("SELECT bytes FROM payload WHERE seq = ?1")},
    begin_{
      operations_.file().prepare("UPDATE call SET state = 1 WHERE seq = ?1")},
    delete_call_{operations_.file().prepare("DELETE FROM call WHERE seq = ?1")},
    delete_payload_{
      operations_.file().prepare("DELETE FROM payload WHERE seq = ?1")},
    sums_{operations_.file().prepare(
      "UPDATE target SET calls = ?1, bytes = ?2 WHERE number = 1")} {
  auto& db = operations_.file();
  db.exec(with_target());
  calls_ = db.number("SELECT calls FROM target");
  bytes_ = db.number("SELECT bytes FROM target");
}

void raw_calls::commit() {
  sqlite3_bind_int64(sums_.get(), 1, calls_);
  sqlite3_bind_int64(sums_.get(), 2, bytes_);
  sqlite_file::run(sums_);
  operations_.commit();
}

raw_calls::taken raw_calls::take(const tracked_operation_id& id,
                                 std::uint64_t n, std::int64_t now,
                                 const std::string& payload, bool begun,
                                 std::int64_t due) {
  operations_.enqueue(id, n, now);
  const taken x{id, sqlite3_last_insert_rowid(file().get()),
                static_cast<std::int64_t>(payload.size())};
  sqlite3_bind_int64(insert_call_.get(), 1, x.seq);
  sqlite3_bind_int(insert_call_.get(), 2, begun ? 1 : 0);
  if (due == 0)
    sqlite3_bind_null(insert_call_.get(), 3);
  else
    sqlite3_bind_int64(insert_call_.get(), 3, due);
  sqlite3_bind_int64(insert_call_.get(), 4, x.bytes);
  sqlite_file::run(insert_call_);
  sqlite3_bind_int64(insert_payload_.get(), 1, x.seq);
  bind_bytes(insert_payload_, 2, payload);
  sqlite_file::run(insert_payload_);
  ++calls_;
  bytes_ += x.bytes;
  return x;
}

void raw_calls::begin(const taken& x) {
  sqlite3_bind_int64(payload_.get(), 1, x.seq);
  const auto found = sqlite3_step(payload_.get()) == SQLITE_ROW
                     && sqlite3_column_bytes(payload_.get(), 0) == x.bytes;
  sqlite3_reset(payload_.get());
  sqlite_file::check(found, "a payload");
  sqlite3_bind_int64(begin_.get(), 1, x.seq);
  sqlite_file::run(begin_);
}

void raw_calls::end(const taken& x, std::int64_t now) {
  operations_.terminal(x.id, now, 0);
  sqlite3_bind_int64(delete_call_.get(), 1, x.seq);
  sqlite_file::run(delete_call_);
  sqlite3_bind_int64(delete_payload_.get(), 1, x.seq);
  sqlite_file::run(delete_payload_);
  --calls_;
  bytes_ -= x.bytes;
}

plain_queue::plain_queue(const std::string& file)
  : db_{file, durability::full},
    insert_{nullptr, &sqlite3_finalize},
    find_{nullptr, &sqlite3_finalize},
    begin_{nullptr, &sqlite3_finalize},
    delete_{nullptr, &sqlite3_finalize} {
  db_.exec("CREATE TABLE job (number INTEGER PRIMARY KEY, id TEXT NOT NULL "
           "UNIQUE, state TEXT NOT NULL, attempts INTEGER NOT NULL, "
           "created_at TEXT NOT NULL, updated_at TEXT NOT NULL, "
           "payload BLOB NOT NULL)");
  insert_ = db_.prepare("INSERT INTO job (id, state, attempts, created_at, "
                        "updated_at, payload) "
                        "VALUES (?1, 'waiting', 0, ?2, ?2, ?3)");
  find_ = db_.prepare("SELECT number, payload FROM job WHERE state = 'waiting' "
                      "ORDER BY number LIMIT 1");
  begin_ = db_.prepare("UPDATE job SET state = 'running', "
                       "attempts = attempts + 1, updated_at = ?2 "
                       "WHERE number = ?1");
  delete_ = db_.prepare("DELETE FROM job WHERE number = ?1");
}

// A statement outside of a transaction is one of its own.
void plain_queue::run_job(const tracked_operation_id& id,
                          const std::string& payload, timestamp now) {
  const auto at = to_string(now);
  bind_text(insert_, 1, to_string(id));
  bind_text(insert_, 2, at);
  bind_bytes(insert_, 3, payload);
  sqlite_file::run(insert_);
  sqlite_file::check(sqlite3_step(find_.get()) == SQLITE_ROW, "a job");
  const auto number = sqlite3_column_int64(find_.get(), 0);
  sqlite3_reset(find_.get());
  sqlite3_bind_int64(begin_.get(), 1, number);
  bind_text(begin_, 2, at);
  sqlite_file::run(begin_);
  sqlite3_bind_int64(delete_.get(), 1, number);
  sqlite_file::run(delete_);
}

} // namespace waybill::bench
