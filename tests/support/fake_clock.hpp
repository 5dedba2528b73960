// A clock that a test sets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "support/requests.hpp"
#include "waybill/options.hpp"

namespace waybill::test {

/// A clock that stands still until it is told to go.
class fake_clock {
public:
  [[nodiscard]] time_source source() const {
    return {[state = state_] { return timestamp{state->wall_us}; },
            [state = state_] {
              return std::chrono::steady_clock::time_point{
                std::chrono::microseconds{state->steady_us}};
            }};
  }

  /// Time passes.
  void advance(std::chrono::microseconds d) {
    state_->wall_us += d.count();
    state_->steady_us += d.count();
  }

  /// Someone sets the wall clock.
  void jump(std::chrono::microseconds d) { state_->wall_us += d.count(); }

private:
  struct state {
    std::atomic<std::int64_t> wall_us{t0.us()};
    std::atomic<std::int64_t> steady_us{1'000'000'000};
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

} // namespace waybill::test
