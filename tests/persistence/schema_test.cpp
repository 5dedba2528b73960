// The on-disk format: what a new file holds, and how the store opens it.

#include "support/connection_spy.hpp"
#include "support/store_fixture.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/schema.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

std::int64_t pragma(const connection_spy& spy, const char* name) {
  sqlite3_stmt* stmt = nullptr;
  const auto sql = "PRAGMA " + std::string{name};
  sqlite3_prepare_v2(spy.get(), sql.c_str(), -1, &stmt, nullptr);
  const auto value
    = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
  sqlite3_finalize(stmt);
  return value;
}

int config(const connection_spy& spy, int option) {
  int value = -1;
  sqlite3_db_config(spy.get(), option, -1, &value);
  return value;
}

} // namespace

TEST_CASE_METHOD(store_fixture, "a new file says whose it is") {
  restart();
  auto db = open_reader(options.file);
  CHECK(db.query_int("PRAGMA application_id") == 0x57594231);
  CHECK(db.query_int("PRAGMA user_version") == schema_version);
  CHECK(db.query_text("PRAGMA journal_mode") == "wal");
  CHECK(db.query_int("PRAGMA auto_vacuum") == 2);
  CHECK(db.query_int("PRAGMA page_size") == 4'096);
  CHECK(db.query_int("SELECT count(*) FROM pragma_table_list "
                     "WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' "
                     "AND NOT strict")
        == 0);
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(store_fixture,
                 "the file itself refuses rows that no store writes") {
  store.record_enqueue(enqueue(1), at(0));
  store.close();
  auto db = open_writer(options.file);
  for (const auto* const sql :
       {"UPDATE operation SET status = 6", "UPDATE operation SET status = -1",
        "UPDATE operation SET retry_count = -1",
        "UPDATE operation SET http_status = 99",
        "UPDATE operation SET http_status = 600",
        "UPDATE operation SET id = x'00'", "UPDATE operation SET id = 'text'",
        "UPDATE operation SET status = 'Failed'",
        "UPDATE operation SET created_at = NULL",
        "UPDATE operation SET kind = NULL", "UPDATE name SET field = 5",
        "UPDATE counter SET operations = -1",
        "INSERT INTO store VALUES (2, 0, 0, 0, 0)",
        "INSERT INTO transition VALUES (1, 1, 0, 1, 2, 0, 0, NULL, NULL)",
        "INSERT INTO transition VALUES (1, 1, 0, 1, 0, -1, 0, NULL, NULL)",
        "INSERT INTO transition VALUES (1, 1, 0, 1, 0, 0, 0, 99, NULL)",
        "INSERT INTO operation SELECT 99, id, 0, 0, NULL, 0, 0, 'k', NULL, "
        "NULL, NULL, NULL, NULL, 0 FROM operation"}) {
    const auto e = error_of([&] { db.exec(sql); });
    CAPTURE(sql, e.text);
    CHECK(e.sqlite_code % 256 == SQLITE_CONSTRAINT);
  }
}

TEST_CASE("the store's connection trusts nothing that a file brings along") {
  const connection_spy spy;
  const store_fixture fixture;
  CHECK(config(spy, SQLITE_DBCONFIG_DEFENSIVE) == 1);
  CHECK(config(spy, SQLITE_DBCONFIG_TRUSTED_SCHEMA) == 0);
  CHECK(config(spy, SQLITE_DBCONFIG_ENABLE_TRIGGER) == 0);
  CHECK(config(spy, SQLITE_DBCONFIG_ENABLE_VIEW) == 0);
  CHECK(config(spy, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION) == 0);
  CHECK(config(spy, SQLITE_DBCONFIG_DQS_DML) == 0);
  CHECK(config(spy, SQLITE_DBCONFIG_DQS_DDL) == 0);
  CHECK(sqlite3_limit(spy.get(), SQLITE_LIMIT_ATTACHED, -1) == 0);
  CHECK(pragma(spy, "cell_size_check") == 1);
  CHECK(pragma(spy, "mmap_size") <= 0);
}

TEST_CASE("promise 1, durability: synchronous is what the options say, FULL by "
          "default",
          "[promise-1]") {
  const connection_spy spy;
  const temp_dir dir;
  auto options = options_for(dir / "ops.db");
  {
    const operation_tracking_store store{options};
    CHECK(pragma(spy, "synchronous") == 2);
  }
  for (const auto level :
       {durability::off, durability::normal, durability::full}) {
    options.synchronous = level;
    operation_tracking_store store{options};
    CHECK(pragma(spy, "synchronous") == static_cast<int>(level));
    store.recover(); // which opens the file anew
    CHECK(pragma(spy, "synchronous") == static_cast<int>(level));
  }
}

TEST_CASE("a store whose making was interrupted is made to its end") {
  // A kill leaves any of these states behind: each statement commits alone.
  const char* const steps[] = {"PRAGMA auto_vacuum = INCREMENTAL",
                               "PRAGMA journal_mode = WAL",
                               "PRAGMA application_id = 1465467441"};
  for (std::size_t done = 0; done <= std::size(steps); ++done) {
    const temp_dir dir;
    write_file(dir / "ops.db", "");
    {
      auto db = open_writer(dir / "ops.db");
      sqlite::sealed_vfs::prepare(db.get());
      for (std::size_t i = 0; i < done; ++i)
        db.exec(steps[i]);
    }
    CAPTURE(done);
    operation_tracking_store store{options_for(dir / "ops.db")};
    store.record_enqueue(enqueue(1), at(0));
    CHECK(store.get_status(status_of(1), at(0)).snapshot == fresh(1, at(0)));
    auto db = open_reader(dir / "ops.db");
    CHECK(db.query_int("PRAGMA auto_vacuum") == 2);
  }
}

TEST_CASE("a migration that failed half-way leaves nothing and is repeated") {
  const temp_dir dir;
  auto db = open_writer(dir / "ops.db");
  sqlite::sealed_vfs::prepare(db.get());
  db.exec("PRAGMA application_id = 1465467441");
  db.exec("CREATE TABLE name (x)"); // in the way of the first migration
  CHECK(error_of([&] { migrate(db, "ops.db"); }).code.has_value());
  CHECK_FALSE(db.in_transaction());
  CHECK(db.query_int("PRAGMA user_version") == 0);
  CHECK(first_column(db, "SELECT name FROM sqlite_schema")
        == std::vector<std::string>{"name"});
  db.exec("DROP TABLE name");
  migrate(db, "ops.db");
  verify_schema(db, "ops.db");
  CHECK(db.query_int("PRAGMA user_version") == schema_version);
}

TEST_CASE_METHOD(store_fixture, "the list of columns is the table's") {
  auto db = open_reader(options.file);
  const auto columns
    = first_column(db, "SELECT name FROM pragma_table_info('operation')");
  CHECK(std::ssize(columns) == column::count);
  for (const auto& name : columns) {
    CAPTURE(name);
    CHECK(column::place_of(name) < column::count);
  }
}
