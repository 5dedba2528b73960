// A target of store-and-forward that behaves as it is told.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/requests.hpp"
#include "waybill/store_and_forward.hpp"

namespace waybill::test {

inline const delivery_result taken{.http_status = 200};
inline const delivery_result busy{.what = delivery_result::kind::transient,
                                  .error = "503",
                                  .http_status = 503};
inline const delivery_result wrong{.what = delivery_result::kind::permanent,
                                   .error = "400",
                                   .http_status = 400};

/// Copies share their state. Thread-safe.
class scripted_target {
public:
  using behaviour = std::function<delivery_result(const forward_call&)>;

  scripted_target() : state_{std::make_shared<state>()} {}

  /// The results of the attempts at call `n`; the last one for all that follow.
  void set(std::uint64_t n, std::vector<behaviour> results) {
    const std::lock_guard guard{state_->mutex};
    state_->results[id_of(n)] = std::move(results);
  }

  void set(std::uint64_t n, const std::vector<delivery_result>& results) {
    std::vector<behaviour> all;
    for (const auto& x : results)
      all.push_back([x](const forward_call&) { return x; });
    set(n, std::move(all));
  }

  /// Attempts that begin from now on wait for `open`.
  void close() {
    const std::lock_guard guard{state_->mutex};
    state_->closed = true;
  }

  void open() {
    const std::lock_guard guard{state_->mutex};
    state_->closed = false;
    state_->opened.notify_all();
  }

  /// What it was given, in the order in which the attempts began.
  [[nodiscard]] std::vector<forward_call> calls() const {
    const std::lock_guard guard{state_->mutex};
    return state_->calls;
  }

  [[nodiscard]] std::size_t attempts(std::uint64_t n) const {
    const auto all = calls();
    return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const auto& x) { return x.id == id_of(n); }));
  }

  [[nodiscard]] int running() const {
    const std::lock_guard guard{state_->mutex};
    return state_->running;
  }

  [[nodiscard]] int most_at_a_time() const {
    const std::lock_guard guard{state_->mutex};
    return state_->peak;
  }

  [[nodiscard]] std::set<std::thread::id> threads() const {
    const std::lock_guard guard{state_->mutex};
    return state_->threads;
  }

  /// The function for the actor. Each lives in a shared pointer of its own, so
  /// that a test can see when the actor has let go of it.
  [[nodiscard]] deliver_function function() {
    const auto life = std::make_shared<int>();
    function_ = life;
    return [state = state_, life](const forward_call& x) {
      return attempt(*state, x);
    };
  }

  /// Whether the last `function()` and all its copies have been destroyed.
  [[nodiscard]] bool function_is_gone() const { return function_.expired(); }

private:
  struct state {
    std::mutex mutex;
    std::condition_variable opened;
    bool closed = false;
    int running = 0;
    int peak = 0;
    std::set<std::thread::id> threads;
    std::vector<forward_call> calls;
    std::map<tracked_operation_id, std::vector<behaviour>> results;
  };

  static delivery_result attempt(state& s, const forward_call& x) {
    std::unique_lock guard{s.mutex};
    s.calls.push_back(x);
    s.threads.insert(std::this_thread::get_id());
    s.peak = std::max(s.peak, ++s.running);
    s.opened.wait(guard, [&] { return !s.closed; });
    behaviour how = [](const forward_call&) { return taken; };
    if (auto& results = s.results[x.id]; !results.empty()) {
      how = results.front();
      if (results.size() > 1)
        results.erase(results.begin());
    }
    --s.running;
    guard.unlock();
    return how(x);
  }

  std::shared_ptr<state> state_;
  std::weak_ptr<int> function_;
};

} // namespace waybill::test
