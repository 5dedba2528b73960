// What is left of operations that were purged.
//
// Each gets a number, in the order of the purges; those with the smallest
// numbers go first. What is left of an operation is an entry of a sorted run
// (packed_runs.hpp): its id, the number, and how and when it finished
// (tombstone_entry.hpp). When it was purged is a row of `purge_time` for many
// of them, its successor a row of `tombstone_successor` for those that have
// one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/packed_runs.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/tombstone_entry.hpp"
#include "waybill/tombstone_sums.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

struct tombstone {
  tracked_operation_id id;
  purged_operation was;
};

/// For those who only read the file.
tombstone_sums tombstones_in(sqlite::connection& db);

/// When the first of them was made, if that can be; none if there is none.
std::optional<timestamp> first_purge_in(sqlite::connection& db);

/// The row of `tombstone_bounds`.
struct tombstone_bounds {
  /// The numbers of those that there are: from `first` on and below `next`.
  std::int64_t first = 1;
  std::int64_t next = 1;
  /// No id of version 7 among them bears a later time; ms since 1970.
  std::int64_t youngest = -1;
  /// None that was purged after this has been forgotten.
  std::optional<timestamp> forgotten_to;
  /// Runs have numbers below that.
  std::int64_t next_run = 1;

  [[nodiscard]] std::int64_t size() const noexcept { return next - first; }

  /// Whether there may be one for that id. An id that bears its time (version
  /// 7) and is younger than all that have one is new, and most are.
  [[nodiscard]] bool may_have(const tracked_operation_id& id) const noexcept {
    if (size() == 0)
      return false;
    const auto time = time_in(id);
    return !time || *time <= youngest;
  }

  bool operator==(const tombstone_bounds&) const = default;
};

/// @throws store_error `store_corrupt` for what cannot have been stored.
tombstone_bounds read_tombstone_bounds(sqlite::connection& db);

/// The tombstones of an open store, as the current transaction has them. Those
/// that it makes are in memory until it ends.
class tombstone_table final : public transaction_participant {
public:
  explicit tombstone_table(const run_sizes& sizes)
    : sizes_{sizes}, runs_{tombstone_layout, sizes} {}

  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void flush() override;
  void on_commit() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  // -- reading ----------------------------------------------------------------

  /// Whether there is any. If not, nobody need look for one.
  [[nodiscard]] bool has_any() const noexcept { return now_.size() > 0; }

  /// How many there are.
  [[nodiscard]] std::int64_t size() const noexcept { return now_.size(); }

  /// What an operation was; none if it has no tombstone. The same id may have
  /// been purged twice: then the last time counts.
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

  /// Makes few runs of many, as far as what has been added since is worth.
  /// Needs space.
  void merge();

  /// Deletes up to `pages` pages that merges and what was forgotten have left.
  /// @returns how many.
  std::int64_t sweep(std::int64_t pages);

  /// Whether there may be any such.
  [[nodiscard]] bool has_garbage() const noexcept {
    return runs_.has_garbage();
  }

private:
  // Those from that number on, up to the next one's, were purged at that time.
  struct purge {
    std::int64_t first = 0;
    timestamp at;
  };

  void forgotten_to(timestamp t) noexcept {
    now_.forgotten_to = std::max(now_.forgotten_to.value_or(t), t);
  }

  purged_operation complete(const run_entry& entry);
  void take_away(std::int64_t end, timestamp latest);
  void write_fresh();
  void write_purges();
  void write_bounds();

  run_sizes sizes_;
  tombstone_bounds now_;
  tombstone_bounds committed_;
  packed_runs runs_;
  std::vector<run_entry> fresh_; // of this transaction, not in a run yet
  std::vector<purge> purges_;    // of these
  std::int64_t added_ = 0;       // and not merged for yet
  std::uint64_t changes_begun_ = 0;
  std::uint64_t changes_before_ = 0; // this transaction
  tombstone_facts facts_;
  sqlite::statement insert_purge_;
  sqlite::statement insert_successor_;
  sqlite::statement purges_in_order_;
  sqlite::statement latest_;
  sqlite::statement delete_purges_;
  sqlite::statement delete_successors_;
  sqlite::statement set_bounds_;
};

/// Finds tombstones for those who only read the file.
class tombstone_finder {
public:
  explicit tombstone_finder(sqlite::connection& db);

  /// In a transaction that reads.
  std::optional<purged_operation> find(const tracked_operation_id& id);

private:
  sqlite::connection& db_;
  run_source source_{tombstone_layout};
  run_list known_;
  tombstone_facts facts_;
};

} // namespace waybill
