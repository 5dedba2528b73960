#include "waybill/actor_supervisor.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <optional>
#include <thread>

#include "waybill/protocol.hpp"
#include "waybill/restart_delay.hpp"
#include "waybill/text.hpp"

namespace waybill {

using std::chrono::steady_clock;

namespace {

// Time for who is being started, past what `stop` was given.
constexpr auto grace = std::chrono::seconds{1};

} // namespace

// Shared with its thread, and with the actors, who may outlive the supervisor.
class actor_supervisor::core : public std::enable_shared_from_this<core> {
public:
  explicit core(notice_function on_notice) : on_notice_{std::move(on_notice)} {}

  void start() {
    thread_ = std::thread{[self = shared_from_this()] {
      self->run();
      const std::lock_guard guard{self->mutex_};
      self->thread_ended_ = true;
      self->changed_.notify_all();
    }};
  }

  std::shared_ptr<const supervised_actor> keep(std::string name,
                                               spawn_function spawn) {
    role* added = nullptr;
    {
      const std::lock_guard guard{mutex_};
      added = &roles_.emplace_back(std::move(name), std::move(spawn));
    }
    try {
      start(*added);
    } catch (...) {
      const std::lock_guard guard{mutex_};
      roles_.remove_if([added](const role& x) { return &x == added; });
      throw;
    }
    return added->actor;
  }

  bool stop(time_point when) {
    std::unique_lock guard{mutex_};
    stopping_ = true;
    changed_.notify_all();
    const auto ended
      = changed_.wait_until(guard, std::max(when, steady_clock::now()) + grace,
                            [this] { return thread_ended_; });
    if (!thread_.joinable())
      return true;
    if (ended)
      thread_.join(); // it holds no lock any more
    else
      thread_.detach();
    return ended;
  }

  void kill_all() {
    const std::lock_guard guard{mutex_};
    for (const auto& each : roles_)
      if (const auto x = each.actor->current())
        caf::anon_send_exit(caf::actor_cast<caf::actor>(x),
                            caf::exit_reason::kill);
  }

private:
  struct role {
    role(std::string n, spawn_function f)
      : name{std::move(n)}, spawn{std::move(f)} {}

    const std::string name;
    const spawn_function spawn;
    const std::shared_ptr<supervised_actor> actor
      = std::make_shared<supervised_actor>();
    restart_delay delay;
    // Why it has to be started again, until that is told.
    std::optional<std::string> reason;
    std::optional<time_point> due; // when it is
  };

  // @throws what `spawn` throws.
  void start(role& x) {
    const auto actor = x.spawn();
    x.actor->set(actor);
    {
      const std::lock_guard guard{mutex_};
      x.delay.has_started(steady_clock::now());
    }
    // At once if it has ended already.
    caf::actor_cast<caf::actor>(actor)->attach_functor(
      [self = shared_from_this(), &x](const caf::error& why) {
        self->hear_end(x, why);
      });
  }

  // In the actor's thread, or whoever ends it. The role lives as long as this.
  void hear_end(role& x, const caf::error& why) {
    const std::lock_guard guard{mutex_};
    x.delay.has_ended(steady_clock::now());
    try {
      x.reason = "it has ended: " + to_failure(why).text;
    } catch (const std::exception&) { // of want of memory, it may be
      x.reason.emplace();
    }
    changed_.notify_all();
  }

  // -- in the supervisor's thread ---------------------------------------------

  void run() {
    std::unique_lock guard{mutex_};
    while (!stopping_) {
      if (auto* const ended
          = find_first([](const role& x) { return x.reason.has_value(); })) {
        announce(guard, *ended);
        continue;
      }
      const auto now = steady_clock::now();
      if (auto* const due
          = find_first([now](const role& x) { return x.due && *x.due <= now; }))
        start_again(guard, *due);
      else if (const auto next = next_due())
        changed_.wait_until(guard, *next);
      else
        changed_.wait(guard);
    }
  }

  template <class F>
  role* find_first(F&& f) {
    const auto at = std::ranges::find_if(roles_, f);
    return at == roles_.end() ? nullptr : &*at;
  }

  [[nodiscard]] std::optional<time_point> next_due() const {
    std::optional<time_point> next;
    for (const auto& each : roles_)
      if (each.due && (!next || *each.due < *next))
        next = each.due;
    return next;
  }

  void announce(std::unique_lock<std::mutex>& guard, role& x) {
    const auto pause = x.delay.next();
    x.due = steady_clock::now() + pause;
    const auto text = x.name + " starts again in " + to_text(pause) + ": "
                      + escape(*std::exchange(x.reason, std::nullopt));
    guard.unlock();
    notify(on_notice_, severity::warning, text);
    guard.lock();
  }

  void start_again(std::unique_lock<std::mutex>& guard, role& x) {
    x.due.reset();
    guard.unlock();
    std::optional<std::string> failed;
    try {
      start(x);
      notify(on_notice_, severity::info, x.name + " runs again");
    } catch (const std::exception& e) {
      failed = std::string{"it cannot be started again: "} + e.what();
    } catch (...) { // what the host throws
      failed = "it cannot be started again: an exception of no known type";
    }
    guard.lock();
    if (failed)
      x.reason = std::move(failed);
  }

  const notice_function on_notice_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<role> roles_;
  bool stopping_ = false;
  bool thread_ended_ = false;
};

actor_supervisor::actor_supervisor(notice_function on_notice)
  : core_{std::make_shared<core>(std::move(on_notice))} {
  core_->start();
}

actor_supervisor::~actor_supervisor() {
  stop(steady_clock::now());
  core_->kill_all();
}

std::shared_ptr<const supervised_actor>
actor_supervisor::keep(std::string name, spawn_function spawn) {
  return core_->keep(std::move(name), std::move(spawn));
}

bool actor_supervisor::stop(time_point when) {
  return core_->stop(when);
}

} // namespace waybill
