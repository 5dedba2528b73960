#include "waybill/store_and_forward.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "waybill/attempt_places.hpp"
#include "waybill/attempt_rules.hpp"
#include "waybill/caf_interception.hpp"
#include "waybill/call_buffer.hpp"
#include "waybill/discard_desk.hpp"
#include "waybill/forward_notices.hpp"
#include "waybill/payload_coding.hpp"
#include "waybill/request_admission.hpp"
#include "waybill/text.hpp"
#include "waybill/tracker_link.hpp"
#include "waybill/waiting_calls.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

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
      notices_{std::move(on_notice), options_.target},
      mailbox_{options_.max_heads, options_.max_waiting_bytes},
      random_{options_.seed ? *options_.seed : std::random_device{}()},
      calls_{options_.max_heads, timers_},
      discards_{options_.max_heads},
      waiting_{options_, calls_, discards_, timers_},
      places_{this->system(), std::move(deliver), options_},
      tracker_{std::move(tracker), options_.report_timeout, make_host()} {}

  const char* name() const override { return "waybill.store_and_forward"; }

  behavior_type make_behavior() override {
    // CAF 0.17 leaves requests to an actor that ends unanswered.
    tracker_.on_tracker_end([me = this->address()] {
      caf::anon_send_exit(me, caf::exit_reason::kill);
    });
    open();
    tracker_.send();
    return {
      [this](const forward_call& x) { return receive(x); },
      [this](const forward_bundle& x) { return receive(x); },
      [this](const discard& x) { return receive(x); },
      [this](const get_backlog&) { return describe(); },
      [this](const shut_down&) {
        stop();
        proceed();
      },
      [this](const delivery_done& x) {
        delivered(x);
        proceed();
      },
      [this](const drained&) {
        if (--num_workers_left_ == 0)
          this->quit();
      },
      [this](const work_tick& x) {
        if (timer_.is_for(x.serial))
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
      notices_.tracker_ended(calls_.size());
    tracker_.end_all();
    timers_.clear();
    calls_.clear();
    // Anonymously: CAF 0.17 also runs this when the last handle has gone, and a
    // message that names its sender would bring this back to life, to be
    // destroyed a second time.
    for (const auto& worker : places_.close())
      caf::anon_send_exit(worker, caf::exit_reason::kill);
  }

protected:
  // In the sender's thread: touches nothing but mailbox_.
  std::optional<caf::message> refuse(const content_view& content) override {
    return find_refusal(message_list<forward_call, forward_bundle, discard>{},
                        content, mailbox_, "too many requests wait; not taken",
                        "store-and-forward has stopped; not taken");
  }

  [[nodiscard]] bool may_end() const override {
    return !options_.may_end || options_.may_end();
  }

private:
  using importance = tracker_link::importance;
  using phase = call_phase;

  tracker_link::host make_host() {
    return {.timers = &timers_,
            .now = options_.clock.steady,
            .random = [this] { return next_random(); },
            .proceed = [this] { proceed(); },
            .notice
            = [this](severity level,
                     const std::string& text) { notices_.tell(level, text); }};
  }

  template <class Request>
  promise<typename Request::reply> receive(const Request& x) {
    // Whoever is answered may send again.
    mailbox_.leave(weight(x), request_count(x));
    auto to = this->template make_response_promise<typename Request::reply>();
    take(x, to);
    proceed();
    return to;
  }

  // -- the target -------------------------------------------------------------

  promise<backlog_reply> describe() {
    auto to = this->template make_response_promise<backlog_reply>();
    tracker_.ask(
      this, get_target{options_.target}, importance::optional, {},
      [this, to](const target_reply& x) mutable {
        to.deliver(
          places_.pacing().describe(calls_.backlog(x.calls), options_.clock));
      },
      [to](const failure& why) mutable {
        to.deliver(to_error(why.code, why.text));
      });
    proceed();
    return to;
  }

  // What had begun when the process before this one died has been interrupted.
  void open() {
    tracker_.ask(
      this, open_request(options_), importance::optional, {},
      [this](const target_reply& x) {
        notices_.opened(x);
        waiting_.opened(x.calls);
        end_opening();
      },
      [this](const failure& why) {
        fault_ = why;
        notices_.not_opened(why);
        end_opening();
      });
  }

  void refuse_unopened() {
    fault_ = failure{errc::stopped, "store-and-forward is stopping; not taken"};
    end_opening();
  }

  void end_opening() {
    is_open_ = true;
    for (const auto& start : std::exchange(until_open_, {}))
      start();
  }

  // -- calls ------------------------------------------------------------------

  void take(const forward_call& x, promise<forward_reply>& to) {
    take(x, call_sender{to});
  }

  void take(const forward_bundle& x, promise<forward_bundle_reply>& to) {
    if (x.calls.empty()) {
      to.deliver(forward_bundle_reply{});
      return;
    }
    const auto all = std::make_shared<open_forward_bundle>(to, x.calls.size());
    for (std::size_t i = 0; i < x.calls.size(); ++i)
      take(x.calls[i], call_sender{all, i});
  }

  void take(const forward_call& x, call_sender from) {
    if (const auto fault = find_fault(x))
      from.refuse({errc::invalid_request, *fault});
    else if (stopping_)
      from.refuse({errc::stopped, "store-and-forward is stopping; not taken"});
    else if (auto* const known = calls_.find(x.id))
      calls_.add_sender(*known, std::move(from));
    else if (calls_.is_full())
      from.refuse(
        {errc::overloaded, "too many calls wait to be recorded; not taken"});
    else
      take_new(x, std::move(from));
  }

  void take_new(const forward_call& x, call_sender from) {
    take_call what{.target = options_.target, .call = x};
    if (const auto fault = encode_payload(options_.encode, what))
      return from.refuse({errc::invalid_request, *fault});
    auto& c = calls_.add(x.id);
    c.senders.push_back(std::move(from));
    if (is_open_)
      record(c, std::move(what));
    else
      until_open_.emplace_back([this, &c, what] { record(c, what); });
  }

  // -- recording --------------------------------------------------------------

  void record(tracked_call& c, take_call what) {
    if (fault_)
      return not_recorded(c, *fault_);
    // Those that have waited for longer come first.
    c.order_key = what.call.order_key;
    if (calls_.take_key(c, false) && !stopping_ && !what.call.due
        && waiting_.none_waits())
      take_place(c);
    what.begin = c.at_work.has_value();
    tracker_.ask(
      this, std::move(what), importance::optional, {},
      [this, &c](take_reply& reply, take_call& asked) {
        recorded(c, asked, reply);
      },
      [this, &c](const failure& why) { not_recorded(c, why); });
  }

  void recorded(tracked_call& c, take_call& what, const take_reply& reply) {
    if (reply.outcome == take_outcome::refused)
      return not_recorded(c, {errc::overloaded, reply.reason});
    if (reply.outcome == take_outcome::already_terminal) {
      calls_.answer_senders(c, forward_outcome::already_terminal);
      return drop(c);
    }
    // One that is known may have been taken by an earlier try.
    calls_.answer_senders(c, forward_outcome::accepted);
    waiting_.note(c, reply.head);
    const tracked_operation_id id{c.id};
    if (c.at_work && reply.begun) {
      if (!end_if_over(c))
        deliver(c, to_outgoing(std::move(what.call), what.root,
                               std::move(what.codec)));
    } else {
      give_back(c);
      if (stopping_)
        calls_.forget(c); // it stays in flight in the store
      else
        waiting_.wait_as_new(c);
    }
    begin_discards(id);
  }

  void not_recorded(tracked_call& c, const failure& why) {
    calls_.refuse_senders(c, why);
    drop(c);
  }

  // No attempt follows its recording.
  void drop(tracked_call& c) {
    give_back(c);
    const tracked_operation_id id{c.id};
    calls_.forget(c);
    begin_discards(id);
  }

  // -- waiting ----------------------------------------------------------------

  void wait(tracked_call& c) {
    if (stopping_)
      calls_.forget(c); // it stays in flight in the store
    else
      waiting_.wait(c);
  }

  // Reads on in the store when there is room in memory.
  void read_on() {
    if (!is_open_ || fault_ || stopping_)
      return;
    if (const auto line = waiting_.next_in_line())
      read(
        *line, [this](const find_reply& x) { waiting_.found_in_line(x); },
        [this] { waiting_.line_not_found(); });
    if (const auto due = waiting_.next_due())
      read(
        *due, [this](const find_reply& x) { waiting_.found_due(x); },
        [this] { waiting_.due_not_found(); });
    while (const auto keyed = waiting_.next_keyed())
      read(
        *keyed,
        [this, key = keyed->order_key](const find_reply& x) {
          waiting_.found_keyed(key, x);
        },
        [this, key = keyed->order_key] { waiting_.keyed_not_found(key); });
    wake_at(read_timer_, waiting_.next_reading());
  }

  template <class Question, class Found, class NotFound>
  void read(const Question& what, Found found, NotFound not_found) {
    tracker_.ask(
      this, what, importance::optional, {},
      [this, found](const find_reply& x) {
        if (!stopping_) // else what is found stays in the store
          found(x);
      },
      [not_found](const failure&) { not_found(); });
  }

  // Another look at what may be done, at some time. There is no need for one if
  // it only may be when something else has happened.
  void wake_at(std::optional<timer_queue::entry>& timer,
               timer_queue::time_point when) {
    if (timer)
      timers_.cancel(*std::exchange(timer, std::nullopt));
    if (when != timer_queue::time_point::max())
      timer = timers_.add(when, [&timer] { timer.reset(); });
  }

  // -- attempts ---------------------------------------------------------------

  void begin_attempts() {
    auto* c = stopping_ ? nullptr : calls_.first_interrupted();
    while (c != nullptr && take_place(*c)) {
      begin_attempt(*c);
      c = calls_.first_interrupted();
    }
    while (!stopping_ && (c = calls_.first_ready()) != nullptr
           && take_place(*c))
      begin_attempt(*c);
  }

  void begin_attempt(tracked_call& c) {
    if (end_if_over(c))
      return;
    calls_.enter(c, phase::beginning);
    tracker_.ask(
      this, begin_call{.seq = c.seq, .id = c.id, .attempt = c.attempt},
      importance::optional, {},
      [this, &c](begin_reply& x) {
        if (x.begun)
          return deliver(c, to_outgoing(std::move(x.call), x.root,
                                        std::move(x.codec)));
        give_back(c); // somebody else has ended it
        calls_.forget(c);
      },
      [this, &c](const failure& why) {
        give_back(c);
        not_reported(c, why);
      });
  }

  // No attempt follows if its time is over, or none is left.
  bool end_if_over(tracked_call& c) {
    const auto why = find_end(options_, c.expires, c.attempt);
    if (why) {
      give_back(c);
      report_end(c, why->status, why->reason);
    }
    return why.has_value();
  }

  void deliver(tracked_call& c, outgoing_call x) {
    calls_.enter(c, phase::delivering);
    const delivery_listener me{forwarder{this}};
    if (const auto worker = places_.start(*c.at_work, me, std::move(x)))
      tell(this, *worker, work_tick{});
  }

  bool take_place(tracked_call& c) {
    c.at_work = places_.take(c.id, c.interruptions > 0, now(), notices_);
    if (!c.at_work)
      wake_at(begin_timer_, places_.next());
    return c.at_work.has_value();
  }

  // No attempt was made with what was kept for it.
  void give_back(tracked_call& c) {
    if (const auto place = std::exchange(c.at_work, std::nullopt))
      places_.give_back(*place);
  }

  void delivered(const delivery_done& x) {
    auto& c = *calls_.find(places_.release(x.worker));
    const auto place = *std::exchange(c.at_work, std::nullopt);
    const auto changed = places_.end(place, x, now());
    notices_.breaker_changed(changed, places_.pacing().pause(), x.result.error,
                             now());
    if (c.terminal)
      return calls_.forget(c); // discarded meanwhile
    if (const auto end = end_after(options_, c.attempt, x))
      return report_end(c, *end, x.result.error, x.result.http_status);
    const auto wait = wait_after(options_, c.attempt, x.result, next_random());
    c.due = now() + wait;
    calls_.enter(c, phase::reporting_retry);
    report_retry(c, {.seq = c.seq,
                     .id = c.id,
                     .attempt = c.attempt,
                     .due = options_.clock.wall_or_system() + wait,
                     .last_error = x.result.error,
                     .http_status = x.result.http_status});
  }

  // From 0 to 1.
  double next_random() {
    return std::uniform_real_distribution<double>{}(random_);
  }

  // -- reporting --------------------------------------------------------------

  void report_retry(tracked_call& c, const retry_call& what) {
    tracker_.ask(
      this, what, importance::essential, {},
      [this, &c](const update_reply& x) {
        if (c.terminal || x.outcome != update_outcome::applied)
          return calls_.forget(c); // an operator has given it up
        ++c.attempt;
        wait(c);
      },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  void report_end(tracked_call& c, tracking_status status,
                  const std::optional<std::string>& error,
                  std::optional<std::int32_t> http_status = std::nullopt) {
    calls_.enter(c, phase::reporting_end);
    tracker_.ask(
      this,
      end_call{.seq = c.seq,
               .id = c.id,
               .attempt = c.attempt,
               .status = status,
               .last_error = error,
               .http_status = http_status},
      importance::essential, {},
      [this, &c](const update_reply&) { calls_.forget(c); },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  void not_reported(tracked_call& c, const failure& why) {
    if (why.code != errc::stopped && why.code != errc::outcome_unknown)
      notices_.report_refused(c.id, why, now());
    calls_.forget(c);
  }

  // -- discarding -------------------------------------------------------------

  void take(const discard& x, promise<update_reply>& to) {
    if (const auto fault = find_fault(x))
      to.deliver(to_error(errc::invalid_request, *fault));
    else if (stopping_)
      to.deliver(to_error(errc::stopped, "store-and-forward is stopping"));
    else if (discards_.is_full())
      to.deliver(to_error(errc::overloaded, "too many wait to be discarded"));
    else {
      pending_discard job{x, to};
      shorten(job.what.reason, options_.last_error_cap);
      const auto* const c = calls_.find(x.id);
      // Otherwise the tracker would not find what it is about to record.
      if (c != nullptr && c->phase == phase::recording)
        discards_.keep_waiting(std::move(job));
      else
        begin(std::move(job));
    }
  }

  // Those that waited for the recording.
  void begin_discards(const tracked_operation_id& id) {
    for (auto& job : discards_.take_waiting(id))
      begin(std::move(job));
  }

  void begin(pending_discard job) {
    if (stopping_) {
      job.to.deliver(to_error(errc::stopped, "store-and-forward is stopping; "
                                             "not discarded"));
      return;
    }
    const auto id = job.what.id;
    discards_.begin(id);
    if (auto* const c = calls_.find(id);
        c != nullptr && c->phase == phase::ready)
      calls_.enter(*c, phase::held); // no attempt any more
    tracker_.ask(
      this,
      end_report(id, tracking_status::discarded, std::move(job.what.reason)),
      importance::optional, {},
      [this, id, to = job.to](const update_reply& x) mutable {
        if (x.outcome != update_outcome::not_found)
          calls_.call_off(id);
        end_discard(id);
        waiting_.unblocked();
        to.deliver(x);
      },
      [this, id, to = job.to](const failure& why) mutable {
        end_discard(id);
        to.deliver(to_error(why.code, why.text));
      });
  }

  void end_discard(const tracked_operation_id& id) {
    if (!discards_.end(id))
      return; // somebody else discards it
    if (auto* const c = calls_.find(id);
        c != nullptr && c->phase == phase::held)
      wait(*c);
  }

  // -- going on and ending ----------------------------------------------------

  // After each event: begins all that can begin now.
  void proceed() {
    timers_.run(now());
    tracker_.send();
    begin_attempts();
    read_on();
    tracker_.send();
    // One message for all timers, for the earliest.
    if (const auto x = timer_.arm(timers_, now()))
      tell_later(this, forwarder{this}, x->delay, work_tick{x->serial});
    end_if_done();
  }

  void stop() {
    if (std::exchange(stopping_, true))
      return;
    mailbox_.stop();
    calls_.forget_waiting(); // they stay in flight in the store
    tracker_.stop();
    if (!is_open_)
      refuse_unopened();
  }

  void end_if_done() {
    if (!stopping_ || ending_ || !calls_.empty() || !tracker_.idle())
      return;
    ending_ = true;
    const auto workers = places_.close();
    num_workers_left_ = workers.size();
    if (workers.empty())
      this->quit();
    for (const auto& worker : workers)
      tell(this, worker, shut_down{});
  }

  [[nodiscard]] timer_queue::time_point now() const {
    return options_.clock.steady();
  }

  const forward_options options_;
  forward_notices notices_;
  admission mailbox_;
  std::mt19937_64 random_;
  timer_queue timers_;
  wake_up timer_;
  call_buffer calls_; // has its timers there
  discard_desk discards_;
  waiting_calls waiting_;
  attempt_places places_;
  std::optional<timer_queue::entry> begin_timer_; // for the next attempt
  std::optional<timer_queue::entry> read_timer_;  // for the store's next calls
  bool is_open_ = false;
  std::optional<failure> fault_; // why the target could not be opened
  std::vector<std::function<void()>> until_open_;
  bool stopping_ = false;
  bool ending_ = false;
  std::size_t num_workers_left_ = 0;
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
