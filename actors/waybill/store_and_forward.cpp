#include "waybill/store_and_forward.hpp"

#include <functional>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "waybill/attempt_pacing.hpp"
#include "waybill/attempt_rules.hpp"
#include "waybill/caf_interception.hpp"
#include "waybill/call_buffer.hpp"
#include "waybill/discard_desk.hpp"
#include "waybill/forward_notices.hpp"
#include "waybill/request_admission.hpp"
#include "waybill/text.hpp"
#include "waybill/tracker_link.hpp"
#include "waybill/worker_pool.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

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
      notices_{std::move(on_notice), options_.target},
      mailbox_{options_.max_calls, options_.max_bytes},
      random_{options_.seed ? *options_.seed : std::random_device{}()},
      calls_{options_.max_calls, options_.max_bytes, timers_},
      discards_{options_.max_calls},
      pacing_{options_},
      workers_{this->system(), std::move(deliver), options_},
      tracker_{std::move(tracker), options_.report_timeout, make_host()} {}

  const char* name() const override { return "waybill.store_and_forward"; }

  behavior_type make_behavior() override {
    // CAF 0.17 leaves requests to an actor that ends unanswered.
    tracker_.on_tracker_end([me = this->address()] {
      caf::anon_send_exit(me, caf::exit_reason::kill);
    });
    return {
      [this](const forward_call& x) { return receive(x); },
      [this](const discard& x) { return receive(x); },
      [this](const get_backlog&) {
        return pacing_.describe(calls_.backlog(), options_.clock);
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
    for (const auto& worker : workers_.close())
      caf::anon_send_exit(worker, caf::exit_reason::kill);
  }

protected:
  // In the sender's thread: touches nothing but mailbox_.
  std::optional<caf::message> refuse(const content_view& content) override {
    return find_refusal(message_list<forward_call, discard>{}, content,
                        mailbox_, "too many requests wait; not taken",
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
    mailbox_.leave(weight(x)); // whoever is answered may send again
    auto to = this->template make_response_promise<typename Request::reply>();
    take(x, to);
    proceed();
    return to;
  }

  // -- calls ------------------------------------------------------------------

  void take(const forward_call& x, promise<forward_reply>& to) {
    const auto bytes = weight(x);
    if (const auto fault = find_fault(x))
      to.deliver(to_error(errc::invalid_request, *fault));
    else if (stopping_)
      to.deliver(to_error(errc::stopped, "store-and-forward is stopping; not "
                                         "taken"));
    else if (auto* const known = calls_.find(x.id))
      calls_.add_sender(*known, to);
    else if (const auto why = calls_.find_refusal(bytes))
      to.deliver(to_error(why->code, why->text));
    else
      record(calls_.add(x, bytes, to));
  }

  // -- recording --------------------------------------------------------------

  void record(tracked_call& c, milliseconds delay = {}) {
    tracker_.ask(
      this, to_enqueue(c.call), importance::optional, delay,
      [this, &c](const enqueue_reply& x) {
        if (x.outcome == enqueue_outcome::inserted)
          go_on(c, {}); // no attempt has been made
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
        else if (is_terminal(x.snapshot->status)) {
          calls_.answer_senders(c, forward_outcome::already_terminal);
          drop(c);
        } else
          go_on(c, *x.snapshot);
      },
      [this, &c](const failure& why) {
        not_recorded(c,
                     {errc::outcome_unknown,
                      "recorded, but how it stands is not known: " + why.text});
      });
  }

  void go_on(tracked_call& c, const tracking_status_snapshot& row) {
    calls_.answer_senders(c, forward_outcome::accepted);
    begin_discards(c.call.id);
    c.attempt = std::int64_t{row.retry_count} + 1;
    if (c.attempt <= options_.max_attempts)
      make_eligible(c);
    else
      report_end(c, end_report(c.call.id, tracking_status::parked,
                               row.last_error, row.http_status));
  }

  void not_recorded(tracked_call& c, const failure& why) {
    calls_.refuse_senders(c, why);
    drop(c);
  }

  // No attempt follows its recording.
  void drop(tracked_call& c) {
    const tracked_operation_id id{c.call.id};
    calls_.forget(c);
    begin_discards(id);
  }

  // -- attempts ---------------------------------------------------------------

  // The next attempt may begin, once it is due.
  void make_eligible(tracked_call& c) {
    if (stopping_)
      calls_.forget(c); // it stays in flight in the store
    else if (c.due > now()) {
      calls_.enter(c, phase::backing_off);
      c.timer = timers_.add(c.due, [this, &c] {
        c.timer.reset();
        make_ready(c);
      });
    } else
      make_ready(c);
  }

  void make_ready(tracked_call& c) {
    calls_.enter(c, discards_.is_under_way(c.call.id) ? phase::held
                                                      : phase::ready);
  }

  void begin_attempts() {
    if (stopping_)
      return;
    while (auto* const c = calls_.first_ready()) {
      const auto at = now();
      if (const auto next = pacing_.next_attempt(workers_.num_busy(), at);
          next > at)
        return begin_later(next);
      const auto worker = occupy_worker(c->call.id, at);
      const auto has_threads = workers_.next_start() <= at;
      if (!worker && !has_threads)
        begin_later(workers_.next_start());
      if (!worker)
        return;
      if (has_threads)
        notices_.threads_found();
      c->ticket = pacing_.begin(at);
      calls_.enter(*c, phase::delivering);
      tell(this, worker->actor, delivery_job{worker->number, c->call});
    }
  }

  // The end of another attempt needs no timer.
  void begin_later(timer_queue::time_point when) {
    if (begin_timer_)
      timers_.cancel(*std::exchange(begin_timer_, std::nullopt));
    if (when != timer_queue::time_point::max())
      begin_timer_ = timers_.add(when, [this] { begin_timer_.reset(); });
  }

  // A want of threads may pass: the call stays where it is meanwhile.
  std::optional<worker_pool::worker>
  occupy_worker(const tracked_operation_id& call, timer_queue::time_point at) {
    try {
      return workers_.occupy(call, at);
    } catch (const std::system_error& e) {
      notices_.threads_wanted(e.what(),
                              "tried again every "
                                + to_text(worker_pool::thread_delay),
                              at);
      return std::nullopt;
    }
  }

  void delivered(const delivery_done& x) {
    auto& c = *calls_.find(workers_.release(x.worker));
    const auto changed = pacing_.end(c.ticket, x.result.what, now());
    notices_.breaker_changed(changed, pacing_.pause(), x.result.error, now());
    if (c.terminal)
      return calls_.forget(c); // discarded meanwhile
    if (const auto end = end_after(options_, c.attempt, x.result))
      return report_end(c, end_report(c.call.id, *end, x.result.error,
                                      x.result.http_status));
    c.due = now() + wait_after(options_, c.attempt, x.result, next_random());
    calls_.enter(c, phase::reporting_retry);
    report_retry(c, retry_report(c.call.id, c.attempt++, x.result));
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
          calls_.forget(c); // an operator has given it up
        else if (x.outcome == update_outcome::not_found)
          record_again(c, [this, &c, what] { report_retry(c, what); });
        else
          make_eligible(c);
      },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  void report_end(tracked_call& c, const record_terminal& what) {
    calls_.enter(c, phase::reporting_end);
    tracker_.ask(
      this, what, importance::essential, {},
      [this, &c, what](const update_reply& x) {
        if (x.outcome == update_outcome::not_found)
          record_again(c, [this, &c, what] { report_end(c, what); });
        else
          calls_.forget(c);
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
      notices_.report_refused(c.call.id, why, now());
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
      make_eligible(*c);
  }

  // -- going on and ending ----------------------------------------------------

  // After each event: begins all that can begin now.
  void proceed() {
    timers_.run(now());
    tracker_.send();
    begin_attempts();
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
  }

  void end_if_done() {
    if (!stopping_ || ending_ || !calls_.empty() || !tracker_.idle())
      return;
    ending_ = true;
    const auto workers = workers_.close();
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
  attempt_pacing pacing_;
  worker_pool workers_;
  std::optional<timer_queue::entry> begin_timer_; // for the next attempt
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
