// The row of one operation, or what is left of it, for those who only ask.
#pragma once

#include <optional>
#include <utility>

#include "waybill/operation_row.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/tombstone_table.hpp"

namespace waybill {

class operation_finder {
public:
  explicit operation_finder(sqlite::connection& db)
    : find_{db.prepare("SELECT " WAYBILL_OPERATION_COLUMNS
                       " FROM operation WHERE id = ?1")},
      purged_{db} {}

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

  /// What an operation was that is not there; none if nobody remembers it.
  std::optional<purged_operation> find_purged(const tracked_operation_id& id) {
    return purged_.find(id);
  }

private:
  sqlite::statement find_;
  tombstone_finder purged_;
};

} // namespace waybill
