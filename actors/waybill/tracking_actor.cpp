#include "waybill/tracking_actor.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <new>
#include <tuple>
#include <utility>
#include <vector>

#include "waybill/json.hpp"
#include "waybill/open_bundle.hpp"
#include "waybill/open_waits.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/text.hpp"
#include "waybill/tracker_stats.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto max_batch_time = milliseconds{5};
constexpr auto max_purge_step = milliseconds{5};
constexpr int vacuum_step_pages = 256;
constexpr auto held_log_delay = milliseconds{200};
constexpr const char* held_log
  = "a reader keeps the write-ahead log from being emptied";
constexpr auto first_recovery_delay = milliseconds{20};
constexpr auto max_recovery_delay = milliseconds{500};

tracked_operation_id id_of(const get_status& x) noexcept {
  return x.id;
}

template <class Question>
tracked_operation_id id_of(const Question&) noexcept {
  return {};
}

template <class Reply>
using promise = caf::typed_response_promise<Reply>;

// An answer that waits for COMMIT.
template <class Reply>
struct held_answer {
  promise<Reply> to;
  Reply reply;
  std::int64_t weight = 0;
  /// What a question was about.
  tracked_operation_id id;
};

template <class Reply>
using held_answers = std::vector<held_answer<Reply>>;

class tracking_actor_impl : public owned_tracking_actor::base {
public:
  using super = owned_tracking_actor::base;

  tracking_actor_impl(caf::actor_config& config, operation_tracking_store store,
                      const options& x, tracker_context context)
    : super{config},
      store_{std::move(store)},
      on_closed_{std::move(context.on_closed)},
      clock_{x.clock},
      on_notice_{x.on_notice},
      max_batch_{x.max_batch},
      purge_chunk_rows_{x.purge_chunk_rows},
      overlap_commits_{x.overlap_commits},
      waiting_{std::move(context.waiting)},
      restarts_{context.restarts},
      queries_{std::move(context.queries)},
      max_waits_{static_cast<std::size_t>(x.max_waits)},
      since_{clock_.wall()},
      last_error_{std::move(context.last_error)},
      stats_{since_, x} {
    // The text becomes the reason of the actor's end.
    this->set_exception_handler([](std::exception_ptr& thrown) -> caf::error {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        return to_error(errc::outcome_unknown, e.what());
      } catch (...) {
        return to_error(errc::outcome_unknown, "an exception of no known type");
      }
    });
  }

  const char* name() const override { return "waybill.tracker"; }

  behavior_type make_behavior() override {
    return {
      [this](const record_enqueue& x) { return write(x); },
      [this](const record_attempt& x) { return write(x); },
      [this](const record_terminal& x) { return write(x); },
      [this](const get_status& x) { return read(x, [&] { return apply(x); }); },
      [this](const purge_terminal& x) { return start_purge(x); },
      [this](const get_counts& x) {
        return read(x, [&] {
          admit(x);
          settle_what_is_shown();
          return store_.get_counts();
        });
      },
      [this](const get_health&) { return health(); },
      [this](const get_stats& x) {
        return read(x, [&] {
          admit(x);
          settle_what_is_shown();
          return stats();
        });
      },
      [this](const await_terminal& x) { return wait(x); },
      [this](const list_operations& x) { return pass_on(x); },
      [this](const get_history& x) { return pass_on(x); },
      [this](const watch_transitions& x) { return pass_on(x); },
      [this](const request_bundle& x) { return run(x); },
      [this](const shut_down&) {
        // What has been admitted is in the mailbox before `drained`.
        stopping_ = true;
        tell(this, owned_tracking_actor{this}, drained{});
      },
      [this](const drained&) { this->quit(); },
      [this](const commit_tick& x) {
        stats_.waited(x);
        if (batch_open_ && x.batch == batch_)
          end_batch();
      },
      [this](const sync_ended&) {
        finish_sync_that_has_ended(); // it may be over, and the next begun
      },
      [this](const purge_tick&) { work(); },
      [this](const log_tick&) { look_at_log(); },
      [this](const recovery_tick&) { recover(); },
      [this](const work_tick& x) {
        if (wait_timer_.is_for(x.serial))
          run_wait_timers();
      },
    };
  }

  // Runs on every way out: quit(), an exit message, an exception, the end of
  // the actor system. CAF 0.17 does not answer promises of a dead actor.
  void on_exit() override {
    waiting_->stop();
    heed_damage();
    const auto answered = [](auto&& f) {
      try {
        f();
      } catch (const std::exception&) {
        // The host's clock: what was to be answered has been.
      }
    };
    answered([this] { finish_sync(); });
    answered([this] {
      if (batch_open_)
        commit();
    });
    while (!purges_.empty())
      fail_purge({stopping_ ? errc::stopped : errc::not_stored,
                  "the tracker has ended before the purge"});
    abandon_bundle();
    send_passed_on();
    for (const auto each : waits_.all())
      fail_wait(each, {stopping_ ? errc::stopped : errc::not_stored,
                       "the tracker has ended before the wait"});
    store_.close();
    if (const auto tell_owner = std::exchange(on_closed_, nullptr))
      tell_owner(
        {to_failure(fail_state_).text, state_ == health_state::failed});
  }

