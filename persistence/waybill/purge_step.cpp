#include "waybill/purge_step.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

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

} // namespace

purge_progress purge_step(store_parts& x, const purge_terminal& request,
                          std::int64_t max_rows,
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
      const auto [deleted, is_last] = delete_lot(x, status, request, limit);
      for (const auto& row : deleted) {
        x.counters.add(row.kind, status, -1);
        x.transitions.remove(row.seq, row.last_transition);
        x.requeues.forget(row.seq);
      }
      if (!deleted.empty())
        x.log.note_scattered_pages();
      progress.deleted += std::ssize(deleted);
      const auto began = std::exchange(now_is, steady_clock::now());
      if (is_last)
        break; // no more of this status
      x.lot.fit(now_is - began);
      if (progress.deleted >= max_rows || now_is >= stop) {
        progress.finished = false;
        return progress;
      }
    }
  }
  return progress;
}

} // namespace waybill
