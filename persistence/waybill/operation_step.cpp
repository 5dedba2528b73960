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
  x.operations.update(id, row, step, number);
  if (number != 0)
    x.transitions.append(number, row.seq, row.chain, step);
  if (step.status != row.status) {
    // In this order the kind never seems to be unused.
    x.counters.add(row.kind, step.status, 1);
    x.counters.add(row.kind, row.status, -1);
    x.in_flight.add(row.seq, row.status, -1);
    x.in_flight.add(row.seq, step.status, 1);
  }
}

void note_release(store_parts& x, const tracked_operation_id& id,
                  operation_table::found_row& row,
                  const std::optional<std::string>& reason, timestamp now) {
  if (!x.transitions.is_on())
    return;
  const stored_error why{reason, x.options.last_error_cap};
  const auto number = x.transitions.next_number();
  x.operations.note_transition(id, row, number);
  x.transitions.append_release(number, row.seq, row.chain,
                               std::max(now, row.updated_at), why.text());
}

} // namespace waybill
