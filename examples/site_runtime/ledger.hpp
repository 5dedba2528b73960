// What became of each operation of the input: the figures behind the progress
// and the report.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "waybill/queries.hpp"

namespace site_runtime {

/// Operations by status; indexed by it.
class status_counts {
public:
  std::int64_t& operator[](waybill::tracking_status status) {
    return counts_.at(static_cast<std::size_t>(status));
  }

  std::int64_t operator[](waybill::tracking_status status) const {
    return counts_.at(static_cast<std::size_t>(status));
  }

  [[nodiscard]] std::int64_t in_flight() const;
  [[nodiscard]] std::int64_t finished() const;
  [[nodiscard]] std::int64_t all() const { return in_flight() + finished(); }

  status_counts& operator+=(const status_counts& other);

private:
  std::array<std::int64_t, waybill::num_tracking_statuses> counts_{};
};

/// Accounts for every line of the input. What the tracker counts will not do:
/// its store may hold operations of other inputs, too. Without an input, an
/// operation's number in the order of recording stands for its line.
///
/// Holds some 100 bytes an operation, and a snapshot only of those that a
/// report names.
class ledger {
public:
  ledger() = default;
  ledger(ledger&&) = default; // accounts point to the figures of their kinds
  ledger& operator=(ledger&&) = default;

  /// A line that is no call.
  void skip() { ++skipped_; }

  /// Opens an account for an operation.
  /// @returns the line that has the same id, if there is one; then nothing
  ///          changes.
  std::optional<std::int64_t> open(const waybill::tracked_operation_id& id,
                                   const std::string& kind, std::int64_t line);

  /// Closes the account of an operation that turned out to be no call.
  void withdraw(const waybill::tracked_operation_id& id);

  /// Takes in a step of an operation, if its account is open.
  void update(const waybill::transition& step);

  /// The same with all that the tracker knows of it, which closes the account
  /// of an operation that has finished.
  void update(const waybill::tracking_status_snapshot& snapshot);

  [[nodiscard]] std::size_t num_open() const { return open_.size(); }

  /// The operations with open accounts; at most `most`, those that were read
  /// first.
  [[nodiscard]] std::vector<waybill::tracked_operation_id>
  first_open(std::size_t most) const;

  // -- figures ----------------------------------------------------------------

  struct kind_figures {
    status_counts counts;
    /// Attempts that have ended, also of operations in flight.
    std::int64_t attempts = 0;
  };

  /// An operation that is worth a line of its own.
  struct noted {
    waybill::tracking_status_snapshot snapshot;
    std::int64_t line = 0;
  };

  /// At most so many are noted, of each sort.
  static constexpr std::size_t max_slowest = 5;
  static constexpr std::size_t max_noted = 1'000;

  [[nodiscard]] std::int64_t skipped() const { return skipped_; }
  [[nodiscard]] status_counts counts() const;
  [[nodiscard]] const std::map<std::string, kind_figures>& kinds() const {
    return kinds_;
  }

  /// How many finished operations needed so many attempts.
  [[nodiscard]] const std::map<std::int64_t, std::int64_t>& attempts() const {
    return attempts_;
  }

  /// Those that took longest from enqueue to end; the slowest first.
  [[nodiscard]] const std::vector<noted>& slowest() const { return slowest_; }

  /// Those that ended in `status`, in the order of the input; not for
  /// `Delivered`.
  [[nodiscard]] std::vector<noted>
  ended_in(waybill::tracking_status status) const;

private:
  struct account {
    waybill::tracked_operation_id id;
    std::map<std::string, kind_figures>::iterator kind;
    waybill::tracking_status status = waybill::tracking_status::submitted;
    std::int64_t attempts = 0;
  };
  using open_accounts = std::map<std::int64_t, account>;

  open_accounts::iterator find(const waybill::tracked_operation_id& id);
  static void advance(account& x, waybill::tracking_status status,
                      std::int32_t retry_count);

  std::unordered_map<waybill::tracked_operation_id, std::int64_t> lines_;
  open_accounts open_; // by line
  std::int64_t skipped_ = 0;
  std::map<std::string, kind_figures> kinds_;
  std::map<std::int64_t, std::int64_t> attempts_;
  std::vector<noted> slowest_;
  std::map<waybill::tracking_status, std::vector<noted>> undelivered_;
};

/// From enqueue to end; 0 if it has not ended.
std::chrono::microseconds
duration_of(const waybill::tracking_status_snapshot& snapshot);

} // namespace site_runtime
