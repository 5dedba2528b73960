// The tracking store: the contract's five verbs on SQLite, synchronously and
// without actors.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "waybill/messages.hpp"
#include "waybill/purge_progress.hpp"
#include "waybill/queries.hpp"
#include "waybill/remembered_times.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_options.hpp"
#include "waybill/store_size.hpp"

namespace waybill {

class call_store;
struct store_parts; // keeps SQLite out of here

/// A durable map from operation id to what became of the operation.
///
/// One object owns the file: it holds the only read-write connection, and a
/// second owner, in this process or another, gets `store_locked`.
///
/// A verb outside `begin()`/`commit()` is a transaction of its own and is
/// durable when it returns. Between the two, verbs apply at once and are
/// durable when `commit()` returns. Each verb is all or nothing, in a
/// transaction too: one that throws leaves no trace, and the others stand,
/// unless `in_transaction()` has become false; then SQLite had to roll back the
/// whole transaction.
///
/// All verbs throw store_error: `invalid_request` naming the field,
/// `deadline_passed`, `store_full`, `store_corrupt`, `not_stored`, and
/// `outcome_unknown` if COMMIT failed and the log may hold the transaction all
/// the same. After `outcome_unknown` every verb is refused with `not_stored`
/// until `recover()` has succeeded. After any other failure of COMMIT (the disk
/// was full, say) the store shows what it showed before, and can go on.
///
/// Not to be used by two threads at a time. Reads no clock: times are
/// arguments.
class operation_tracking_store {
public:
  /// Opens or creates the store.
  /// @throws store_error `invalid_options` naming the option, `store_locked`,
  ///         `store_unavailable`, `not_a_store`, `newer_schema`,
  ///         `store_corrupt`, `store_full`, or `not_stored` if reading it
  ///         failed.
  explicit operation_tracking_store(store_options options);

  /// Rolls an open transaction back, then closes.
  ~operation_tracking_store();

  operation_tracking_store(operation_tracking_store&&) noexcept;
  operation_tracking_store& operator=(operation_tracking_store&&) noexcept;

  // -- the contract -----------------------------------------------------------

  /// Inserts an operation, or leaves the one with that id untouched.
  enqueue_reply record_enqueue(const waybill::record_enqueue& request,
                               timestamp now);

  /// Updates an operation in flight. `Retrying` stays `Retrying`, and the retry
  /// count never goes down: a late repeat changes nothing. If `now` is before
  /// the operation's last change, it changes at the time of that one.
  update_reply record_attempt(const waybill::record_attempt& request,
                              timestamp now);

  /// Flips an operation in flight to terminal, with `now` as its terminal time,
  /// or the time of its last change if that is later.
  update_reply record_terminal(const waybill::record_terminal& request,
                               timestamp now);

  /// The latest state, uncommitted changes of this object included.
  status_reply get_status(const waybill::get_status& request, timestamp now);

  /// Deletes all terminal operations that are due, in chunks with a transaction
  /// each. Must not be called in a transaction.
  /// @throws store_error `outcome_unknown`, whatever the reason, if chunks
  ///         before stand.
  purge_reply purge_terminal(const waybill::purge_terminal& request,
                             timestamp now);

  /// Inserts an operation of an export as it is there, with its transitions
  /// under new numbers, or leaves the one with that id untouched.
  enqueue_reply restore(const operation_record& record);

  /// The verbs about calls that are kept with their operations, for the tracker
  /// (call_store.hpp). Whatever finishes an operation settles its call: one
  /// that is `Delivered` or `Discarded` goes, one that is `Parked` or `Failed`
  /// stays, and no purge deletes its operation.
  call_store calls() noexcept;

  // -- transactions -----------------------------------------------------------

  void begin();

  /// @throws store_error `outcome_unknown` if the changes may or may not be
  ///         there; any other code if they are certainly rolled back.
  void commit();

  /// Commits as `commit()` does, but leaves the log's sync to another thread:
  /// what is committed is durable when `finish_commit()` has returned.
  /// Meanwhile another transaction may be begun and worked on, but not
  /// committed.
  /// @param on_synced called, and let go of, by that thread when the sync has
  ///        ended, at the latest before `close()` returns; must not throw.
  /// @returns false if there is nothing to wait for, because nothing was
  ///          changed or `synchronous` is not `full`.
  /// @throws store_error as `commit()`
  bool begin_commit(std::function<void()> on_synced);

  /// Whether a commit was begun whose sync has ended: `finish_commit()` will
  /// not wait.
  [[nodiscard]] bool sync_has_ended() const;

  /// Waits for the commit that was begun, if there is one.
  /// @returns when its sync ended; now if there is none.
  /// @throws store_error `outcome_unknown` if the sync failed; then what was
  ///         begun since is rolled back.
  std::chrono::steady_clock::time_point finish_commit();

  /// Whether the last commit changed anything, be it by a verb outside
  /// `begin()`. One that did not has not touched the disk, and says nothing of
  /// it.
  [[nodiscard]] bool has_written() const noexcept;

