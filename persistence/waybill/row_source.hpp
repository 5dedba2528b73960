// Rows of `operation` in the order of a list, from whichever index gives them
// in that order.
#pragma once

#include <optional>
#include <vector>

#include "waybill/cursor.hpp"
#include "waybill/row_filter.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// The rows after a place, newest or oldest first. Those in flight come
/// from their blocks, those that have finished from an index by the time at
/// which they did; a list of both reads the whole table.
class row_source {
public:
  /// @param after where the page before ended.
  row_source(sqlite::connection& db, const list_operations& request,
             std::optional<list_place> after);

  /// The place of a row in the list that `request` asks for.
  static list_place place_of(const list_operations& request,
                             const sqlite::statement& row);

  /// Goes to the next row.
  /// @returns false at the end.
  bool next();

  /// The row: WAYBILL_OPERATION_COLUMNS.
  [[nodiscard]] const sqlite::statement& row() const noexcept {
    return streams_[current_].stmt;
  }
  [[nodiscard]] const list_place& place() const noexcept {
    return streams_[current_].place;
  }

private:
  // The rows of one status.
  struct stream {
    sqlite::statement stmt;
    list_place place;
    bool ended = false;
  };

  void advance(stream& x);
  [[nodiscard]] bool comes_before(const list_place& a,
                                  const list_place& b) const noexcept {
    return newest_first_ ? b < a : a < b;
  }

  bool newest_first_;
  bool by_time_;
  std::vector<stream> streams_;
  std::size_t current_ = 0;
  bool begun_ = false;
};

} // namespace waybill
