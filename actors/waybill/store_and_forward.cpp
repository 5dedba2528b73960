#include "waybill/store_and_forward.hpp"

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "waybill/admission.hpp"
#include "waybill/caf_interception.hpp"
#include "waybill/delivery_worker.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/text.hpp"
#include "waybill/timer_queue.hpp"
#include "waybill/tracker_link.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;
using steady_clock = std::chrono::steady_clock;

// Before a recording that contradicts the one before.
constexpr auto contradiction_delay = milliseconds{10};

// The internal interface: what it says to itself, and its workers to it.
using forwarder
  = store_and_forward_actor::extend<hears<delivery_done>, hears<drained>,
                                    hears<work_tick>>;

template <class Reply>
using promise = caf::typed_response_promise<Reply>;

class store_and_forward_actor_impl : public gated<forwarder::base> {
public:
  using super = gated<forwarder::base>;

  store_and_forward_actor_impl(caf::actor_config& config,
                               tracking_actor tracker, forward_options x,
                               deliver_function deliver,
                               notice_function on_notice)
    : super{config},
      options_{std::move(x)},
      deliver_{std::make_shared<const deliver_function>(std::move(deliver))},
      on_notice_{std::move(on_notice)},
      mailbox_{options_.max_calls, options_.max_bytes},
      random_{options_.seed ? *options_.seed : std::random_device{}()},
      tracker_{std::move(tracker), options_.report_timeout, make_host()} {}

  const char* name() const override { return "waybill.store_and_forward"; }

  behavior_type make_behavior() override {
    // CAF 0.17 leaves requests to an actor that ends unanswered.
    tracker_.on_tracker_end([me = this->address()] {
      caf::anon_send_exit(me, caf::exit_reason::kill);
    });
    return {
      [this](const forward_call& x) {
        mailbox_.leave(weight(x));
        auto to = this->make_response_promise<forward_reply>();
        take(x, to);
        proceed();
        return to;
      },
      [this](const discard& x) {
        mailbox_.leave(weight(x));
        auto to = this->make_response_promise<update_reply>();
        take(x, to);
        proceed();
        return to;
      },
      [this](const get_backlog&) {
        return backlog_reply{.calls = static_cast<std::int64_t>(calls_.size()),
                             .delivering = in(phase::delivering),
                             .backing_off = in(phase::reporting_retry)
                                            + in(phase::backing_off)};
      },
      [this](const shut_down&) {
        stop();
        proceed();
      },
      [this](const delivery_done& x) {
        delivered(x);
        proceed();
      },
      [this](const drained&) {
        if (--workers_left_ == 0)
          this->quit();
      },
      [this](const work_tick& x) {
        if (!timer_.is_for(x.serial))
          return;
        timers_.run(steady_clock::now());
        proceed();
      },
    };
  }

  // Runs on every way out: quit(), an exit message, an exception, the end of
  // the actor system. CAF 0.17 does not answer promises of a dead actor.
  void on_exit() override {
    mailbox_.stop();
    stopping_ = true;
    if (tracker_.tracker_has_ended() && !ending_)
      notice(severity::error, "the tracker has ended, and so does this; "
                                + std::to_string(calls_.size())
                                + " calls stay in flight");
    tracker_.end_all();
    timers_.clear();
    calls_.clear();
    // Anonymously: CAF 0.17 also runs this when the last handle has gone, and a
    // message that names its sender would bring this back to life, to be
    // destroyed a second time.
    for (const auto& x : workers_)
      caf::anon_send_exit(x.actor, caf::exit_reason::kill);
    workers_.clear();
    deliver_.reset();
  }

protected:
  std::optional<caf::message> refuse(const content_view& content) override {
    if (const auto* const x = as<forward_call>(content))
      return refuse_one(*x);
    if (const auto* const x = as<discard>(content))
      return refuse_one(*x);
    return std::nullopt;
  }

private:
  using importance = tracker_link::importance;

  // -- what it keeps ----------------------------------------------------------

  enum class phase : std::uint8_t {
    recording,       // the tracker is asked to record it, or how it stands
    ready,           // waits for a worker
    held,            // is due, but somebody is about to discard it
    delivering,      // a worker is at it
    reporting_retry, // the tracker is told of a failed attempt
    backing_off,     // waits for the next attempt's time
    reporting_end,   // the tracker is told how it ended
  };

