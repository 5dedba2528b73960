#include "waybill/call_discard.hpp"

#include <utility>
#include <vector>

#include "waybill/operation_step.hpp"
#include "waybill/request_checks.hpp"

namespace waybill {

namespace {

bool is_done(discard_outcome x) noexcept {
  return x == discard_outcome::applied
         || x == discard_outcome::payload_discarded;
}

discard_result discard_one(store_parts& x, const tracked_operation_id& id,
                           const std::optional<std::string>& reason,
                           timestamp now) {
  discard_result result;
  result.id = id;
  auto row = x.operations.find(id);
  if (!row)
    return result;
  auto call = x.calls.has_any() ? x.calls.find(row->seq) : std::nullopt;
  if (call)
    result.target = x.targets.name_of(call->target);
  if (is_terminal(row->status)) {
    result.status = row->status;
    result.outcome = release_payload(x, id, *row, reason, now)
                       ? discard_outcome::payload_discarded
                       : discard_outcome::already_terminal;
    return result;
  }
  step_operation(x, id, *row,
                 {.status = tracking_status::discarded,
                  .retry_count = std::nullopt,
                  .http_status = std::nullopt,
                  .last_error = reason,
                  .ends_call = call.has_value()},
                 now);
  if (call)
    x.calls.settle(*call, tracking_status::discarded);
  result.outcome = discard_outcome::applied;
  return result;
}

} // namespace

discard_reply discard_operations(store_parts& x, const discard_many& request,
                                 timestamp now) {
  require_acceptable(request, now);
  require_storable(now);
  return x.write([&] {
    discard_reply reply;
    std::vector<tracked_operation_id> done;
    for (const auto& id : request.ids) {
      reply.results.push_back(discard_one(x, id, request.reason, now));
      if (is_done(reply.results.back().outcome))
        done.push_back(id);
    }
    if (!done.empty())
      x.audit.note({.verb = audit_verb::discard,
                    .act = request.act,
                    .reason = request.reason,
                    .now = now,
                    .ids = std::move(done)});
    return reply;
  });
}

} // namespace waybill
