#include "waybill/purge_step.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "waybill/operation_step.hpp"

namespace waybill {

namespace {

struct deleted_lot {
  std::span<const operation_table::deleted_row> rows;
  bool is_last = false;
};

// Deletes up to `limit` operations that finished in `status`: those that still
// have a call, with that, or those that have none.
deleted_lot delete_lot(store_parts& x, tracking_status status,
                       const purge_terminal& request, std::int64_t limit) {
  const auto not_before = request.not_before.value_or(min_timestamp);
  const auto may_have_calls = call_table::keeps(status) && x.calls.has_any();
  if (request.with_payload && !may_have_calls)
    return {{}, true};
  if (may_have_calls) {
    const auto found = x.calls.find_finished(status, request.with_payload,
                                             request.older_than, not_before,
                                             limit);
    if (request.with_payload)
      for (const auto seq : found.seqs)
        x.calls.release(seq);
    return {x.operations.delete_rows(found.seqs), found.is_last};
  }
  const auto rows = x.operations.delete_finished(status, request.older_than,
                                                 not_before, limit);
  return {rows, std::ssize(rows) < limit};
}

// Its successor, also if that has been deleted by the same statement.
std::optional<tracked_operation_id>
successor_in(store_parts& x, std::int64_t seq, const deleted_lot& lot) {
  const auto successor = x.requeues.successor_of(seq);
  const auto among = successor
                       ? std::ranges::find(lot.rows, *successor,
                                           &operation_table::deleted_row::seq)
                       : lot.rows.end();
  return among != lot.rows.end() ? std::optional{among->id}
                                 : successor_of(x, seq);
}

// What the lot leaves behind in the other tables.
void bury(store_parts& x, tracking_status status, const deleted_lot& lot,
          bool had_payload, timestamp now) {
  const auto purged_at = std::clamp(now, min_timestamp, max_timestamp);
  std::int64_t tombstones = 0;
  for (const auto& row : lot.rows) {
    x.counters.add(row.kind, status, -1);
    x.transitions.remove(row.seq, row.last_transition);
    const auto successor = successor_in(x, row.seq, lot);
    // Those that had finished before version 7 are told by what they have.
    const auto is_remembered
      = row.had_call || had_payload || successor || x.requeues.find(row.seq)
        || x.options.duplicates_of == duplicate_scope::all;
    if (is_remembered && x.options.max_tombstones == 0) {
      x.tombstones.forget_at_once(purged_at);
    } else if (is_remembered) {
      x.tombstones.add(
        {row.id, {status, row.finished_at, purged_at, successor}});
      ++tombstones;
    }
    x.requeues.forget(row.seq, row.id);
  }
  if (tombstones > 0)
    x.tombstones.keep_at_most(x.options.max_tombstones, 2 * tombstones);
}

// Tombstones of which there are too many, or whose time has come; as many as
// there is time for, but some.
// @returns whether that was all.
bool forget_some(store_parts& x, const purge_terminal& request, timestamp now,
                 std::int64_t max_rows,
                 std::chrono::steady_clock::time_point stop,
                 bool& has_forgotten) {
  if (!request.forget_before)
    return true;
  const tombstone_table::due_times due{
    *request.forget_before, request.forget_not_before.value_or(min_timestamp),
    now};
  constexpr std::int64_t lot = 512;
  for (std::int64_t rows = 0;;) {
    const auto limit = std::clamp(max_rows - rows, std::int64_t{1}, lot);
    const auto before = x.tombstones.size();
    const auto more = x.tombstones.keep_at_most(x.options.max_tombstones, limit)
                      || x.tombstones.expire(due, limit);
    has_forgotten = x.tombstones.size() != before || has_forgotten;
    if (x.tombstones.sweep(limit) > 0) {
      x.log.note_scattered_pages();
      has_forgotten = true;
    }
    if (!more && !x.tombstones.has_garbage())
      return true;
    rows += limit;
    if (rows >= max_rows || std::chrono::steady_clock::now() >= stop)
      return false;
  }
}

purge_progress delete_some(store_parts& x, const purge_terminal& request,
                           timestamp now, std::int64_t max_rows,
                           std::chrono::microseconds max_time) {
  using std::chrono::steady_clock;
  auto now_is = steady_clock::now();
  const auto stop = now_is + max_time;
  purge_progress progress;
  for (const auto status : terminal_statuses) {
    if (request.status && *request.status != status)
      continue;
    for (;;) {
      const auto limit = std::min(x.lot.rows(), max_rows - progress.deleted);
      const auto deleted = delete_lot(x, status, request, limit);
      bury(x, status, deleted, request.with_payload, now);
      if (!deleted.rows.empty())
        x.log.note_scattered_pages();
      progress.deleted += std::ssize(deleted.rows);
      const auto began = std::exchange(now_is, steady_clock::now());
      if (deleted.is_last)
        break; // no more of this status
      x.lot.fit(now_is - began);
      if (progress.deleted >= max_rows || now_is >= stop) {
        progress.finished = false;
        return progress;
      }
    }
  }
  progress.finished = forget_some(x, request, now, max_rows, stop,
                                  progress.has_forgotten);
  return progress;
}

// Merging takes space before it gives any.
// @returns whether pages were given back.
bool tidy_tombstones(store_parts& x, std::int64_t max_rows) {
  constexpr std::int64_t pages = 64;
  if (!x.space.is_short())
    x.tombstones.merge();
  if (x.tombstones.sweep(std::min(pages, max_rows)) == 0)
    return false;
  x.log.note_scattered_pages();
  return true;
}

// What is deleted, as an operator may have said it.
std::string words_for(const purge_terminal& x) {
  return "finished before " + to_string(x.older_than)
         + (x.status ? ", " + to_string(*x.status) : "")
         + (x.with_payload ? ", with payload" : "");
}

} // namespace

purge_progress purge_step(store_parts& x, const purge_terminal& request,
                          timestamp now, std::int64_t max_rows,
                          std::chrono::microseconds max_time) {
  auto done = delete_some(x, request, now, max_rows, max_time);
  done.has_forgotten = tidy_tombstones(x, max_rows) || done.has_forgotten;
  if (request.act && done.deleted > 0)
    x.audit.note({.verb = audit_verb::purge,
                  .act = request.act,
                  .reason = request.act->reason,
                  .now = now,
                  .operations = done.deleted,
                  .what = words_for(request)});
  return done;
}

} // namespace waybill
