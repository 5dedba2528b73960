// What waybill is measured against: plain loops over SQLite's C API.
//
// raw_store    waybill's own schema and pragmas, prepared statements, borrowed
//              bindings, one thread, texts already interned: the best loop that
//              we can write. With a transaction for each call it is the
//              baseline `per_call`.
// text_store   the obvious schema: text GUID as primary key, ISO text times,
//              status text, all texts in the row.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "waybill/operation_tracking_store.hpp"
#include "workload.hpp"

namespace waybill::bench {

class sqlite_file {
public:
  /// @param vfs empty: SQLite's own.
  sqlite_file(const std::string& file, durability synchronous,
              const std::string& vfs = {});

  void exec(const std::string& sql);
  std::int64_t number(const std::string& sql);
  sqlite3* get() const noexcept { return db_.get(); }

  using statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;
  statement prepare(const char* sql);

  /// Steps to the end and resets.
  static void run(const statement& x);
  static void check(bool ok, const char* what);

private:
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_;
};

class raw_store {
public:
  /// Creates the file as waybill does, if it is missing. Without `vfs`, pages
  /// are written without waybill's seals: then only raw_store reads them.
  explicit raw_store(const std::string& file,
                     durability synchronous = durability::full,
                     const std::string& vfs = {});

  void begin() { sqlite_file::run(begin_); }
  /// With the counters, as waybill keeps them.
  void commit();

  void enqueue(const tracked_operation_id& id, std::uint64_t n,
               std::int64_t now);
  /// Inserts a row that is finished already.
  void finished(const tracked_operation_id& id, std::uint64_t n,
                std::int64_t now);
  void attempt(const tracked_operation_id& id, std::int64_t now);
  /// @param from the status that it had: 0 `Submitted`, 1 `Retrying`.
  void terminal(const tracked_operation_id& id, std::int64_t now, int from = 1);
  /// Reads every column.
  bool status(const tracked_operation_id& id);
  /// @returns how many rows went.
  std::int64_t purge_chunk(std::int64_t older_than, std::int64_t limit);

  sqlite_file& file() noexcept { return db_; }

private:
  void bind_id(const sqlite_file::statement& x, const tracked_operation_id& id);
  void insert(const tracked_operation_id& id, std::uint64_t n, std::int64_t now,
              int status);
  // Counts the rows that the last statement took from one status to another.
  void move_changed(int from, int to);

  sqlite_file db_;
  sqlite_file::statement begin_, commit_, insert_, attempt_, terminal_, select_,
    delete_, count_;
  unsigned char id_[16] = {};
  std::int64_t counts_[6] = {};
  std::int64_t changes_[6] = {};
};

class text_store {
public:
  explicit text_store(const std::string& file);

  void begin() { db_.exec("BEGIN IMMEDIATE"); }
  void commit() { db_.exec("COMMIT"); }
  void finished(const tracked_operation_id& id, std::uint64_t n, timestamp now);
  void purge(timestamp older_than);

  sqlite_file& file() noexcept { return db_; }

private:
  sqlite_file db_;
  sqlite_file::statement insert_, delete_;
};

} // namespace waybill::bench
