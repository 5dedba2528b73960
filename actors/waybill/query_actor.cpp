#include "waybill/query_actor.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "waybill/answer_size.hpp"
#include "waybill/fair_queue.hpp"
#include "waybill/owed_answer.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/text.hpp"
#include "waybill/timer_queue.hpp"
#include "waybill/unread_answers.hpp"
#include "waybill/waiter_book.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr auto retry_delay = milliseconds{200};
// How long one asker may keep the others waiting, and about how long it takes
// until all have had their turns.
constexpr microseconds longest_turn = milliseconds{20};
constexpr microseconds shortest_turn = milliseconds{2};
constexpr microseconds round_of_turns = milliseconds{80};
// The part of all open watches that one asker may have.
constexpr std::size_t share_of_watches = 4;

// The memory that an answer takes, but for some bytes.

std::size_t memory_of(const list_reply& x) {
  return bytes_of_all(x.operations);
}

std::size_t memory_of(const history_reply& x) {
  return bytes_of_all(x.transitions) + (x.snapshot ? bytes_of(*x.snapshot) : 0);
}

std::size_t memory_of(const watch_reply& x) {
  return bytes_of_all(x.transitions);
}

template <class Reply>
using promise = caf::typed_response_promise<Reply>;

class query_actor_impl : public query_actor::base {
public:
  using super = query_actor::base;

  query_actor_impl(caf::actor_config& config, const options& x,
                   std::shared_ptr<admission> waiting,
                   std::shared_ptr<commit_listener> listener,
                   std::function<void()> on_closed)
    : super{config},
      options_{.file = x.file, .vfs = x.vfs},
      history_{x.history},
      max_watches_{static_cast<std::size_t>(x.max_watches)},
      clock_{x.clock},
      waiting_{std::move(waiting)},
      listener_{std::move(listener)},
      on_notice_{x.on_notice},
      on_closed_{std::move(on_closed)},
      askers_{[me = caf::actor_cast<caf::weak_actor_ptr>(this)] {
        // Its watches are not to be counted any more. No turn comes of it, and
        // no timer has this number.
        if (const auto self = me.lock())
          tell_from_nobody(caf::actor_cast<query_actor>(self), work_tick{0});
      }} {}

  const char* name() const override { return "waybill.queries"; }

  behavior_type make_behavior() override {
    return {
      [this](const list_operations& x) { return take_in(x); },
      [this](const get_history& x) { return take_in(x); },
      [this](const watch_transitions& x) { return take_in(x); },
      [this](const store_changed&) { carry_on([this] { read_for_all(); }); },
      [this](const read_tick&) { carry_on([this] { take_turn(); }); },
      [this](const retry_tick&) {
        carry_on([this] {
          read_for_all();
          run_timers();
        });
      },
      [this](const work_tick& x) {
        carry_on([&] {
          drop_dead_askers();
          if (timer_.is_for(x.serial))
            run_timers();
        });
      },
      [this](const shut_down&) { this->quit(); },
    };
  }

  // CAF 0.17 does not answer promises of a dead actor.
  void on_exit() override {
    waiting_->stop();
    while (auto next = turns_.pop())
      std::visit([this](auto& x) { refuse(x); }, *next);
    for (auto& [number, x] : watches_)
      x.to.deliver(
        to_error(errc::stopped, "the tracker has stopped before a transition"));
    watches_.clear();
    listener_->listeners = 0;
    reader_.reset();
    if (const auto tell_owner = std::exchange(on_closed_, nullptr))
      tell_owner();
  }

private:
  using asker = waiter_book::number;

  template <class Request>
  struct question {
    Request request;
    promise<typename Request::reply> to;
    asker from;
  };

  struct open_watch {
    watch_transitions request;
    promise<watch_reply> to;
    asker from = 0;
    std::optional<timer_queue::entry> timer; // of its deadline
    bool is_late = false;
    bool has_turn = false; // it is in the queue
  };

  // Something may have come for an open watch.
  struct watch_turn {
    std::uint64_t number;
  };

  using turn = std::variant<question<list_operations>, question<get_history>,
                            question<watch_transitions>, watch_turn>;

  // While a commit's outcome is unknown, the file must not even be opened: that
  // could make seen what a power loss takes back.
  store_reader& reader() {
    listener_->if_allowed([this] {
      if (!reader_)
        reader_.emplace(options_);
    });
    return *reader_;
  }

  // There is no other query actor: the host's clock, say, must not end it.
  template <class F>
  void carry_on(F&& f) {
    try {
      f();
    } catch (const std::exception& e) {
      notify(on_notice_, severity::warning,
             "watches are looked at again in a while: " + escape(e.what()));
      tell_later(this, query_actor{this}, retry_delay, retry_tick{});
    }
  }

