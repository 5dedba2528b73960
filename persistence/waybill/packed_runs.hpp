// Many entries, found by key, for little: packed into sorted runs that never
// change, and of which there are few.
//
// Entries come in lots, each of which is a run. Runs of about the same size
// that are beside each other are merged into one, a part at a time, so that
// there are some for each size. What goes is what has the smallest numbers: a
// run goes when nothing of it is left.
//
// Memory has a guard of each run: its bounds, the first key of each page, and a
// filter of those keys that could be anywhere (run_filter.hpp); in all 1.6
// bytes for a random key, and 0.1 for others. A key that is not there costs a
// look at each guard; one that is costs a page.
//
// What holds:
// 1. Each number that is there has its entry in exactly one listed run, or has
//    not been added yet.
// 2. Runs do not share numbers, and so have an order: the newest comes first in
//    a search, and may have an older one's key.
// 3. Pages of runs that are not listed are garbage, and nobody reads them.
// 4. Numbers of runs are never given twice, so whoever knows what a number
//    stands for knows it for good.
//
// Rollback, and a COMMIT that failed and is undone: the runs are again those of
// the last commit; merges of which a part was rolled back are dropped, and what
// they had written before is garbage. A COMMIT that is unknown, recovery,
// opening: what is listed is there, and merges begin again. Readers, in one
// snapshot, read what is listed (run_source.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "waybill/packed_run.hpp"
#include "waybill/run_merge.hpp"
#include "waybill/run_sizes.hpp"
#include "waybill/run_source.hpp"
#include "waybill/run_writer.hpp"

namespace waybill {

/// The runs of an open store, as the current transaction has them. Its owner is
/// a transaction_participant, and says what each step of the transaction is.
class packed_runs {
public:
  packed_runs(const run_layout& layout, const run_sizes& sizes);

  packed_runs(const packed_runs&) = delete;
  packed_runs& operator=(const packed_runs&) = delete;

  // -- with the store's transactions ------------------------------------------

  /// @param next_run what `next_run()` said with the last commit.
  void load(sqlite::connection& db, std::int64_t next_run);
  void close() noexcept;
  void on_commit() noexcept;
  void on_rollback() noexcept;

  /// No number is given twice if this is stored with each commit.
  [[nodiscard]] std::int64_t next_run() const noexcept { return next_run_; }

  // -- reading ----------------------------------------------------------------

  [[nodiscard]] std::size_t size() const noexcept { return runs_->size(); }

  /// As of the current transaction.
  [[nodiscard]] const run_list& list() const noexcept { return *runs_; }

  /// See run_source.
  std::optional<run_entry> find(const run_key& key, std::int64_t from) {
    return source_.find(*runs_, key, from);
  }

  // -- changing ---------------------------------------------------------------

  /// @param entries in their order; their numbers are from `first` on and below
  ///        `next`, and above all that there are.
  void add(std::span<const run_entry> entries, std::int64_t first,
           std::int64_t next);

  /// What is below that number is not asked for any more.
  void forget(std::int64_t from);

  /// Begins merges that are due, and takes each of those under way further by
  /// up to `limit` entries. They keep up if that is twice what has been added
  /// since.
  /// @param from what is below that number is left out.
  void merge(std::int64_t limit, std::int64_t from);

  /// Deletes up to `limit` pages that are garbage.
  /// @returns how many.
  std::int64_t sweep(std::int64_t limit);

  /// Whether there may be garbage.
  [[nodiscard]] bool has_garbage() const noexcept { return has_garbage_; }

private:
  struct job {
    std::size_t tier = 0; // no other one has it
    std::unique_ptr<run_merge> work;
  };

  void begin_merges(std::int64_t from);
  [[nodiscard]] run_list find_group(std::size_t tier) const;
  [[nodiscard]] std::size_t tier_of(const packed_run& x) const noexcept;
  [[nodiscard]] bool is_merged(const run_ptr& x) const noexcept;
  void replace(const run_list& gone, const run_ptr& by);

  std::int64_t full_;
  // Runs of a size have fewer entries. A run of the last size may have more,
  // and is full then.
  std::vector<std::int64_t> tier_ends_;
  run_source source_;
  run_sink sink_;
  // Never null.
  std::shared_ptr<const run_list> runs_ = std::make_shared<run_list>();
  std::shared_ptr<const run_list> committed_ = runs_;
  std::vector<job> jobs_;
  std::int64_t next_run_ = 1;
  bool has_stepped_ = false; // a merge has, in this transaction
  bool has_garbage_ = false;
};

} // namespace waybill
