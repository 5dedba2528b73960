#include "waybill/storage_health.hpp"

namespace waybill {

health_reply storage_health::describe() const {
  health_reply x;
  x.state = state();
  x.reason = reason();
  x.since = since_;
  x.last_error = last_error_;
  x.targets = targets_;
  return x;
}

storage_health::notices storage_health::failed(const store_error& e,
                                               time_point now) {
  const auto is_damage = e.code() == errc::store_corrupt
                         || e.code() == errc::not_a_store;
  last_error_ = e.what();
  causes_.set(is_damage ? storage_cause::damaged : storage_cause::failing,
              e.what());
  return notices_.look_at(causes_, now);
}

storage_health::notices storage_health::works(const store_condition& x,
                                              time_point now) {
  causes_.set(storage_cause::failing, std::nullopt);
  return store_is(x, now);
}

storage_health::notices storage_health::store_is(const store_condition& x,
                                                 time_point now) {
  if (x.failure)
    last_error_ = x.failure;
  causes_.set(x);
  targets_ = x.targets;
  return notices_.look_at(causes_, now);
}

std::optional<storage_health::milliseconds>
storage_health::next_try(bool at_once) noexcept {
  const auto fails = cause() == storage_cause::failing;
  const auto tells = state() != health_state::failed && notices_.has_untold();
  if ((!fails && !tells) || std::exchange(try_is_to_come_, true))
    return std::nullopt;
  if (!fails)
    return max_delay;
  return at_once ? milliseconds::zero() : delay_;
}

} // namespace waybill
