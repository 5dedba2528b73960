#include "waybill/sqlite.hpp"

#include "waybill/file_limits.hpp"

namespace waybill::sqlite {

namespace {

sqlite3_file* open_file(sqlite3* db, int which) noexcept {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK
      || file == nullptr || file->pMethods == nullptr)
    return nullptr;
  return file;
}

bool is_full(sqlite3* db, int code) noexcept {
  auto* const log = db == nullptr ? nullptr : log_of(db);
  return log != nullptr && (with_quota(log, code) & 0xFF) == SQLITE_FULL;
}

std::string reason_of_damage(sqlite3* db) {
  std::string reason;
  if (auto* const file = file_of(db); file != nullptr)
    file->pMethods->xFileControl(file, damage_opcode, &reason);
  return reason;
}

} // namespace

errc to_errc(int code) noexcept {
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    // Every value has been checked before: what these refuse is the file's.
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return errc::store_corrupt;
    case SQLITE_FULL:
      return errc::store_full;
    default:
      return errc::not_stored;
  }
}

std::string to_text(sqlite3* db, int code, std::string_view doing) {
  std::string message;
  // First what is wrong, and only then who has found out.
  if (db != nullptr && (code & 0xFF) == SQLITE_CORRUPT)
    if (const auto reason = reason_of_damage(db); !reason.empty())
      message = reason + "; ";
  message += doing;
  message += ": ";
  // The connection's message says more than the code's, if it is about it.
  if (db != nullptr && (sqlite3_extended_errcode(db) & 0xFF) == (code & 0xFF))
    message += sqlite3_errmsg(db);
  else
    message += sqlite3_errstr(code);
  message += " (SQLite code " + std::to_string(code) + ")";
  return message;
}

void raise(sqlite3* db, int code, std::string_view doing) {
  throw store_error{is_full(db, code) ? errc::store_full : to_errc(code),
                    to_text(db, code, doing), code};
}

sqlite3_file* file_of(sqlite3* db) noexcept {
  return open_file(db, SQLITE_FCNTL_FILE_POINTER);
}

sqlite3_file* log_of(sqlite3* db) noexcept {
  return open_file(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

connection::connection(const std::string& file, int flags,
                       const std::string& vfs) {
  sqlite3* db = nullptr;
  const auto code = sqlite3_open_v2(file.c_str(), &db,
                                    flags | SQLITE_OPEN_EXRESCODE,
                                    vfs.empty() ? nullptr : vfs.c_str());
  db_.reset(db); // also after an error there is something to close
  if (code != SQLITE_OK)
    raise(db, code, "cannot open " + file);
}

void connection::distrust() {
  const auto set = [this](int option, int value) {
    const auto code = sqlite3_db_config(get(), option, value, nullptr);
    if (code != SQLITE_OK)
      raise(get(), code, "sqlite3_db_config");
  };
  set(SQLITE_DBCONFIG_DEFENSIVE, 1);
  set(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
  set(SQLITE_DBCONFIG_ENABLE_TRIGGER, 0);
  set(SQLITE_DBCONFIG_ENABLE_VIEW, 0);
  set(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0);
  set(SQLITE_DBCONFIG_DQS_DML, 0);
  set(SQLITE_DBCONFIG_DQS_DDL, 0);
  sqlite3_limit(get(), SQLITE_LIMIT_ATTACHED, 0);
}

void connection::set_up(std::int64_t cache_bytes) {
  distrust();
  sqlite3_busy_timeout(get(), busy_timeout_ms);
  // The first of them that reads the file says what is wrong with that.
  constexpr auto doing = "cannot be opened";
  exec("PRAGMA mmap_size = 0", doing);
  exec("PRAGMA cell_size_check = ON", doing);
  exec("PRAGMA temp_store = MEMORY", doing);
  exec(("PRAGMA cache_size = -" + std::to_string(cache_bytes / 1'024)).c_str(),
       doing);
}

void connection::checkpoint_on_close(bool on) noexcept {
  sqlite3_db_config(get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1,
                    nullptr);
}

void connection::exec(const char* sql, std::string_view doing) {
  const auto code = sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    raise(get(), code, doing.empty() ? sql : doing);
}

std::int64_t connection::query_int(const char* sql) {
  statement stmt{get(), sql};
  return stmt.step() ? stmt.integer(0) : 0;
}

std::string connection::query_text(const char* sql) {
  statement stmt{get(), sql};
  return stmt.step() ? std::string{stmt.text(0)} : std::string{};
}

statement connection::prepare(std::string_view sql) {
  return statement{get(), sql};
}

statement::statement(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  const auto code
    = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  stmt_.reset(stmt);
  if (code != SQLITE_OK)
    raise(db, code, sql);
}

void statement::cannot_bind(int code) {
  auto* const db = sqlite3_db_handle(stmt_.get());
  // What is too big to be bound is the request's; a row that is too big to be
  // read is the file's.
  if (code == SQLITE_TOOBIG)
    throw store_error{errc::invalid_request,
                      std::string{"bind: "} + sqlite3_errmsg(db), code};
  raise(db, code, "bind");
}

void statement::bind_borrowed(int at, std::string_view text) {
  check(sqlite3_bind_text64(stmt_.get(), at, text.data(), text.size(),
                            SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind_borrowed(int at, std::span<const std::uint8_t> blob) {
  check(sqlite3_bind_blob64(stmt_.get(), at, blob.data(), blob.size(),
                            SQLITE_STATIC));
}

void statement::bind_borrowed_or_null(int at,
                                      const std::optional<std::string>& text) {
  if (text)
    bind_borrowed(at, std::string_view{*text});
  else
    bind_null(at);
}

bool statement::step() {
  const auto code = sqlite3_step(stmt_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  // The text of the statement, never its bound values: those are users' data.
  const auto* const sql = sqlite3_sql(stmt_.get());
  auto* const db = sqlite3_db_handle(stmt_.get());
  try {
    raise(db, code, sql == nullptr ? "step" : sql);
  } catch (...) {
    reset();
    throw;
  }
}

void statement::run() {
  const reset_guard guard{*this};
  while (step()) {
    // Rows are of no interest here.
  }
}

bool statement::is_null(int column) const noexcept {
  return sqlite3_column_type(stmt_.get(), column) == SQLITE_NULL;
}

bool statement::is_integer(int column) const noexcept {
  return sqlite3_column_type(stmt_.get(), column) == SQLITE_INTEGER;
}

std::int64_t statement::integer(int column) const noexcept {
  return sqlite3_column_int64(stmt_.get(), column);
}

std::string_view statement::text(int column) const noexcept {
  const auto* const text = sqlite3_column_text(stmt_.get(), column);
  if (text == nullptr)
    return {};
  const auto size = sqlite3_column_bytes(stmt_.get(), column);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

std::span<const std::uint8_t> statement::blob(int column) const noexcept {
  const auto* const data = sqlite3_column_blob(stmt_.get(), column);
  const auto size = sqlite3_column_bytes(stmt_.get(), column);
  return {static_cast<const std::uint8_t*>(data),
          data == nullptr ? 0U : static_cast<std::size_t>(size)};
}

} // namespace waybill::sqlite
