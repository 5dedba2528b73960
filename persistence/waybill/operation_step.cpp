#include "waybill/operation_step.hpp"

#include <algorithm>

#include "waybill/operation_row.hpp"

namespace waybill {

std::optional<std::int64_t>
record_operation(store_parts& x, const record_enqueue& request, timestamp now) {
  x.make_room_for_kind(request.kind);
  const auto seq = x.transitions.next_number();
  const auto kind = x.operations.insert(request, seq, now);
  if (!kind)
    return std::nullopt;
  x.counters.add(*kind, tracking_status::submitted, 1);
  x.in_flight.add(seq, tracking_status::submitted, 1);
  x.counters.minutes().took(now);
  return seq;
}

void step_operation(store_parts& x, const tracked_operation_id& id,
                    operation_table::found_row& row,
                    const operation_report& report, timestamp now) {
  const stored_error error{report.last_error, x.options.last_error_cap};
  const transition_log::step step{.status = std::max(row.status, report.status),
                                  .retry_count = report.retry_count.value_or(
                                    row.retry_count),
                                  .at = std::max(now, row.updated_at),
                                  .http_status = report.http_status,
                                  .last_error = error.text()};
  // Reports are repeated until they are answered.
  const auto repeats = row.chain.last != 0 && x.operations.says(row, step);
  const auto number
    = x.transitions.is_on() && !repeats ? x.transitions.next_number() : 0;
  const auto is_retry = step.retry_count > row.retry_count;
  x.operations.update(id, row, step, number, report.ends_call);
  if (number != 0)
    x.transitions.append(number, row.seq, row.chain, step);
  if (is_terminal(step.status))
    x.counters.minutes().ended(step.status, now);
  else if (is_retry)
    x.counters.minutes().retried(now);
  if (step.status != row.status) {
    // In this order the kind never seems to be unused.
    x.counters.add(row.kind, step.status, 1);
    x.counters.add(row.kind, row.status, -1);
    x.in_flight.add(row.seq, row.status, -1);
    x.in_flight.add(row.seq, step.status, 1);
  }
}

bool release_payload(store_parts& x, const tracked_operation_id& id,
                     operation_table::found_row& row,
                     const std::optional<std::string>& reason, timestamp now) {
  if (!x.calls.has_any() || !x.calls.release(row.seq))
    return false;
  note_release(x, id, row, reason, now);
  return true;
}

void note_release(store_parts& x, const tracked_operation_id& id,
                  operation_table::found_row& row,
                  const std::optional<std::string>& reason, timestamp now) {
  if (!x.transitions.is_on()) {
    x.operations.note_release(id, row, 0);
    return;
  }
  const stored_error why{reason, x.options.last_error_cap};
  const auto number = x.transitions.next_number();
  x.operations.note_release(id, row, number);
  x.transitions.append_release(number, row.seq, row.chain,
                               std::max(now, row.updated_at), why.text());
}

std::optional<tracked_operation_id> successor_of(store_parts& x,
                                                 std::int64_t seq) {
  const auto successor = x.requeues.successor_of(seq);
  if (!successor)
    return x.requeues.purged_successor_of(seq);
  const auto id = x.operations.id_of(*successor);
  if (!id)
    row_is_corrupt("a successor that there is not");
  return id;
}

} // namespace waybill
