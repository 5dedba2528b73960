// Gets at the SQLite connection that a store opens, to look at it and to do
// what no caller of the store can.
#pragma once

#include <sqlite3.h>

#include <string>
#include <vector>

namespace waybill::test {

/// While one of these lives, the last connection to a file is known.
class connection_spy {
public:
  connection_spy() {
    latest() = nullptr;
    sqlite3_auto_extension(entry_point());
  }

  ~connection_spy() { sqlite3_cancel_auto_extension(entry_point()); }

  connection_spy(const connection_spy&) = delete;
  connection_spy& operator=(const connection_spy&) = delete;

  [[nodiscard]] sqlite3* get() const { return latest(); }

  /// The SQL of all statements that the store keeps prepared.
  [[nodiscard]] std::vector<std::string> statements() const {
    std::vector<std::string> all;
    for (auto* stmt = sqlite3_next_stmt(get(), nullptr); stmt != nullptr;
         stmt = sqlite3_next_stmt(get(), stmt))
      all.emplace_back(sqlite3_sql(stmt));
    return all;
  }

private:
  using function = void (*)();

  static sqlite3*& latest() {
    static sqlite3* db = nullptr;
    return db;
  }

  static int on_open(sqlite3* db, char**, const sqlite3_api_routines*) {
    // In-memory databases have no name.
    const auto* const name = sqlite3_db_filename(db, "main");
    if (name != nullptr && *name != '\0')
      latest() = db;
    return SQLITE_OK;
  }

  static function entry_point() {
    return reinterpret_cast<function>(&connection_spy::on_open);
  }
};

} // namespace waybill::test
