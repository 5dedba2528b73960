#include "waybill/tracker_supervisor.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "waybill/query_actor.hpp"
#include "waybill/restart_delay.hpp"
#include "waybill/text.hpp"
#include "waybill/tracker_gate.hpp"
#include "waybill/tracking_actor.hpp"

namespace waybill {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Time for a killed actor to run its on_exit(), past what `stop` was given.
constexpr auto grace_time = milliseconds{1'000};

store_options to_store_options(const options& x) {
  return {.file = x.file,
          .synchronous = x.synchronous,
          .last_error_cap = static_cast<std::size_t>(x.last_error_cap),
          .checkpoint_pages = static_cast<int>(x.checkpoint_pages),
          .history = static_cast<std::int32_t>(x.history),
          .audit_records = x.audit_records,
          .cache_bytes = x.cache_bytes,
          .vfs = x.vfs,
          .duplicates_of = x.duplicate_window_for,
          .max_tombstones
          = x.duplicate_window == milliseconds{0} ? 0 : x.max_tombstones};
}

// Whether opening the file again can end otherwise.
bool may_open_later(errc code) noexcept {
  switch (code) {
    case errc::store_corrupt:
    case errc::not_a_store:
    case errc::newer_schema:
      return false;
    default:
      return true;
  }
}

} // namespace

// Shared with its thread and with the tracking actors, who may outlive the
// supervisor if they hang.
class tracker_supervisor::core : public std::enable_shared_from_this<core> {
public:
  core(caf::actor_system& system, const options& x)
    : system_{system}, options_{x} {
    // It is opened again later, when the host may be in another folder.
    options_.file = std::filesystem::absolute(x.file).string();
  }

  [[nodiscard]] const std::shared_ptr<gate_state>& gate() const noexcept {
    return gate_;
  }

  [[nodiscard]] const std::shared_ptr<open_breakers>&
  breakers() const noexcept {
    return breakers_;
  }

  [[nodiscard]] const remembered_times& remembered() const noexcept {
    return remembered_;
  }

  /// Starts who answers beside the tracking actors.
  query_endpoint start_queries() {
    auto waiting = std::make_shared<admission>(options_.max_waiting_requests,
                                               options_.max_waiting_bytes);
    queries_ = spawn_query_actor(system_, options_, waiting, listener_,
                                 [self = shared_from_this()] {
                                   const std::lock_guard guard{self->mutex_};
                                   self->queries_closed_ = true;
                                   self->changed_.notify_all();
                                 });
    listener_->on_wake([to = caf::actor_cast<caf::weak_actor_ptr>(*queries_)] {
      if (const auto queries = to.lock())
        tell_from_nobody(caf::actor_cast<query_actor>(queries),
                         store_changed{});
    });
    endpoint_ = {*queries_, std::move(waiting), listener_};
    return endpoint_;
  }

  void start() {
    operation_tracking_store store{to_store_options(options_)};
    try {
      remembered_ = store.remembered();
    } catch (const store_error&) {
      // Retention can do without; who asks the tracker hears what ails it.
    }
    start_tracker(std::move(store), 0);
    thread_ = std::thread{[self = shared_from_this()] {
      self->run();
      const std::lock_guard guard{self->mutex_};
      self->thread_ended_ = true;
      self->changed_.notify_all();
    }};
  }

  tracker_stop stop(time_point when) {
    std::unique_lock guard{mutex_};
    if (std::exchange(stopping_, true))
      return result_;
    changed_.notify_all();
    gate_->stop();
    // From when the thread has ended, nothing is started any more. It may be
    // opening the file, and drops it if that takes too long.
    if (!changed_.wait_until(guard, grace(when), [this] {
          return thread_ended_ || !thread_.joinable();
        }))
      result_.late.emplace_back("the opening of the store");
    if (const auto queries = std::exchange(queries_, std::nullopt))
      end_queries(guard, *queries, when);
    if (const auto tracker = std::exchange(tracker_, std::nullopt)) {
      const auto closed = [this] { return end_.has_value(); };
      guard.unlock();
      caf::scoped_actor self{system_};
      tell(self, *tracker, shut_down{});
      guard.lock();
      if (!changed_.wait_until(guard, when, closed)) {
        result_.late.emplace_back("the tracking actor");
        guard.unlock();
        self->send_exit(*tracker, caf::exit_reason::kill);
        guard.lock();
        changed_.wait_until(guard, grace(when), closed);
      }
    }
    if (thread_ended_)
      thread_.join(); // it holds no lock any more
    else if (thread_.joinable())
      thread_.detach();
    return result_;
  }

private:
  // Before the tracking actor, so that nobody reads the file that it closes.
  void end_queries(std::unique_lock<std::mutex>& guard,
                   const query_actor& queries, time_point when) {
    const auto closed = [this] { return queries_closed_; };
    guard.unlock();
    endpoint_.waiting->stop(); // what waits there is answered without a read
    tell_from_nobody(queries, shut_down{});
    guard.lock();
    if (changed_.wait_until(guard, when, closed))
      return;
    result_.late.emplace_back("the query actor");
    guard.unlock();
    caf::anon_send_exit(queries, caf::exit_reason::kill);
    guard.lock();
    changed_.wait_until(guard, grace(when), closed);
  }

  static time_point grace(time_point when) {
    return std::max(when, steady_clock::now()) + grace_time;
  }

  // Where requests go, or how they are answered, while no tracker runs.
  void close_gate(health_state state, const std::string& reason, errc code) {
    gate_state::view x;
    x.health.state = state;
    x.health.reason = reason;
    x.health.since = options_.clock.wall_or_system();
    x.health.last_error = reason;
    x.health.restarts = restarts_;
    x.refusal = {code, reason + "; not stored"};
    gate_->set(std::move(x));
  }

