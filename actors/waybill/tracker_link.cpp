#include "waybill/tracker_link.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

// CAF 0.17 slows down with thousands.
constexpr std::int64_t max_open_requests = 512;

constexpr auto first_repeat_delay = milliseconds{10};
constexpr auto max_repeat_delay = milliseconds{1'000};

// True if asking again can end otherwise.
bool may_end_otherwise(errc code) noexcept {
  switch (code) {
    case errc::overloaded:
    case errc::deadline_passed:
    case errc::stopped:
    case errc::not_stored:
    case errc::store_full:
      return true;
    default:
      return certainty_of(code) == certainty::unknown;
  }
}

} // namespace

tracker_link::tracker_link(tracking_actor tracker, milliseconds timeout, host x)
  : tracker_{std::move(tracker)}, timeout_{timeout}, host_{std::move(x)} {}

void tracker_link::on_tracker_end(std::function<void()> f) {
  tracker_->attach_functor(
    [ended = tracker_ended_, f = std::move(f)](const caf::error&) {
      *ended = true;
      f();
    });
}

void tracker_link::send() {
  while (!outbox_.empty() && num_open_ < max_open_requests) {
    const auto found = errands_.find(outbox_.front());
    outbox_.pop_front();
    if (found == errands_.end())
      continue; // given up
    ++num_open_;
    found->second.open = true;
    found->second.send();
  }
}

void tracker_link::stop() {
  stopping_ = true;
  std::vector<serial> unasked;
  for (const auto& [number, x] : errands_)
    if (x.how == importance::optional && !x.open)
      unasked.push_back(number);
  for (const auto number : unasked)
    give_up(number);
}

void tracker_link::end_all() {
  stopping_ = true;
  while (!errands_.empty())
    give_up(errands_.begin()->first);
  tracker_ = tracking_actor{};
}

void tracker_link::add(serial number, importance how, milliseconds delay,
                       std::function<void()> send, give_up_function give_up) {
  errands_.emplace(number, errand{.how = how,
                                  .send = std::move(send),
                                  .give_up = std::move(give_up)});
  post(number, delay);
}

void tracker_link::post(serial number, milliseconds delay) {
  if (delay == milliseconds::zero()) {
    outbox_.push_back(number);
    return;
  }
  auto& x = errands_.at(number);
  x.timer = host_.timers->add(host_.now() + delay, [this, &x, number] {
    x.timer.reset();
    outbox_.push_back(number);
  });
}

bool tracker_link::close(serial number) {
  --num_open_;
  if (errands_.erase(number) == 0)
    return false; // given up
  if (trouble_.end())
    host_.notice(severity::info, "the tracker takes requests again");
  return true;
}

void tracker_link::not_answered(serial number, const failure& why) {
  --num_open_;
  const auto found = errands_.find(number);
  if (found == errands_.end())
    return;
  auto& x = found->second;
  x.open = false;
  if (certainty_of(why.code) == certainty::unknown)
    x.doubtful = true;
  if (!may_end_otherwise(why.code)) {
    // What is not valid now never was; of all else an earlier try may stand.
    if (x.doubtful && why.code != errc::invalid_request)
      end(number,
          {errc::outcome_unknown, to_string(why.code) + ": " + why.text});
    else
      end(number, why);
    return;
  }
  // Overloaded is how it should be under load.
  if (why.code != errc::overloaded)
    if (const auto untold = trouble_.note(host_.now()))
      host_.notice(severity::warning,
                   "the tracker takes no requests; they are repeated: "
                     + to_string(why.code) + ": " + escape(why.text)
                     + to_untold_text(*untold));
  if (stopping_ && x.how == importance::optional)
    give_up(number);
  else
    post(number, repeat_delay(x.tries++));
}

void tracker_link::give_up(serial number) {
  const auto& x = errands_.at(number);
  const std::string who = tracker_has_ended()
                            ? "the tracker has ended"
                            : "the actor that asks the tracker has stopped";
  if (x.doubtful || x.open)
    end(number, {errc::outcome_unknown, who + "; this may be stored"});
  else
    end(number, {errc::stopped, who + "; not stored"});
}

void tracker_link::end(serial number, const failure& why) {
  const auto ended = errands_.extract(number);
  const auto& x = ended.mapped();
  if (x.timer)
    host_.timers->cancel(*x.timer);
  x.give_up(why);
}

milliseconds tracker_link::repeat_delay(std::int64_t tries) const {
  auto delay = first_repeat_delay;
  for (; tries > 0 && delay < max_repeat_delay; --tries)
    delay *= 2;
  delay = std::min(delay, max_repeat_delay);
  // Half of it is random: what failed together comes back apart.
  const auto half = static_cast<double>(delay.count()) / 2;
  return milliseconds{std::llround(half + half * host_.random())};
}

} // namespace waybill