  struct pending_discard {
    discard what;
    promise<update_reply> to;
  };

  // In all phases but `delivering`, `ready` and `held` either an errand or a
  // timer is under way for it, never two.
  struct tracked_call {
    forward_call call;
    phase where = phase::recording;
    // The running attempt's number, or the next one's.
    std::int64_t attempt = 1;
    steady_clock::time_point due{};
    // Discarded while an attempt ran or was reported.
    bool terminal = false;
    // Those who wait for the recording, and what waits for it.
    std::vector<promise<forward_reply>> senders;
    std::vector<pending_discard> discards;
    std::optional<timer_queue::entry> timer;
    std::list<tracked_call*>::iterator place{};
  };

  struct worker {
    delivery_worker actor;
    tracked_call* call = nullptr;
  };

  tracker_link::host make_host() {
    return {.timers = &timers_,
            .random = [this] { return next_random(); },
            .proceed = [this] { proceed(); },
            .notice = [this](severity level,
                             const std::string& text) { notice(level, text); }};
  }

  // -- admission --------------------------------------------------------------

  // In the sender's thread: touches nothing but mailbox_.
  template <class Request>
  std::optional<caf::message> refuse_one(const Request& x) {
    switch (mailbox_.enter(weight(x))) {
      case admission::verdict::overloaded:
        return caf::make_message(
          to_error(errc::overloaded, "too many requests wait for the "
                                     "store-and-forward actor; not taken"));
      case admission::verdict::stopped:
        return caf::make_message(to_error(errc::stopped,
                                          "the store-and-forward actor has "
                                          "stopped; not taken"));
      default:
        return std::nullopt;
    }
  }

  // -- calls ------------------------------------------------------------------

  void take(const forward_call& x, promise<forward_reply>& to) {
    const auto fail = [&](errc code, const std::string& text) {
      to.deliver(to_error(code, text));
    };
    if (const auto fault = find_fault(x))
      return fail(errc::invalid_request, *fault);
    if (stopping_)
      return fail(errc::stopped, "store-and-forward is stopping; not taken");
    if (auto* const known = find(x.id)) {
      take_again(*known, to);
      return;
    }
    const auto bytes = weight(x);
    if (bytes > options_.max_bytes)
      return fail(errc::invalid_request, "payload: all texts must be at most "
                                           + std::to_string(options_.max_bytes)
                                           + " bytes, but are "
                                           + std::to_string(bytes));
    if (static_cast<std::int64_t>(calls_.size()) >= options_.max_calls
        || bytes_ + bytes > options_.max_bytes)
      return fail(errc::overloaded, std::to_string(calls_.size())
                                      + " calls wait already; not taken");
    bytes_ += bytes;
    auto& c = calls_[x.id];
    ++in_phase_.at(index(phase::recording));
    c.call = x;
    c.senders.push_back(to);
    record(c);
  }

  void take_again(tracked_call& c, promise<forward_reply>& to) {
    if (c.where != phase::recording)
      to.deliver(forward_reply{c.terminal ? forward_outcome::already_terminal
                                          : forward_outcome::already_accepted});
    else if (num_waiting_again_ >= options_.max_calls)
      to.deliver(to_error(errc::overloaded, "too many wait for a recording"));
    else {
      ++num_waiting_again_;
      c.senders.push_back(to);
    }
  }

  tracked_call* find(const tracked_operation_id& id) {
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : &found->second;
  }

  void forget(tracked_call& c) {
    leave(c);
    bytes_ -= weight(c.call);
    calls_.erase(tracked_operation_id{c.call.id}); // not by what it erases
  }

  static std::size_t index(phase x) noexcept {
    return static_cast<std::size_t>(x);
  }

  [[nodiscard]] std::int64_t in(phase x) const {
    return in_phase_.at(index(x));
  }

  void enter(tracked_call& c, phase next) {
    leave(c);
    c.where = next;
    ++in_phase_.at(index(next));
  }

  void leave(tracked_call& c) {
    --in_phase_.at(index(c.where));
    if (c.where == phase::ready)
      ready_.erase(c.place);
    if (c.timer)
      timers_.cancel(*std::exchange(c.timer, std::nullopt));
  }

  // -- recording --------------------------------------------------------------

