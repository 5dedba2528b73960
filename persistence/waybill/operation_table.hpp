// The table `operation`: how an id becomes a row, and what is done to rows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/name_table.hpp"
#include "waybill/recent_operations.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

/// The rows of an open store, as the current transaction has them. Those
/// written last are in memory too (recent_operations.hpp).
class operation_table final : public transaction_participant {
public:
  /// @param names where texts are interned.
  explicit operation_table(name_table& names) noexcept : names_{names} {}

  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void on_begin(bool unfinished) noexcept override;
  void on_finish() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  // -- reading ----------------------------------------------------------------

  /// What the next step of an operation depends on. Valid until the next change
  /// of any row.
  struct found_row {
    std::int64_t seq = 0;
    tracking_status status = tracking_status::submitted;
    std::int64_t kind = 0; // if it is not interned
    std::int32_t retry_count = 0;
    // A row's times never go back, whatever the clock does.
    timestamp updated_at;
    transition_chain chain;
    recent_operations::entry* recent = nullptr; // if it is remembered
  };

  std::optional<found_row> find(const tracked_operation_id& id);

  /// Whether the row says already what a step would make it say, but for its
  /// time.
  bool says(const found_row& row, const transition_log::step& x);

  /// All that the row says.
  std::optional<tracking_status_snapshot> read(const tracked_operation_id& id);

  /// The same for the row with the number `seq`.
  std::optional<tracking_status_snapshot> read_row(std::int64_t seq);

  /// The id in it, if there is one.
  std::optional<tracked_operation_id> id_of(std::int64_t seq);

  /// Whether a transaction that may be undone may have changed an operation.
  [[nodiscard]] bool may_have_changed(const tracked_operation_id& id) noexcept {
    return recent_.may_have_changed(id);
  }

  // -- changing ---------------------------------------------------------------

  /// How often a change of rows and their indexes has begun. If it fails, or
  /// what a verb does after it, the whole transaction has to go: SQLite undoes
  /// what a statement has done only after some errors; after others, BUSY out
  /// of a read for one, a row may be there without its index entries.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

  /// Inserts an operation that has just been recorded.
  /// @param seq a number that no row had before.
  /// @returns the kind's number, 0 if it is not interned; none if there is a
  ///          row with that id, which stays as it is.
  std::optional<std::int64_t> insert(const record_enqueue& x, std::int64_t seq,
                                     timestamp now);

  /// Inserts an operation as it is.
  /// @param last_transition the number of its last one but the first; 0: none.
  std::optional<std::int64_t>
  insert(const tracking_status_snapshot& x,
         const std::optional<std::string_view>& last_error, std::int64_t seq,
         std::int64_t last_transition);

  /// Takes an operation's row to its next state.
  /// @param number of the transition; 0 if there is none.
  /// @param had_call whether it finishes with a call.
  void update(const tracked_operation_id& id, const found_row& row,
              const transition_log::step& to, std::int64_t number,
              bool had_call);

  /// An operation that has finished lets go of its call, and stays as it is but
  /// for what is kept among its transitions.
  /// @param number of that; 0 if there is none.
  void note_release(const tracked_operation_id& id, const found_row& row,
                    std::int64_t number);

  /// What is left of a row that was deleted.
  struct deleted_row {
    std::int64_t seq = 0;
    std::int64_t kind = 0; // 0 if it is not interned
    std::int64_t last_transition = 0;
    tracked_operation_id id;
    timestamp finished_at;
    bool had_call = false;
  };

  /// Deletes the rows that finished in `status` first, before `older_than` and
  /// not before `not_before`, up to `limit` (1 or more).
  /// @returns them, until the next call.
  std::span<const deleted_row> delete_finished(tracking_status status,
                                               timestamp older_than,
                                               timestamp not_before,
                                               std::int64_t limit);

  /// Deletes these rows, of operations that have finished.
  /// @returns them, until the next call.
  std::span<const deleted_row> delete_rows(std::span<const std::int64_t> rows);

private:
  // The numbers of a row's names, 0 for none.
  struct row_names {
    std::array<std::int32_t, num_name_fields> ids{};
    bool are_all = true; // no text is in the row itself
  };

  template <class Row>
  row_names bind_names(sqlite::statement& stmt, const Row& x);

  void change_rows(sqlite::statement& stmt);
  void run_delete(sqlite::statement& stmt);
  [[nodiscard]] bool has_inserted(std::int64_t seq) noexcept;

  name_table& names_;
  recent_operations recent_;
  sqlite::connection* db_ = nullptr;
  sqlite::statement insert_;
  sqlite::statement restore_; // prepared when it is first needed
  sqlite::statement note_;    // likewise
  sqlite::statement find_;
  sqlite::statement said_;
  sqlite::statement select_;
  sqlite::statement select_row_;
  sqlite::statement id_of_;
  sqlite::statement update_;
  sqlite::statement update_in_status_;
  sqlite::statement delete_;
  sqlite::statement delete_row_;
  std::vector<deleted_row> deleted_;
  // What SQLite gives a row without a number, if that is known: it need not
  // look whether there is such a row then, a fifteenth of an enqueue.
  std::int64_t next_seq_ = 0;
  std::uint64_t changes_begun_ = 0;
};

} // namespace waybill
