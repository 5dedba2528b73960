// Retention: finished operations go after their window.
#pragma once

#include <functional>

#include "waybill/internal_protocol.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Purges at a fixed interval; never answered, ended with `shut_down`.
using retention_actor = caf::typed_actor<
  // Purge what is due now.
  hears<work_tick>,
  // End.
  hears<shut_down>>;

/// What retention needs of a tracking actor.
using purging_actor = caf::typed_actor<
  // Delete what has finished before a time.
  handles<purge_reply, purge_terminal>>;

/// Starts the retention of `tracker` with the windows and the interval of `x`;
/// the first purge comes after one interval.
///
/// The wall clock, whose times the operations bear, may jump. A window is
/// counted on the steady clock: both are looked at with each tick, and only
/// what bears an earlier time than the wall clock has shown at any look within
/// the window is due. A tick that finds a jump of more than an hour purges
/// nothing and reports it.
/// @param may_end whether `shut_down` and exit messages count; called by many
///        threads at a time.
retention_actor spawn_retention_actor(
  caf::actor_system& system, purging_actor tracker, const options& x,
  std::function<bool()> may_end = [] { return true; });

/// The jump of the wall clock above which a tick purges nothing and the
/// operator is told.
inline constexpr std::chrono::hours reported_clock_jump{1};

} // namespace waybill
