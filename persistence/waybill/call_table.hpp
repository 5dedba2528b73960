// The calls that are kept: the tables `call` and `payload`.
//
// Rows of `call` are small, for all of them are read when a backlog is gone
// through; a payload has a row of its own, which is written once, whatever
// happens to the call.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "waybill/call_queries.hpp"
#include "waybill/messages.hpp"
#include "waybill/requeue_table.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/target_table.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// A row of `call`.
struct call_row {
  std::int64_t seq = 0;
  std::int64_t target = 0;
  call_state state = call_state::waiting;
  std::int32_t attempt = 1;
  std::int32_t interruptions = 0;
  std::optional<timestamp> due;
  std::optional<timestamp> expires;
  std::int32_t priority = 1;
  std::optional<std::string> order_key;
  std::optional<tracked_operation_id> root;
  std::int64_t bytes = 0;
};

/// Its columns, in the order of `decode_call`, as a part of a statement.
#define WAYBILL_CALL_COLUMNS                                                   \
  "seq, target, state, attempt, interruptions, due, expires, priority, "       \
  "order_key, root, bytes"

/// The row at which `row` stands, whose first columns are
/// WAYBILL_CALL_COLUMNS.
/// @throws store_error `store_corrupt` for what cannot have been stored.
call_row decode_call(const sqlite::statement& row);

/// A row of `payload`.
struct stored_payload {
  std::optional<std::string> codec;
  std::string bytes;
};

/// Finds it by its `seq`.
#define WAYBILL_SELECT_PAYLOAD "SELECT codec, bytes FROM payload WHERE seq = ?1"

/// The `seq` of a call's payload: it stays where it was first recorded.
/// @param link the call's, if it is one that was tried again.
inline std::int64_t payload_number(const call_row& x,
                                   const std::optional<requeue_row>& link) {
  return link ? link->payload : x.seq;
}

/// The payload of a call.
/// @param found a WAYBILL_SELECT_PAYLOAD that is not bound yet.
/// @param number the payload's `seq`.
/// @throws store_error `store_corrupt` if the call has none, or another size.
stored_payload read_payload(sqlite::statement& found, const call_row& x,
                            std::int64_t number);

/// The calls of an open store, as the current transaction has them. It keeps
/// the counters of their targets.
class call_table final : public transaction_participant {
public:
  /// Both are used as long as this lives.
  call_table(target_table& targets, requeue_table& requeues) noexcept
    : targets_{targets}, requeues_{requeues} {}

  void load(sqlite::connection& db) override;
  void close() noexcept override;
  void on_rollback(bool unfinished) noexcept override;

  // -- reading ----------------------------------------------------------------

  /// Whether there is any call. If not, nobody need look for one.
  [[nodiscard]] bool has_any() const noexcept { return targets_.have_calls(); }

  /// The call of the operation with the number `seq`.
  std::optional<call_row> find(std::int64_t seq);

  /// @throws store_error `store_corrupt` if the call has none.
  stored_payload payload_of(const call_row& x) {
    return read_payload(payload_, x, payload_number(x, link_of(x)));
  }

  /// The number that counts in the order of its key.
  std::int64_t place_of(const call_row& x);

  /// The calls of a target of which an attempt has begun: as many as it has
  /// workers.
  std::vector<call_row> begun_of(std::int64_t target);

  /// What a search has found, and how far it has come.
  struct found_calls {
    std::vector<call_row> rows;
    std::int64_t cursor = 0;
    bool is_complete = false;
  };

  /// The calls of a target that wait, for no time after `now`, in the order of
  /// `seq` and behind `after`: up to `limit`, among `max_scanned` of all.
  found_calls find_waiting(std::int64_t target, timestamp now,
                           std::int64_t after, std::int64_t limit,
                           std::int64_t max_scanned);

  /// Those that wait for a time, in the order of it.
  found_calls find_scheduled(std::int64_t target, std::int64_t limit);

  /// The call that comes first of those with an order key that have not
  /// finished: the one that has begun, if there is one.
  /// @param or_kept also of those that are kept.
  std::optional<call_row> first_of_key(std::int64_t target,
                                       const std::string& key, bool or_kept);

  // -- changing ---------------------------------------------------------------

  /// See operation_table.
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return changes_begun_;
  }

  void insert(const call_row& x, const std::optional<std::string>& codec,
              std::string_view payload);

  /// A call that is kept goes on as `successor`, with its payload and its
  /// place.
  /// @param root the first of them all.
  void hand_on(const call_row& kept, const call_row& successor,
               const tracked_operation_id& root);

  /// An attempt begins.
  void begin(call_row& x);

  /// The call waits for attempt number `attempt`.
  void wait(call_row& x, std::int32_t attempt,
            const std::optional<timestamp>& due);

  /// Its operation has finished: the call goes, or is kept.
  void settle(call_row& x, tracking_status status);

  /// Lets go of a call that is kept, if the operation has one: nobody will ask
  /// for its payload, and its order key is free.
  /// @returns whether it has one.
  bool release(std::int64_t seq);

  // -- purging ----------------------------------------------------------------

  /// Whether operations that finished in `status` may still hold a payload.
  [[nodiscard]] static constexpr bool keeps(tracking_status status) noexcept {
    return status == tracking_status::parked
           || status == tracking_status::failed;
  }

  /// What `find_finished` has found.
  struct finished_rows {
    std::vector<std::int64_t> seqs;
    bool is_last = false;
  };

  /// Looks at up to `limit` operations that finished in `status` before
  /// `older_than` and not before `not_before`, those first that did so first,
  /// and tells which of them have a call, or have none. Goes on behind those
  /// that it has looked at, until it comes to the end: they are none of those,
  /// or are deleted. Calls that keep their order key from others are not told.
  finished_rows find_finished(tracking_status status, bool with_call,
                              timestamp older_than, timestamp not_before,
                              std::int64_t limit);

private:
  // How far a purge has looked; meant for one with the same `not_before`.
  struct purge_place {
    std::int64_t not_before = INT64_MIN;
    std::int64_t updated_at = INT64_MIN;
    std::int64_t seq = INT64_MIN;
  };

  [[nodiscard]] call_row decode(const sqlite::statement& row) const;
  void remember(const call_row& x);
  bool keeps_others_waiting(std::int64_t seq);
  void count(const call_row& x, std::int64_t change);
  void insert_row(const call_row& x);
  std::optional<requeue_row> link_of(const call_row& x);
  void take_out_key(const call_row& x, const requeue_row& link);
  void update(const call_row& x);
  void remove(const call_row& x);

  target_table& targets_;
  requeue_table& requeues_;
  // Of purges of those without a call, and of those with one.
  std::array<std::array<purge_place, num_tracking_statuses>, 2> places_{};
  // Calls of which an attempt has begun lately, as last written, uncommitted
  // changes included: that it ends needs no search.
  std::unordered_map<std::int64_t, call_row> lately_begun_;
  std::uint64_t changes_begun_ = 0;
  sqlite::statement insert_;
  sqlite::statement insert_payload_;
  sqlite::statement find_;
  sqlite::statement payload_;
  sqlite::statement begun_;
  sqlite::statement waiting_;
  sqlite::statement scheduled_;
  sqlite::statement keyed_;
  sqlite::statement update_;
  sqlite::statement delete_;
  sqlite::statement delete_payload_;
  sqlite::statement finished_;
};

} // namespace waybill
