#include "waybill/purge_step.hpp"

#include <algorithm>
#include <utility>

namespace waybill {

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
      const auto deleted = x.operations.delete_finished(
        status, request.older_than, request.not_before.value_or(min_timestamp),
        limit);
      for (const auto& row : deleted) {
        x.counters.add(row.kind, status, -1);
        x.transitions.remove(row.seq, row.last_transition);
      }
      if (!deleted.empty())
        x.log.note_scattered_pages();
      progress.deleted += std::ssize(deleted);
      const auto began = std::exchange(now_is, steady_clock::now());
      if (std::ssize(deleted) < limit)
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
