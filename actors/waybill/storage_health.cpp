#include "waybill/storage_health.hpp"

namespace waybill {

health_reply storage_health::describe() const {
  health_reply x;
  x.state = state();
  x.reason = reason();
  x.since = since_;
  x.last_error = last_error_;
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

storage_health::notices storage_health::works(bool log_is_overgrown,
                                              time_point now) {
  causes_.clear(storage_cause::failing);
  if (log_is_overgrown)
    causes_.set(storage_cause::log_held,
                "a reader keeps the write-ahead log from being emptied");
  else
    causes_.clear(storage_cause::log_held);
  return notices_.look_at(causes_, now);
}

storage_health::notices storage_health::log_fits(time_point now) {
  causes_.clear(storage_cause::log_held);
  return notices_.look_at(causes_, now);
}

std::optional<storage_health::milliseconds>
storage_health::next_try(bool at_once) noexcept {
  const auto is_degraded = state() == health_state::degraded;
  if ((!is_degraded && !notices_.has_untold())
      || std::exchange(try_is_to_come_, true))
    return std::nullopt;
  if (!is_degraded)
    return max_delay;
  return at_once ? milliseconds::zero() : delay_;
}

} // namespace waybill
