#include "waybill/call_reader.hpp"

#include <utility>

#include "waybill/request_checks.hpp"

namespace waybill {

namespace {

// Why an operation in that status has no payload.
payload_outcome outcome_without_call(tracking_status status) {
  if (status == tracking_status::delivered)
    return payload_outcome::delivered;
  if (status == tracking_status::discarded)
    return payload_outcome::discarded;
  return payload_outcome::never_kept;
}

} // namespace

call_reply call_reader::get_call(const waybill::get_call& request) {
  require_valid(request);
  return connection_.at_one_moment([&] { return call_of(request.id); });
}

std::vector<call_reply>
call_reader::get_calls(const std::vector<tracked_operation_id>& ids) {
  return connection_.at_one_moment([&] {
    std::vector<call_reply> replies;
    replies.reserve(ids.size());
    for (const auto& id : ids)
      replies.push_back(call_of(id));
    return replies;
  });
}

payload_reply call_reader::get_payload(const waybill::get_payload& request) {
  require_valid(request);
  return connection_.at_one_moment([&] { return payload_of(request.id); });
}

targets_reply call_reader::list_targets(const waybill::list_targets& request,
                                        timestamp now) {
  require_valid(request);
  return connection_.at_one_moment(
    [&] { return targets_reply{source_.targets(now)}; });
}

call_reply call_reader::call_of(const tracked_operation_id& id) {
  call_reply reply;
  operations_.with_row(id, [&](const sqlite::statement& row) {
    reply.snapshot = decode_operation(row, id, connection_.names());
    const auto seq = row.integer(column::seq);
    reply.call = source_.describe(seq);
    reply.requeue = source_.link_of(seq, id);
  });
  if (!reply.snapshot)
    reply.purged = operations_.find_purged(id);
  return reply;
}

payload_reply call_reader::payload_of(const tracked_operation_id& id) {
  payload_reply reply;
  operations_.with_row(id, [&](const sqlite::statement& row) {
    if (const auto call = source_.find(row.integer(column::seq))) {
      auto stored = source_.payload_of(*call);
      reply = {.outcome = payload_outcome::found,
               .codec = std::move(stored.codec),
               .payload = std::move(stored.bytes)};
    } else if (const auto link = source_.link_of(row.integer(column::seq), id);
               link && link->requeued_as) {
      reply.outcome = payload_outcome::requeued;
    } else {
      reply.outcome
        = outcome_without_call(decode_status(row.integer(column::status)));
    }
  });
  return reply;
}

} // namespace waybill
