// What a recovery keeps of operations that were purged.
#pragma once

#include <cstdint>
#include <optional>

#include "waybill/salvaged_rows.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Takes the rows of `tombstone`, `tombstone_bounds` and `purged_successor`.
class recovered_tombstones {
public:
  explicit recovered_tombstones(sqlite::connection& db);

  /// Whether it looks like a row of these, whose first column is none.
  static bool is_one(const salvaged_row& row);

  /// @returns the statement that stores the row; null if it cannot have been
  ///          stored.
  sqlite::statement* bind(const salvaged_row& row);

  /// Gives the tombstones numbers without gaps, and says what they are. All
  /// operations and requeues are there.
  /// @param is_whole whether no row may be missing.
  void finish(bool is_whole);

private:
  void bind_bounds();
  void close_gaps();

  sqlite::connection& db_;
  bool has_bounds_ = false;
  std::int64_t youngest_ = -1;
  std::optional<std::int64_t> forgotten_to_;
  sqlite::statement insert_;
  sqlite::statement insert_successor_;
  sqlite::statement set_bounds_;
};

} // namespace waybill
