#include "waybill/request_pipeline.hpp"

#include <algorithm>
#include <utility>

#include "waybill/request_weight.hpp"

namespace waybill {

namespace {

// A reply from elsewhere may not fit the requests.
bool fits(const request_pipeline::handlers& to, const bundle_reply& x) {
  const auto questions = std::ranges::count_if(to, [](const auto& each) {
    return std::holds_alternative<std::function<void(outcome<status_reply>)>>(
      each);
  });
  const auto failed = std::ranges::count(x.outcomes, bundle_reply::failed);
  return x.outcomes.size() == to.size()
         && x.answers.size() == static_cast<std::size_t>(questions)
         && x.failures.size() == static_cast<std::size_t>(failed);
}

// What a number says about a request that was done.
void read_outcome(std::uint8_t number, enqueue_reply& x) {
  x.outcome = static_cast<enqueue_outcome>(number);
}

void read_outcome(std::uint8_t number, update_reply& x) {
  x.outcome = static_cast<update_outcome>(number);
}

void read_outcome(std::uint8_t, status_reply&) {
  // Its answer says it all.
}

} // namespace

std::int64_t request_pipeline::weight_of(const record_enqueue& x) noexcept {
  return weight(x);
}

std::int64_t request_pipeline::weight_of(const record_attempt& x) noexcept {
  return weight(x);
}

std::int64_t request_pipeline::weight_of(const record_terminal& x) noexcept {
  return weight(x);
}

std::int64_t request_pipeline::weight_of(const get_status& x) noexcept {
  return weight(x);
}

void request_pipeline::prepare(std::int64_t bytes) {
  if (waiting_.empty() || waiting_.back().to->size() >= bundle_limit_
      || waiting_.back().bytes + bytes > options_.max_bundle_bytes)
    waiting_.push_back({{}, std::make_shared<handlers>(), 0});
  waiting_.back().bytes += bytes;
  ++num_open_;
}

// A bundle beside an open one keeps the tracker busy meanwhile, if it is about
// as large; a small one would stay small for ever, each answer asking for the
// next.
bool request_pipeline::may_send() const noexcept {
  return holds_ == 0 && !waiting_.empty()
         && num_bundles_open_ < options_.max_open_bundles
         && 2 * waiting_.front().to->size() >= num_sent_;
}

void request_pipeline::pump() {
  while (may_send()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    ++num_bundles_open_;
    num_sent_ += next.to->size();
    send_(std::move(next.requests), std::move(next.to));
  }
}

void request_pipeline::release() {
  --holds_;
  pump();
}

void request_pipeline::answered(handlers& to, bundle_reply& x) {
  if (!fits(to, x)) {
    failed(to, {errc::outcome_unknown, "an answer that does not fit"});
    return;
  }
  --num_bundles_open_;
  num_sent_ -= to.size();
  bundle_limit_ = std::min(2 * bundle_limit_, options_.max_bundle);
  const cork guard{*this}; // what the handlers ask goes together
  auto answer = x.answers.begin();
  auto why = x.failures.begin();
  for (std::size_t i = 0; i < to.size(); ++i) {
    --num_open_;
    const auto number = x.outcomes[i];
    std::visit(
      [&]<class Reply>(std::function<void(outcome<Reply>)>& f) {
        Reply reply;
        if constexpr (std::is_same_v<Reply, status_reply>)
          reply = std::move(*answer++);
        if (number == bundle_reply::failed) {
          f({std::nullopt, {why->code, std::move(why->text)}});
          ++why;
        } else {
          read_outcome(number, reply);
          f({std::move(reply), {}});
        }
      },
      to[i]);
  }
}

void request_pipeline::failed(handlers& to, const failure& why) {
  --num_bundles_open_;
  num_sent_ -= to.size();
  if (why.code == errc::overloaded)
    bundle_limit_ = std::min(bundle_limit_,
                             std::max<std::size_t>(1, to.size() / 2));
  const cork guard{*this};
  for (auto& each : to) {
    --num_open_;
    std::visit(
      [&]<class Reply>(std::function<void(outcome<Reply>)>& f) {
        f({std::nullopt, why});
      },
      each);
  }
}

} // namespace waybill
