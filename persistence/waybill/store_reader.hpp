// Reads a store that someone else may be writing: the questions of operators
// and of the query actor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "waybill/audit_messages.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/check_report.hpp"
#include "waybill/error_queries.hpp"
#include "waybill/messages.hpp"
#include "waybill/minute_total.hpp"
#include "waybill/progress_function.hpp"
#include "waybill/queries.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_size.hpp"
#include "waybill/tombstone_sums.hpp"

namespace waybill {

struct reader_options {
  /// The database file.
  std::string file;
  /// SQLite's page cache, in bytes.
  std::int64_t cache_bytes = std::int64_t{8} * 1'024 * 1'024;
  /// The name of a registered SQLite VFS; empty for the default.
  std::string vfs;
};

/// A page of operations with their histories.
struct record_page {
  std::vector<operation_record> records;
  /// See `list_reply::next_cursor`.
  std::optional<std::string> next_cursor;
};

/// A read-only view of a store. It takes no ownership, changes nothing, never
/// checkpoints, and holds no snapshot longer than a call takes; whoever owns
/// the store goes on meanwhile.
///
/// What it shows is committed and durable: it syncs the log before it answers.
/// Only after a failed sync it may be what the disk has not got; the owner, or
/// the next one, makes that certain.
///
/// All calls throw store_error: `invalid_request` naming the field,
/// `store_corrupt`, `not_stored` if reading failed.
/// Not to be used by two threads at a time.
class store_reader {
public:
  /// @throws store_error `store_unavailable` if there is no such file or it
  ///         cannot be read, `not_a_store`, `newer_schema`, `store_corrupt`.
  explicit store_reader(const reader_options& options);
  explicit store_reader(const std::string& file);
  ~store_reader();

  store_reader(store_reader&&) noexcept;
  store_reader& operator=(store_reader&&) noexcept;

  // -- questions --------------------------------------------------------------

  status_reply get_status(const waybill::get_status& request);

  /// The states of several operations, in their order, as of one moment.
  std::vector<status_reply>
  get_statuses(const std::vector<tracked_operation_id>& ids);

  call_reply get_call(const waybill::get_call& request);

  /// Several operations with their calls, in their order, as of one moment.
  std::vector<call_reply>
  get_calls(const std::vector<tracked_operation_id>& ids);

  payload_reply get_payload(const waybill::get_payload& request);

  /// From counters and indexes, but for the oldest call of a target, for which
  /// calls are read up to the first one that is on its way to it.
  /// @param now tells what is due, and no age is below zero by it.
  targets_reply list_targets(const waybill::list_targets& request,
                             timestamp now);

  /// What operators have done, as far as it is kept. Looks at all records.
  audit_reply list_audit(const waybill::list_audit& request);

  /// Recorded ids from `first` to `last`, in order; `most` at most.
  std::vector<tracked_operation_id>
  ids_between(const tracked_operation_id& first,
              const tracked_operation_id& last, std::int64_t most);

  /// @param max_time about how long to search; then the page ends, with the
  ///        cursor of the next.
  list_reply list(const list_operations& request,
                  std::chrono::microseconds max_time
                  = std::chrono::milliseconds{20});

  /// The cursor of the place that an operation has in the list that `request`
  /// asks for: with the other order, the page on the other side of it.
  /// @returns none if the operation is not there.
  std::optional<std::string> cursor_at(const list_operations& request,
                                       const tracked_operation_id& id);

  /// Why operations were parked or failed, the last ones first, in groups.
  /// @param max_time about how long to search; then the answer tells how far it
  ///        came, with the cursor to search on with.
  errors_reply list_errors(const waybill::list_errors& request,
                           std::chrono::microseconds max_time
                           = std::chrono::milliseconds{20});

  /// As `list`, with the histories: a page of an export.
  record_page list_records(const list_operations& request,
                           std::chrono::microseconds max_time
                           = std::chrono::milliseconds{20});

  /// @param max_bytes about how large the answer may be in memory; the oldest
  ///        transitions but the first are left out of a larger one.
  history_reply get_history(const waybill::get_history& request,
                            std::size_t max_bytes = SIZE_MAX);

  /// What is there now; never waits.
  watch_reply read_transitions(const watch_transitions& request,
                               std::chrono::microseconds max_time
                               = std::chrono::milliseconds{20});

  /// As `read_transitions`.
  /// @param more set to whether it has not looked at all that is there.
  watch_reply read_transitions(const watch_transitions& request,
                               std::chrono::microseconds max_time, bool& more);

  /// The number of the last transition; 0 if there has been none.
  std::int64_t last_transition_number();

  /// What `watch_transitions::after` takes to begin behind a transition.
  std::string cursor_of(std::int64_t number);

  /// From counters and indexes: takes no longer with more rows.
  /// @param now no age is below zero by it.
  counts_reply get_counts(timestamp now = max_timestamp);

  /// What happened in each minute, from a time on; a day is kept.
  std::vector<minute_total> minute_totals(timestamp from);

  /// How many terminal operations `purge_terminal` would delete; reads their
  /// index entries.
  std::int64_t count_due(const purge_terminal& request,
                         const progress_function& progress = {});

  /// Whether the last owner kept histories.
  bool keeps_history();

  /// Whether anything may have been committed since the last call.
  bool has_changed();

  store_size size();

  /// What is remembered of operations that were purged; reads no more than two
  /// of these.
  tombstone_sums tombstones();

  // -- care -------------------------------------------------------------------

  /// The statements that make the schema.
  std::string schema();

  /// Reads all of the file: its structure, its seals, and whether counters and
  /// histories match the rows. A snapshot is held meanwhile, and keeps the
  /// write-ahead log from being emptied.
  /// @returns none if `progress` stopped it.
  std::optional<check_report> check(const progress_function& progress = {});

  /// Writes a copy as of now to `file`, which must not exist, with mode 0600,
  /// and verifies it. A snapshot is held while it is copied.
  /// @returns false if `progress` stopped it; then there is no `file`.
  /// @throws store_error also `store_unavailable` if `file` cannot be created,
  ///         `store_full`.
  bool backup(const std::string& file, const progress_function& progress = {});

private:
  class state;
  std::unique_ptr<state> state_;
};

} // namespace waybill
