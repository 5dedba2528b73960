#include "waybill/call_requeue.hpp"

#include <string>
#include <utility>
#include <vector>

#include "waybill/call_bounds.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/operation_step.hpp"
#include "waybill/request_checks.hpp"

namespace waybill {

namespace {

record_enqueue to_successor(tracking_status_snapshot x,
                            const tracked_operation_id& id) {
  return {.id = id,
          .kind = std::move(x.kind),
          .target_summary = std::move(x.target_summary),
          .source_instance_id = std::move(x.source_instance_id),
          .source_script = std::move(x.source_script),
          .source_node = std::move(x.source_node),
          .deadline = std::nullopt};
}

std::string reason_for(const requeue& request,
                       const tracked_operation_id& successor) {
  auto text = "requeued as " + to_string(successor);
  if (request.reason)
    text += ": " + *request.reason;
  return text;
}

} // namespace

requeue_reply call_requeue::run(const requeue& request, timestamp now) {
  require_acceptable(request, now);
  require_storable(now);
  return parts_.write([&] {
    requeue_reply reply;
    std::vector<tracked_operation_id> done;
    for (const auto& id : request.ids) {
      reply.results.push_back(run_one(id, request, now));
      if (reply.results.back().outcome == requeue_outcome::requeued)
        done.push_back(id);
    }
    if (!done.empty())
      parts_.audit.note({.verb = audit_verb::requeue,
                         .act = request.act,
                         .reason = request.reason,
                         .now = now,
                         .ids = std::move(done)});
    return reply;
  });
}

requeue_result call_requeue::run_one(const tracked_operation_id& id,
                                     const requeue& request, timestamp now) {
  auto& x = parts_;
  requeue_result result;
  result.id = id;
  const auto row = x.operations.find(id);
  if (row)
    result.successor = successor_of(x, row->seq);
  else if (const auto purged = x.tombstones.find(id))
    result.successor = purged->successor;
  if (result.successor)
    result.outcome = requeue_outcome::already_requeued;
  if (result.successor || !row)
    return result;
  const auto call = x.calls.has_any() ? x.calls.find(row->seq) : std::nullopt;
  if (const auto refusal = find_refusal(*row, call, now)) {
    result.outcome = *refusal;
    return result;
  }
  // It leaves those that are kept, so that their bound does not matter. Behind
  // one that blocks its key no call of it ends, so that no room would ever
  // come.
  const auto bounds = bounds_of(call->target);
  if (bounds && !(bounds->kept_block && call->order_key))
    if (auto full = find_full(x.targets.name_of(call->target),
                              {x.targets.sums_of(call->target).active, {}},
                              *bounds, call->bytes)) {
      result.outcome = requeue_outcome::overloaded;
      result.reason = std::move(full);
      return result;
    }
  return hand_on(id, *call, request, now);
}

std::optional<requeue_outcome>
call_requeue::find_refusal(const operation_table::found_row& row,
                           const std::optional<call_row>& call, timestamp now) {
  if (!is_terminal(row.status))
    return requeue_outcome::in_flight;
  if (row.status == tracking_status::delivered)
    return requeue_outcome::delivered;
  if (row.status == tracking_status::discarded)
    return requeue_outcome::discarded;
  if (!call)
    return requeue_outcome::no_payload;
  if (call->expires && *call->expires <= now)
    return requeue_outcome::expired;
  return std::nullopt;
}

requeue_result call_requeue::hand_on(const tracked_operation_id& id,
                                     const call_row& call,
                                     const requeue& request, timestamp now) {
  auto& x = parts_;
  requeue_result result;
  result.id = id;
  if (request.as && x.tombstones.find(*request.as)) {
    result.outcome = requeue_outcome::id_is_taken;
    return result;
  }
  const auto successor = request.as ? *request.as
                                    : tracked_operation_id::generate();
  auto what = x.operations.read_row(call.seq);
  if (!what)
    row_is_corrupt("a call without an operation");
  const auto seq
    = record_operation(x, to_successor(std::move(*what), successor), now);
  if (!seq) {
    result.outcome = requeue_outcome::id_is_taken;
    return result;
  }
  const auto root = call.root.value_or(id);
  auto next = call;
  next.seq = *seq;
  next.state = call_state::waiting;
  next.attempt = 1;
  next.interruptions = 0;
  next.due.reset();
  next.root = root;
  x.calls.hand_on(call, next, root);
  auto row = x.operations.find(id); // it may have moved
  note_release(x, id, row.value(), reason_for(request, successor), now);
  result.outcome = requeue_outcome::requeued;
  result.successor = successor;
  result.target = x.targets.name_of(call.target);
  result.order_key = call.order_key;
  return result;
}

// Those it was last opened with, if nobody has opened it since the store was.
std::optional<target_bounds>
call_requeue::bounds_of(std::int64_t target) const {
  if (const auto* const bounds = parts_.targets.bounds_of(target))
    return *bounds;
  auto stmt = parts_.db.prepare("SELECT " WAYBILL_BOUNDS_COLUMNS
                                " FROM target_bounds WHERE number = ?1");
  stmt.bind(1, target);
  if (!stmt.step())
    return std::nullopt;
  return decode_bounds(stmt, 0);
}

} // namespace waybill
