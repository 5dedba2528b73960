// The targets of calls that an operator has paused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "waybill/pause_messages.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// The columns of a pause, as a part of a statement.
#define WAYBILL_PAUSE_COLUMNS "since, who, reason"

/// The pause in WAYBILL_PAUSE_COLUMNS, from column `first` on; none if the
/// target has none.
/// @throws store_error `store_corrupt` for what nobody can have stored.
std::optional<target_pause> decode_pause(const sqlite::statement& row,
                                         int first);

/// All pauses of a store, in memory: while there are none, an attempt that
/// begins costs a look at an empty map.
class pause_table final : public transaction_participant {
public:
  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void on_commit() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  /// What pauses target number `target`, with what the current transaction has
  /// changed; null if nothing does.
  [[nodiscard]] const target_pause* find(std::int64_t target) const noexcept;

  using pauses = std::map<std::int64_t, target_pause>; // by target

  /// As of the last commit.
  [[nodiscard]] const pauses& committed() const noexcept {
    return committed_ ? *committed_ : now_;
  }
  [[nodiscard]] std::optional<timestamp>
  paused_since(std::int64_t target) const noexcept;

  /// @pre it is not paused.
  void pause(std::int64_t target, const target_pause& x);

  /// @pre it is paused.
  void resume(std::int64_t target);

  /// See operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

private:
  pauses now_;
  // What was committed, if the transaction has changed that.
  std::optional<pauses> committed_;
  std::uint64_t changes_begun_ = 0;
  sqlite::statement insert_;
  sqlite::statement erase_;
};

} // namespace waybill
