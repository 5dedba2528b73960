// The thread that calls `deliver` for a store-and-forward actor.
#pragma once

#include <memory>

#include "waybill/delivery_queue.hpp"
#include "waybill/forward_options.hpp"

namespace waybill {

/// What a host has its workers do.
struct target_functions {
  deliver_function deliver;
  decode_function decode;
};

/// Starts a worker on a thread of its own, which waits to be woken.
/// @param queue what it takes attempts from; it is added there.
/// @param last_error_cap longer error texts are shortened to it, in bytes.
/// @throws std::system_error if no thread is to be had.
delivery_worker spawn_delivery_worker(
  caf::actor_system& system, std::shared_ptr<const target_functions> functions,
  std::shared_ptr<delivery_queue> queue, std::int64_t last_error_cap);

} // namespace waybill
