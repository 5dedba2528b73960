// What a recovery keeps of operations that were purged.
#pragma once

#include <cstdint>
#include <optional>

#include "waybill/salvaged_rows.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/tombstone_table.hpp"

namespace waybill {

/// Takes the rows of `tombstone_page`, `purge_time`, `tombstone_successor`,
/// `tombstone_bounds` and `purged_successor`. Pages say which tombstones are in
/// them, so that a list of runs is not needed: a tombstone that is in two of
/// them, of a run and of one that this was merged into, has the same number in
/// both.
class recovered_tombstones {
public:
  explicit recovered_tombstones(sqlite::connection& db);

  /// Whether it looks like a row of these, whose first column is none.
  static bool is_one(const salvaged_row& row);

  /// Stores the row.
  /// @returns false if it cannot have been stored.
  bool take(const salvaged_row& row);

  /// Makes runs of the tombstones, and says what they are. All operations and
  /// requeues are there.
  /// @param is_whole whether no row may be missing.
  void finish(bool is_whole);

private:
  bool take_page(const salvaged_row& row);
  bool take_purge(const salvaged_row& row);
  bool take_bounds(const salvaged_row& row);
  void make_runs();

  sqlite::connection& db_;
  bool has_bounds_ = false; // that are proven
  std::int64_t first_ = 1;
  std::optional<std::int64_t> forgotten_to_;
  sqlite::statement insert_;
  sqlite::statement insert_purge_;
  sqlite::statement insert_successor_;
  sqlite::statement insert_purged_successor_;
};

} // namespace waybill
