// The query actor: answers from a read-only connection of its own what would
// keep the tracking actor from its writes.
#pragma once

#include <functional>
#include <memory>

#include "waybill/admission.hpp"
#include "waybill/commit_listener.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// What the gate passes on to it, and what it hears.
using query_actor = caf::typed_actor<
  // A page of operations that a filter lets through.
  handles<list_reply, list_operations>,
  // The transitions of an operation.
  handles<history_reply, get_history>,
  // What has been committed since; answered when there is something.
  handles<watch_reply, watch_transitions>,
  // There may be something new to read.
  hears<store_changed>,
  // The next asker's turn.
  hears<read_tick>,
  // To be read again some time after an error.
  hears<retry_tick>,
  // A watch has come to its deadline, or an asker has ended.
  hears<work_tick>,
  // Answer all that waits, close and end.
  hears<shut_down>>;

/// The query actor of a store, for those who pass questions on to it.
struct query_endpoint {
  query_actor actor;
  /// Where they count them in.
  std::shared_ptr<admission> waiting;
  /// What tells it of commits.
  std::shared_ptr<commit_listener> listener;
};

/// Starts a query actor on a thread of its own. It opens the store's file when
/// it is first asked, and again after an error.
/// @param waiting where those who pass questions on count them in.
/// @param listener whom it tells that it wants to hear of commits.
/// @param on_closed called once, by the actor, when it has closed the file.
query_actor spawn_query_actor(caf::actor_system& system, const options& x,
                              std::shared_ptr<admission> waiting,
                              std::shared_ptr<commit_listener> listener,
                              std::function<void()> on_closed);

} // namespace waybill