  // -- turns ------------------------------------------------------------------

  template <class Request>
  promise<typename Request::reply> take_in(const Request& x) {
    // CAF 0.17 gives the sender to the promise.
    const auto origin = this->current_sender();
    auto to = this->make_response_promise<typename Request::reply>();
    try {
      require_running();
      require_valid(x);
      // Who has no name can hear no answer.
      if (const auto from = askers_.number_of(origin); from != 0) {
        require_share(from);
        turns_.push(from, question<Request>{x, to, from});
        schedule_turn();
      } else {
        waiting_->leave(weight(x));
      }
    } catch (const std::exception& e) {
      waiting_->leave(weight(x));
      fail(to, e);
    }
    return to;
  }

  void require_running() const {
    if (waiting_->is_stopped())
      throw store_error{errc::stopped, "the tracker has stopped"};
  }

  // Open watches may have a turn each.
  void require_share(asker from) const {
    if (turns_.count(from) >= limits::max_questions + count_watches(from))
      throw store_error{errc::overloaded,
                        std::to_string(limits::max_questions)
                          + " questions of the sender wait already"};
  }

  void schedule_turn() {
    if (!std::exchange(turn_scheduled_, true))
      tell(this, query_actor{this}, read_tick{});
  }

  void take_turn() {
    turn_scheduled_ = false;
    drop_dead_askers();
    if (auto next = turns_.pop())
      std::visit([this](auto& x) { answer(x); }, *next);
    // Behind what others have asked meanwhile: it comes before this asker's
    // next turn.
    if (!turns_.is_empty())
      schedule_turn();
  }

  [[nodiscard]] microseconds turn_time() const {
    const auto askers = static_cast<std::int64_t>(turns_.askers()) + 1;
    return std::clamp(round_of_turns / askers, shortest_turn, longest_turn);
  }

  void drop_dead_askers() {
    for (const auto who : askers_.take_ended()) {
      for (auto& each : turns_.drop(who))
        std::visit([this](auto& x) { drop(x); }, each);
      unread_.forget(who);
      std::vector<std::uint64_t> theirs;
      for (const auto& [number, x] : watches_)
        if (x.from == who)
          theirs.push_back(number);
      for (const auto number : theirs)
        take(number);
    }
  }

  template <class Request>
  void drop(question<Request>& x) {
    waiting_->leave(weight(x.request));
  }

  void drop(watch_turn&) {}

  // The tracker stops.
  template <class Request>
  void refuse(question<Request>& x) {
    waiting_->leave(weight(x.request));
    x.to.deliver(to_error(errc::stopped, "the tracker has stopped"));
  }

  void refuse(watch_turn&) {}

  // -- lists and histories ----------------------------------------------------

  void answer(question<list_operations>& x) {
    answer_with(x, [&] { return reader().list(x.request, turn_time()); });
  }

  void answer(question<get_history>& x) {
    answer_with(x, [&] {
      return reader().get_history(x.request, limits::max_answer_bytes);
    });
  }

  template <class Request, class F>
  void answer_with(question<Request>& x, F&& f) {
    const auto bytes = weight(x.request);
    try {
      require_running();
      if (x.request.deadline)
        require_in_time(x.request, clock_.wall());
      unread_.require_room(x.from);
      auto reply = f();
      mark(x.from, reply);
      waiting_->leave(bytes);
      x.to.deliver(std::move(reply));
    } catch (const std::exception& e) {
      waiting_->leave(bytes);
      fail(x.to, e);
    }
  }

  // CAF does not tell how full a mailbox is.
  template <class Reply>
  void mark(asker who, Reply& x) {
    x.mark = unread_.add(who, memory_of(x));
  }

  // A question that fails ends nothing else: there is no other query actor.
  template <class Reply>
  void fail(promise<Reply>& to, const std::exception& thrown) {
    const auto* const e = dynamic_cast<const store_error*>(&thrown);
    const auto code = e != nullptr ? e->code() : errc::not_stored;
    if (!is_of_request(code))
      reader_.reset(); // the next question opens the file anew
    if (code == errc::store_corrupt)
      listener_->report_damage(*e);
    to.deliver(to_error(code_for_question(code), thrown.what()));
  }

  // -- watches ----------------------------------------------------------------

