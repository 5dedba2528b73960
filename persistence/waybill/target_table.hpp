// The targets of calls: their names, how much is kept for each, and how much
// may be.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/call_messages.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/stats.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// The largest numbers that the counters of a target may have, far above what a
/// file can hold. A store that says otherwise is damaged.
inline constexpr std::int64_t max_counted_calls = std::int64_t{1} << 40;
inline constexpr std::int64_t max_counted_bytes = std::int64_t{1} << 56;

/// Calls and the bytes of their payloads.
struct call_sum {
  std::int64_t calls = 0;
  std::int64_t bytes = 0;

  bool operator==(const call_sum&) const = default;
};

std::string to_text(const call_sum& x);

/// What is kept for a target.
struct target_sums {
  /// On its way.
  call_sum active;
  /// Parked or failed.
  call_sum kept;

  bool operator==(const target_sums&) const = default;
};

/// Of the calls on their way: an attempt has begun of so many, and so many wait
/// for a time that may have come. In memory only.
struct call_progress {
  std::int64_t begun = 0;
  std::int64_t scheduled = 0;
};

/// A row of `target`.
struct target_row {
  std::string name;
  target_sums sums;
};

/// The columns of a target and of its bounds, as parts of a statement.
#define WAYBILL_TARGET_COLUMNS                                                 \
  "number, name, calls, bytes, kept_calls, kept_bytes"
#define WAYBILL_BOUNDS_COLUMNS                                                 \
  "max_calls, max_bytes, max_kept_calls, max_kept_bytes"

/// The row at which `row` stands, whose first columns are
/// WAYBILL_TARGET_COLUMNS.
/// @param number what it must have: they are numbered from 1, without gaps.
/// @throws store_error `store_corrupt` for what nothing can have counted.
target_row decode_target(const sqlite::statement& row, std::int64_t number);

/// The bounds in WAYBILL_BOUNDS_COLUMNS, from column `first` on; none if the
/// target has none.
/// @throws store_error `store_corrupt` for what no target can have.
std::optional<target_bounds> decode_bounds(const sqlite::statement& row,
                                           int first);

/// All targets of a store, in memory: a bound holds at once after a restart,
/// and without any call nothing looks for one. Changes of the counters are
/// written once a transaction.
class target_table final : public transaction_participant {
public:
  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void flush() override;
  void on_commit() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  /// The number of the target with that name, if there is one.
  [[nodiscard]] std::optional<std::int64_t> find(const std::string& name) const;

  /// The same; a new one is inserted in the current transaction.
  /// @throws store_error `overloaded` if there are too many.
  std::int64_t find_or_insert(const std::string& name);

  /// Whether there is a target with that number.
  [[nodiscard]] bool has(std::int64_t number) const noexcept {
    return number >= 1 && number <= std::ssize(targets_);
  }

  [[nodiscard]] const std::string& name_of(std::int64_t number) const {
    return at(number).name;
  }

  /// With what the current transaction has changed.
  [[nodiscard]] const target_sums& sums_of(std::int64_t number) const {
    return at(number).now;
  }

  /// A call of that size has come, or gone.
  /// @param change 1 or -1.
  /// @throws store_error `store_corrupt` if there were none.
  void add_active(std::int64_t number, std::int64_t bytes, std::int64_t change);
  void add_kept(std::int64_t number, std::int64_t bytes, std::int64_t change);

  /// So many more calls have begun, or wait for a time.
  void add_progress(std::int64_t number, const call_progress& change);

  /// Whether there is any call in the store.
  [[nodiscard]] bool have_calls() const noexcept { return calls_ != 0; }

  /// Of a target that was opened; null for others.
  [[nodiscard]] const target_bounds* bounds_of(std::int64_t number) const {
    return at(number).bounds;
  }

  /// Writes down what may be kept, for those who only read the file.
  void record_bounds(std::int64_t number, const target_bounds& x);

  /// Not a part of any transaction: opening the store again leaves it.
  void set_bounds(const std::string& name, const target_bounds& x);

  /// What an operator is to be told, if a target has nearly as much as may be
  /// kept for it: as of the last commit, of the first such target.
  [[nodiscard]] std::optional<std::string> crowding() const;

  /// How many such targets there are, and the name of the bound; null for
  /// others.
  [[nodiscard]] std::int64_t num_crowded() const noexcept {
    return num_crowded_;
  }
  [[nodiscard]] const char* crowded_bound_of(std::int64_t number) const {
    return at(number).crowded;
  }

  /// The targets with the most calls, as of the last commit.
  [[nodiscard]] std::vector<target_total> largest(std::size_t most) const;

  [[nodiscard]] std::int64_t size() const noexcept {
    return std::ssize(targets_);
  }

  /// See operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

private:
  struct entry {
    std::string name;
    target_sums committed;
    target_sums now;
    call_progress committed_progress = {};
    call_progress progress = {};
    const target_bounds* bounds = nullptr; // in bounds_
    const char* crowded = nullptr;         // that bound
  };

  [[nodiscard]] const entry& at(std::int64_t number) const {
    return targets_.at(static_cast<std::size_t>(number) - 1);
  }

  void append(std::string name, const target_sums& sums);
  void read_progress(sqlite::connection& db);
  void note_change(std::int64_t number);
  void add(std::int64_t number, call_sum target_sums::*which,
           std::int64_t bytes, std::int64_t change);
  void count_calls() noexcept;
  void note_crowding(std::int64_t number) noexcept;

  std::vector<entry> targets_; // targets_[i] has the number i + 1
  std::map<std::string, std::int64_t> numbers_;
  // Neither a rollback nor a loading changes them.
  std::map<std::string, target_bounds> bounds_;
  std::vector<std::int64_t> changed_; // each once
  std::size_t committed_ = 0;
  std::int64_t calls_ = 0; // of all targets, kept ones too
  std::int64_t num_crowded_ = 0;
  std::uint64_t changes_begun_ = 0;
  sqlite::statement insert_;
  sqlite::statement update_;
  sqlite::statement record_bounds_;
};

} // namespace waybill