private:
  struct bundle_job {
    open_bundle answers;
    std::int64_t open_bytes; // of the requests that are not settled
    bool held;               // until the open batch is committed
  };

  using all_held
    = std::tuple<held_answers<enqueue_reply>, held_answers<update_reply>,
                 held_answers<status_reply>, held_answers<purge_reply>,
                 held_answers<counts_reply>, held_answers<stats_reply>>;

  // What a batch is owed once it is known how it has ended.
  struct batch_answers {
    all_held held;
    std::vector<bundle_job> bundles;
    std::int64_t requests = 0; // those in bundles, too
  };

  struct purge_job {
    purge_terminal request;
    promise<purge_reply> to;
    std::int64_t deleted;
  };

  // -- requests ---------------------------------------------------------------

  enqueue_reply apply(const record_enqueue& x) {
    open_batch();
    const auto reply = store_.record_enqueue(x, clock_.wall());
    stats_.applied(x, reply);
    return reply;
  }

  update_reply apply(const record_attempt& x) {
    open_batch();
    const auto reply = store_.record_attempt(x, clock_.wall());
    stats_.applied(x, reply);
    return reply;
  }

  update_reply apply(const record_terminal& x) {
    open_batch();
    const auto reply = store_.record_terminal(x, clock_.wall());
    stats_.applied(x, reply);
    if (!waits_.is_empty() && reply.outcome == update_outcome::applied)
      finished_.push_back(x.id);
    return reply;
  }

  status_reply apply(const get_status& x) {
    if (syncing_ && store_.may_be_undone(x.id))
      settle_what_is_shown();
    auto reply = store_.get_status(x, clock_.wall());
    stats_.asked();
    return reply;
  }

  // Applies at once, answers after COMMIT.
  template <class Request>
  promise<typename Request::reply> write(const Request& x) {
    using reply_type = typename Request::reply;
    arrivals_ = true;
    finish_sync_that_has_ended();
    auto to = this->make_response_promise<reply_type>();
    attempt(to, weight(x), [&] { hold(to, apply(x), weight(x)); });
    commit_if_due();
    return to;
  }

  // Sees what has been applied, and is therefore answered after its COMMIT.
  template <class Request, class Look>
  promise<typename Request::reply> read(const Request& x, Look&& look) {
    using reply_type = typename Request::reply;
    auto to = this->make_response_promise<reply_type>();
    attempt(to, weight(x), [&] {
      auto reply = look();
      if (may_be_undone(x))
        hold(to, std::move(reply), weight(x), id_of(x));
      else
        answer(to, std::move(reply), weight(x));
    });
    commit_if_due();
    return to;
  }

  // Whether the answer to a request waits for the open batch.
  template <class Request>
  [[nodiscard]] bool may_be_undone(const Request&) const noexcept {
    return batch_open_;
  }

  [[nodiscard]] bool may_be_undone(const get_status& x) const noexcept {
    return batch_open_ && store_.may_be_undone(x.id);
  }

  // Each request for itself; one answer when the last of them has ended.
  promise<bundle_reply> run(const request_bundle& x) {
    auto to = this->make_response_promise<bundle_reply>();
    if (!is_consistent(x)) {
      waiting_->leave(weight(x), request_count(x));
      to.deliver(to_error(errc::invalid_request,
                          "verbs: do not fit the lists of requests"));
      return to;
    }
    heed_damage();
    arrivals_ = true;
    finish_sync_that_has_ended();
    auto& bundles = open_.bundles;
    bundles.push_back({open_bundle{to, x}, 0, false});
    for_each_request(x, [this](const auto& each) { run_next(each); });
    if (!batch_open_) {
      settle(bundles);
    } else if (!bundles.back().held) {
      settle(bundles.back());
      bundles.pop_back();
    }
    commit_if_due();
    return to;
  }

  template <class Request>
  void run_next(const Request& x) {
    open_.bundles.back().open_bytes += weight(x);
    const auto fail_one = [&](const store_error& e) {
      open_.bundles.back().answers.fail(x, e.code(), e.what());
    };
    try {
      open_.bundles.back().answers.add(x, apply(x));
    } catch (const store_error& e) {
      fail_one(e);
      on_error(e);
      return;
    } catch (const std::bad_alloc&) {
      on_bad_alloc(fail_one);
      return;
    }
    if (!may_be_undone(x))
      return;
    open_.bundles.back().held = true;
    if (++open_.requests >= max_batch_)
      commit();
  }

  // What has been run stands; answers the bundles that have been run to their
  // end. Only the last one may not have been.
  void settle(std::vector<bundle_job>& bundles) {
    const auto unfinished = !bundles.empty()
                            && !bundles.back().answers.is_complete();
    for (auto& x : bundles)
      settle(x);
    bundles.erase(bundles.begin(), bundles.end() - (unfinished ? 1 : 0));
  }

  void settle(bundle_job& x) {
    waiting_->leave(std::exchange(x.open_bytes, 0), x.answers.settle());
    if (x.answers.is_complete())
      x.answers.deliver();
  }

  // The one that an exception has interrupted, if there is one.
  void abandon_bundle() {
    for (auto& x : open_.bundles)
      x.answers.deliver(
        to_error(errc::outcome_unknown, "the tracker has ended"));
    open_.bundles.clear();
  }

  // The one place where an exception becomes an answer. `f` must not throw once
  // it has answered or kept the answer.
  template <class Reply, class F>
  void attempt(promise<Reply>& to, std::int64_t bytes, F&& f) {
    heed_damage();
    try {
      f();
    } catch (const store_error& e) {
      fail(to, e, bytes);
      on_error(e);
    } catch (const std::bad_alloc&) {
      on_bad_alloc([&](const store_error& e) { fail(to, e, bytes); });
    } catch (const std::exception& e) {
      // Not of storage, but of the host's clock, say. It ends this actor.
      fail(to, {errc::outcome_unknown, e.what()}, bytes);
      throw;
    }
  }

  // The request may have been applied, but its answer could not be kept.
  template <class Fail>
  void on_bad_alloc(Fail&& fail_one) {
    const store_error e{errc::not_stored, "out of memory; rolled back"};
    fail_one(e);
    if (batch_open_)
      fail_batch(e);
  }

  // What the store's verbs do for themselves.
  template <class Request>
  void admit(const Request& x) const {
    if (const auto fault = find_fault(x))
      throw store_error{errc::invalid_request, *fault};
    if (x.deadline && clock_.wall() > *x.deadline)
      throw store_error{errc::deadline_passed,
                        "deadline: " + to_string(*x.deadline)
                          + " has passed; not stored"};
  }

  promise<health_reply> health() {
    heed_damage();
    auto to = this->make_response_promise<health_reply>();
    answer(to,
           health_reply{.state = state_,
                        .reason = reason_,
                        .since = since_,
                        .last_error = last_error_,
                        .waiting_requests = waiting_->requests() - 1,
                        .waiting_bytes = waiting_->bytes(),
                        .batches = batches_,
                        .batched_requests = batched_requests_,
                        .wal_bytes = store_.wal_bytes(),
                        .restarts = restarts_},
           0);
    return to;
  }

  stats_reply stats() {
    forget_dead_waiters();
    auto x = stats_.totals();
    x.waiting_requests = waiting_->requests() - 1;
    x.waiting_bytes = waiting_->bytes();
    x.waits = static_cast<std::int64_t>(waits_.size());
    x.watches = queries_.listener->listeners.load();
    x.health = state_;
    x.restarts = restarts_;
    stats_.look_at(store_, clock_.wall(), x);
    return x;
  }

  // -- questions for the query actor ------------------------------------------

  // It sees what is committed, and so the sender's own earlier writes only
  // after the open batch.
  template <class Request>
  promise<typename Request::reply> pass_on(const Request& x) {
    auto to = this->make_response_promise<typename Request::reply>();
    if (batch_open_)
      passed_on_.push_back([this, to, x]() mutable { hand_over(to, x); });
    else
      hand_over(to, x);
    return to;
  }

  template <class Request>
  void hand_over(promise<typename Request::reply>& to, const Request& x) {
    const auto bytes = weight(x);
    waiting_->leave(bytes);
    switch (queries_.waiting->enter(bytes)) {
      case admission::verdict::admitted:
        to.delegate(queries_.actor, x);
        break;
      case admission::verdict::overloaded:
        to.deliver(to_error(errc::overloaded, "too many questions wait"));
        break;
      case admission::verdict::stopped:
        to.deliver(to_error(errc::stopped, "the tracker has stopped"));
        break;
    }
  }

  void send_passed_on() {
    for (const auto& send : std::exchange(passed_on_, {}))
      send();
  }

  // -- waits ------------------------------------------------------------------

  promise<wait_reply> wait(const await_terminal& x) {
    // CAF 0.17 gives the sender to the promise.
    const auto asker = this->current_sender();
    auto to = this->make_response_promise<wait_reply>();
    const auto bytes = weight(x);
    attempt(to, bytes, [&] {
      if (const auto fault = find_fault(x))
        throw store_error{errc::invalid_request, *fault};
      forget_dead_waiters();
      if (waits_.num_ids() + x.ids.size() > max_waits_)
        throw store_error{errc::overloaded,
                          "max_waits: " + std::to_string(waits_.num_ids())
                            + " operations are waited for already"};
      new_waits_.reserve(new_waits_.size() + 1);
      const auto waiter = waiters_.number_of(asker);
      const auto added = waits_.add({.request = x,
                                     .to = to,
                                     .waiter = waiter,
                                     .pending = {},
                                     .timer = std::nullopt});
      if (!asker) // who has no name can hear no answer
        waits_.find(added)->request.deadline.reset();
      new_waits_.push_back(added);
      waiting_->leave(bytes); // it has a bound of its own
    });
    settle_what_is_shown();
    if (!batch_open_) // else what it sees may be undone
      begin_new_waits();
    return to;
  }

  void begin_new_waits() {
    for (const auto number : std::exchange(new_waits_, {}))
      begin_wait(number);
  }

  // With no batch open.
  void begin_wait(open_waits::serial number) {
    auto* const x = waits_.find(number);
    if (x == nullptr)
      return;
    const auto reply = look_at_waited(number, *x);
    if (!reply)
      return;
    std::size_t finished = 0;
    for (std::size_t i = 0; i < x->request.ids.size(); ++i) {
      const auto& found = reply->operations[i].snapshot;
      if (found ? is_terminal(found->status) : !x->request.until_recorded)
        ++finished;
      else
        waits_.expect(number, x->request.ids[i]);
    }
    const auto any = x->request.mode == wait_mode::any_of;
    if (finished == x->request.ids.size() || (any && finished > 0))
      end_wait(number, *reply, true);
    else if (const auto left = clock_.time_until(x->request.deadline);
             left <= microseconds{0})
      end_wait(number, *reply, false);
    else if (!x->timer)
      start_timer(number, *x, left);
  }

  void start_timer(open_waits::serial number, open_waits::wait& x,
                   microseconds left) {
    x.timer = wait_timers_.add(clock_.steady() + left, [this, number] {
      auto* const late = waits_.find(number);
      late->timer.reset();
      if (const auto reply = look_at_waited(number, *late))
        end_wait(number, *reply, false);
    });
    arm_wait_timer();
  }

  void run_wait_timers() {
    settle_what_is_shown();
    waits_due_ = batch_open_; // what is answered must be committed
    if (waits_due_)
      return;
    wait_timers_.run(clock_.steady());
    forget_dead_waiters();
    arm_wait_timer();
  }

  void arm_wait_timer() {
    if (const auto x = wait_timer_.arm(wait_timers_, clock_.steady()))
      tell_later(this, owned_tracking_actor{this}, x->delay,
                 work_tick{x->serial});
  }

  // The committed states of all that is waited for; none if the store cannot be
  // asked, which ends the wait.
  std::optional<wait_reply> look_at_waited(open_waits::serial number,
                                           const open_waits::wait& x) {
    try {
      wait_reply reply;
      for (const auto& id : x.request.ids)
        reply.operations.push_back(
          store_.get_status({id, std::nullopt}, clock_.wall()));
      return reply;
    } catch (const store_error& e) {
      fail_wait(number, e);
    } catch (const std::bad_alloc&) {
      fail_wait(number, {errc::not_stored, "out of memory"});
    }
    return std::nullopt;
  }

  open_waits::wait take_wait(open_waits::serial number) {
    auto x = waits_.take(number);
    if (x.timer)
      wait_timers_.cancel(*x.timer);
    return x;
  }

  void end_wait(open_waits::serial number, wait_reply reply, bool finished) {
    reply.finished = finished;
    take_wait(number).to.deliver(std::move(reply));
  }

  void fail_wait(open_waits::serial number, const store_error& e) {
    take_wait(number).to.deliver(
      to_error(code_for_question(e.code()), e.what()));
  }

  void forget_dead_waiters() {
    for (const auto each : waits_.of(waiters_.take_ended()))
      take_wait(each);
  }

  // What the end of a batch means to those who wait.
  void tell_waiters() {
    for (const auto& id : std::exchange(finished_, {}))
      for (const auto number : waits_.finish(id))
        if (const auto* const x = waits_.find(number))
          if (const auto reply = look_at_waited(number, *x))
            end_wait(number, *reply, true);
    begin_new_waits();
    if (waits_due_)
      run_wait_timers();
  }

  // A commit that had ended without saying how is told by what is there now.
  void look_at_all_waits() {
    for (const auto number : waits_.all()) {
      waits_.expect_nothing(number);
      begin_wait(number);
    }
  }

  // -- answering --------------------------------------------------------------

  template <class Reply>
  void answer(promise<Reply>& to, Reply reply, std::int64_t bytes) {
    waiting_->leave(bytes);
    to.deliver(std::move(reply));
  }

  template <class Reply>
  void fail(promise<Reply>& to, const store_error& e, std::int64_t bytes) {
    waiting_->leave(bytes);
    constexpr auto is_question
      = !std::is_same_v<
          Reply,
          enqueue_reply> && !std::is_same_v<Reply, update_reply> && !std::is_same_v<Reply, purge_reply>;
    to.deliver(
      to_error(is_question ? code_for_question(e.code()) : e.code(), e.what()));
  }

  template <class Reply>
  void hold(const promise<Reply>& to, Reply reply, std::int64_t bytes,
            tracked_operation_id id = {}) {
    std::get<held_answers<Reply>>(open_.held)
      .push_back({to, std::move(reply), bytes, id});
    ++open_.requests;
  }

  // The batch is durable.
  void release(batch_answers& x) {
    drain(x.held, [this](auto& each) {
      answer(each.to, std::move(each.reply), each.weight);
    });
    settle(x.bundles);
    x.requests = 0;
  }

  // The batch is undone, or it is not known whether it is.
  void refuse(batch_answers& x, const store_error& e) {
    stats_.rolled_back(x.requests, e.code());
    drain(x.held, [&](auto& each) {
      if (!look_again(each))
        fail_held(each, e);
    });
    for (auto& each : x.bundles)
      each.answers.fail_open(e.code(), e.what(),
                             [this](const auto& id) { return look_at(id); });
    settle(x.bundles);
    x.requests = 0;
  }

  template <class Reply>
  void fail_held(held_answer<Reply>& x, const store_error& e) {
    fail(x.to, e, x.weight);
  }

  void fail_held(held_answer<purge_reply>& x, const store_error& e) {
    fail_purge(x.to, x.reply.deleted, e);
  }

  template <class F>
  static void drain(all_held& all, F&& f) {
    const auto drain_one = [&](auto& list) {
      for (auto& x : list)
        f(x);
      list.clear(); // which keeps what it has allocated
    };
    std::apply([&](auto&... lists) { (drain_one(lists), ...); }, all);
  }

  // -- group commit -----------------------------------------------------------

  // The commit message lines up behind all that is in the mailbox by now; what
  // arrives before its turn shares the COMMIT.
  void open_batch() {
    if (batch_open_)
      return;
    if (store_.checkpoint_is_due())
      finish_sync(); // nobody waits for an answer then
    store_.begin();
    batch_open_ = true;
    batch_began_ = steady_clock::now();
    arrivals_ = false;
    tell(this, owned_tracking_actor{this}, stats_.stamped({++batch_}));
  }

  void commit_if_due() {
    if (open_.requests >= max_batch_)
      commit();
    else if (overlap_pays())
      commit_ahead();
  }

  // A batch may be synced while the next is worked on. That pays when two
  // fifths to a half of all that waits have been done, as long as a batch of
  // that size takes as long as its COMMIT: else two small batches cost two
  // syncs where a large one costs one. Not if someone waits for its end.
  [[nodiscard]] bool overlap_pays() const {
    const auto waiting = waiting_->requests();
    const auto held = open_.requests;
    return overlap_commits_ && batch_open_ && !syncing_ && held > 0
           && 2 * held <= waiting && 2 * waiting <= 5 * held && !someone_waits()
           && steady_clock::now() - batch_began_ >= commit_time_;
  }

  // For the end of the open batch, but for its answers.
  [[nodiscard]] bool someone_waits() const {
    return !finished_.empty() || !new_waits_.empty() || waits_due_
           || !passed_on_.empty();
  }

  // The commit message's turn. Where requests came since it was sent, more have
  // probably come while they were applied, and it goes round again: a COMMIT
  // costs as much for few as for many.
  void end_batch() {
    if (std::exchange(arrivals_, false)
        && steady_clock::now() - batch_began_ < max_batch_time)
      tell(this, owned_tracking_actor{this}, stats_.stamped({batch_}));
    else if (overlap_commits_ && open_.requests == 0 && !someone_waits())
      commit_ahead(); // a purge's step: the next one begins meanwhile
    else
      commit();
  }

  void commit() {
    finish_sync();
    if (!batch_open_)
      return; // it fell with the one before
    const auto began = steady_clock::now();
    if (try_to_commit([this] { store_.commit(); }))
      committed(began);
  }

  // Leaves the sync to another thread.
  void commit_ahead() {
    finish_sync();
    if (!batch_open_)
      return; // it fell with the one before
    const auto began = steady_clock::now();
    auto syncs = false;
    if (!try_to_commit([&] {
          syncs = store_.begin_commit([me = owned_tracking_actor{this}] {
            tell_from_nobody(me, sync_ended{});
          });
        }))
      return;
    if (!syncs) {
      committed(began);
      return;
    }
    syncing_ = true;
    sync_began_ = began;
    std::swap(open_, synced_); // which has been emptied
    synced_did_ = stats_.take_batch();
  }

  template <class F>
  bool try_to_commit(F&& f) {
    batch_open_ = false;
    try {
      f();
      return true;
    } catch (const store_error& e) {
      fail_batch(e);
    } catch (const std::exception& e) {
      fail_batch({errc::outcome_unknown, e.what()});
    }
    return false;
  }

  void committed(steady_clock::time_point began) {
    count_commit(stats_.take_batch(), open_.requests,
                 steady_clock::now() - began);
    release(open_);
    tell_waiters();
    send_passed_on();
    queries_.listener->on_commit();
    maintain(); // nobody waits for an answer now
    storage_works();
  }

  void count_commit(const tracker_stats::tally& did, std::int64_t requests,
                    steady_clock::duration took) {
    ++batches_;
    batched_requests_ += requests;
    stats_.committed(did, requests, took);
    commit_time_ += (took - commit_time_) / 4; // one that is slow is no rule
    recovery_delay_ = first_recovery_delay;
  }

  // The end of the batch that is being synced; waits for it.
  void finish_sync() {
    if (!std::exchange(syncing_, false))
      return;
    steady_clock::time_point ended;
    try {
      ended = store_.finish_commit();
    } catch (const store_error& e) {
      fail_synced(e);
      return;
    }
    count_commit(synced_did_, synced_.requests, ended - sync_began_);
    release(synced_);
    queries_.listener->on_commit();
    storage_works();
  }

  void finish_sync_that_has_ended() {
    if (syncing_ && store_.commit_has_ended())
      finish_sync();
  }

  // What is shown while no batch is open is answered at once, and so must be
  // durable.
  void settle_what_is_shown() {
    if (!batch_open_)
      finish_sync();
  }

  // The batch that was synced may be there or not; the one after it is not.
  void fail_synced(const store_error& e) {
    if (store_.needs_recovery())
      forbid_reading(e);
    refuse(synced_, e);
    if (batch_open_)
      fail_batch({errc::not_stored,
                  std::string{"rolled back with the batch before: "} + e.what(),
                  e.sqlite_code()});
    else
      fail_begun_purge(e);
    on_error(e);
  }

  void storage_works() {
    if (!store_.log_is_overgrown()) {
      set_state(health_state::ok, "");
    } else if (reason_ != held_log) {
      set_state(health_state::ok, ""); // of what there was before
      set_state(health_state::degraded, held_log);
    }
  }

  // A log that a reader holds is looked at again, for there may be no commit
  // after which to do it.
  void maintain() {
    store_.maintain();
    if (store_.log_is_held() && !std::exchange(log_watched_, true))
      tell_later(this, owned_tracking_actor{this}, held_log_delay, log_tick{});
  }

  void look_at_log() {
    log_watched_ = false;
    heed_damage();
    settle_what_is_shown();
    maintain();
    if (reason_ == held_log && !store_.log_is_overgrown())
      set_state(health_state::ok, "");
  }

  void fail_batch(const store_error& e) {
    batch_open_ = false;
    store_.rollback();
    finish_sync();
    if (store_.needs_recovery())
      forbid_reading(e);
    stats_.take_batch();
    finished_.clear();
    refuse(open_, e);
    fail_begun_purge(e);
    tell_waiters(); // those who came meanwhile
    send_passed_on();
    on_error(e);
  }

  // A question saw what is undone now. If the store can still be asked, it is
  // answered with what is committed; reads go on while nothing can be written.
  bool look_again(held_answer<status_reply>& x) {
    return answer_with(x, look_at(x.id));
  }

  bool look_again(held_answer<counts_reply>& x) {
    return answer_with(x, look([&] { return store_.get_counts(); }));
  }

  bool look_again(held_answer<stats_reply>& x) {
    return answer_with(x, look([&] { return stats(); }));
  }

  template <class Reply>
  bool look_again(held_answer<Reply>&) {
    return false;
  }

  template <class Reply>
  bool answer_with(held_answer<Reply>& x, std::optional<Reply> reply) {
    if (reply)
      answer(x.to, std::move(*reply), x.weight);
    return reply.has_value();
  }

  std::optional<status_reply> look_at(const tracked_operation_id& id) {
    return look([&] {
      return store_.get_status({id, std::nullopt}, clock_.wall());
    });
  }

  // None if the store cannot be asked.
  template <class F>
  auto look(F&& f) -> std::optional<decltype(f())> {
    try {
      return f();
    } catch (const std::exception&) { // the host's clock may throw, too
      return std::nullopt;
    }
  }

  // -- failing storage --------------------------------------------------------

  void on_error(const store_error& e) {
    switch (e.code()) {
      case errc::invalid_request:
      case errc::deadline_passed:
      case errc::overloaded:
      case errc::stopped:
        stats_.refused();
        return; // the sender's affair
      default:
        break;
    }
    last_error_ = e.what();
    if (store_.needs_recovery())
      forbid_reading(e);
    if (e.code() == errc::store_corrupt)
      set_state(health_state::failed, e.what());
    else
      set_state(health_state::degraded, e.what());
    if (batch_open_ && !store_.in_transaction()) {
      // SQLite has rolled the whole batch back: none of it is stored.
      fail_batch({errc::not_stored,
                  std::string{"rolled back after an error: "} + e.what(),
                  e.sqlite_code()});
      return;
    }
    if (state_ != health_state::degraded || recovering_)
      return;
    recovering_ = true;
    if (store_.needs_recovery())
      tell(this, owned_tracking_actor{this}, recovery_tick{});
    else
      tell_later(this, owned_tracking_actor{this}, recovery_delay_,
                 recovery_tick{});
  }

  // A reader may have found what this connection has not met.
  void heed_damage() {
    if (state_ == health_state::failed)
      return;
    if (const auto damage = queries_.listener->damage()) {
      store_.condemn(*damage);
      last_error_ = damage->what();
      set_state(health_state::failed, damage->what());
    }
  }

  // Finds out by itself whether storage works again.
  //
  // A commit may have ended without saying how. Opening the file again and
  // copying its log makes certain what it holds; until that has succeeded every
  // request is refused. After other failures a small write shows it.
  void recover() {
    recovering_ = false;
    finish_sync();
    heed_damage();
    if (state_ != health_state::degraded)
      return; // a batch has shown it
    recovery_delay_ = std::min(2 * recovery_delay_, max_recovery_delay);
    if (batch_open_) {
      commit(); // shows it as well
      return;
    }
    try {
      if (store_.needs_recovery()) {
        store_.recover();
        queries_.listener->allow_reading();
        queries_.listener
          ->on_commit(); // it may have brought something to light
        look_at_all_waits();
      } else {
        store_.probe_write();
      }
      storage_works();
    } catch (const store_error& e) {
      last_error_ = e.what();
      if (e.code() == errc::store_corrupt || e.code() == errc::not_a_store) {
        set_state(health_state::failed, e.what());
        return;
      }
      recovering_ = true;
      tell_later(this, owned_tracking_actor{this}, recovery_delay_,
                 recovery_tick{});
    }
  }

  // What a connection that is opened now shows, a power loss may take back.
  void forbid_reading(const store_error& e) {
    queries_.listener->forbid_reading(
      {errc::not_stored, e.what(), e.sqlite_code()});
  }

  void set_state(health_state state, const std::string& reason) {
    // The first reason stays, unless storage was at work then.
    if (state == state_ && (reason_ != held_log || reason == held_log))
      return;
    // A damaged file does not heal.
    if (state_ == health_state::failed)
      return;
    state_ = state;
    reason_ = reason;
    if (state == health_state::failed)
      queries_.listener->forbid_reading({errc::store_corrupt, reason});
    since_ = clock_.wall();
    if (state == health_state::ok)
      notify(on_notice_, severity::info, "storage works again");
    else
      notify(on_notice_,
             state == health_state::failed ? severity::error
                                           : severity::warning,
             "storage is " + to_string(state) + ": " + escape(reason));
  }

  // -- purging and other work between requests --------------------------------

  promise<purge_reply> start_purge(const purge_terminal& x) {
    auto to = this->make_response_promise<purge_reply>();
    attempt(to, 0, [&] {
      admit(x);
      purges_.push_back({x, to, 0});
      purges_.back().request.deadline.reset(); // it has been looked at
      schedule_work();
    });
    return to;
  }

  // Behind what waits in the mailbox, so that requests go between two steps.
  void schedule_work() {
    if (work_scheduled_)
      return;
    work_scheduled_ = true;
    tell(this, owned_tracking_actor{this}, purge_tick{});
  }

  void work() {
    work_scheduled_ = false;
    heed_damage();
    if (!purges_.empty())
      purge_step();
    else if (vacuum_wanted_)
      vacuum_step();
    if (!purges_.empty() || vacuum_wanted_)
      schedule_work();
  }

  void purge_step() {
    try {
      open_batch(); // if the batch before falls now, the purge does, too
      auto& job = purges_.front();
      const auto step = store_.purge_chunk(job.request, clock_.wall(),
                                           purge_chunk_rows_, max_purge_step);
      job.deleted += step.deleted;
      stats_.purged(step.deleted);
      if (!step.finished)
        return;
      const auto finished = std::move(job);
      purges_.pop_front();
      vacuum_wanted_ = vacuum_wanted_ || finished.deleted > 0;
      hold(finished.to, purge_reply{finished.deleted}, 0);
      commit_if_due();
    } catch (const store_error& e) {
      fail_purge(e);
      on_error(e);
    }
  }

  // The next one, if there is one.
  void fail_purge(const store_error& e) {
    if (purges_.empty())
      return;
    auto job = std::move(purges_.front());
    purges_.pop_front();
    fail_purge(job.to, job.deleted, e);
  }

  // A step of it may have been in a batch that has failed.
  void fail_begun_purge(const store_error& e) {
    if (!purges_.empty() && purges_.front().deleted > 0)
      fail_purge(e);
  }

  void fail_purge(promise<purge_reply>& to, std::int64_t deleted,
                  const store_error& e) {
    if (deleted == 0)
      fail(to, e, 0);
    else // earlier steps may stand
      fail(to, {errc::outcome_unknown, e.what(), e.sqlite_code()}, 0);
  }

  void vacuum_step() {
    try {
      if (batch_open_)
        commit();
      finish_sync();
      vacuum_wanted_ = store_.give_back_space(vacuum_step_pages);
      maintain();
    } catch (const store_error& e) {
      vacuum_wanted_ = false; // the next purge tries again
      on_error(e);
    }
  }

  operation_tracking_store store_;
  std::function<void(const tracker_end&)> on_closed_;
  time_source clock_;
  notice_function on_notice_;
  const std::int64_t max_batch_;
  const std::int64_t purge_chunk_rows_;
  const bool overlap_commits_;
  const std::shared_ptr<admission> waiting_;
  const std::int64_t restarts_;
  const query_endpoint queries_;
  const std::size_t max_waits_;
  bool stopping_ = false;

  bool batch_open_ = false;
  steady_clock::time_point batch_began_;
  bool arrivals_ = false; // writes since the commit message was sent
  std::int64_t batch_ = 0;
  batch_answers open_;

  bool syncing_ = false;
  batch_answers synced_; // empty unless `syncing_`
  tracker_stats::tally synced_did_;
  steady_clock::time_point sync_began_;
  steady_clock::duration commit_time_{}; // about how long one takes

  std::vector<std::function<void()>> passed_on_; // when the batch has ended

  open_waits waits_;
  waiter_book waiters_;
  timer_queue wait_timers_;
  // Of the open batch: what it finishes, and who came to wait meanwhile.
  std::vector<tracked_operation_id> finished_;
  std::vector<open_waits::serial> new_waits_;
  wake_up wait_timer_;
  bool waits_due_ = false; // when the open batch has ended

  std::deque<purge_job> purges_;
  bool vacuum_wanted_ = false;
  bool work_scheduled_ = false;
  bool log_watched_ = false;

  health_state state_ = health_state::ok;
  std::string reason_;
  timestamp since_;
  std::optional<std::string> last_error_;
  bool recovering_ = false;
  milliseconds recovery_delay_ = first_recovery_delay;

  std::int64_t batches_ = 0;
  std::int64_t batched_requests_ = 0;
  tracker_stats stats_;
};

} // namespace

owned_tracking_actor spawn_tracking_actor(caf::actor_system& system,
                                          operation_tracking_store store,
                                          const options& x,
                                          tracker_context context) {
  return system.spawn<tracking_actor_impl, caf::detached>(std::move(store), x,
                                                          std::move(context));
}

} // namespace waybill
