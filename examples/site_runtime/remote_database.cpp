#include "site_runtime/remote_database.hpp"

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include <nlohmann/json.hpp>

#include "site_runtime/error_text.hpp"

namespace site_runtime {

namespace {

using nlohmann::json;
using kind = waybill::delivery_result::kind;

// "SRT1"; what bears another one, or none, belongs to another program.
constexpr std::int64_t application_id = 0x53525431;

constexpr const char* schema = R"(
  CREATE TABLE measurement (
    id          TEXT PRIMARY KEY,
    tag         TEXT NOT NULL CHECK (tag <> ''),
    value       REAL NOT NULL CHECK (value BETWEEN -1e6 AND 1e6),
    quality     TEXT NOT NULL CHECK (quality IN ('good', 'uncertain', 'bad')),
    measured_at TEXT NOT NULL CHECK (measured_at GLOB '????-??-??T??:??:??*Z')
  ) STRICT, WITHOUT ROWID)";

constexpr const char* insert_sql
  = "INSERT INTO measurement VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO NOTHING";

constexpr std::array columns{"tag", "value", "quality", "measured_at"};

// The row's value as SQLite takes it; what fits no column it refuses.
int bind_value(sqlite3_stmt* statement, int at, const json& value) {
  switch (value.type()) {
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      return sqlite3_bind_double(statement, at, value.get<double>());
    case json::value_t::null:
      return sqlite3_bind_null(statement, at);
    default:
      const auto text = value.is_string() ? value.get<std::string>()
                                          : value.dump();
      return sqlite3_bind_text64(statement, at, text.data(), text.size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}

// Whether it has failed, the connection's error code tells.
std::int64_t query_int(sqlite3* db, const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement{
    prepared, &sqlite3_finalize};
  return statement && sqlite3_step(statement.get()) == SQLITE_ROW
           ? sqlite3_column_int64(statement.get(), 0)
           : 0;
}

waybill::delivery_result failed(kind what, std::string error) {
  return {.what = what,
          .error = std::move(error),
          .http_status = std::nullopt,
          .retry_after = std::nullopt};
}

} // namespace

void remote_database::closer::operator()(sqlite3* db) const noexcept {
  sqlite3_close_v2(db);
}

void remote_database::finalizer::operator()(
  sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

remote_database::remote_database(const std::string& file) {
  sqlite3* db = nullptr;
  const auto opened = sqlite3_open_v2(file.c_str(), &db,
                                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                        | SQLITE_OPEN_FULLMUTEX,
                                      nullptr);
  db_.reset(db);
  const auto check = [&](int code) {
    if (code != SQLITE_OK)
      throw std::runtime_error{file + ": " + sqlite3_errmsg(db)};
  };
  check(opened);
  check(sqlite3_busy_timeout(db, 1'000));
  const auto exec = [&](const std::string& sql) {
    check(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr));
  };
  const auto query = [&](const char* sql) {
    const auto value = query_int(db, sql);
    check(sqlite3_errcode(db));
    return value;
  };
  // Nothing of a database that is another program's may change, nor may its
  // log go when this connection does.
  check(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr));
  if (const auto id = query("PRAGMA application_id"); id != application_id) {
    if (id != 0 || query("PRAGMA user_version") != 0
        || query("SELECT count(*) FROM sqlite_schema") != 0)
      throw std::runtime_error{file + ": is a database of another program"};
    exec("BEGIN IMMEDIATE");
    exec("PRAGMA application_id = " + std::to_string(application_id));
    exec(schema);
    exec("COMMIT");
  }
  check(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr));
  exec("PRAGMA journal_mode=WAL");
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v3(db, insert_sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &insert, nullptr));
  insert_.reset(insert);
}

remote_database::~remote_database() = default;

waybill::delivery_result
remote_database::deliver(const waybill::delivery& call) {
  auto row = json::parse(call.payload);
  const auto id = to_string(call.idempotency_key);
  auto* const statement = insert_.get();
  sqlite3_bind_text64(statement, 1, id.data(), id.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
  int at = 2;
  for (const auto* column : columns) {
    bind_value(statement, at++, row.contains(column) ? row[column] : json{});
    row.erase(column);
  }
  if (!row.empty())
    return failed(kind::permanent, "table measurement has no column named "
                                     + one_line(row.begin().key(), 100));
  sqlite3_step(statement);
  switch (const auto code = sqlite3_reset(statement); code & 0xff) {
    case SQLITE_OK:
      return {};
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return failed(kind::permanent, sqlite3_errmsg(db_.get()));
    default:
      return failed(kind::transient, sqlite3_errmsg(db_.get()));
  }
}

} // namespace site_runtime
