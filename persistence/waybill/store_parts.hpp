// What a store consists of, and how its verbs are run.
#pragma once

#include <functional>
#include <new>
#include <optional>
#include <string>

#include "waybill/audit_table.hpp"
#include "waybill/call_table.hpp"
#include "waybill/damage_latch.hpp"
#include "waybill/file_ownership.hpp"
#include "waybill/file_watch.hpp"
#include "waybill/in_flight_blocks.hpp"
#include "waybill/log_keeper.hpp"
#include "waybill/name_table.hpp"
#include "waybill/operation_table.hpp"
#include "waybill/pause_table.hpp"
#include "waybill/purge_lot.hpp"
#include "waybill/requeue_table.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/status_counters.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_file.hpp"
#include "waybill/store_options.hpp"
#include "waybill/store_transaction.hpp"
#include "waybill/target_table.hpp"
#include "waybill/tight_space.hpp"
#include "waybill/tombstone_table.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

struct store_parts {
  /// @throws store_error as the store.
  explicit store_parts(store_options chosen);
  ~store_parts() { close(); }

  store_parts(const store_parts&) = delete;
  store_parts& operator=(const store_parts&) = delete;

  // -- opening and closing ----------------------------------------------------

  /// @throws store_error as the constructor; then all is closed.
  void open();
  void close_database() noexcept;
  /// As the store's.
  std::optional<std::string> close() noexcept;

  // -- running verbs ----------------------------------------------------------

  [[nodiscard]] bool is_usable() const noexcept {
    return transaction.is_usable() && !damage.is_found();
  }

  void require_usable() const {
    damage.require_none();
    if (!transaction.is_usable())
      throw store_error{errc::not_stored,
                        options.file + ": storage has failed; not stored"};
    if (transaction.is_begun() && !transaction.is_open())
      throw store_error{errc::not_stored,
                        "the transaction was rolled back after an error"};
  }

  [[nodiscard]] bool checkpoint_is_due() const noexcept {
    return log.checkpoint_is_due() && is_usable() && !transaction.is_open();
  }

  /// Copies the log into the file.
  void copy_log();

  /// Does so if it is due, then begins.
  void begin();

  /// Ends it as the store's verb of that name does.
  void commit();
  bool begin_commit(std::function<void()> on_synced);

  /// Runs `f(lot)`, which frees up to `most` rows or pages in a transaction of
  /// its own. On a full disk the log begins anew in the space that it has, and
  /// lots get as small as fits.
  template <class F>
  auto free_space(std::int64_t most, F&& f) {
    for (;;) {
      try {
        const auto done = f(space.lot(most));
        space.grow();
        return done;
      } catch (const store_error& e) {
        if (e.code() != errc::store_full || !is_usable())
          throw;
        note(e);
        if (!space.shrink(most))
          throw;
      }
      log.restart();
      files.database_written(); // pages given back before are cut off
    }
  }

  /// Something has failed.
  void note(const store_error& e) noexcept;

  /// What was committed stands only if the files are still this store's.
  /// @throws store_error `outcome_unknown` if they are not: that ends all work
  ///         on them.
  void confirm_commit();

  /// @throws store_error `store_corrupt` if they are not what they were.
  void check_files();

  /// Runs a verb that needs no transaction.
  template <class F>
  auto read(F&& f) -> decltype(f()) {
    require_usable();
    return damage.watch(f);
  }

  /// Runs a verb that writes, in a transaction of its own if none is open.
  template <class F>
  auto write(F&& f) -> decltype(f()) {
    const auto alone = !transaction.is_begun();
    if (alone)
      begin();
    else
      require_usable();
    const auto changes = changes_begun();
    try {
      auto reply = damage.watch(f);
      if (alone) {
        transaction.commit();
        confirm_commit();
      }
      return reply;
    } catch (const store_error& e) {
      note(e);
      if (alone)
        transaction.rollback();
      else if (changes_begun() != changes)
        transaction.undo();
      throw;
    } catch (const std::bad_alloc&) {
      // What is in memory may not match the transaction any more.
      if (alone)
        transaction.rollback();
      else
        transaction.undo();
      throw store_error{errc::not_stored, "out of memory; rolled back"};
    }
  }

  /// How often a change of rows has begun; see operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return operations.changes_begun() + targets.changes_begun()
           + pauses.changes_begun() + calls.changes_begun()
           + requeues.changes_begun() + tombstones.changes_begun()
           + audit.changes_begun();
  }

  /// Kinds that no operation has any more give their numbers to new ones.
  void make_room_for_kind(const std::string& kind);

  /// Returns up to `max_pages` unused pages to the file system, those above
  /// what stays for what comes.
  /// @param keep_least how many unused pages stay at least, if any: then a
  ///        tenth of the file does, too.
  /// @returns true if there is more to return.
  bool give_back_space(std::int64_t max_pages,
                       std::optional<std::int64_t> keep_least);

  // Without the space that is kept for this.
  void try_to_open();

  // So that the log can begin anew on a full disk, and is not what fills it.
  void settle_log_space() noexcept;

  // What is counted and not written yet; if that fails, it is lost.
  void write_rest() noexcept;

  // What has become of the files, if it is not what this owner did.
  [[nodiscard]] std::optional<std::string> find_file_fault() const;

  // Each is behind what it needs.
  store_options options;
  file_ownership ownership;
  sqlite::sealed_vfs vfs; // SQLite changes it
  damage_latch damage;
  file_watch files;
  sqlite::connection db;
  log_keeper log{options.file, options.checkpoint_pages};
  name_table names;
  status_counters counters;
  in_flight_blocks in_flight;
  transition_log transitions{options.history};
  operation_table operations{names};
  target_table targets;
  pause_table pauses;
  requeue_table requeues;
  tombstone_table tombstones{options.tombstone_runs};
  call_table calls{targets, requeues};
  audit_table audit{options.audit_records};
  store_transaction transaction{db,
                                vfs.syncer(),
                                damage,
                                {&names, &counters, &in_flight, &transitions,
                                 &operations, &targets, &pauses, &requeues,
                                 &tombstones, &calls, &audit}};
  purge_lot lot{options.history};
  tight_space space;
};

} // namespace waybill
