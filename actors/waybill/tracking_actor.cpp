#include "waybill/tracking_actor.hpp"

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "waybill/apply_request.hpp"
#include "waybill/batch_answers.hpp"
#include "waybill/commit_policy.hpp"
#include "waybill/health_desk.hpp"
#include "waybill/log_watch.hpp"
#include "waybill/owed_answer.hpp"
#include "waybill/purge_queue.hpp"
#include "waybill/query_relay.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/tracker_stats.hpp"
#include "waybill/wait_desk.hpp"

namespace waybill {

namespace {

using std::chrono::steady_clock;

constexpr auto max_purge_step = std::chrono::milliseconds{5};
constexpr int vacuum_step_pages = 256;

template <class Reply>
using promise = caf::typed_response_promise<Reply>;

class tracking_actor_impl : public owned_tracking_actor::base {
public:
  using super = owned_tracking_actor::base;

  tracking_actor_impl(caf::actor_config& config, operation_tracking_store store,
                      const options& x, tracker_context context)
    : super{config},
      store_{std::move(store)},
      on_closed_{std::move(context.on_closed)},
      clock_{x.clock},
      purge_chunk_rows_{x.purge_chunk_rows},
      waiting_{std::move(context.waiting)},
      listener_{context.queries.listener},
      board_{std::move(context.board)},
      policy_{x.max_batch, x.overlap_commits},
      queries_{std::move(context.queries), waiting_},
      waits_{static_cast<std::size_t>(x.max_waits), x.clock},
      targets_{std::move(context.targets)},
      health_{x, board_, listener_, std::move(context.last_error)},
      stats_{health_.storage().since(), x} {
    this->set_exception_handler(
      [](std::exception_ptr& thrown) { return to_end_reason(thrown); });
  }

  const char* name() const override { return "waybill.tracker"; }

