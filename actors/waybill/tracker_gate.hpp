// The gate: what clients hold as the tracker, whichever tracking actor runs
// behind it.
#pragma once

#include <memory>
#include <mutex>

#include "waybill/admission.hpp"
#include "waybill/health_board.hpp"
#include "waybill/protocol.hpp"
#include "waybill/query_actor.hpp"

namespace waybill {

/// What is behind a gate. The gate reads it in the senders' threads, the
/// supervisor changes it. Thread-safe.
class gate_state {
public:
  struct view {
    /// The tracking actor; null while there is none.
    caf::strong_actor_ptr tracker;
    /// Where requests to it are counted in.
    std::shared_ptr<admission> waiting;
    /// How it is doing.
    std::shared_ptr<const health_board> board;
    /// How `get_health` is answered while there is none.
    health_reply health;
    /// How all else is answered then.
    failure refusal;
    /// Whether it is for good, so that the gate itself may end.
    bool stopped = false;
  };

  [[nodiscard]] view current() const {
    const std::lock_guard guard{mutex_};
    return view_;
  }

  /// Does nothing any more after `stop()`.
  void set(view x) {
    const std::lock_guard guard{mutex_};
    if (!view_.stopped)
      std::swap(view_, x); // what was there is let go of without the lock
  }

  /// From now on everything is refused with `stopped`.
  void stop();

private:
  mutable std::mutex mutex_;
  view view_;
};

/// Starts a gate. Only requests get through: whoever holds its handle can
/// neither end the tracking actor nor disturb it. It ends at an exit message
/// after `gate_state::stop()`.
tracking_actor spawn_tracker_gate(caf::actor_system& system,
                                  std::shared_ptr<gate_state> state,
                                  query_endpoint queries);

} // namespace waybill
