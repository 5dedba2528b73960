// Which operation is tried again as which other one: the tables `requeue`,
// `requeued_key` and `purged_successor`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/sqlite.hpp"
#include "waybill/tracked_operation_id.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// A row of `requeue`.
struct requeue_row {
  /// Both are numbers of operations.
  std::int64_t successor = 0;
  /// None: it is purged.
  std::optional<std::int64_t> predecessor;
  /// How many come before the successor.
  std::int32_t generation = 1;
  /// The first of them.
  tracked_operation_id root;
  /// The number that counts in the order of its key: the root's.
  std::int64_t place = 0;
  /// Whose row of `payload` it sends.
  std::int64_t payload = 0;
};

/// Its columns, in the order of `decode_requeue`, as a part of a statement.
#define WAYBILL_REQUEUE_COLUMNS                                                \
  "successor, predecessor, generation, root, place, payload"

/// The row at which `row` stands, whose first columns are
/// WAYBILL_REQUEUE_COLUMNS.
/// @throws store_error `store_corrupt` for what cannot have been stored.
requeue_row decode_requeue(const sqlite::statement& row);

/// Rows stay as long as their successors' operations; those of `requeued_key`
/// as long as calls with an order key do, those of `purged_successor` as long
/// as their predecessors' operations. While there are none, nobody looks.
class requeue_table final : public transaction_participant {
public:
  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void on_rollback(bool /*unfinished*/) noexcept override {}

  /// Whether there may be any.
  [[nodiscard]] bool may_have_any() const noexcept { return may_have_any_; }

  /// See operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

  /// That of a successor.
  std::optional<requeue_row> find(std::int64_t successor);

  /// The number of an operation's successor.
  std::optional<std::int64_t> successor_of(std::int64_t predecessor);

  void insert(const requeue_row& x);

  /// The id of its successor that is purged; none if that is there, or there
  /// has been none.
  std::optional<tracked_operation_id>
  purged_successor_of(std::int64_t predecessor);

  /// An operation is purged. If it was the successor of one that is there, that
  /// one keeps its id.
  void forget(std::int64_t seq, const tracked_operation_id& id);

  // -- calls with an order key ------------------------------------------------

  /// Where a call is among those of its key.
  struct key_place {
    std::int64_t target = 0;
    /// Borrowed.
    const std::string& key;
    /// Whether it is kept although its operation has finished.
    bool kept = false;
  };

  /// A call that was tried again comes before others than its number says.
  struct first_call {
    std::int64_t place = 0;
    std::int64_t seq = 0;
  };

  std::optional<first_call> first_of_key(const key_place& x);
  void insert_key(const key_place& x, const first_call& call);
  void remove_key(const key_place& x, std::int64_t place);

private:
  void change(sqlite::statement& stmt);

  bool may_have_any_ = false;
  std::uint64_t changes_begun_ = 0;
  sqlite::statement find_;
  sqlite::statement successor_of_;
  sqlite::statement insert_;
  sqlite::statement delete_;
  sqlite::statement unlink_;
  sqlite::statement find_purged_;
  sqlite::statement insert_purged_;
  sqlite::statement delete_purged_;
  sqlite::statement first_;
  sqlite::statement insert_key_;
  sqlite::statement delete_key_;
};

} // namespace waybill
