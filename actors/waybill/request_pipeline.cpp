#include "waybill/request_pipeline.hpp"

#include <algorithm>
#include <exception>
#include <string>
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
// Returns false if it says nothing to this version.
bool read_outcome(std::uint8_t number, enqueue_reply& x) {
  x.outcome = static_cast<enqueue_outcome>(number);
  return number < num_enqueue_outcomes;
}

bool read_outcome(std::uint8_t number, update_reply& x) {
  x.outcome = static_cast<update_outcome>(number);
  return number < num_update_outcomes;
}

bool read_outcome(std::uint8_t, status_reply&) {
  return true; // its answer says it all
}

tracking_client_options usable(tracking_client_options x) {
  using std::chrono::nanoseconds;
  x.timeout = std::clamp<nanoseconds>(x.timeout, nanoseconds{1},
                                      std::chrono::hours{24 * 365});
  x.max_open_bundles = std::max<std::size_t>(x.max_open_bundles, 1);
  return x;
}

template <class Reply>
void call(const std::function<void(outcome<Reply>)>& f, outcome<Reply>&& x) {
  if (f)
    f(std::move(x));
}

// Calls handlers with a failure.
auto teller(const failure& why) {
  return [&why]<class Reply>(const std::function<void(outcome<Reply>)>& f,
                             std::size_t) {
    call<Reply>(f, {std::nullopt, why});
  };
}

} // namespace

// Sees to it that each handler is called, whatever others throw.
class request_pipeline::handler_calls {
public:
  template <class F>
  void run(F&& call) {
    try {
      call();
    } catch (...) {
      if (!first_)
        first_ = std::current_exception();
    }
  }

  // Throws what was thrown first.
  void finish() const {
    if (first_)
      std::rethrow_exception(first_);
  }

private:
  std::exception_ptr first_;
};

request_pipeline::request_pipeline(tracking_client_options x,
                                   send_function send,
                                   std::function<steady_time()> now)
  : options_{usable(x)},
    now_{std::move(now)},
    bundle_limit_{options_.max_bundle},
    send_{std::move(send)} {}

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

// The bundle that a request goes into. Its requests time out together, so it
// takes none that was made much later than the first.
request_pipeline::bundle& request_pipeline::bundle_for(std::int64_t bytes) {
  const auto now = now_();
  if (waiting_.empty() || waiting_.back().to->size() >= bundle_limit_
      || waiting_.back().bytes + bytes > options_.max_bundle_bytes
      || now - waiting_.back().begun > options_.timeout / 16)
    waiting_.push_back({{}, std::make_shared<handlers>(), 0, now, now});
  auto& last = waiting_.back();
  last.bytes += bytes;
  last.due = now + options_.timeout;
  return last;
}

// A bundle beside an open one keeps the tracker busy meanwhile, if it is about
// as large; a small one would stay small for ever, each answer asking for the
// next.
bool request_pipeline::may_send(bool although_held) const noexcept {
  return (holds_ == 0 || although_held) && !waiting_.empty()
         && num_bundles_open_ < options_.max_open_bundles
         && 2 * waiting_.front().to->size() >= num_sent_;
}

void request_pipeline::pump(bool although_held) {
  // What was held past its time is sent all the same: its handlers must not be
  // called in here, but soon.
  constexpr std::chrono::nanoseconds least = std::chrono::milliseconds{1};
  while (may_send(although_held)) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    ++num_bundles_open_;
    num_sent_ += next.to->size();
    const auto left = std::max<std::chrono::nanoseconds>(next.due - now_(),
                                                         least);
    send_(std::move(next.requests), std::move(next.to), left);
  }
}

void request_pipeline::release() {
  --holds_;
  pump(false);
}

// Calls `tell(handler, i)` for each request of a bundle.
template <class Tell>
void request_pipeline::tell_all(handlers& to, handler_calls& calls, Tell tell) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    --num_open_;
    calls.run([&] { std::visit([&](auto& f) { tell(f, i); }, to[i]); });
  }
}

template <class Tell>
void request_pipeline::end(handlers& to, Tell tell) {
  --num_bundles_open_;
  num_sent_ -= to.size();
  handler_calls calls;
  hold(); // what the handlers ask goes together
  tell_all(to, calls, tell);
  end_late(calls);
  release();
  calls.finish();
}

void request_pipeline::end_late(handler_calls& calls) {
  const failure why{errc::timed_out, "its turn came too late"};
  const auto now = now_();
  while (!waiting_.empty() && waiting_.front().due <= now) {
    const auto late = std::move(waiting_.front());
    waiting_.pop_front();
    tell_all(*late.to, calls, teller(why));
  }
}

void request_pipeline::answered(handlers& to, bundle_reply& x) {
  if (!fits(to, x)) {
    failed(to, {errc::outcome_unknown, "an answer that does not fit"});
    return;
  }
  bundle_limit_ = std::min(2 * bundle_limit_, options_.max_bundle);
  auto answer = x.answers.begin();
  auto why = x.failures.begin();
  end(to, [&]<class Reply>(const std::function<void(outcome<Reply>)>& f,
                           std::size_t i) {
    // Replies are large: each is moved into its place, and from there to
    // whoever asked.
    outcome<Reply> told{Reply{}, {}};
    if constexpr (std::is_same_v<Reply, status_reply>)
      *told.reply = std::move(*answer++);
    if (x.outcomes[i] == bundle_reply::failed) {
      told.reply.reset();
      told.why = {why->code, std::move(why->text)};
      ++why;
    } else if (!read_outcome(x.outcomes[i], *told.reply)) {
      told.reply.reset();
      told.why = {errc::outcome_unknown,
                  "an outcome that this version does not know: "
                    + std::to_string(x.outcomes[i])};
    }
    call<Reply>(f, std::move(told));
  });
}

void request_pipeline::failed(handlers& to, const failure& why) {
  if (why.code == errc::overloaded)
    bundle_limit_ = std::min(bundle_limit_,
                             std::max<std::size_t>(1, to.size() / 2));
  end(to, teller(why));
}

} // namespace waybill
