#include "waybill/circuit_breaker.hpp"

#include <algorithm>

namespace waybill {

// -- the window ---------------------------------------------------------------

void attempt_window::add(bool failed, time_point now) noexcept {
  const auto number = number_of(now);
  auto& x = parts_[static_cast<std::uint64_t>(number) % num_parts];
  if (x.number != number)
    x = {.number = number, .counts = {}};
  ++x.counts.ended;
  x.counts.failed += failed ? 1 : 0;
}

attempt_window::figures attempt_window::count(time_point now) const noexcept {
  figures sum;
  for (const auto& x : parts_)
    if (x.number > number_of(now) - num_parts) {
      sum.ended += x.counts.ended;
      sum.failed += x.counts.failed;
    }
  return sum;
}

// -- the breaker --------------------------------------------------------------

circuit_breaker::circuit_breaker(const forward_options& x) noexcept
  : failure_ratio_{x.breaker_failure_ratio},
    min_attempts_{x.breaker_min_attempts},
    first_pause_{x.breaker_first_pause},
    max_pause_{x.breaker_max_pause},
    window_{x.breaker_window} {}

circuit_breaker::time_point circuit_breaker::next_attempt() const noexcept {
  switch (state_) {
    case breaker_state::closed:
      return time_point::min();
    case breaker_state::open:
      return open_until_;
    default:
      return time_point::max();
  }
}

circuit_breaker::ticket circuit_breaker::begin() noexcept {
  if (state_ == breaker_state::open) {
    state_ = breaker_state::half_open;
    ++ticket_;
  }
  return ticket_;
}

circuit_breaker::change circuit_breaker::end(ticket attempt,
                                             delivery_result::kind how,
                                             time_point now) noexcept {
  using kind = delivery_result::kind;
  const auto failed = how != kind::delivered && how != kind::permanent;
  if (failure_ratio_ == 0 || attempt != ticket_)
    return change::none;
  if (state_ == breaker_state::half_open) {
    if (failed) {
      open(std::min(2 * pause_, max_pause_), now);
      return change::opened;
    }
    state_ = breaker_state::closed;
    ++ticket_;
    return change::closed;
  }
  window_.add(failed, now);
  if (!failed) // it works just now, whatever came before
    return change::none;
  const auto x = window_.count(now);
  if (x.ended < min_attempts_
      || static_cast<double>(x.failed) / static_cast<double>(x.ended)
           < failure_ratio_)
    return change::none;
  open(first_pause_, now);
  return change::opened;
}

void circuit_breaker::give_back(ticket attempt) noexcept {
  if (attempt == ticket_ && state_ == breaker_state::half_open)
    state_ = breaker_state::open; // its pause is over
}

breaker_state circuit_breaker::state(time_point now) const noexcept {
  return state_ == breaker_state::open && now >= open_until_
           ? breaker_state::half_open
           : state_;
}

void circuit_breaker::open(std::chrono::milliseconds pause,
                           time_point now) noexcept {
  state_ = breaker_state::open;
  ++ticket_;
  window_.clear(); // for when it is closed again
  pause_ = pause;
  open_until_ = now + pause;
}

} // namespace waybill
