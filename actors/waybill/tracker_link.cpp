#include "waybill/tracker_link.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "waybill/text.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

// Up to so many requests at a time do not wait for others.
constexpr std::int64_t max_alone = 4;

// Of those that fit into no bundle. CAF 0.17 slows down with thousands.
constexpr std::int64_t max_open = 512;

constexpr std::int64_t max_open_bundles = 2;
constexpr std::int64_t max_bundle_bytes = std::int64_t{4} * 1'024 * 1'024;

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
  while (has_any(questions_) && num_open_ < max_open)
    send_alone(questions_);
  while (has_any(outbox_))
    if (num_bundles_open_ == 0 && num_open_ + std::ssize(outbox_) <= max_alone)
      send_alone(outbox_);
    else if (!send_bundle())
      break;
}

// Forgets first what has been given up.
bool tracker_link::has_any(std::deque<serial>& queue) {
  while (!queue.empty() && !errands_.contains(queue.front()))
    queue.pop_front();
  return !queue.empty();
}

void tracker_link::send_alone(std::deque<serial>& queue) {
  const auto number = queue.front();
  queue.pop_front();
  auto& x = *errands_.at(number);
  ++num_open_;
  x.open = true;
  x.send(*this, number);
}

// A bundle beside an open one keeps the tracker busy meanwhile, if it is about
// as large; a small one would stay small for ever, each answer asking for the
// next.
bool tracker_link::send_bundle() {
  if (num_bundles_open_ >= max_open_bundles
      || 2 * outbox_.size() < num_bundled_)
    return false;
  request_bundle all;
  auto sent = std::make_shared<sent_bundle>();
  std::int64_t bytes = 0;
  auto& first = *errands_.at(outbox_.front());
  while (!outbox_.empty() && sent->size() < bundle_limit_) {
    const auto number = outbox_.front();
    const auto found = errands_.find(number);
    if (found != errands_.end()) {
      auto& x = *found->second;
      bytes += x.bytes();
      if (!sent->empty() && bytes > max_bundle_bytes)
        break;
      x.add_to(all);
      x.open = true;
      sent->push_back({number, x.verb().value()});
    }
    outbox_.pop_front();
  }
  ++num_bundles_open_;
  num_bundled_ += sent->size();
  first.send_bundle(*this, std::move(all), std::move(sent));
  return true;
}

void tracker_link::stop() {
  stopping_ = true;
  std::vector<serial> unasked;
  for (const auto& [number, x] : errands_)
    if (x->how == importance::optional && !x->open)
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

void tracker_link::add(std::unique_ptr<errand> x, importance how,
                       milliseconds delay) {
  const auto number = ++last_number_;
  x->how = how;
  errands_.emplace(number, std::move(x));
  post(number, delay);
}

void tracker_link::post(serial number, milliseconds delay) {
  auto& x = *errands_.at(number);
  auto& queue = x.verb() ? outbox_ : questions_;
  if (delay == milliseconds::zero()) {
    queue.push_back(number);
    return;
  }
  x.timer = host_.timers->add(host_.now() + delay, [&x, &queue, number] {
    x.timer.reset();
    queue.push_back(number);
  });
}

std::unique_ptr<tracker_link::errand> tracker_link::close(serial number) {
  auto ended = errands_.extract(number);
  if (!ended)
    return nullptr;
  if (trouble_.end())
    host_.notice(severity::info, "the tracker takes requests again");
  return std::move(ended.mapped());
}

void tracker_link::bundle_answered(const sent_bundle& sent, bundle_reply& x) {
  const auto count = [&](bundled_verb verb) {
    return static_cast<std::size_t>(
      std::ranges::count(sent, verb, &bundled_errand::verb));
  };
  if (x.outcomes.size() != sent.size()
      || x.takes.size() != count(bundled_verb::take)
      || x.begins.size() != count(bundled_verb::begin)
      || x.failures.size()
           != static_cast<std::size_t>(
             std::ranges::count(x.outcomes, bundle_reply::failed)))
    return bundle_failed(sent, {errc::outcome_unknown,
                                "an answer that does not fit"});
  --num_bundles_open_;
  num_bundled_ -= sent.size();
  bundle_limit_ = std::min(2 * bundle_limit_, max_bundle);
  auto take = x.takes.begin();
  auto begin = x.begins.begin();
  auto why = x.failures.begin();
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto [number, verb] = sent[i];
    const auto failed = x.outcomes[i] == bundle_reply::failed;
    if (failed) {
      not_answered(number, {why->code, why->text});
      ++why;
    }
    update_reply update{static_cast<update_outcome>(x.outcomes[i])};
    switch (verb) {
      case bundled_verb::take: {
        auto& reply = *take++;
        if (!failed)
          answered<take_call>(number, reply);
        break;
      }
      case bundled_verb::begin: {
        auto& reply = *begin++;
        if (!failed)
          answered<begin_call>(number, reply);
        break;
      }
      case bundled_verb::retry:
        if (!failed)
          answered<retry_call>(number, update);
        break;
      default:
        if (!failed)
          answered<end_call>(number, update);
        break;
    }
  }
}

void tracker_link::bundle_failed(const sent_bundle& sent, const failure& why) {
  --num_bundles_open_;
  num_bundled_ -= sent.size();
  if (why.code == errc::overloaded)
    bundle_limit_ = std::min(bundle_limit_,
                             std::max<std::size_t>(1, sent.size() / 2));
  for (const auto& each : sent)
    not_answered(each.number, why);
}

void tracker_link::not_answered(serial number, const failure& why) {
  const auto found = errands_.find(number);
  if (found == errands_.end())
    return;
  auto& x = *found->second;
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
  const auto& x = *errands_.at(number);
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
  auto& x = *ended.mapped();
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