  void record(tracked_call& c, milliseconds delay = {}) {
    tracker_.ask(
      this, to_enqueue(c.call), importance::optional, delay,
      [this, &c](const enqueue_reply& x) {
        if (x.outcome == enqueue_outcome::inserted)
          recorded(c);
        else
          look_up(c);
      },
      [this, &c](const failure& why) { not_recorded(c, why); });
  }

  // The row is there: from an earlier try, or from an earlier process.
  void look_up(tracked_call& c) {
    tracker_.ask(
      this, get_status{.id = c.call.id, .deadline = std::nullopt},
      importance::optional, {},
      [this, &c](const status_reply& x) {
        if (!x.snapshot)
          record(c, contradiction_delay); // purged in between
        else if (is_terminal(x.snapshot->status))
          finished_before(c);
        else
          go_on(c, *x.snapshot);
      },
      [this, &c](const failure& why) {
        not_recorded(c,
                     {errc::outcome_unknown,
                      "recorded, but how it stands is not known: " + why.text});
      });
  }

  void go_on(tracked_call& c, const tracking_status_snapshot& row) {
    c.attempt = std::int64_t{row.retry_count} + 1;
    if (c.attempt <= options_.max_attempts) {
      recorded(c);
      return;
    }
    answer(c, forward_outcome::accepted);
    begin_all(std::exchange(c.discards, {}));
    report_end(c, {.id = c.call.id,
                   .status = tracking_status::parked,
                   .last_error = row.last_error,
                   .http_status = row.http_status,
                   .deadline = std::nullopt});
  }

  void recorded(tracked_call& c) {
    answer(c, forward_outcome::accepted);
    begin_all(std::exchange(c.discards, {}));
    make_eligible(c);
  }

  void finished_before(tracked_call& c) {
    answer(c, forward_outcome::already_terminal);
    const auto waiting = std::exchange(c.discards, {});
    forget(c);
    begin_all(waiting);
  }

  void not_recorded(tracked_call& c, const failure& why) {
    settle(c, [&](auto& to) { to.deliver(to_error(why.code, why.text)); });
    const auto waiting = std::exchange(c.discards, {});
    forget(c);
    begin_all(waiting);
  }

  // The first sender's call it is; the others came with the same.
  void answer(tracked_call& c, forward_outcome outcome) {
    settle(c, [&](auto& to) {
      to.deliver(forward_reply{outcome});
      if (outcome == forward_outcome::accepted)
        outcome = forward_outcome::already_accepted;
    });
  }

  template <class F>
  void settle(tracked_call& c, F&& f) {
    auto senders = std::exchange(c.senders, {});
    num_waiting_again_ -= static_cast<std::int64_t>(senders.size()) - 1;
    for (auto& to : senders)
      f(to);
  }

  // -- attempts ---------------------------------------------------------------

  // The next attempt may begin, once it is due.
  void make_eligible(tracked_call& c) {
    if (stopping_)
      forget(c); // it stays in flight in the store
    else if (c.due > steady_clock::now()) {
      enter(c, phase::backing_off);
      c.timer = timers_.add(c.due, [this, &c] {
        c.timer.reset();
        make_ready(c);
      });
    } else
      make_ready(c);
  }

  void make_ready(tracked_call& c) {
    if (discarding_.contains(c.call.id)) {
      enter(c, phase::held);
      return;
    }
    enter(c, phase::ready);
    c.place = ready_.insert(ready_.end(), &c);
  }

  void begin_attempts() {
    while (!ready_.empty() && !stopping_) {
      auto* const w = idle_worker();
      if (w == nullptr)
        return;
      auto& c = *ready_.front();
      enter(c, phase::delivering);
      w->call = &c;
      tell(this, w->actor, delivery_job{w - workers_.data(), c.call});
    }
  }

  worker* idle_worker() {
    if (!idle_.empty()) {
      const auto number = idle_.back();
      idle_.pop_back();
      return &workers_.at(number);
    }
    if (static_cast<std::int64_t>(workers_.size()) >= options_.max_concurrency)
      return nullptr;
    workers_.push_back({spawn_delivery_worker(this->system(), deliver_,
                                              options_.last_error_cap)});
    return &workers_.back();
  }