  behavior_type make_behavior() override {
    maintain(); // the opening may not have been able to
    targets_->tell(store_.calls());
    return {
      [this](const record_enqueue& x) { return write(x); },
      [this](const record_attempt& x) { return write(x); },
      [this](const record_terminal& x) { return write(x); },
      [this](const get_status& x) {
        return answer(x, [&] { return apply(x); });
      },
      [this](const get_counts& x) { return find(x); },
      [this](const get_stats& x) { return find(x); },
      // The gate answers it.
      [this](const get_health&) { return board_->read(*waiting_); },
      [this](const purge_terminal& x) { return start_purge(x); },
      [this](const await_terminal& x) { return wait(x); },
      [this](const list_operations& x) { return pass_on(x); },
      [this](const get_history& x) { return pass_on(x); },
      [this](const watch_transitions& x) { return pass_on(x); },
      [this](const request_bundle& x) { return run(x); },
      [this](const open_target& x) {
        const auto asker = this->current_sender();
        return answer(x, [&] {
          targets_->open(x, asker);
          return apply(x);
        });
      },
      [this](const get_target& x) { return find(x); },
      [this](const pause_target& x) { return write(x); },
      [this](const resume_target& x) { return write(x); },
      [this](const take_call& x) { return write(x); },
      [this](const begin_call& x) { return write(x); },
      [this](const retry_call& x) { return write(x); },
      [this](const end_call& x) { return write(x); },
      [this](const requeue& x) { return write(x); },
      [this](const discard_many& x) { return write(x); },
      [this](const find_calls& x) { return find(x); },
      [this](const find_due& x) { return find(x); },
      [this](const find_keyed& x) { return find(x); },
      [this](const shut_down&) {
        // What has been admitted is in the mailbox before `drained`.
        stopping_ = true;
        tell(this, owned_tracking_actor{this}, drained{});
      },
      [this](const drained&) { this->quit(); },
      [this](const commit_tick& x) { end_batch(x); },
      [this](const sync_ended&) { finish_ended_commit(); }, // if it still is
      [this](const purge_tick&) { purge_step(); },
      [this](const log_tick& x) {
        x.at_totals ? log_.wake_for_totals() : log_.wake();
        heed_damage();
        make_shown_state_durable();
        maintain(x.at_totals);
      },
      [this](const recovery_tick&) { recover(); },
      [this](const work_tick& x) {
        if (waits_.wake(x.serial))
          tell_waiters_of_committed();
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
    answered([this] { finish_commit(); });
    answered([this] { commit(); });
    const auto code = stopping_ ? errc::stopped : errc::not_stored;
    purges_.refuse_all({code, "the tracker has ended before the purge"},
                       *waiting_);
    for (auto* const each : {&synced_, &open_})
      each->answers.abandon({errc::outcome_unknown, "the tracker has ended"},
                            *waiting_);
    queries_.pass_waiting();
    waits_.refuse_all({code, "the tracker has ended before the wait"});
    auto log_left = store_.close();
    if (const auto tell_owner = std::exchange(on_closed_, nullptr))
      tell_owner({to_failure(fail_state_).text,
                  health_.storage().state() == health_state::failed,
                  std::move(log_left)});
  }

private:
  // One that is worked on, or synced. What it owes is empty when it is neither.
  struct batch {
    bool is_active = false;
    batch_answers answers;
    tracker_stats::tally did;
    steady_clock::time_point commit_began;
  };

  // -- requests ---------------------------------------------------------------

  template <class Request>
  owed_answer<typename Request::reply> owe(const Request& x) {
    return {this->make_response_promise<typename Request::reply>(), weight(x)};
  }

  // The one place where an exception becomes the answer of a request: `refuse`
  // gives it. `f` must not throw once it has answered or kept the answer.
  template <class F, class Refuse>
  void attempt(F&& f, Refuse&& refuse) {
    heed_damage();
    try {
      const health_board::at_work work{*board_, disk_work::request};
      f();
    } catch (const store_error& e) {
      if (!is_of_request(e.code())) // before anybody hears of it
        health_.failed(e);
      refuse(e);
      on_error(e);
    } catch (const std::bad_alloc&) {
      // It may have been applied, but its answer could not be kept.
      const store_error e{errc::not_stored, "out of memory; rolled back"};
      refuse(e);
      if (open_.is_active)
        fail_batch(e);
    } catch (const std::exception& e) {
      // Not of storage, but of the host's clock, say. It ends this actor.
      refuse(store_error{errc::outcome_unknown, e.what()});
      throw;
    }
  }

  template <class Reply, class F>
  void attempt(owed_answer<Reply>& to, F&& f) {
    attempt(f, [&](const store_error& e) { to.refuse(*waiting_, e); });
  }

  template <class Update>
  typename Update::reply apply(const Update& x) {
    open_batch();
    auto reply = write_and_tell(store_, x, clock_.wall(), *targets_);
    stats_.applied(x, reply);
    for_each_finished(x, reply,
                      [this](const auto& id) { waits_.note_finished(id); });
    return reply;
  }

  status_reply apply(const get_status& x) {
    if (synced_.is_active && store_.may_be_undone(x.id))
      make_shown_state_durable();
    auto reply = store_.get_status(x, clock_.wall());
    stats_.asked();
    return reply;
  }

  template <class Request>
  promise<typename Request::reply> write(const Request& x) {
    policy_.arrive();
    finish_ended_commit();
    return answer(x, [&] { return apply(x); });
  }

  template <class Question>
  promise<typename Question::reply> find(const Question& x) {
    return answer(x, [&] {
      make_shown_state_durable();
      if constexpr (std::is_same_v<Question, get_stats>) {
        require_acceptable(x, clock_);
        return stats();
      } else {
        return find_in(store_, x, clock_);
      }
    });
  }

  // What `f` gives may rest on the open batch, and is then answered after it.
  template <class Request, class F>
  promise<typename Request::reply> answer(const Request& x, F&& f) {
    auto to = owe(x);
    attempt(to, [&] {
      auto reply = f();
      if (is_held(x, store_, open_.is_active))
        open_.answers.hold(to, x, std::move(reply));
      else
        to.answer(*waiting_, std::move(reply));
    });
    commit_if_due();
    return std::move(to.to);
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
    policy_.arrive();
    finish_ended_commit();
    open_.answers.begin_bundle(to, x);
    for_each_request(x, [this](const auto& each) {
      const auto bytes = weight(each);
      attempt(
        [&] {
          auto reply = apply(each);
          open_.answers.add(each, std::move(reply), bytes,
                            is_held(each, store_, open_.is_active));
        },
        [&](const store_error& e) { open_.answers.fail(each, e, bytes); });
      if (policy_.is_full(open_.answers.requests()))
        commit();
    });
    open_.answers.end_bundle(open_.is_active, *waiting_);
    commit_if_due();
    return to;
  }

  stats_reply stats() {
    waits_.forget_dead();
    auto x = stats_.totals();
    x.waiting_requests = waiting_->requests() - 1;
    x.waiting_bytes = waiting_->bytes();
    x.waits = static_cast<std::int64_t>(waits_.size());
    x.watches = listener_->listeners.load();
    x.health = health_.storage().state();
    x.restarts = board_->restarts();
    stats_.read_store(store_, clock_.wall(), x);
    return x;
  }

  template <class Request>
  promise<typename Request::reply> pass_on(const Request& x) {
    auto to = owe(x);
    heed_damage();
    queries_.pass(to, x, open_.is_active);
    return std::move(to.to);
  }

  promise<purge_reply> start_purge(const purge_terminal& x) {
    auto to = owe(x);
    attempt(to, [&] {
      require_acceptable(x, clock_);
      purges_.push(x, to);
      schedule_purge();
    });
    return std::move(to.to);
  }

  promise<wait_reply> wait(const await_terminal& x) {
    // CAF 0.17 gives the sender to the promise.
    const auto asker = this->current_sender();
    auto to = owe(x);
    attempt(to, [&] {
      require_valid(x);
      waits_.add(x, to.to, asker);
      waiting_->leave(to.weight); // it has a bound of its own
    });
    tell_waiters_of_committed();
    return std::move(to.to);
  }

  void tell_waiters_of_committed() {
    make_shown_state_durable();
    if (!open_.is_active) // else when it has ended: it may be undone
      tell_waiters();
  }

  // With no batch open: those who wait are told what is committed.
  void tell_waiters() {
    while (const auto* const x = waits_.next())
      try {
        waits_.show(states_of(store_, *x, clock_));
      } catch (const store_error& e) {
        waits_.fail(e);
      } catch (const std::bad_alloc&) {
        waits_.fail({errc::not_stored, "out of memory"});
      }
    if (const auto x = waits_.take_wake_up())
      tell_later(this, owned_tracking_actor{this}, x->delay,
                 work_tick{x->serial});
  }

  // -- group commit -----------------------------------------------------------

  // The commit message lines up behind all that is in the mailbox by now; what
  // arrives before its turn shares the COMMIT.
  void open_batch() {
    if (open_.is_active)
      return;
    if (store_.checkpoint_is_due()) {
      finish_commit(); // nobody waits for an answer then
      maintain();
    }
    store_.begin();
    open_.is_active = true;
    policy_.begin_batch(steady_clock::now());
    tell(this, owned_tracking_actor{this}, stats_.stamped({++last_batch_}));
  }

  [[nodiscard]] commit_policy::situation situation() const noexcept {
    return {.held = open_.answers.requests(),
            .waiting = waiting_->requests(),
            .syncing = synced_.is_active,
            .end_is_awaited = waits_.awaits_batch() || !queries_.is_empty()};
  }

  void commit_if_due() {
    if (const auto when = policy_.after_request(situation());
        when != commit_when::again)
      commit(when);
  }

  // The commit message's turn.
  void end_batch(const commit_tick& x) {
    stats_.waited(x);
    if (!open_.is_active || x.batch != last_batch_)
      return; // it has been committed, being full
    const auto when = policy_.at_commit_message(situation());
    if (when == commit_when::again)
      tell(this, owned_tracking_actor{this}, stats_.stamped({last_batch_}));
    else
      commit(when);
  }

  // With `ahead` the sync is left to another thread.
  void commit(commit_when when = commit_when::now) {
    finish_commit();
    if (!open_.is_active)
      return; // it fell with the one before
    open_.is_active = false;
    open_.commit_began = steady_clock::now();
    auto syncs = false;
    try {
      const health_board::at_work work{*board_, disk_work::sync};
      if (when == commit_when::ahead)
        syncs = store_.begin_commit([me = owned_tracking_actor{this}] {
          tell_from_nobody(me, sync_ended{});
        });
      else
        store_.commit();
    } catch (const store_error& e) {
      return fail_batch(e);
    } catch (const std::exception& e) {
      return fail_batch({errc::outcome_unknown, e.what()});
    }
    open_.did = stats_.take_batch();
    purges_.keep_steps();
    if (syncs) {
      std::swap(open_, synced_); // which owes nothing
      synced_.is_active = true;
      board_->set_sync(synced_.commit_began);
      return;
    }
    release(open_, steady_clock::now());
    tell_waiters();
    queries_.pass_waiting();
    listener_->on_commit();
    maintain(); // nobody waits for an answer now
  }

  // It is durable since `ended`.
  void release(batch& x, steady_clock::time_point ended) {
    const auto took = ended - x.commit_began;
    stats_.committed(x.did, x.answers.requests(), took);
    policy_.committed(took);
    board_->count(stats_.totals().batches, stats_.totals().batch_size.sum);
    board_->set_log(store_.wal_bytes());
    health_.has_waited("a sync", took);
    // A batch of requests that change nothing does not touch the disk.
    if (store_.has_written()) {
      health_.storage().reset_delay();
      health_.works(condition_of(store_));
    }
    x.answers.release(*waiting_);
  }

  // The end of the batch that is being synced; waits for it.
  void finish_commit() {
    if (!std::exchange(synced_.is_active, false))
      return;
    steady_clock::time_point ended;
    try {
      ended = store_.finish_commit();
      board_->end_sync();
    } catch (const store_error& e) {
      board_->end_sync();
      return fail_synced(e);
    }
    release(synced_, ended);
    listener_->on_commit();
  }

  void finish_ended_commit() {
    if (synced_.is_active && store_.sync_has_ended())
      finish_commit();
  }

  // What is shown while no batch is open is answered at once, and so must be
  // durable.
  void make_shown_state_durable() {
    if (!open_.is_active)
      finish_commit();
  }

  // Nobody waits for an answer.
  void maintain(bool write_totals = false) {
    const auto look_again = [this](const auto& delay, bool at_totals) {
      if (delay)
        tell_later(this, owned_tracking_actor{this}, *delay,
                   log_tick{at_totals});
    };
    try {
      const health_board::at_work work{*board_, disk_work::sync};
      if (!log_.totals_have_timer())
        look_again(log_.after_totals(store_.write_totals(write_totals)), true);
    } catch (const store_error& e) {
      note_failure(e);
    }
    if (log_.has_timer())
      return; // its turn comes
    const auto began = steady_clock::now();
    {
      const health_board::at_work work{*board_, disk_work::checkpoint};
      store_.maintain();
    }
    const auto took = steady_clock::now() - began;
    const auto condition = condition_of(store_);
    board_->set_log(store_.wal_bytes());
    health_.has_waited("a checkpoint", took);
    health_.store_is(condition);
    look_again(log_.after({condition.failure.has_value(), store_.log_is_held()},
                          took),
               false);
  }

  // -- failing storage --------------------------------------------------------
  //
  // A failure goes down this list and never back up, so it ends:
  //
  //   on_error     a request or a step of a purge has failed, and with it maybe
  //                the open batch
  //   fail_batch   the open batch has; the one that is synced ends before it
  //   fail_synced  the sync has failed, which takes the open batch with it
  //   undo_open    the open batch's requests are told
  //   note_failure health, and the next try

  void on_error(const store_error& e) {
    if (is_of_request(e.code()))
      return stats_.refused();
    if (!open_.is_active || store_.in_transaction())
      return note_failure(e);
    // SQLite has rolled the whole batch back: none of it is stored.
    health_.failed(e);
    fail_batch({e.code() == errc::store_full ? e.code() : errc::not_stored,
                std::string{"rolled back after an error: "} + e.what(),
                e.sqlite_code()});
  }

  void fail_batch(const store_error& e) {
    open_.is_active = false;
    store_.rollback();
    finish_commit();
    undo_open(e);
  }

  // The batch that was synced may be there or not; the one after it is not.
  void fail_synced(const store_error& e) {
    refuse(synced_, e);
    if (std::exchange(open_.is_active, false))
      undo_open({errc::not_stored,
                 std::string{"rolled back with the batch before: "} + e.what(),
                 e.sqlite_code()});
    else
      purges_.refuse_begun(e, *waiting_);
    note_failure(e);
  }

  void undo_open(const store_error& e) {
    store_.rollback();
    stats_.take_batch();
    waits_.forget_finished();
    auto ended = open_.answers.take_purges(e);
    refuse(open_, e);
    purges_.undo_steps(e, std::move(ended), *waiting_);
    schedule_purge();
    tell_waiters(); // those who came meanwhile
    queries_.pass_waiting();
    note_failure(e);
  }

  // What is undone, questions have seen: if the store can still be asked, they
  // are answered with what is committed. Reads go on while nothing can be
  // written.
  void refuse(batch& x, const store_error& e) {
    health_.failed(e, store_.needs_recovery()); // before anybody hears
    stats_.rolled_back(x.answers.requests(), e.code());
    x.answers.read_again(
      [this](const tracked_operation_id& id) {
        return state_of(store_, id, clock_);
      },
      [this] { return store_.get_counts(clock_.wall()); },
      [this] { return stats(); });
    x.answers.refuse(e, *waiting_);
  }

  void note_failure(const store_error& e) {
    health_.failed(e, store_.needs_recovery());
    try_again_later(store_.needs_recovery());
  }

  void try_again_later(bool at_once) {
    if (const auto delay = health_.storage().next_try(at_once))
      tell_later(this, owned_tracking_actor{this}, *delay, recovery_tick{});
  }

  // Finds out by itself whether storage works again.
  //
  // A commit may have ended without saying how. Opening the file again and
  // copying its log makes certain what it holds; until that has succeeded every
  // request is refused. After other failures a small write shows it.
  void recover() {
    const health_board::at_work work{*board_, disk_work::sync};
    health_.storage().begin_try();
    finish_commit();
    heed_damage();
    if (health_.storage().cause() != storage_cause::failing) {
      health_.catch_up(); // a batch has shown that it works
      return try_again_later(false);
    }
    health_.storage().back_off();
    if (open_.is_active) {
      commit(); // shows it as well, if it writes
      return try_again_later(false);
    }
    try {
      if (store_.needs_recovery()) {
        store_.recover();
        listener_->allow_reading();
        listener_->on_commit(); // it may have brought something to light
        waits_.read_all_again();
        tell_waiters();
      } else {
        store_.probe_write();
      }
      health_.works(condition_of(store_));
      maintain(); // the opening may not have been able to
    } catch (const store_error& e) {
      health_.failed(e);
    }
    try_again_later(false); // if there is anything to try
  }

  // A reader may have found what this connection has not met.
  void heed_damage() {
    if (const auto damage = health_.new_damage()) {
      store_.condemn(*damage);
      health_.failed(*damage);
    } else {
      // Who is only asked begins no transaction, which would look.
      health_.look_at_files([this] { store_.check_files(); });
    }
  }

  // -- purging ----------------------------------------------------------------

  void schedule_purge() {
    if (purges_.schedule())
      tell(this, owned_tracking_actor{this}, purge_tick{});
  }

  // A step of a purge, or of giving back the space that it has freed.
  void purge_step() {
    purges_.begin_step();
    heed_damage();
    const health_board::at_work work{*board_, disk_work::request};
    if (purges_.is_alone())
      commit(); // what others have asked for is not to fall with it
    const auto is_purge = purges_.current() != nullptr;
    try {
      if (is_purge) {
        purge_some();
      } else if (purges_.space_is_free()) {
        commit();
        purges_.set_space_is_free(store_.give_back_space(vacuum_step_pages));
        maintain();
      }
    } catch (const store_error& e) {
      if (!is_of_request(e.code()))
        health_.failed(e);
      if (is_purge)
        purges_.fail_step(e, *waiting_);
      else
        purges_.set_space_is_free(false);
      on_error(e);
    }
    schedule_purge();
  }

  void purge_some() {
    const auto alone = purges_.is_alone();
    if (!alone)
      open_batch(); // if the batch before falls now, the purge does, too
    const auto step = store_.purge_chunk(*purges_.current(), clock_.wall(),
                                         purge_chunk_rows_, max_purge_step);
    auto ended = purges_.advance(step);
    if (!alone) {
      stats_.purged(step.deleted);
      if (ended) {
        open_.answers.hold(std::move(*ended));
        commit_if_due();
      }
      return;
    }
    stats_.purged_alone(step.deleted);
    purges_.keep_steps();
    if (store_.has_written())
      health_.works(condition_of(store_));
    if (ended)
      ended->to.answer(*waiting_, {ended->deleted()});
    maintain();
  }

  operation_tracking_store store_;
  std::function<void(const tracker_end&)> on_closed_;
  const time_source clock_;
  const std::int64_t purge_chunk_rows_;
  const std::shared_ptr<admission> waiting_;
  const std::shared_ptr<commit_listener> listener_;
  const std::shared_ptr<health_board> board_;
  bool stopping_ = false;

  commit_policy policy_;
  batch open_;
  batch synced_;
  std::int64_t last_batch_ = 0;

  query_relay queries_; // for the open batch's end, as some of the waits are
  wait_desk waits_;
  const std::shared_ptr<open_targets> targets_;
  purge_queue purges_;
  health_desk health_;
  log_watch log_;
  tracker_stats stats_;
};

} // namespace

owned_tracking_actor spawn_tracking_actor(caf::actor_system& system,
                                          operation_tracking_store store,
                                          const options& x,
                                          tracker_context context) {
  return spawn_detached<tracking_actor_impl>(system, std::move(store), x,
                                             std::move(context));
}

} // namespace waybill