  /// Undoes all since `begin()`; does nothing outside a transaction.
  void rollback() noexcept;

  [[nodiscard]] bool in_transaction() const noexcept;

  /// Whether what `get_status()` says of an operation may rest on the open
  /// transaction, or on a commit that is not finished. False only if it is
  /// durable.
  [[nodiscard]] bool
  may_be_undone(const tracked_operation_id& id) const noexcept;

  // -- care -------------------------------------------------------------------

  /// Deletes at most `max_rows` due rows (1 or more) and stops early after
  /// `max_time`, but gets on by some rows in any case. Outside a transaction
  /// it also works while the disk is full: it begins the log anew, for which it
  /// waits a second at most for readers, and deletes fewer rows if need be.
  purge_progress purge_chunk(const waybill::purge_terminal& request,
                             timestamp now, std::int64_t max_rows,
                             std::chrono::microseconds max_time);

  /// The number of operations by kind and status, from counters: takes no
  /// longer with more rows.
  /// @param now no age is below zero by it.
  counts_reply get_counts(timestamp now = max_timestamp);

  /// When the operation in that terminal status finished that did so first;
  /// none if there is none.
  std::optional<timestamp> oldest_finished(tracking_status status);

  /// What the rows tell of the time; reads a few of them.
  remembered_times remembered();

  store_size size();

  /// Commits a small write of the store's own, without waiting for another
  /// program's lock, and sees whether the file has room for more: whether
  /// storage works. Must not be called in a transaction.
  /// @throws store_error as a verb.
  void probe_write();

  /// Copies the write-ahead log into the file if it is due, which is before the
  /// next commit is likely to take it past `checkpoint_pages`. Verbs never do
  /// that, except for `begin()`; call it when nobody waits for an answer.
  /// Nothing is lost if it fails, and see `checkpoint_failure()`: a later call
  /// tries again, `begin()` when the log has grown by `checkpoint_pages` since.
  /// Does nothing in a transaction.
  void maintain();

  /// Whether `begin()` would do that, which takes time.
  [[nodiscard]] bool checkpoint_is_due() const noexcept;

  /// What has happened in each minute waits for up to ten seconds, and for a
  /// commit after that, or `close()`. Commits it if `at_once`; not in a
  /// transaction, nor while a commit is not finished.
  /// @returns whether any of it waits.
  bool write_totals(bool at_once);

  /// Returns up to `max_pages` (1 or more) unused pages to the file system, if
  /// more than a tenth of the file (and 1,024 pages) is unused. Since the disk
  /// was found full a tenth is enough, until all above that has been returned.
  /// Works on a full disk, as `purge_chunk()`.
  /// @param keep_some whether that much stays for what comes; if not, all
  ///        unused pages go.
  /// @returns true if there is more to return.
  bool give_back_space(int max_pages, bool keep_some = true);

  /// Size of the write-ahead log's content in bytes, as of the last commit.
  [[nodiscard]] std::int64_t wal_bytes() const noexcept;

  /// True if a reader has kept the log from being emptied when that was due,
  /// until `maintain()` has emptied it. Call that now and then meanwhile, also
  /// if nothing is written.
  [[nodiscard]] bool log_is_held() const noexcept;

  /// True if the log is held and has more than twice `checkpoint_pages`.
  [[nodiscard]] bool log_is_overgrown() const noexcept;

  /// Why the log could not be copied into the file when that was tried first
  /// since it was done last, by an opening, `begin()`, `maintain()` or
  /// `give_back_space()`; none if it could be, as far as readers let it. What
  /// is committed is durable all the same, but the log grows: call `maintain()`
  /// now and then.
  [[nodiscard]] const std::optional<std::string>&
  checkpoint_failure() const noexcept;

  /// Someone else has found the file damaged: changes nothing more, as after
  /// `store_corrupt`.
  void condemn(const store_error& found);

  /// Looks whether the store's files are still there, as `begin()` and each
  /// COMMIT do: for a store that is only read for long. Not to be called when
  /// it is closed.
  /// @throws store_error `store_corrupt` if not, as all verbs from then on.
  void check_files();

  /// True after `outcome_unknown`, until `recover()` succeeds.
  [[nodiscard]] bool needs_recovery() const noexcept;

  /// Closes the database, opens it again and makes what it holds durable, so
  /// that answers can rest on it. The ownership is kept throughout.
  /// @throws store_error as the constructor; may be called again.
  void recover();

  /// Checkpoints and closes; the object can only be destroyed after that.
  /// An open transaction is rolled back.
  /// @returns why the log could not be copied into the file and was left beside
  ///          it, with nothing lost: the next opening goes on from both. None
  ///          also if the file is damaged or a commit in doubt, when it is not
  ///          tried.
  std::optional<std::string> close() noexcept;

  [[nodiscard]] const store_options& options() const noexcept;

private:
  std::unique_ptr<store_parts> parts_;
};

} // namespace waybill
