// Retention: finished operations go after their window.
#pragma once

#include <memory>

#include "waybill/clock_history.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/options.hpp"
#include "waybill/protocol.hpp"
#include "waybill/remembered_times.hpp"

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

/// Starts the retention of `tracker` with the windows and the interval of `x`.
///
/// The first purge comes when the store has something that is due, within a
/// second if it has already: most processes may run for less than an interval.
///
/// What it deletes of operations that were `Parked` or `Failed`, which somebody
/// may have wanted to look at, it tells `x.on_notice`.
///
/// The wall clock, whose times the operations bear, may jump. A window is
/// counted on the steady clock: both are looked at with each tick, and only
/// what bears an earlier time than the wall clock has shown at any look within
/// the window is due. A tick that finds a jump of more than an hour purges
/// nothing and reports it; the next one comes within a minute.
///
/// A clock that shows a time before the latest in the store is behind, as on a
/// device that has yet to be told the time. It is looked at each 10 s, and what
/// it shows when it has been set counts for what is older than this process.
/// @param remembered what the store told when it was opened.
/// @param seen what the clock has shown so far, from `clock_seen`: one that is
///        started in another's place must not forget a jump.
retention_actor spawn_retention_actor(caf::actor_system& system,
                                      purging_actor tracker, const options& x,
                                      const remembered_times& remembered,
                                      std::shared_ptr<clock_history> seen);

/// What the clock of `x` shows now. May throw what that throws.
std::shared_ptr<clock_history> clock_seen(const options& x,
                                          const remembered_times& remembered);

/// The jump of the wall clock above which a tick purges nothing and the
/// operator is told.
inline constexpr std::chrono::hours reported_clock_jump{1};

} // namespace waybill
