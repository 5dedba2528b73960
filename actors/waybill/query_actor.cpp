#include "waybill/query_actor.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>

#include "waybill/owed_answer.hpp"
#include "waybill/request_checks.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/text.hpp"
#include "waybill/timer_queue.hpp"
#include "waybill/waiter_book.hpp"

namespace waybill {

namespace {

using std::chrono::microseconds;

constexpr auto retry_delay = std::chrono::milliseconds{200};
// How long one watch may keep the others waiting.
constexpr auto max_read_time = std::chrono::milliseconds{20};

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
      on_closed_{std::move(on_closed)} {}

  const char* name() const override { return "waybill.queries"; }

  behavior_type make_behavior() override {
    return {
      [this](const list_operations& x) {
        return answer_with(x, [&] { return reader().list(x); });
      },
      [this](const get_history& x) {
        return answer_with(x, [&] { return reader().get_history(x); });
      },
      [this](const watch_transitions& x) { return take_watch(x); },
      [this](const store_changed&) {
        carry_on([this] {
          if (!read_scheduled_) // else it is read in a moment
            read_for_all();
        });
      },
      [this](const read_tick&) {
        carry_on([this] {
          read_scheduled_ = false;
          read_for_all();
        });
      },
      [this](const retry_tick&) {
        carry_on([this] {
          read_for_all();
          run_timers();
        });
      },
      [this](const work_tick& x) {
        carry_on([&] {
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
  struct open_watch {
    watch_transitions request;
    promise<watch_reply> to;
    waiter_book::number waiter = 0;
    std::optional<timer_queue::entry> timer;
  };

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

  void require_running() const {
    if (waiting_->is_stopped())
      throw store_error{errc::stopped, "the tracker has stopped"};
  }

  template <class Request, class F>
  promise<typename Request::reply> answer_with(const Request& x, F&& f) {
    auto to = this->make_response_promise<typename Request::reply>();
    const auto bytes = weight(x);
    try {
      require_running();
      require_valid(x);
      if (x.deadline)
        require_in_time(x, clock_.wall());
      auto reply = f();
      waiting_->leave(bytes);
      to.deliver(std::move(reply));
    } catch (const std::exception& e) {
      waiting_->leave(bytes);
      fail(to, e);
    }
    return to;
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

  promise<watch_reply> take_watch(const watch_transitions& x) {
    // CAF 0.17 gives the sender to the promise.
    const auto asker = this->current_sender();
    auto to = this->make_response_promise<watch_reply>();
    waiting_->leave(weight(x)); // it has a bound of its own
    std::optional<std::uint64_t> number;
    try {
      require_running();
      require_valid(x);
      if (history_ == 0)
        throw store_error{errc::invalid_request,
                          "history: is 0, and nothing can be watched"};
      listener_->want(); // before reading, so that nothing is missed
      bool more = false;
      auto reply = reader().read_transitions(x, max_read_time, more);
      const auto left = clock_.time_until(x.deadline);
      // Who has no name can hear no answer.
      if (is_answer(reply) || left <= microseconds{0} || !asker) {
        to.deliver(std::move(reply));
        return to;
      }
      forget_dead_waiters();
      if (watches_.size() >= max_watches_)
        throw store_error{errc::overloaded,
                          "max_watches: " + std::to_string(watches_.size())
                            + " watches are open already"};
      number = ++last_watch_;
      auto& opened = watches_[*number];
      opened.request = x;
      opened.request.after = reply.next;
      opened.to = to;
      opened.waiter = waiters_.number_of(asker);
      opened.timer = timers_.add(clock_.steady() + left,
                                 [this, late = *number] {
                                   watches_.at(late).timer.reset();
                                   read_for(late, true);
                                 });
      listener_->listeners = std::ssize(watches_);
      if (more)
        schedule_read();
      arm_timer();
    } catch (const std::exception& e) {
      if (number && watches_.contains(*number))
        take(*number);
      fail(to, e);
    }
    return to;
  }

  static bool is_answer(const watch_reply& x) noexcept {
    return !x.transitions.empty() || x.gap;
  }

  // Something has been committed.
  void read_for_all() {
    forget_dead_waiters();
    if (watches_.empty())
      return;
    listener_->want();
    std::vector<std::uint64_t> numbers;
    for (const auto& each : watches_)
      numbers.push_back(each.first);
    for (const auto number : numbers)
      read_for(number, false);
  }

  void read_for(std::uint64_t number, bool is_late) {
    auto& x = watches_.at(number);
    try {
      bool more = false;
      auto reply = reader().read_transitions(x.request, max_read_time, more);
      x.request.after = reply.next;
      if (is_answer(reply) || is_late)
        take(number).deliver(std::move(reply));
      else if (more)
        schedule_read();
    } catch (const std::exception& e) {
      auto to = take(number);
      fail(to, e);
    }
  }

  // Others are answered in between.
  void schedule_read() {
    if (!std::exchange(read_scheduled_, true))
      tell(this, query_actor{this}, read_tick{});
  }

  promise<watch_reply> take(std::uint64_t number) {
    auto x = std::move(watches_.extract(number).mapped());
    if (x.timer)
      timers_.cancel(*x.timer);
    listener_->listeners = std::ssize(watches_);
    return x.to;
  }

  void forget_dead_waiters() {
    for (const auto who : waiters_.take_ended()) {
      std::vector<std::uint64_t> theirs;
      for (const auto& [number, x] : watches_)
        if (x.waiter == who)
          theirs.push_back(number);
      for (const auto number : theirs)
        take(number);
    }
  }

  void run_timers() {
    timers_.run(clock_.steady());
    forget_dead_waiters();
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

  std::unordered_map<std::uint64_t, open_watch> watches_;
  std::uint64_t last_watch_ = 0;
  bool read_scheduled_ = false;
  waiter_book waiters_;
  timer_queue timers_;
  wake_up timer_;
};

} // namespace

query_actor spawn_query_actor(caf::actor_system& system, const options& x,
                              std::shared_ptr<admission> waiting,
                              std::shared_ptr<commit_listener> listener,
                              std::function<void()> on_closed) {
  return system.spawn<query_actor_impl, caf::detached>(x, std::move(waiting),
                                                       std::move(listener),
                                                       std::move(on_closed));
}

} // namespace waybill
