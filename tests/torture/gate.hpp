// A clock at which a tracker can be made to wait, and which knows how often it
// was looked at: once for each request that is applied.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "waybill/options.hpp"

namespace waybill::torture {

class gate {
public:
  /// For options::clock.
  [[nodiscard]] time_source clock() const {
    time_source x;
    x.wall = [state = state_] {
      state->pass();
      return timestamp::now();
    };
    return x;
  }

  /// From now on whoever looks at the clock waits.
  void close() const {
    const std::lock_guard guard{state_->mutex};
    state_->is_open = false;
  }

  /// Lets all go on.
  /// @param each called with the number of each look from now on, from 0.
  void open(std::function<void(std::int64_t)> each = nullptr) const {
    const std::lock_guard guard{state_->mutex};
    state_->is_open = true;
    state_->looks = 0;
    state_->each = std::move(each);
    state_->changed.notify_all();
  }

private:
  struct state {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_open = true;
    std::int64_t looks = 0;
    std::function<void(std::int64_t)> each;

    void pass() {
      std::unique_lock guard{mutex};
      changed.wait(guard, [this] { return is_open; });
      if (each)
        each(looks);
      ++looks;
    }
  };

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

} // namespace waybill::torture
