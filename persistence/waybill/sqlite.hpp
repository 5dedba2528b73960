// A thin RAII layer over SQLite's C API: a connection, a statement. Errors are
// store_error; nothing here knows what waybill stores.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "waybill/store_error.hpp"

namespace waybill::sqlite {

/// An opcode for a VFS's files that notice damage which SQLite reports without
/// a reason: sets a std::string to the reason, if there is one.
constexpr int damage_opcode = 0x5759'4244;

/// An opcode for a VFS's database file whose log has an index: from now on only
/// this connection checkpoints, until it closes. SQLITE_BUSY if another one
/// does.
constexpr int keep_checkpoints_opcode = 0x5759'4243;

/// What `code`, from anything but COMMIT, means for a request.
errc to_errc(int code) noexcept;

/// Names what damage was found, if any was, `doing`, SQLite's message and its
/// code.
std::string to_text(sqlite3* db, int code, std::string_view doing);

/// Throws a store_error with that text.
[[noreturn]] void raise(sqlite3* db, int code, std::string_view doing);

/// SQLite's own view of the database file; null if it is not open.
sqlite3_file* file_of(sqlite3* db) noexcept;

/// And of its write-ahead log.
sqlite3_file* log_of(sqlite3* db) noexcept;

/// How long another connection's lock is waited for.
constexpr int busy_timeout_ms = 1'000;

class statement;

/// An open database. Not to be shared between threads.
class connection {
public:
  connection() noexcept = default;

  /// @param flags as for sqlite3_open_v2.
  /// @param vfs the name of a registered VFS, or empty for the default.
  connection(const std::string& file, int flags, const std::string& vfs);

  [[nodiscard]] bool is_open() const noexcept { return db_ != nullptr; }
  [[nodiscard]] sqlite3* get() const noexcept { return db_.get(); }

  /// Nothing that the file brings along may run.
  void distrust();

  /// Distrusts the file, and sets what all connections to a store have in
  /// common.
  void set_up(std::int64_t cache_bytes);

  /// Runs statements that return nothing of interest.
  /// @param doing what an error says was being done; the statements if empty.
  void exec(const char* sql, std::string_view doing = {});

  /// Reads one integer, for example a pragma's value.
  std::int64_t query_int(const char* sql);

  /// Reads one text.
  std::string query_text(const char* sql);

  statement prepare(std::string_view sql);

  /// True while BEGIN has not been ended, be it by COMMIT, by ROLLBACK or by
  /// SQLite itself after an error.
  [[nodiscard]] bool in_transaction() const noexcept {
    return db_ != nullptr && sqlite3_get_autocommit(db_.get()) == 0;
  }

  /// Whether closing the last connection copies the log into the file.
  void checkpoint_on_close(bool on) noexcept;

  /// Closes; all statements must be gone.
  void close() noexcept { db_.reset(); }

private:
  struct closer {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };

  std::unique_ptr<sqlite3, closer> db_;
};

/// Nobody who holds a lock is waited for while one of these lives.
class no_lock_wait {
public:
  explicit no_lock_wait(connection& db) noexcept : db_{db} {
    sqlite3_busy_timeout(db_.get(), 0);
  }
  ~no_lock_wait() { sqlite3_busy_timeout(db_.get(), busy_timeout_ms); }
  no_lock_wait(const no_lock_wait&) = delete;
  no_lock_wait& operator=(const no_lock_wait&) = delete;

private:
  connection& db_;
};

/// A prepared statement, to be used many times.
class statement {
public:
  statement() noexcept = default;
  statement(sqlite3* db, std::string_view sql);

  /// Whether there is a statement.
  explicit operator bool() const noexcept { return stmt_ != nullptr; }

  /// Binds by number, from 1. Texts and blobs are borrowed: they must live
  /// until the step after.
  void bind(int at, std::int64_t value) {
    check(sqlite3_bind_int64(stmt_.get(), at, value));
  }
  void bind_null(int at) { check(sqlite3_bind_null(stmt_.get(), at)); }
  void bind_borrowed(int at, std::string_view text);
  void bind_borrowed(int at, std::span<const std::uint8_t> blob);
  void bind_borrowed_or_null(int at, const std::optional<std::string>& text);

  /// Runs to the next row.
  /// @returns false at the end.
  bool step();

  /// Runs a statement that returns no rows, and resets it.
  void run();

  /// Ends the statement's run; it holds no lock after that.
  void reset() noexcept { sqlite3_reset(stmt_.get()); }

  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] bool is_integer(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  /// Valid until the next step or reset.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  /// Valid until the next step or reset.
  [[nodiscard]] std::span<const std::uint8_t> blob(int column) const noexcept;

private:
  struct finalizer {
    void operator()(sqlite3_stmt* stmt) const noexcept {
      sqlite3_finalize(stmt);
    }
  };

  void check(int code) {
    if (code != SQLITE_OK)
      cannot_bind(code);
  }
  [[noreturn]] void cannot_bind(int code);

  std::unique_ptr<sqlite3_stmt, finalizer> stmt_;
};

/// Resets a statement at the end of a scope, whatever happens in it.
class reset_guard {
public:
  explicit reset_guard(statement& stmt) noexcept : stmt_{stmt} {}
  ~reset_guard() { stmt_.reset(); }
  reset_guard(const reset_guard&) = delete;
  reset_guard& operator=(const reset_guard&) = delete;

private:
  statement& stmt_;
};

} // namespace waybill::sqlite
