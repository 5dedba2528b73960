// How the tracking actor puts requests to its store, and what it asks itself.
#pragma once

#include <type_traits>

#include "waybill/call_store.hpp"
#include "waybill/open_targets.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/options.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/storage_causes.hpp"

namespace waybill {

template <class Request>
typename Request::reply write_to(operation_tracking_store& store,
                                 const Request& x, timestamp now) {
  if constexpr (std::is_same_v<Request, record_enqueue>)
    return store.record_enqueue(x, now);
  else if constexpr (std::is_same_v<Request, record_attempt>)
    return store.record_attempt(x, now);
  else if constexpr (std::is_same_v<Request, record_terminal>)
    return store.record_terminal(x, now);
  else if constexpr (std::is_same_v<Request, open_target>)
    return store.calls().open_target(x, now);
  else if constexpr (std::is_same_v<Request, pause_target>)
    return store.calls().pause(x, now);
  else if constexpr (std::is_same_v<Request, resume_target>)
    return store.calls().resume(x, now);
  else if constexpr (std::is_same_v<Request, take_call>)
    return store.calls().take(x, now);
  else if constexpr (std::is_same_v<Request, begin_call>)
    return store.calls().begin(x, now);
  else if constexpr (std::is_same_v<Request, retry_call>)
    return store.calls().retry(x, now);
  else if constexpr (std::is_same_v<Request, requeue>)
    return store.calls().requeue(x, now);
  else if constexpr (std::is_same_v<Request, discard_many>)
    return store.calls().discard(x, now);
  else
    return store.calls().end(x, now);
}

/// Does so, and tells those who work for targets what becomes of their calls: a
/// host may give one up by a report, too.
template <class Request>
typename Request::reply write_and_tell(operation_tracking_store& store,
                                       const Request& x, timestamp now,
                                       const open_targets& targets) {
  if constexpr (std::is_same_v<Request, record_terminal>) {
    // As long as it is there.
    const auto target = x.status == tracking_status::discarded
                          ? store.calls().target_of(x.id)
                          : std::nullopt;
    auto reply = write_to(store, x, now);
    if (target)
      targets.tell(
        discard_reply{{{.id = x.id,
                        .outcome = reply.outcome == update_outcome::applied
                                     ? discard_outcome::applied
                                     : discard_outcome::payload_discarded,
                        .target = target}}});
    return reply;
  } else {
    auto reply = write_to(store, x, now);
    targets.tell(reply);
    return reply;
  }
}

/// Calls `f` with the id of each operation that a request has finished.
template <class Request, class Reply, class F>
void for_each_finished(const Request& x, const Reply& reply, F&& f) {
  if constexpr (std::is_same_v<
                  Request,
                  record_terminal> || std::is_same_v<Request, end_call>) {
    if (reply.outcome == update_outcome::applied && is_terminal(x.status))
      f(x.id);
  } else if constexpr (std::is_same_v<Request, discard_many>) {
    for (const auto& each : reply.results)
      if (each.outcome == discard_outcome::applied)
        f(each.id);
  }
}

/// What the store's verbs do for themselves.
/// @throws store_error if the request is not valid or too late.
template <class Request>
void require_acceptable(const Request& x, const time_source& clock) {
  require_valid(x);
  if (x.deadline)
    require_in_time(x, clock.wall());
}

/// Questions about more than one operation.
template <class Request>
typename Request::reply find_in(operation_tracking_store& store,
                                const Request& x, const time_source& clock) {
  if constexpr (std::is_same_v<Request, get_counts>) {
    require_acceptable(x, clock);
    return store.get_counts(clock.wall());
  } else if constexpr (std::is_same_v<Request, find_calls>) {
    return store.calls().find(x, clock.wall());
  } else if constexpr (std::is_same_v<Request, find_due>) {
    return store.calls().find_due(x, clock.wall());
  } else if constexpr (std::is_same_v<Request, find_keyed>) {
    return store.calls().find_keyed(x);
  } else {
    return store.calls().get_target(x);
  }
}

// -- what the actor itself wants to know --------------------------------------

inline status_reply state_of(operation_tracking_store& store,
                             const tracked_operation_id& id,
                             const time_source& clock) {
  return store.get_status({id, std::nullopt}, clock.wall());
}

/// What those are told who wait for an operation.
inline wait_reply states_of(operation_tracking_store& store,
                            const await_terminal& x, const time_source& clock) {
  wait_reply reply;
  for (const auto& id : x.ids)
    reply.operations.push_back(state_of(store, id, clock));
  return reply;
}

inline store_condition condition_of(operation_tracking_store& store) {
  return {store.log_is_overgrown(), store.checkpoint_failure(),
          store.calls().crowding(), store.calls().troubles()};
}

/// Whether the answer to what has been applied waits for the open batch.
template <class Request>
bool is_held(const Request& x, const operation_tracking_store& store,
             bool batch_is_open) noexcept {
  if constexpr (std::is_same_v<Request, get_status>)
    return batch_is_open && store.may_be_undone(x.id);
  else
    return batch_is_open;
}

} // namespace waybill
