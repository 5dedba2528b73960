#include "waybill/storage_health.hpp"

#include <algorithm>
#include <utility>

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

storage_health::notices storage_health::failed(const store_error& e) {
  const auto before = cause();
  const auto is_damage = e.code() == errc::store_corrupt
                         || e.code() == errc::not_a_store;
  last_error_ = e.what();
  set(is_damage ? storage_cause::damaged : storage_cause::failing, e.what());
  return changes_since(before);
}

storage_health::notices storage_health::works(bool log_is_overgrown) {
  const auto before = cause();
  clear(storage_cause::failing);
  if (log_is_overgrown)
    set(storage_cause::log_held,
        "a reader keeps the write-ahead log from being emptied");
  else
    clear(storage_cause::log_held);
  return changes_since(before);
}

storage_health::notices storage_health::log_fits() {
  const auto before = cause();
  clear(storage_cause::log_held);
  return changes_since(before);
}

std::optional<storage_health::milliseconds>
storage_health::next_try(bool at_once) {
  if (state() != health_state::degraded || std::exchange(try_is_to_come_, true))
    return std::nullopt;
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
storage_health::changes_since(std::optional<storage_cause> before) const {
  notices all;
  const auto now = cause();
  if (now == before)
    return all;
  if (!now || (before && *now < *before))
    all.push_back({severity::info, "storage works again"});
  if (now) // a lesser one may be left
    all.push_back(
      {*now == storage_cause::damaged ? severity::error : severity::warning,
       "storage is " + to_string(state()) + ": " + escape(reason())});
  return all;
}

} // namespace waybill
