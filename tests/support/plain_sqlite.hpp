// A look at a store's file from outside, with nothing but SQLite.
#pragma once

#include <string>
#include <vector>

#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"

namespace waybill::test {

/// Opens `file` as an operator's tool would: no writing, no checkpoint.
inline sqlite::connection open_reader(const std::string& file) {
  return {file, SQLITE_OPEN_READONLY, ""};
}

/// Opens or creates `file` as another program would that keeps the seals of a
/// store's pages: what it does is no damage to the pages themselves.
inline sqlite::connection open_writer(const std::string& file) {
  static sqlite::sealed_vfs vfs{"", store_application_id};
  return {file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs.name()};
}

/// The first column of a query, as text.
inline std::vector<std::string> first_column(sqlite::connection& db,
                                             std::string_view sql) {
  std::vector<std::string> rows;
  auto stmt = db.prepare(sql);
  while (stmt.step())
    rows.emplace_back(stmt.text(0));
  return rows;
}

/// All that is committed in the store `file`, one line a row. Equal contents
/// mean that nothing was stored or changed in between.
inline std::vector<std::string> content_of(const std::string& file) {
  auto db = open_reader(file);
  return first_column(
    db, "SELECT 'name ' || id || ' ' || field || ' ' || quote(text) FROM name "
        "UNION ALL "
        "SELECT 'operation ' || seq || ' ' || quote(id) || ' ' || status || ' '"
        " || retry_count || ' ' || quote(http_status) || ' ' || created_at "
        " || ' ' || updated_at || ' ' || quote(kind) || ' ' || quote(target) "
        " || ' ' || quote(source_instance) || ' ' || quote(source_script) "
        " || ' ' || quote(source_node) || ' ' || quote(last_error) "
        " || ' ' || last_transition FROM operation "
        "UNION ALL "
        "SELECT 'transition ' || number || ' ' || operation || ' ' || previous "
        " || ' ' || quote(status) || ' ' || quote(at) || ' ' "
        " || quote(last_error) FROM transition "
        "UNION ALL "
        "SELECT 'counter ' || kind || ' ' || status || ' ' || operations "
        "FROM counter WHERE operations <> 0 "
        "ORDER BY 1");
}

/// SQLite's own check of `file`: `ok`, or what is wrong.
inline std::string integrity_of(const std::string& file) {
  auto db = open_reader(file);
  std::string all;
  for (const auto& line : first_column(db, "PRAGMA integrity_check"))
    all += (all.empty() ? "" : "\n") + line;
  return all;
}

} // namespace waybill::test