  void delivered(const delivery_done& x) {
    const auto number = static_cast<std::size_t>(x.worker);
    auto& c = *std::exchange(workers_.at(number).call, nullptr);
    idle_.push_back(number);
    if (c.terminal) {
      forget(c); // discarded meanwhile
      return;
    }
    const auto end = [&](tracking_status status) {
      report_end(c, {.id = c.call.id,
                     .status = status,
                     .last_error = x.result.error,
                     .http_status = x.result.http_status,
                     .deadline = std::nullopt});
    };
    using kind = delivery_result::kind;
    switch (x.result.what) {
      case kind::delivered:
        return end(tracking_status::delivered);
      case kind::permanent:
        return end(tracking_status::failed);
      default:
        if (c.attempt >= options_.max_attempts)
          return end(tracking_status::parked);
        retry(c, x.result);
    }
  }

  void retry(tracked_call& c, const delivery_result& why) {
    auto delay = backoff(options_, c.attempt, next_random());
    if (why.retry_after)
      delay = std::max(delay, std::min(*why.retry_after, options_.max_delay));
    c.due = steady_clock::now() + delay;
    enter(c, phase::reporting_retry);
    report_retry(c, {.id = c.call.id,
                     .status = tracking_status::retrying,
                     .retry_count = static_cast<std::int32_t>(c.attempt),
                     .last_error = why.error,
                     .http_status = why.http_status,
                     .deadline = std::nullopt});
    ++c.attempt;
  }

  // From 0 to 1.
  double next_random() {
    return std::uniform_real_distribution<double>{}(random_);
  }

  // -- reporting --------------------------------------------------------------

