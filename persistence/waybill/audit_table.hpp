// What operators have done to a store: the table `audit`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "waybill/audit_messages.hpp"
#include "waybill/check_damage.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// What the open transaction has done of an act.
struct act_step {
  audit_verb verb = audit_verb::requeue;
  std::optional<operator_act> act;
  std::optional<std::string> reason;
  timestamp now;
  /// The operations that it was done to, if the request names them.
  std::vector<tracked_operation_id> ids = {};
  /// If not: how many, and what the request names.
  std::int64_t operations = 0;
  std::string what = {};
};

/// The columns that are read, as a part of a statement.
#define WAYBILL_AUDIT_COLUMNS                                                  \
  "number, id, verb, at, last_at, who, what, operations, last, reason"

/// The row at which `row` stands, whose first columns are
/// WAYBILL_AUDIT_COLUMNS.
/// @throws store_error `store_corrupt` for what cannot have been stored.
audit_record decode_audit(const sqlite::statement& row);

/// Records are appended, grow while their act goes on, and go when there are
/// too many: those first that were recorded first.
class audit_table final : public transaction_participant {
public:
  /// @param most how many records are kept; 0: none.
  explicit audit_table(std::int64_t most) noexcept : most_{most} {}

  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void on_rollback(bool /*unfinished*/) noexcept override {}

  /// See operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

  /// Something has been done: a new act, or a step of one.
  void note(const act_step& x);

  /// A record of another store.
  /// @returns whether there was none of that act.
  bool restore(const audit_record& x);

private:
  std::optional<tracked_operation_id> add_to_known(const act_step& x);
  void insert(const audit_record& x);
  void remove_oldest();

  std::int64_t most_;
  std::uint64_t changes_begun_ = 0;
  sqlite::statement find_;
  sqlite::statement insert_;
  sqlite::statement update_;
  sqlite::statement remove_;
};

/// A page of the records, for a reader.
audit_reply read_audit(sqlite::connection& db, const list_audit& request);

/// Reads all records.
/// @param fault is told of what does not hold.
/// @param go_on asked now and then.
/// @returns false if `go_on` said so.
bool check_audit(sqlite::connection& db, const fault_function& fault,
                 const std::function<bool()>& go_on);

} // namespace waybill
