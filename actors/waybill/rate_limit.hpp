// How many attempts a second a target gets: a token bucket.
#pragma once

#include <chrono>
#include <cstdint>

#include "waybill/forward_options.hpp"

namespace waybill {

/// Each attempt takes a token out of the bucket; `max_rate` of them come in a
/// second, while it is not full. A target that works again after a while is not
/// overrun: it gets a tenth of the rate, and of the attempts that run at a time
/// (one at least), twice as much with each second, and all of it after four.
class rate_limit {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit rate_limit(const forward_options& x) noexcept;

  /// Attempts a second; 0: no limit.
  [[nodiscard]] double rate() const noexcept { return rate_; }

  /// From when on another attempt may begin while `running` others run. Ask
  /// again when one of them has ended.
  [[nodiscard]] time_point next_attempt(std::int64_t running,
                                        time_point now) const noexcept;

  /// An attempt begins. @pre it may.
  void begin(time_point now) noexcept;

  /// The target works again: the bucket is emptied and fills slowly at first.
  void ramp_up(time_point now) noexcept;

private:
  [[nodiscard]] time_point next_token() const noexcept;
  void fill(time_point now) noexcept;

  const double rate_; // 0: no limit
  const double burst_;
  const std::int64_t max_running_;
  double tokens_;
  time_point filled_at_{};
  time_point ramp_; // the last one's beginning
};

} // namespace waybill
