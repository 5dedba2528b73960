#include "waybill/call_store.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "waybill/call_bounds.hpp"
#include "waybill/call_discard.hpp"
#include "waybill/call_requeue.hpp"
#include "waybill/operation_row.hpp"
#include "waybill/operation_step.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

// The attempt after number `x`; there may be any number of them.
std::int32_t next_attempt(std::int32_t x) noexcept {
  return std::max(1, x < INT32_MAX ? x + 1 : x);
}

call_head to_head(call_row x, const tracked_operation_id& id) {
  return {.seq = x.seq,
          .id = id,
          .attempt = x.attempt,
          .interruptions = x.interruptions,
          .due = x.due,
          .expires = x.expires,
          .priority = x.priority,
          .order_key = std::move(x.order_key),
          .bytes = x.bytes,
          .requeued = x.root.has_value()};
}

} // namespace

// -- targets ------------------------------------------------------------------

target_reply call_store::open_target(const waybill::open_target& request,
                                     timestamp now) {
  require_valid(request);
  require_storable(now);
  auto& x = parts_;
  auto reply = x.write([&] {
    const auto target = x.targets.find_or_insert(request.target);
    x.targets.record_bounds(target, request.bounds);
    std::vector<call_head> interrupted;
    std::int64_t parked = 0;
    for (auto& each : x.calls.begun_of(target)) {
      if (std::ranges::find(request.under_way, each.seq)
          != request.under_way.end())
        continue;
      if (interrupt(each, request.max_interruptions, now))
        interrupted.push_back(head_of(each));
      else
        ++parked;
    }
    auto opened = reply_of(target);
    opened.interrupted = std::move(interrupted);
    opened.parked = parked;
    return opened;
  });
  x.targets.set_bounds(request.target, request.bounds);
  return reply;
}

void call_store::set_bounds(const std::string& target, const target_bounds& x) {
  parts_.targets.set_bounds(target, x);
}

std::optional<std::string> call_store::crowding() const {
  return parts_.targets.crowding();
}

std::vector<target_health> call_store::troubles() const {
  const auto& targets = parts_.targets;
  std::map<std::int64_t, target_health> found; // by number
  const auto is_full = [&] { return found.size() >= limits::max_told_targets; };
  if (targets.num_crowded() > 0)
    for (std::int64_t i = 1; i <= targets.size() && !is_full(); ++i)
      if (const auto* const bound = targets.crowded_bound_of(i))
        found[i].crowded = bound;
  for (const auto& [number, pause] : parts_.pauses.committed())
    if (!is_full() || found.contains(number))
      found[number].paused_since = pause.since;
  std::vector<target_health> all;
  for (auto& [number, x] : found) {
    x.name = targets.name_of(number);
    all.push_back(std::move(x));
  }
  return all;
}

target_reply call_store::get_target(const waybill::get_target& request) {
  require_valid(request);
  return parts_.read([&] { return reply_of(opened(request.target)); });
}

std::optional<std::string>
call_store::target_of(const tracked_operation_id& id) {
  auto& x = parts_;
  return x.read([&]() -> std::optional<std::string> {
    if (!x.calls.has_any())
      return std::nullopt;
    const auto row = x.operations.find(id);
    const auto call = row ? x.calls.find(row->seq) : std::nullopt;
    if (!call)
      return std::nullopt;
    return x.targets.name_of(call->target);
  });
}

void call_store::describe(stats_reply& x) const {
  const auto& targets = parts_.targets;
  const auto& pauses = parts_.pauses;
  x.targets = targets.largest(limits::max_told_targets);
  x.other_targets = targets.size() - std::ssize(x.targets);
  x.paused_targets = std::ssize(pauses.committed());
  const auto remembered = parts_.tombstones.committed();
  x.tombstones = remembered.rows;
  x.remembered_since = remembered.remembered_since;
  if (x.paused_targets > 0)
    for (auto& each : x.targets)
      each.paused_since = pauses.paused_since(targets.find(each.name).value());
}

