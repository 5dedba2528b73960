// Retention: finished operations go after their window.
#pragma once

#include "waybill/options.hpp"
#include "waybill/protocol.hpp"

namespace waybill {

/// Purges at a fixed interval; never answered, ended with an exit message.
using retention_actor = caf::typed_actor<
  // Purge what is due now.
  hears<work_tick>,
  // End.
  hears<shut_down>>;

/// Starts the retention of `tracker` with the windows and the interval of `x`;
/// the first purge comes after one interval.
///
/// A window is counted on the wall clock, which may jump. When wall time and
/// steady time have drifted apart by more than an hour since the last tick,
/// that tick purges nothing and says so; the next one trusts the clock again.
retention_actor spawn_retention_actor(caf::actor_system& system,
                                      tracking_actor tracker, const options& x);

/// The drift between two clocks above which a purge is skipped.
inline constexpr std::chrono::hours max_clock_drift{1};

} // namespace waybill
