// How the tracking actor puts requests to its store.
#pragma once

#include <type_traits>

#include "waybill/operation_tracking_store.hpp"
#include "waybill/options.hpp"
#include "waybill/request_checks.hpp"

namespace waybill {

template <class Request>
typename Request::reply write_to(operation_tracking_store& store,
                                 const Request& x, timestamp now) {
  if constexpr (std::is_same_v<Request, record_enqueue>)
    return store.record_enqueue(x, now);
  else if constexpr (std::is_same_v<Request, record_attempt>)
    return store.record_attempt(x, now);
  else
    return store.record_terminal(x, now);
}

/// What the store's verbs do for themselves.
/// @throws store_error if the request is not valid or too late.
template <class Request>
void require_acceptable(const Request& x, const time_source& clock) {
  require_valid(x);
  if (x.deadline)
    require_in_time(x, clock.wall());
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