// Who was there first has paused it: another one learns of that.
pause_reply call_store::pause(const pause_target& request, timestamp now) {
  require_valid(request);
  require_storable(now);
  auto& x = parts_;
  return x.write([&] {
    const auto target = x.targets.find(request.target);
    if (!target)
      return pause_reply{pause_outcome::not_found, std::nullopt};
    if (const auto* const known = x.pauses.find(*target))
      return pause_reply{pause_outcome::unchanged, *known};
    const target_pause asked{now, request.who, request.reason};
    x.pauses.pause(*target, asked);
    note_by(audit_verb::pause, request.who, request.target, request.reason,
            now);
    return pause_reply{pause_outcome::applied, asked};
  });
}

pause_reply call_store::resume(const resume_target& request, timestamp now) {
  require_valid(request);
  require_storable(now);
  auto& x = parts_;
  return x.write([&] {
    const auto target = x.targets.find(request.target);
    if (!target)
      return pause_reply{pause_outcome::not_found, std::nullopt};
    const auto* const known = x.pauses.find(*target);
    if (known == nullptr)
      return pause_reply{pause_outcome::unchanged, std::nullopt};
    pause_reply reply{pause_outcome::applied, *known};
    x.pauses.resume(*target);
    note_by(audit_verb::resume, request.who, request.target, request.reason,
            now);
    return reply;
  });
}

// Who has done something to a target.
void call_store::note_by(audit_verb verb, const std::optional<std::string>& who,
                         const std::string& target,
                         const std::optional<std::string>& reason,
                         timestamp now) {
  parts_.audit.note(
    {.verb = verb,
     .act = operator_act{.id = std::nullopt, .who = who, .what = target},
     .reason = reason,
     .now = now});
}

// A crash has ended the attempt that had begun.
// @returns whether another one follows.
bool call_store::interrupt(call_row& call, std::int32_t max_interruptions,
                           timestamp now) {
  auto& x = parts_;
  const auto head = head_of(call);
  auto row = x.operations.find(head.id);
  if (!row || row->seq != call.seq || is_terminal(row->status))
    row_is_corrupt("a call that has begun of an operation that has not");
  std::optional<std::string> error = "interrupted";
  step_operation(x, head.id, *row,
                 {.status = tracking_status::retrying,
                  .retry_count = std::max(call.attempt, row->retry_count),
                  .http_status = std::nullopt,
                  .last_error = error},
                 now);
  ++call.interruptions;
  if (call.interruptions < max_interruptions) {
    x.calls.wait(call, next_attempt(call.attempt), std::nullopt);
    return true;
  }
  error = "interrupted " + std::to_string(call.interruptions) + " times";
  row = x.operations.find(head.id); // it has changed
  step_operation(x, head.id, row.value(),
                 {.status = tracking_status::parked,
                  .retry_count = std::nullopt,
                  .http_status = std::nullopt,
                  .last_error = error,
                  .ends_call = true},
                 now);
  x.calls.settle(call, tracking_status::parked);
  return false;
}

// -- taking -------------------------------------------------------------------

take_reply call_store::take(const take_call& request, timestamp now) {
  require_acceptable(request, now);
  require_storable(now);
  auto& x = parts_;
  // What is refused after it was tried to insert is refused outside: an error
  // would take the whole transaction with it.
  std::optional<std::string> refusal;
  auto reply = x.write([&] {
    const auto target = opened(request.target);
    const auto& bounds = *x.targets.bounds_of(target);
    require_payload_within(bounds, request.call.payload.size());
    if (const auto purged = find_purged(request.call.id))
      return take_reply{.outcome = take_outcome::duplicate, .purged = purged};
    const auto full = find_full(request.target, x.targets.sums_of(target),
                                bounds, std::ssize(request.call.payload));
    // Most are new: those that are not find out by that.
    if (!full)
      if (const auto seq = record_operation(x, to_enqueue(request.call), now))
        return keep(target, request, *seq, 1, take_outcome::taken);
    if (const auto found = find_taken(target, request, refusal))
      return *found;
    if (full)
      return take_reply{.outcome = take_outcome::refused, .reason = *full};
    const auto row = x.operations.find(request.call.id);
    return keep(target, request, row.value().seq,
                next_attempt(row->retry_count), take_outcome::attached);
  });
  if (refusal)
    throw store_error{errc::invalid_request, *refusal};
  return reply;
}

// What it was; none if it is there, perhaps again.
std::optional<purged_operation>
call_store::find_purged(const tracked_operation_id& id) {
  auto& x = parts_;
  auto found = x.tombstones.find(id);
  if (found && x.operations.find(id))
    return std::nullopt;
  return found;
}

