// How long to wait before something that has ended is started again.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace waybill {

/// 20 ms, and twice as long each time, up to 5 s. Who has lived for as long
/// starts the delays over.
class restart_delay {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;

  void has_started(time_point now) noexcept { started_ = now; }

  void has_ended(time_point now) noexcept {
    if (now - started_ >= longest)
      next_ = first;
  }

  /// The delay before the next try.
  milliseconds next() noexcept {
    return std::exchange(next_, std::min(2 * next_, longest));
  }

private:
  static constexpr auto first = milliseconds{20};
  static constexpr auto longest = milliseconds{5'000};

  time_point started_{};
  milliseconds next_ = first;
};

} // namespace waybill
