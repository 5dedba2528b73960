// The number of operations by kind and status, changed with the rows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/minute_totals.hpp"
#include "waybill/name_table.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// The largest number that a counter may have, far above what a file can hold:
/// all of them can be added up. A store that says otherwise is damaged.
inline constexpr std::int64_t max_counted_operations = std::int64_t{1} << 48;

/// The counters of a store, in memory; changes are written once a transaction.
class status_counters final : public transaction_participant {
public:
  /// Reads all counters, to be looked at.
  /// @throws store_error `store_corrupt` for what cannot have been counted.
  void read(sqlite::connection& db);

  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void flush() override;
  void on_commit() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  /// An operation appeared in `status`, moved to it, or went.
  /// @param kind the kind's name id, or 0 for kinds that are not interned.
  void add(std::int64_t kind, tracking_status status, std::int64_t change);

  /// What happened in each minute.
  [[nodiscard]] minute_totals& minutes() noexcept { return minutes_; }

  /// One of `kinds` that no operation has, if there is such.
  [[nodiscard]] std::optional<std::int64_t>
  find_unused(std::span<const std::int64_t> kinds);

  /// Whether `find_unused` has found none, and could not find one by now.
  [[nodiscard]] bool all_are_used() const noexcept { return all_are_used_; }

  /// All counts that are not 0, uncommitted changes included.
  [[nodiscard]] counts_reply snapshot(const name_table& names) const;

private:
  struct count {
    std::int64_t committed = 0;
    std::int64_t change = 0;
  };

  using row = std::array<count, num_tracking_statuses>;

  row& row_of(std::int64_t kind);
  [[nodiscard]] bool is_unused(std::int64_t kind) const;

  std::vector<row> rows_;             // by kind
  std::vector<std::int64_t> changed_; // kinds with a change, each once
  count in_flight_;                   // operations
  bool all_are_used_ = false;
  minute_totals minutes_;
  sqlite::statement upsert_;
};

} // namespace waybill