  void report_retry(tracked_call& c, const record_attempt& what) {
    tracker_.ask(
      this, what, importance::essential, {},
      [this, &c, what](const update_reply& x) {
        if (c.terminal || x.outcome == update_outcome::already_terminal)
          forget(c); // an operator has given it up
        else if (x.outcome == update_outcome::not_found)
          record_again(c, [this, &c, what] { report_retry(c, what); });
        else
          make_eligible(c);
      },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  void report_end(tracked_call& c, const record_terminal& what) {
    enter(c, phase::reporting_end);
    tracker_.ask(
      this, what, importance::essential, {},
      [this, &c, what](const update_reply& x) {
        if (x.outcome == update_outcome::not_found)
          record_again(c, [this, &c, what] { report_end(c, what); });
        else
          forget(c);
      },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  // The tracker has lost an operation in flight: someone has put another file
  // in its place.
  void record_again(tracked_call& c, std::function<void()> then) {
    tracker_.ask(
      this, to_enqueue(c.call), importance::essential, contradiction_delay,
      [then = std::move(then)](const enqueue_reply&) { then(); },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  void not_reported(tracked_call& c, const failure& why) {
    if (why.code != errc::stopped && why.code != errc::outcome_unknown)
      notice(severity::error,
             "the tracker refuses a report about " + to_string(c.call.id)
               + ", which stays in flight: " + to_string(why.code) + ": "
               + escape(why.text));
    forget(c);
  }

  // -- discarding -------------------------------------------------------------

  void take(const discard& x, promise<update_reply>& to) {
    if (const auto fault = find_fault(x))
      to.deliver(to_error(errc::invalid_request, *fault));
    else if (stopping_)
      to.deliver(to_error(errc::stopped, "store-and-forward is stopping"));
    else if (num_discards_ >= options_.max_calls)
      to.deliver(to_error(errc::overloaded, "too many wait to be discarded"));
    else {
      ++num_discards_;
      pending_discard job{x, to};
      if (x.reason)
        job.what.reason = truncate_utf8(*x.reason, static_cast<std::size_t>(
                                                     options_.last_error_cap));
      auto* const c = find(x.id);
      // Otherwise the tracker would not find what it is about to record.
      if (c != nullptr && c->where == phase::recording)
        c->discards.push_back(std::move(job));
      else
        begin(job);
    }
  }

  void begin_all(const std::vector<pending_discard>& jobs) {
    for (const auto& job : jobs)
      begin(job);
  }

  void begin(const pending_discard& job) {
    if (stopping_) {
      end_discard(job, to_error(errc::stopped, "store-and-forward is "
                                               "stopping; not discarded"));
      return;
    }
    const auto id = job.what.id;
    ++discarding_[id];
    if (auto* const c = find(id); c != nullptr && c->where == phase::ready)
      enter(*c, phase::held); // no attempt any more
    tracker_.ask(
      this,
      record_terminal{.id = id,
                      .status = tracking_status::discarded,
                      .last_error = job.what.reason,
                      .http_status = std::nullopt,
                      .deadline = std::nullopt},
      importance::optional, {},
      [this, job, id](const update_reply& x) {
        if (x.outcome != update_outcome::not_found)
          call_off(id);
        let_go(id);
        end_discard(job, x);
      },
      [this, job, id](const failure& why) {
        let_go(id);
        end_discard(job, to_error(why.code, why.text));
      });
  }

  // The operation is terminal in the store.
  void call_off(const tracked_operation_id& id) {
    auto* const c = find(id);
    if (c == nullptr)
      return;
    switch (c->where) {
      case phase::recording: // a new one of this id; its recording will tell
        return;
      case phase::ready:
      case phase::held:
      case phase::backing_off:
        return forget(*c);
      default:
        c->terminal = true;
    }
  }

  void let_go(const tracked_operation_id& id) {
    const auto count = discarding_.find(id);
    if (--count->second > 0)
      return;
    discarding_.erase(count);
    if (auto* const c = find(id); c != nullptr && c->where == phase::held)
      make_eligible(*c);
  }

  template <class Answer>
  void end_discard(pending_discard job, Answer&& answer) {
    --num_discards_;
    job.to.deliver(std::forward<Answer>(answer));
  }

  // -- going on and ending ----------------------------------------------------

  void notice(severity level, const std::string& text) {
    notify(on_notice_, level,
           "store-and-forward to " + escape(options_.target) + ": " + text);
  }

  // After each event: begins all that can begin now.
  void proceed() {
    tracker_.send();
    begin_attempts();
    arm();
    end_if_done();
  }

  // One timer for all, for the earliest.
  void arm() {
    if (const auto x = timer_.arm(timers_, steady_clock::now()))
      tell_later(this, forwarder{this}, x->delay, work_tick{x->serial});
  }

  void stop() {
    if (std::exchange(stopping_, true))
      return;
    mailbox_.stop();
    std::vector<tracked_call*> waiting;
    for (auto& [id, c] : calls_)
      if (c.where == phase::ready || c.where == phase::held
          || c.where == phase::backing_off)
        waiting.push_back(&c);
    for (auto* const c : waiting)
      forget(*c); // it stays in flight in the store
    tracker_.stop();
  }

  void end_if_done() {
    if (!stopping_ || ending_ || !calls_.empty() || !tracker_.idle())
      return;
    ending_ = true;
    deliver_.reset();
    workers_left_ = workers_.size();
    if (workers_left_ == 0)
      this->quit();
    for (const auto& x : workers_)
      tell(this, x.actor, shut_down{});
  }

  const forward_options options_;
  std::shared_ptr<const deliver_function> deliver_;
  const notice_function on_notice_;
  admission mailbox_;
  std::mt19937_64 random_;

  std::unordered_map<tracked_operation_id, tracked_call> calls_;
  std::int64_t bytes_ = 0;
  std::array<std::int64_t, 7> in_phase_{};
  std::int64_t num_waiting_again_ = 0;

  std::list<tracked_call*> ready_;
  std::vector<worker> workers_;
  std::vector<std::size_t> idle_;

  std::unordered_map<tracked_operation_id, std::int64_t> discarding_;
  std::int64_t num_discards_ = 0;

  timer_queue timers_;
  wake_up timer_;

  bool stopping_ = false;
  bool ending_ = false;
  std::size_t workers_left_ = 0;

  tracker_link tracker_; // gives its timers back: after timers_
};

} // namespace

store_and_forward_actor spawn_store_and_forward(caf::actor_system& system,
                                                tracking_actor tracker,
                                                forward_options options,
                                                deliver_function deliver,
                                                notice_function on_notice) {
  validate(options);
  if (!tracker)
    throw store_error{errc::invalid_options, "tracker: must not be empty"};
  if (!deliver)
    throw store_error{errc::invalid_options, "deliver: must not be empty"};
  return system.spawn<store_and_forward_actor_impl>(std::move(tracker),
                                                    std::move(options),
                                                    std::move(deliver),
                                                    std::move(on_notice));
}

} // namespace waybill
