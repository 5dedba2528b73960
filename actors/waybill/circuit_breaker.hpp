// Whether a target is fit to be called: a circuit breaker.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "waybill/forward_messages.hpp"
#include "waybill/forward_options.hpp"

namespace waybill {

/// How many attempts have ended of late, and how many of them failed. It
/// forgets a thirtieth of its window at a time, so it takes the same memory
/// however many there are.
class attempt_window {
public:
  using time_point = std::chrono::steady_clock::time_point;

  struct figures {
    std::int64_t ended = 0;
    std::int64_t failed = 0;
  };

  explicit attempt_window(std::chrono::milliseconds length) noexcept
    : part_length_{time_point::duration{length} / num_parts} {}

  void add(bool failed, time_point now) noexcept;

  [[nodiscard]] figures count(time_point now) const noexcept;

  void clear() noexcept { parts_ = {}; }

private:
  static constexpr int num_parts = 30;

  struct part {
    std::int64_t number = 0;
    figures counts;
  };

  // Parts are numbered from the clock's beginning.
  [[nodiscard]] std::int64_t number_of(time_point x) const noexcept {
    return x.time_since_epoch() / part_length_;
  }

  time_point::duration part_length_;
  std::array<part, num_parts> parts_{};
};

/// It opens when too many of the last attempts have failed transiently. While
/// it is open no attempt begins; then one does, the probe, whose end closes it
/// or opens it for twice as long. An answer that refuses a call for good says
/// that the target works, as a delivery does.
class circuit_breaker {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// What an attempt is known by when it ends.
  using ticket = std::uint64_t;

  enum class change : std::uint8_t { none, opened, closed };

  explicit circuit_breaker(const forward_options& x) noexcept;

  /// From when on an attempt may begin; `time_point::max()` while the probe
  /// runs: ask again when it has ended.
  [[nodiscard]] time_point next_attempt() const noexcept;

  /// An attempt begins. @pre it may.
  ticket begin() noexcept;

  /// It has ended. One that began before the last change, the probe's beginning
  /// included, tells nothing: it may have been under way for long.
  change end(ticket attempt, delivery_result::kind how,
             time_point now) noexcept;

  /// It has not begun after all: if it was the probe, another one may be.
  void give_back(ticket attempt) noexcept;

  /// Also `half_open` when the pause is over and the probe has not begun.
  [[nodiscard]] breaker_state state(time_point now) const noexcept;

  /// The end of the last pause, which took `pause()`.
  [[nodiscard]] time_point open_until() const noexcept { return open_until_; }
  [[nodiscard]] std::chrono::milliseconds pause() const noexcept {
    return pause_;
  }

private:
  void open(std::chrono::milliseconds pause, time_point now) noexcept;

  const double failure_ratio_;
  const std::int64_t min_attempts_;
  const std::chrono::milliseconds first_pause_;
  const std::chrono::milliseconds max_pause_;
  attempt_window window_;
  breaker_state state_ = breaker_state::closed; // half open: the probe runs
  ticket ticket_ = 0; // of the attempts that count; a new one at each change
  time_point open_until_{};
  std::chrono::milliseconds pause_{};
};

} // namespace waybill
