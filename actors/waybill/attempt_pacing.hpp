// When attempts may begin: when the breaker and the rate limit both let them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "waybill/circuit_breaker.hpp"
#include "waybill/rate_limit.hpp"

namespace waybill {

/// What a target can take, as far as it is known.
class attempt_pacing {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using ticket = circuit_breaker::ticket;
  using change = circuit_breaker::change;

  explicit attempt_pacing(const forward_options& x) noexcept
    : breaker_{x}, limit_{x} {}

  /// From when on an attempt may begin while `running` others run. Ask again
  /// when one of them has ended; `time_point::max()` means not before.
  [[nodiscard]] time_point next_attempt(std::int64_t running,
                                        time_point now) const noexcept {
    return std::max(breaker_.next_attempt(), limit_.next_attempt(running, now));
  }

  /// An attempt begins. @pre it may.
  ticket begin(time_point now) noexcept {
    limit_.begin(now);
    return breaker_.begin();
  }

  /// It has ended.
  change end(ticket attempt, delivery_result::kind how,
             time_point now) noexcept {
    const auto what = breaker_.end(attempt, how, now);
    if (what == change::closed)
      limit_.ramp_up(now);
    return what;
  }

  /// No attempt has begun for a while, whatever the target could have taken: it
  /// is not overrun by what has gathered.
  void ramp_up(time_point now) noexcept { limit_.ramp_up(now); }

  /// What was to begin has not.
  void give_back(ticket attempt) noexcept { breaker_.give_back(attempt); }

  /// How long no attempt begins, after it has `opened`.
  [[nodiscard]] std::chrono::milliseconds pause() const noexcept {
    return breaker_.pause();
  }

  /// Says in `x` how the breaker is, whether the calls that are due wait for
  /// it, and how fast attempts may begin.
  [[nodiscard]] backlog_reply describe(backlog_reply x,
                                       const time_source& clock) const {
    const auto now = clock.steady();
    x.breaker = breaker_.state(now);
    if (x.breaker == breaker_state::open)
      x.open_until = clock.wall_or_system()
                     + std::chrono::duration_cast<std::chrono::microseconds>(
                       breaker_.open_until() - now);
    if (x.breaker == breaker_state::closed && !x.pause)
      x.held_back = 0;
    if (limit_.rate() > 0)
      x.max_a_minute = static_cast<std::int64_t>(std::ceil(60 * limit_.rate()));
    return x;
  }

private:
  circuit_breaker breaker_;
  rate_limit limit_;
};

} // namespace waybill