  void answer(question<watch_transitions>& x) {
    waiting_->leave(weight(x.request)); // an open watch has a bound of its own
    std::optional<std::uint64_t> number;
    try {
      require_running();
      if (history_ == 0)
        throw store_error{errc::invalid_request,
                          "history: is 0, and nothing can be watched"};
      unread_.require_room(x.from);
      listener_->want(); // before reading, so that nothing is missed
      bool more = false;
      auto reply = reader().read_transitions(x.request, turn_time(), more);
      const auto left = clock_.time_until(x.request.deadline);
      if (is_answer(reply) || left <= microseconds{0}) {
        mark(x.from, reply);
        x.to.deliver(std::move(reply));
        return;
      }
      require_room(x.from);
      number = ++last_watch_;
      auto& opened = watches_[*number];
      opened.request = std::move(x.request);
      opened.request.after = reply.next;
      opened.to = x.to;
      opened.from = x.from;
      opened.timer = timers_.add(clock_.steady() + left,
                                 [this, late = *number] {
                                   auto& ended = watches_.at(late);
                                   ended.timer.reset();
                                   ended.is_late = true;
                                   give_turn(late);
                                 });
      listener_->listeners = std::ssize(watches_);
      if (more)
        give_turn(*number);
      arm_timer();
    } catch (const std::exception& e) {
      if (number && watches_.contains(*number))
        take(*number);
      fail(x.to, e);
    }
  }

  void require_room(asker from) const {
    if (watches_.size() >= max_watches_)
      throw store_error{errc::overloaded,
                        "max_watches: " + std::to_string(watches_.size())
                          + " watches are open already"};
    const auto share = (max_watches_ + share_of_watches - 1) / share_of_watches;
    if (count_watches(from) >= share)
      throw store_error{errc::overloaded,
                        "max_watches: " + std::to_string(share)
                          + " watches of the sender are open already, its "
                            "share"};
  }

  [[nodiscard]] std::size_t count_watches(asker from) const {
    return static_cast<std::size_t>(std::ranges::count_if(
      watches_, [from](const auto& each) { return each.second.from == from; }));
  }

  static bool is_answer(const watch_reply& x) noexcept {
    return !x.transitions.empty() || x.gap;
  }

  // Something has been committed.
  void read_for_all() {
    drop_dead_askers();
    if (!watches_.empty())
      listener_->want();
    for (const auto& each : watches_)
      give_turn(each.first);
    if (!turns_.is_empty())
      schedule_turn();
  }

  void give_turn(std::uint64_t number) {
    auto& x = watches_.at(number);
    if (!std::exchange(x.has_turn, true))
      turns_.push(x.from, watch_turn{number});
    schedule_turn();
  }

  void answer(watch_turn& due) {
    const auto at = watches_.find(due.number);
    if (at == watches_.end())
      return; // it has failed
    auto& x = at->second;
    x.has_turn = false;
    try {
      unread_.require_room(x.from);
      bool more = false;
      auto reply = reader().read_transitions(x.request, turn_time(), more);
      x.request.after = reply.next;
      if (is_answer(reply) || x.is_late) {
        mark(x.from, reply);
        take(due.number).deliver(std::move(reply));
      } else if (more)
        give_turn(due.number);
    } catch (const std::exception& e) {
      auto to = take(due.number);
      fail(to, e);
    }
  }

  promise<watch_reply> take(std::uint64_t number) {
    auto x = std::move(watches_.extract(number).mapped());
    if (x.timer)
      timers_.cancel(*x.timer);
    listener_->listeners = std::ssize(watches_);
    return x.to;
  }

  void run_timers() {
    timers_.run(clock_.steady());
    arm_timer();
  }

  void arm_timer() {
    if (const auto x = timer_.arm(timers_, clock_.steady()))
      tell_later(this, query_actor{this}, x->delay, work_tick{x->serial});
  }

  const reader_options options_;
  const std::int64_t history_;
  const std::size_t max_watches_;
  const time_source clock_;
  const std::shared_ptr<admission> waiting_;
  const std::shared_ptr<commit_listener> listener_;
  const notice_function on_notice_;
  std::function<void()> on_closed_;
  std::optional<store_reader> reader_;

  waiter_book askers_;
  unread_answers unread_;
  fair_queue<turn> turns_;
  bool turn_scheduled_ = false;
  std::unordered_map<std::uint64_t, open_watch> watches_;
  std::uint64_t last_watch_ = 0;
  timer_queue timers_;
  wake_up timer_;
};

} // namespace

query_actor spawn_query_actor(caf::actor_system& system, const options& x,
                              std::shared_ptr<admission> waiting,
                              std::shared_ptr<commit_listener> listener,
                              std::function<void()> on_closed) {
  return spawn_detached<query_actor_impl>(system, x, std::move(waiting),
                                          std::move(listener),
                                          std::move(on_closed));
}

} // namespace waybill
