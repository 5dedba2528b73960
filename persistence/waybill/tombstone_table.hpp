// What is left of operations that were purged: the table `tombstone`.
//
// Rows are appended in the order of the purges, and go from the other end, so
// that their numbers have no gap. An index has them by id.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "waybill/messages.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/tombstone_sums.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// A row of `tombstone`.
struct tombstone {
  tracked_operation_id id;
  purged_operation was;
};

/// Its columns, in the order of `decode_purged`, as a part of a statement.
#define WAYBILL_PURGED_COLUMNS "status, finished_at, purged_at, successor"

/// The row at which `row` stands, whose columns from `first` on are
/// WAYBILL_PURGED_COLUMNS.
/// @throws store_error `store_corrupt` for what cannot have been stored.
purged_operation decode_purged(const sqlite::statement& row, int first);

/// Finds an operation by its id; the same id may have been purged twice.
#define WAYBILL_SELECT_PURGED                                                  \
  "SELECT " WAYBILL_PURGED_COLUMNS                                             \
  " FROM tombstone WHERE id = ?1 ORDER BY number DESC LIMIT 1"

/// For those who only read the file.
tombstone_sums tombstones_in(sqlite::connection& db);

/// When the first of them was made, if that can be; none if there is none.
std::optional<timestamp> first_purge_in(sqlite::connection& db);

/// The tombstones of an open store, as the current transaction has them.
class tombstone_table final : public transaction_participant {
public:
  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void flush() override;
  void on_commit() noexcept override { committed_ = now_; }
  void on_rollback(bool /*unfinished*/) noexcept override { now_ = committed_; }

  // -- reading ----------------------------------------------------------------

  /// Whether there is any. If not, nobody need look for one.
  [[nodiscard]] bool has_any() const noexcept { return now_.size() > 0; }

  /// Whether there may be one for that id. An id that bears its time (version
  /// 7) and is younger than all that have one is new, and most are.
  [[nodiscard]] bool may_have(const tracked_operation_id& id) const noexcept {
    if (!has_any())
      return false;
    const auto time = time_in(id);
    return !time || *time <= now_.youngest;
  }

  /// What an operation was; none if it has no tombstone.
  std::optional<purged_operation> find(const tracked_operation_id& id);

  /// As of the last commit.
  [[nodiscard]] tombstone_sums committed() const noexcept {
    return {.rows = committed_.size(),
            .remembered_since = committed_.forgotten_to};
  }

  // -- changing ---------------------------------------------------------------

  /// See operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

  void add(const tombstone& x);

  /// What goes by the time of its purge.
  struct due_times {
    timestamp before;
    timestamp not_before;
    timestamp now;
  };

  /// Takes up to `limit` of those away that were made first, as long as they
  /// are due. Times that a clock was ahead or behind by tell nothing: what was
  /// made before one that is due is older.
  /// @returns whether there may be more of these.
  bool expire(const due_times& due, std::int64_t limit);

  /// Takes away what there is too much of, those first that were made first;
  /// up to `limit`.
  /// @returns whether there are still too many.
  bool keep_at_most(std::int64_t rows, std::int64_t limit);

  /// What is purged at that time leaves none.
  void forget_at_once(timestamp purged_at) noexcept { forgotten_to(purged_at); }

  /// The milliseconds since 1970 in an id of version 7; none in others.
  static constexpr std::optional<std::int64_t>
  time_in(const tracked_operation_id& id) noexcept {
    if ((id.high() >> 12U & 0xFU) != 7U || id.low() >> 62U != 2U)
      return std::nullopt;
    return static_cast<std::int64_t>(id.high() >> 16U);
  }

private:
  struct state {
    std::int64_t first = 1; // number
    std::int64_t next = 1;  // behind the last one
    std::int64_t youngest = -1;
    std::optional<timestamp> forgotten_to;

    [[nodiscard]] std::int64_t size() const noexcept { return next - first; }
  };

  void forgotten_to(timestamp t) noexcept {
    now_.forgotten_to = std::max(now_.forgotten_to.value_or(t), t);
  }

  void take_away(std::int64_t end, timestamp latest);

  state now_;
  state committed_;
  std::uint64_t changes_begun_ = 0;
  sqlite::statement find_;
  sqlite::statement insert_;
  sqlite::statement first_to_stay_;
  sqlite::statement last_due_;
  sqlite::statement latest_;
  sqlite::statement first_;
  sqlite::statement delete_;
  sqlite::statement set_bounds_;
};

} // namespace waybill