// What is answered for an operation that has finished or has a call; none for
// others.
std::optional<take_reply>
call_store::find_taken(std::int64_t target, const take_call& request,
                       std::optional<std::string>& refusal) {
  auto& x = parts_;
  const auto row = x.operations.find(request.call.id);
  if (!row)
    return std::nullopt;
  if (is_terminal(row->status))
    return take_reply{.outcome = take_outcome::already_terminal};
  if (!x.calls.has_any())
    return std::nullopt;
  const auto call = x.calls.find(row->seq);
  if (!call)
    return std::nullopt;
  if (call->target != target)
    refusal = "target: the call is kept for another one, "
              + escape(x.targets.name_of(call->target));
  return take_reply{.outcome = take_outcome::known,
                    .head = head_of(*call),
                    .begun = call->state == call_state::begun,
                    .reason = {}};
}

take_reply call_store::keep(std::int64_t target, const take_call& request,
                            std::int64_t seq, std::int32_t attempt,
                            take_outcome outcome) {
  const auto& from = request.call;
  call_row call;
  call.seq = seq;
  call.target = target;
  call.attempt = attempt;
  call.expires = from.expires;
  call.priority = from.priority.value_or(call.priority);
  call.order_key = from.order_key;
  if (request.begin && !is_paused(call) && !is_blocked(call))
    call.state = call_state::begun;
  else
    call.due = from.due;
  call.root = request.root;
  call.bytes = std::ssize(from.payload);
  parts_.calls.insert(call, request.codec, from.payload);
  return {.outcome = outcome,
          .head = to_head(call, from.id),
          .begun = call.state == call_state::begun,
          .reason = {}};
}

// -- attempts -----------------------------------------------------------------

begin_reply call_store::begin(const begin_call& request, timestamp now) {
  require_valid(request);
  require_storable(now);
  auto& x = parts_;
  return x.write([&] {
    begin_reply reply;
    auto call = x.calls.has_any() ? x.calls.find(request.seq) : std::nullopt;
    if (!call || call->state != call_state::waiting
        || call->attempt != request.attempt)
      return reply;
    auto row = x.operations.read_row(request.seq);
    if (!row || is_terminal(row->status))
      row_is_corrupt("a call that waits of an operation that does not");
    if (row->id != request.id)
      return reply;
    reply.paused = is_paused(*call);
    reply.blocked = is_blocked(*call);
    if (reply.paused || reply.blocked)
      return reply;
    auto payload = x.calls.payload_of(*call);
    reply.call = {.id = row->id,
                  .kind = std::move(row->kind),
                  .target_summary = std::move(row->target_summary),
                  .source_instance_id = std::move(row->source_instance_id),
                  .source_script = std::move(row->source_script),
                  .source_node = std::move(row->source_node),
                  .payload = std::move(payload.bytes),
                  .due = call->due,
                  .expires = call->expires,
                  .priority = call->priority,
                  .order_key = call->order_key};
    reply.root = call->root;
    reply.codec = std::move(payload.codec);
    x.calls.begin(*call);
    reply.begun = true;
    return reply;
  });
}

update_reply call_store::retry(const retry_call& request, timestamp now) {
  require_valid(request);
  require_storable(now);
  auto& x = parts_;
  return x.write([&] {
    auto found = find_call(request);
    if (!found.call)
      return update_reply{found.what};
    auto& call = *found.call;
    if (request.attempt < call.attempt)
      return update_reply{update_outcome::applied}; // by an earlier try
    if (request.attempt > call.attempt || call.state != call_state::begun)
      return update_reply{update_outcome::not_found};
    step_operation(x, request.id, *found.row,
                   {.status = tracking_status::retrying,
                    .retry_count = std::max(request.attempt,
                                            found.row->retry_count),
                    .http_status = request.http_status,
                    .last_error = request.last_error},
                   now);
    x.calls.wait(call, next_attempt(call.attempt), request.due);
    return update_reply{update_outcome::applied};
  });
}

update_reply call_store::end(const end_call& request, timestamp now) {
  require_valid(request);
  require_storable(now);
  auto& x = parts_;
  return x.write([&] {
    auto found = find_call(request);
    if (!found.call)
      return update_reply{found.what};
    if (request.attempt != found.call->attempt)
      return update_reply{update_outcome::not_found};
    step_operation(x, request.id, *found.row,
                   {.status = request.status,
                    .retry_count = std::nullopt,
                    .http_status = request.http_status,
                    .last_error = request.last_error,
                    .ends_call = true},
                   now);
    x.calls.settle(*found.call, request.status);
    return update_reply{update_outcome::applied};
  });
}

