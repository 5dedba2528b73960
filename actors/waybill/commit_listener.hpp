// How a tracking actor tells whoever reads its store that there is something
// new to read.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace waybill {

/// Thread-safe. Costs a commit one look at a flag while nobody wants to know.
class commit_listener {
public:
  /// Sets what a commit that is wanted calls, in the committing thread. Must be
  /// called before anything else.
  void on_wake(std::function<void()> wake) { wake_ = std::move(wake); }

  /// The next commit wakes. Whoever looks into the store after this misses
  /// nothing.
  void want() noexcept { wanted_.store(true); }

  void on_commit() {
    if (wanted_.load() && wanted_.exchange(false))
      wake_();
  }

  /// How many listen, for the statistics.
  std::atomic<std::int64_t> listeners{0};

private:
  std::function<void()> wake_;
  std::atomic<bool> wanted_{false};
};

} // namespace waybill
