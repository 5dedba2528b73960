#include "waybill/store_and_forward.hpp"

#include <utility>
#include <variant>

#include <caf/send.hpp>

#include "waybill/attempt_places.hpp"
#include "waybill/caf_interception.hpp"
#include "waybill/call_buffer.hpp"
#include "waybill/call_reports.hpp"
#include "waybill/discard_desk.hpp"
#include "waybill/forward_notices.hpp"
#include "waybill/jitter.hpp"
#include "waybill/pause_watch.hpp"
#include "waybill/payload_coding.hpp"
#include "waybill/request_admission.hpp"
#include "waybill/target_opening.hpp"
#include "waybill/tracker_link.hpp"
#include "waybill/waiting_calls.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;

// The internal interface: what it says to itself, and its workers to it.
using forwarder
  = store_and_forward_actor::extend<hears<delivery_done>, hears<drained>,
                                    hears<work_tick>, hears<calls_requeued>,
                                    hears<calls_discarded>>;

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
      notices_{std::move(on_notice), options_.on_breaker, options_.target},
      mailbox_{options_.max_heads, options_.max_waiting_bytes},
      jitter_{options_.seed},
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
      [this](const pause_target& x) { return receive(x); },
      [this](const resume_target& x) { return receive(x); },
      [this](const get_backlog&) { return describe(); },
      [this](const shut_down&) { stop(); },
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
      [this](const calls_requeued& x) {
        waiting_.requeued(x);
        proceed();
      },
      [this](const calls_discarded& x) {
        waiting_.discarded(x);
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
    notices_.ended();
    tracker_.end_all();
    pause_.refuse_all();
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
    using requests = message_list<forward_call, forward_bundle, discard,
                                  pause_target, resume_target>;
    return find_refusal(requests{}, content, mailbox_,
                        "too many requests wait; not taken",
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
            .random = [this] { return jitter_.next(); },
            .proceed = [this] { proceed(); },
            .notice = notices_.listener()};
  }

  template <class Request>
  promise<typename Request::reply> receive(const Request& x) {
    mailbox_.leave(weight(x), request_count(x));
    auto to = this->template make_response_promise<typename Request::reply>();
    take(x, to);
    proceed();
    return to;
  }

  // -- the target -------------------------------------------------------------

  promise<backlog_reply> describe() {
    auto to = this->template make_response_promise<backlog_reply>();
    ask(
      get_target{options_.target},
      [this, to](const target_reply& x) mutable {
        auto backlog = calls_.backlog(x.calls);
        backlog.pause = x.pause;
        to.deliver(
          places_.pacing().describe(std::move(backlog), options_.clock));
      },
      [to](const failure& why) mutable {
        to.deliver(to_error(why.code, why.text));
      });
    proceed();
    return to;
  }

  // What had begun when the process before this one died has been interrupted.
  void open() {
    ask(
      open_request(options_),
      [this, sent = pause_.asked()](const target_reply& x) {
        notices_.opened(x);
        waiting_.opened(x.calls);
        pause_.heed(x.pause, sent, now());
        end_opening(std::nullopt);
      },
      [this](const failure& why) {
        notices_.not_opened(why);
        end_opening(why);
      });
  }

  void end_opening(std::optional<failure> fault) {
    for (auto& [call, what] : opening_.end(std::move(fault)))
      record(*call, std::move(what));
  }

  // -- calls ------------------------------------------------------------------

  void take(const forward_bundle& x, promise<forward_bundle_reply>& to) {
    auto senders = senders_of(to, x.calls.size());
    for (std::size_t i = 0; i < senders.size(); ++i)
      take(x.calls[i], std::move(senders[i]));
  }

  void take(const forward_call& x, call_sender from) {
    if (const auto why = calls_.refusal_of(x, stopping_))
      from.refuse(*why);
    else if (auto* const known = calls_.find(x.id))
      calls_.add_sender(*known, std::move(from));
    else
      take_new(x, std::move(from));
  }

  void take_new(const forward_call& x, call_sender from) {
    take_call what{.target = options_.target, .call = x};
    if (const auto fault = encode_payload(options_.encode, what))
      return from.refuse({errc::invalid_request, *fault});
    auto& c = calls_.add(x.id);
    c.senders.push_back(std::move(from));
    if (opening_.has_ended())
      record(c, std::move(what));
    else
      opening_.keep_waiting(c, std::move(what));
  }

  void record(tracked_call& c, take_call what) {
    if (opening_.fault())
      return not_recorded(c, *opening_.fault());
    if (waiting_.comes_first(c, what.call) && !pause_.holds())
      take_place(c);
    what.begin = c.at_work.has_value();
    ask(
      std::move(what),
      [this, &c](take_reply& reply, take_call& asked) {
        recorded(c, asked, reply);
      },
      [this, &c](const failure& why) { not_recorded(c, why); });
  }

  void recorded(tracked_call& c, take_call& what, const take_reply& reply) {
    if (!calls_.answer_senders(c, reply))
      return drop(c);
    waiting_.note(c, reply.head);
    const tracked_operation_id id{c.id};
    if (c.at_work && reply.begun) {
      if (!end_if_over(c))
        deliver(c, to_outgoing(what));
    } else {
      places_.give_back(c.at_work);
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
    places_.give_back(c.at_work);
    const tracked_operation_id id{c.id};
    calls_.forget(c);
    begin_discards(id);
  }

  // Reads on in the store when there is room in memory.
  void read_on() {
    if (!opening_.is_open())
      return;
    const auto read = [this]<class Question>(const Question& what) {
      ask(
        what,
        [this, what](const typename Question::reply& x) {
          waiting_.found(what, x);
        },
        [this, what](const failure&) { waiting_.not_found(what); });
    };
    while (const auto what = waiting_.next_question())
      std::visit(read, *what);
    read_again_.set(waiting_.next_reading());
  }

  // -- attempts ---------------------------------------------------------------

  void begin_attempts() {
    if (pause_.holds())
      return; // the probe of an open breaker waits, too
    tracked_call* c = nullptr;
    while ((c = calls_.first_interrupted()) != nullptr && take_place(*c))
      begin_attempt(*c);
    while ((c = calls_.first_ready()) != nullptr && take_place(*c))
      begin_attempt(*c);
  }

  void begin_attempt(tracked_call& c) {
    if (end_if_over(c))
      return;
    calls_.enter(c, phase::beginning);
    ask(
      begin_request(c),
      [this, &c](begin_reply& x) {
        if (x.begun)
          return deliver(c, to_outgoing(x));
        places_.give_back(c.at_work);
        if (!x.paused || c.terminal)
          return calls_.forget(c); // somebody else has ended it
        pause_.doubt();
        waiting_.wait(c);
      },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  // No attempt follows if its time is over, or none is left.
  bool end_if_over(tracked_call& c) {
    const auto end = find_end(options_, c.expires, c.attempt);
    if (end) {
      places_.give_back(c.at_work);
      report(c, phase::reporting_end, end_report(c, *end));
    }
    return end.has_value();
  }

  void deliver(tracked_call& c, outgoing_call x) {
    calls_.enter(c, phase::delivering);
    if (const auto worker = places_.start(*c.at_work, forwarder{this},
                                          std::move(x)))
      tell(this, *worker, work_tick{});
  }

  bool take_place(tracked_call& c) {
    c.at_work = places_.take(c.id, c.interruptions > 0, now(), notices_);
    if (!c.at_work)
      begin_again_.set(places_.next());
    return c.at_work.has_value();
  }

  void delivered(const delivery_done& x) {
    auto& c = *calls_.find(places_.release(x.worker));
    places_.end(c.at_work, x, now(), notices_);
    if (c.terminal)
      return calls_.forget(c); // discarded meanwhile
    if (const auto end = end_after(options_, c.attempt, x))
      return report(c, phase::reporting_end, end_report(c, *end));
    const auto wait = wait_after(options_, c.attempt, x.result, jitter_.next());
    c.due = now() + wait;
    report(c, phase::reporting_retry,
           retry_report(c, options_.clock.wall_or_system() + wait, x.result));
  }

  // -- reporting --------------------------------------------------------------

  template <class Report>
  void report(tracked_call& c, phase which, Report what) {
    calls_.enter(c, which);
    tracker_.ask(
      this, std::move(what), importance::essential, {},
      [this, &c](const update_reply& x, const Report& said) {
        reported(c, said, x);
      },
      [this, &c](const failure& why) { not_reported(c, why); });
  }

  void reported(tracked_call& c, const end_call&, const update_reply&) {
    calls_.forget(c);
  }

  void reported(tracked_call& c, const retry_call&, const update_reply& x) {
    if (c.terminal || x.outcome != update_outcome::applied)
      return calls_.forget(c); // an operator has given it up
    ++c.attempt;
    waiting_.wait(c);
  }

  void not_reported(tracked_call& c, const failure& why) {
    places_.give_back(c.at_work);
    notices_.report_refused(c.id, why, now());
    calls_.forget(c);
  }

  // -- discarding -------------------------------------------------------------

  void take(const discard& x, promise<update_reply>& to) { begin({x, to}); }

  // Those that waited for the recording.
  void begin_discards(const tracked_operation_id& id) {
    for (auto& job : discards_.take_waiting(id))
      begin(std::move(job));
  }

  void begin(pending_discard job) {
    const auto id = job.what.id;
    auto* const c = calls_.find(id);
    if (const auto why = discards_.refusal_of(job.what, stopping_)) {
      job.to.deliver(to_error(why->code, why->text));
      return;
    }
    if (c != nullptr && c->phase == phase::recording)
      return discards_.keep_waiting(std::move(job)); // it is not there yet
    shorten(job.what.reason, options_.last_error_cap);
    discards_.begin(id);
    if (c != nullptr && c->phase == phase::ready)
      calls_.enter(*c, phase::held); // no attempt any more
    ask(
      to_request(std::move(job.what)),
      [this, id, to = job.to](const discard_reply& x) mutable {
        const auto reply = to_update_reply(x);
        if (reply.outcome != update_outcome::not_found)
          calls_.call_off(id);
        end_discard(id);
        waiting_.unblocked();
        to.deliver(reply);
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
      waiting_.wait(*c);
  }

  // -- pausing ----------------------------------------------------------------

  template <class Request>
  void take(const Request& x, promise<pause_reply>& to) {
    if (const auto why = pause_.refusal_of(x, options_.target, stopping_)) {
      to.deliver(to_error(why->code, why->text));
      return;
    }
    pause_.begin(x, to);
  }

  // The next request, and whether the target still is paused.
  void look_at_pause() {
    const auto change = [this]<class Request>(const Request& x) {
      ask(
        Request{x},
        [this](const pause_reply& reply, const Request& asked) {
          notices_.pause_changed(asked, reply);
          if (pause_.end(asked, reply, now()))
            places_.ramp_up(now());
        },
        [this, x](const failure& why) {
          pause_.give_up(x).deliver(to_error(why.code, why.text));
        });
    };
    if (const auto* const next = pause_.next())
      std::visit(change, *next);
    if (pause_.next_look() <= now() && !stopping_) {
      pause_.begin_look();
      ask(
        get_target{options_.target},
        [this, sent = pause_.asked()](const target_reply& x) {
          if (pause_.heed(x.pause, sent, now()))
            places_.ramp_up(now());
        },
        [this](const failure&) { pause_.not_seen(now()); });
    }
    look_again_.set(stopping_ ? timer_queue::time_point::max()
                              : pause_.next_look());
  }

  // -- going on and ending ----------------------------------------------------

  // What is given up when this stops; see tracker_link.
  template <class Request, class Answered, class GiveUp>
  void ask(Request what, Answered answered, GiveUp give_up) {
    tracker_.ask(this, std::move(what), importance::optional, {},
                 std::move(answered), std::move(give_up));
  }

  // After each event: begins all that can begin now.
  void proceed() {
    timers_.run(now());
    tracker_.send();
    waiting_.go_on();
    begin_attempts();
    read_on();
    look_at_pause();
    if (!pause_.holds() || places_.num_beginning() == 0)
      pause_.tell_done();
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
    waiting_.stop();
    tracker_.stop();
    end_opening(
      failure{errc::stopped, "store-and-forward is stopping; not taken"});
    proceed();
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
  jitter jitter_;
  timer_queue timers_;
  wake_up timer_;
  call_buffer calls_; // has its timers there
  discard_desk discards_;
  waiting_calls waiting_;
  attempt_places places_;
  reminder begin_again_{timers_}; // for the next attempt
  reminder read_again_{timers_};  // for the store's next calls
  reminder look_again_{timers_};  // at the pause
  pause_watch pause_;
  target_opening opening_;
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
