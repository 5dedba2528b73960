// The row of one operation, for those who only ask.
#pragma once

#include <utility>

#include "waybill/operation_row.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

class operation_finder {
public:
  explicit operation_finder(sqlite::connection& db)
    : find_{db.prepare("SELECT " WAYBILL_OPERATION_COLUMNS
                       " FROM operation WHERE id = ?1")} {}

  /// Calls `f` with the row of an operation, if there is one:
  /// WAYBILL_OPERATION_COLUMNS.
  template <class F>
  void with_row(const tracked_operation_id& id, F&& f) {
    const auto bytes = encode_id(id);
    find_.bind_borrowed(1, bytes);
    const sqlite::reset_guard guard{find_};
    if (find_.step())
      f(std::as_const(find_));
  }

private:
  sqlite::statement find_;
};

} // namespace waybill
