// The thread that calls `deliver` for a store-and-forward actor.
#pragma once

#include <memory>

#include "waybill/internal_protocol.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Makes one attempt after the other.
using delivery_worker = caf::typed_actor<
  // Make an attempt; `delivery_done` goes to the sender.
  hears<delivery_job>,
  // Let go of the function, say `drained` to the sender, and end.
  hears<shut_down>>;

/// Who hears of its attempts.
using delivery_listener
  = caf::typed_actor<hears<delivery_done>, hears<drained>>;

/// Starts a worker on a thread of its own.
/// @param last_error_cap longer error texts are shortened to it, in bytes.
/// @throws std::system_error if no thread is to be had.
delivery_worker
spawn_delivery_worker(caf::actor_system& system,
                      std::shared_ptr<const deliver_function> deliver,
                      std::int64_t last_error_cap);

} // namespace waybill
