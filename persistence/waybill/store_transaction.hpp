// The store's transaction: how it begins, and the ways in which it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "waybill/damage_latch.hpp"
#include "waybill/log_syncer.hpp"
#include "waybill/log_tail.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// The one transaction of a store that is open, if any, and the one before it
/// while its COMMIT is not finished. See operation_tracking_store for what each
/// step means.
class store_transaction {
public:
  /// @param participants all that take part, in the order in which they load
  ///        and write.
  store_transaction(sqlite::connection& db, sqlite::log_syncer& syncer,
                    damage_latch& damage,
                    std::vector<transaction_participant*> participants)
    : db_{db},
      syncer_{syncer},
      damage_{damage},
      participants_{std::move(participants)} {}

  store_transaction(const store_transaction&) = delete;
  store_transaction& operator=(const store_transaction&) = delete;

  // -- opening and closing ----------------------------------------------------

  /// The database has been opened: all participants load.
  void load();

  /// It is about to be closed, which waits for a sync that is under way.
  void close() noexcept;

  // -- what there is ----------------------------------------------------------

  /// False if there is no database, or what it shows may not be what the disk
  /// holds: a COMMIT ended without saying how. Then all that helps is to open
  /// it anew.
  [[nodiscard]] bool is_usable() const noexcept {
    return phase_ != phase::unusable;
  }

  /// Whether `begin()` was called and not ended, by SQLite neither.
  [[nodiscard]] bool is_open() const noexcept {
    return is_begun() && db_.in_transaction();
  }

  /// Whether it was called and not ended, except by SQLite after an error.
  [[nodiscard]] bool is_begun() const noexcept {
    return phase_ == phase::open || phase_ == phase::open_behind_unfinished;
  }

  /// Whether a commit has begun and is not finished.
  [[nodiscard]] bool is_unfinished() const noexcept {
    return phase_ == phase::unfinished
           || phase_ == phase::open_behind_unfinished;
  }

  /// Whether there is anything that may be undone.
  [[nodiscard]] bool is_undoable() const noexcept {
    return is_begun() || is_unfinished();
  }

  /// Whether the last one that was committed changed anything.
  [[nodiscard]] bool has_written() const noexcept { return has_written_; }

  // -- steps ------------------------------------------------------------------

  /// @throws store_error `not_stored` if it has begun already.
  void begin();

  /// @throws store_error `outcome_unknown` if the changes may or may not be
  ///         there; any other code if they are certainly rolled back, or if
  ///         there was nothing to commit or the one before is not finished.
  void commit();

  /// Commits, but leaves the sync to another thread.
  /// @returns whether there is a sync, to be finished by `finish_commit()`.
  bool begin_commit(std::function<void()> on_synced);

  [[nodiscard]] bool sync_has_ended() const {
    return is_unfinished() && !syncer_.is_under_way();
  }

  /// Waits for the sync of the commit that was begun, if there is one.
  /// @returns when it ended; now if there is none.
  /// @throws store_error `outcome_unknown` if it failed.
  std::chrono::steady_clock::time_point finish_commit();

  /// Whether the database can have `pages` more, and get them into its file.
  /// Only between `begin()` and its end.
  /// @throws store_error `store_full` if it cannot.
  void require_room(std::int64_t pages);

  /// Undoes all since `begin()`, if it was called.
  void rollback() noexcept;

  /// Does so too, but leaves the transaction to whoever has begun it, and who
  /// hears of that with the next step.
  void undo() noexcept;

private:
  enum class phase : std::uint8_t {
    /// Closed, or in doubt since a COMMIT.
    unusable,
    idle,
    /// A transaction has begun.
    open,
    /// A commit has begun, and its sync is not finished.
    unfinished,
    /// And another transaction has begun since.
    open_behind_unfinished,
  };

  void flush();
  void make_room(std::int64_t pages);
  [[nodiscard]] bool is_undone(const store_error& e) const noexcept;

  sqlite::connection& db_;
  sqlite::log_syncer& syncer_;
  damage_latch& damage_;
  std::vector<transaction_participant*> participants_;
  sqlite::statement begin_;
  sqlite::statement commit_;
  sqlite::statement page_count_;
  std::optional<log_end> log_end_; // when the transaction began
  int changes_before_ = 0;         // and SQLite's count of changed rows
  bool has_written_ = false;
  phase phase_ = phase::unusable;
};

} // namespace waybill