requeue_reply call_store::requeue(const waybill::requeue& request,
                                  timestamp now) {
  return call_requeue{parts_}.run(request, now);
}

discard_reply call_store::discard(const discard_many& request, timestamp now) {
  return discard_operations(parts_, request, now);
}

bool call_store::restore(const audit_record& x) {
  require_valid(x);
  return parts_.write([&] { return parts_.audit.restore(x); });
}

template <class Report>
call_store::found_call call_store::find_call(const Report& report) {
  auto& x = parts_;
  found_call found;
  found.row = x.operations.find(report.id);
  // A number is given once, an id perhaps again after a purge.
  if (!found.row || found.row->seq != report.seq)
    return found;
  if (is_terminal(found.row->status))
    found.what = update_outcome::already_terminal;
  else if (x.calls.has_any())
    found.call = x.calls.find(report.seq);
  return found;
}

// -- questions ----------------------------------------------------------------

find_reply call_store::find(const find_calls& request, timestamp now) {
  require_valid(request);
  auto& x = parts_;
  return x.read([&] {
    return heads_of(x.calls.find_waiting(opened(request.target), now,
                                         request.after, request.limit,
                                         request.max_scanned));
  });
}

find_reply call_store::find_due(const waybill::find_due& request,
                                timestamp /*now*/) {
  require_valid(request);
  auto& x = parts_;
  return x.read([&] {
    return heads_of(
      x.calls.find_scheduled(opened(request.target), request.limit));
  });
}

find_reply call_store::find_keyed(const waybill::find_keyed& request) {
  require_valid(request);
  auto& x = parts_;
  return x.read([&] {
    const auto target = opened(request.target);
    find_reply reply{.heads = {}, .cursor = 0, .complete = true};
    const auto first = first_of_key(target, request.order_key);
    if (first && first->state == call_state::waiting)
      reply.heads.push_back(head_of(*first));
    return reply;
  });
}

// -- what they share ----------------------------------------------------------

// The call whose turn it is with an order key.
std::optional<call_row> call_store::first_of_key(std::int64_t target,
                                                 const std::string& key) {
  auto& x = parts_;
  const auto* const bounds = x.targets.bounds_of(target);
  return x.calls.first_of_key(target, key,
                              bounds != nullptr && bounds->kept_block);
}

// Whether a call must wait for an earlier one with its order key.
bool call_store::is_blocked(const call_row& call) {
  if (!call.order_key)
    return false;
  const auto first = first_of_key(call.target, *call.order_key);
  return first && first->seq != call.seq
         && (first->state == call_state::begun
             || parts_.calls.place_of(*first) < parts_.calls.place_of(call));
}

bool call_store::is_paused(const call_row& call) const {
  return parts_.pauses.find(call.target) != nullptr;
}

target_reply call_store::reply_of(std::int64_t target) const {
  const auto& [active, kept] = parts_.targets.sums_of(target);
  target_reply reply{.number = target,
                     .calls = active.calls,
                     .bytes = active.bytes,
                     .kept_calls = kept.calls,
                     .kept_bytes = kept.bytes,
                     .interrupted = {},
                     .parked = 0};
  if (const auto* const found = parts_.pauses.find(target))
    reply.pause = *found;
  return reply;
}

// Its number.
std::int64_t call_store::opened(const std::string& target) const {
  const auto number = parts_.targets.find(target);
  if (!number || parts_.targets.bounds_of(*number) == nullptr)
    throw store_error{errc::invalid_request,
                      "target: " + escape(target) + " has not been opened"};
  return *number;
}

find_reply call_store::heads_of(const call_table::found_calls& found) {
  find_reply reply;
  reply.cursor = found.cursor;
  reply.complete = found.is_complete;
  for (const auto& each : found.rows)
    reply.heads.push_back(head_of(each));
  return reply;
}

call_head call_store::head_of(const call_row& x) {
  const auto id = parts_.operations.id_of(x.seq);
  if (!id)
    row_is_corrupt("a call without an operation");
  return to_head(x, *id);
}

} // namespace waybill
