#include "waybill/storage_health.hpp"

#include <algorithm>
#include <utility>

#include "waybill/duration_text.hpp"
#include "waybill/text.hpp"

namespace waybill {

std::optional<storage_cause> storage_health::cause() const noexcept {
  for (auto i = texts_.size(); i-- > 0;)
    if (texts_[i])
      return static_cast<storage_cause>(i);
  return std::nullopt;
}

std::string storage_health::reason() const {
  const auto gravest = cause();
  return gravest ? *texts_[static_cast<std::size_t>(*gravest)] : std::string{};
}

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
  const auto before = cause();
  const auto is_damage = e.code() == errc::store_corrupt
                         || e.code() == errc::not_a_store;
  last_error_ = e.what();
  set(is_damage ? storage_cause::damaged : storage_cause::failing, e.what());
  return changes_since(before, now);
}

storage_health::notices storage_health::works(bool log_is_overgrown,
                                              time_point now) {
  const auto before = cause();
  clear(storage_cause::failing);
  if (log_is_overgrown)
    set(storage_cause::log_held,
        "a reader keeps the write-ahead log from being emptied");
  else
    clear(storage_cause::log_held);
  return changes_since(before, now);
}

storage_health::notices storage_health::log_fits(time_point now) {
  const auto before = cause();
  clear(storage_cause::log_held);
  return changes_since(before, now);
}

storage_health::notices storage_health::has_waited(const char* what,
                                                   time_point::duration took,
                                                   time_point now) {
  const auto untold = slowness_.note(now);
  slowness_.end(); // the next time is another one
  if (!untold)
    return {};
  return {{severity::warning,
           std::string{"the disk is slow: "} + what + " took "
             + to_text(std::chrono::floor<std::chrono::seconds>(took))
             + to_untold_text(*untold)}};
}

storage_health::notices storage_health::catch_up(time_point now) {
  notices all;
  for (auto& each : troubles_)
    if (const auto untold = each.take_untold(now))
      all.push_back({severity::warning, "storage works, but was degraded "
                                          + std::to_string(*untold)
                                          + (*untold == 1 ? " time" : " times")
                                          + " since that was last told"});
  return all;
}

std::optional<storage_health::milliseconds>
storage_health::next_try(bool at_once) {
  const auto is_degraded = state() == health_state::degraded;
  if ((!is_degraded && !has_untold()) || std::exchange(try_is_to_come_, true))
    return std::nullopt;
  if (!is_degraded)
    return max_delay;
  return at_once ? milliseconds::zero() : delay_;
}

void storage_health::back_off() noexcept {
  delay_ = std::min(2 * delay_, max_delay);
}

void storage_health::set(storage_cause x, const char* text) {
  auto& mine = texts_[static_cast<std::size_t>(x)];
  if (!mine)
    mine = text;
}

void storage_health::clear(storage_cause x) noexcept {
  texts_[static_cast<std::size_t>(x)].reset();
}

storage_health::notices
storage_health::changes_since(std::optional<storage_cause> before,
                              time_point now) {
  const auto is = cause();
  if (is != before)
    has_changed_ = true;
  notices all;
  auto was_told = false; // something graver than what is left
  for (std::size_t i = 0; i < troubles_.size(); ++i)
    if (!texts_.at(i) && troubles_.at(i).end())
      was_told |= !is || static_cast<storage_cause>(i) > *is;
  if (was_told)
    all.push_back({severity::info, "storage works again"});
  if (!is)
    return all;
  const auto untold = troubles_[static_cast<std::size_t>(*is)].note(now);
  if (untold || was_told)
    all.push_back(describe_cause(untold.value_or(0)));
  return all;
}

health_notice storage_health::describe_cause(std::int64_t untold) const {
  return {state() == health_state::failed ? severity::error : severity::warning,
          "storage is " + to_string(state()) + ": " + escape(reason())
            + to_untold_text(untold)};
}

bool storage_health::has_untold() const noexcept {
  return std::ranges::any_of(troubles_, &recurring_trouble::has_untold);
}

} // namespace waybill