  void start_tracker(operation_tracking_store store, std::int64_t restarts) {
    auto waiting = std::make_shared<admission>(options_.max_waiting_requests,
                                               options_.max_waiting_bytes);
    auto board = std::make_shared<health_board>(listener_, breakers_, restarts);
    const auto tracker = spawn_tracking_actor(
      system_, std::move(store), options_,
      {.waiting = waiting,
       .board = board,
       .on_closed = [self = shared_from_this()](
                      const tracker_end& x) { self->hear_end(x); },
       .last_error = last_error_,
       .targets = targets_,
       .queries = endpoint_});
    {
      const std::lock_guard guard{mutex_};
      tracker_ = tracker;
    }
    restarts_ = restarts;
    // It has found out what its predecessor left behind.
    listener_->allow_reading();
    listener_->on_commit();
    gate_state::view x;
    x.tracker = caf::actor_cast<caf::strong_actor_ptr>(tracker);
    x.waiting = std::move(waiting);
    x.board = std::move(board);
    // For the moment between its end and close_gate():
    x.refusal = {errc::not_stored, "the tracking actor has ended; not stored"};
    x.health.state = health_state::degraded;
    x.health.reason = "the tracking actor has ended";
    x.health.since = options_.clock.wall_or_system();
    x.health.restarts = restarts_;
    gate_->set(std::move(x));
    delay_.has_started(steady_clock::now());
  }

  // In the tracking actor's thread.
  void hear_end(const tracker_end& x) {
    const std::lock_guard guard{mutex_};
    end_ = x;
    result_.log_left = x.log_left;
    changed_.notify_all();
  }

  void say(severity level, const std::string& text) const {
    notify(options_.on_notice, level, text);
  }

  // -- in the supervisor's thread ---------------------------------------------

  void run() {
    while (const auto end = next_end()) {
      delay_.has_ended(steady_clock::now());
      last_error_ = "the tracking actor has ended: " + end->reason;
      if (end->damaged || listener_->damage())
        return give_up(*last_error_, errc::store_corrupt);
      if (!restart(*last_error_))
        return;
    }
  }

  // Waits for the tracking actor's end.
  // @returns none if the supervisor is to stop.
  std::optional<tracker_end> next_end() {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [this] { return stopping_ || end_; });
    if (stopping_)
      return std::nullopt;
    tracker_.reset();
    return std::exchange(end_, std::nullopt);
  }

  // Tries until a new tracking actor runs.
  // @returns false if there will be none.
  bool restart(std::string reason) {
    for (;;) {
      close_gate(health_state::degraded, reason, errc::not_stored);
      const auto delay = delay_.next();
      say(severity::warning, "the tracker starts again in " + to_text(delay)
                               + ": " + escape(reason));
      if (!pause(delay))
        return false;
      try {
        operation_tracking_store store{to_store_options(options_)};
        if (is_stopping())
          return false;
        start_tracker(std::move(store), restarts_ + 1);
        say(severity::info, "the tracker runs again");
        return true;
      } catch (const store_error& e) {
        reason = std::string{"the store cannot be opened again: "} + e.what();
        if (!may_open_later(e.code())) {
          give_up(reason, e.code());
          return false;
        }
      } catch (const std::exception& e) {
        reason = std::string{"the tracker cannot be started again: "}
                 + e.what();
      }
    }
  }

  void give_up(const std::string& reason, errc code) {
    listener_->forbid_reading({code, reason});
    close_gate(health_state::failed, reason, code);
    say(severity::error, "the tracker has failed for good: " + escape(reason));
  }

  // The time between two tries.
  // @returns false if the supervisor is to stop.
  bool pause(milliseconds delay) {
    std::unique_lock guard{mutex_};
    return !changed_.wait_for(guard, delay, [this] { return stopping_; });
  }

  bool is_stopping() {
    const std::lock_guard guard{mutex_};
    return stopping_;
  }

  caf::actor_system& system_;
  options options_; // as they were given, but for the file's whole name
  const std::shared_ptr<gate_state> gate_ = std::make_shared<gate_state>();
  const std::shared_ptr<commit_listener> listener_
    = std::make_shared<commit_listener>();
  const std::shared_ptr<open_targets> targets_
    = std::make_shared<open_targets>();
  const std::shared_ptr<open_breakers> breakers_
    = std::make_shared<open_breakers>();
  remembered_times remembered_;
  std::thread thread_;

  // The supervisor's thread alone, once it runs:
  restart_delay delay_;
  std::int64_t restarts_ = 0;
  std::optional<std::string> last_error_;

  // All threads:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<owned_tracking_actor> tracker_;
  std::optional<tracker_end> end_;
  std::optional<query_actor> queries_;
  query_endpoint endpoint_;
  bool queries_closed_ = false;
  bool stopping_ = false;
  bool thread_ended_ = false;
  tracker_stop result_;
};

tracker_supervisor::tracker_supervisor(caf::actor_system& system,
                                       const options& x)
  : core_{std::make_shared<core>(system, x)},
    gate_{spawn_tracker_gate(system, core_->gate(), core_->start_queries())} {
  try {
    core_->start();
  } catch (...) {
    stop(steady_clock::now());
    throw;
  }
}

tracker_supervisor::~tracker_supervisor() {
  stop(steady_clock::now());
}

std::shared_ptr<open_breakers> tracker_supervisor::breakers() const noexcept {
  return core_->breakers();
}

const remembered_times& tracker_supervisor::remembered() const noexcept {
  return core_->remembered();
}

tracker_stop tracker_supervisor::stop(time_point when) {
  auto result = core_->stop(when);
  caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
  return result;
}

} // namespace waybill
