// What a tracking actor and whoever reads its store tell each other: that there
// is something new to read, that nothing may be read, that damage was found.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "waybill/store_error.hpp"

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

  /// Nobody reads the store from now on: what it shows may be undone yet, or is
  /// damaged.
  void forbid_reading(const store_error& why) {
    const std::lock_guard guard{mutex_};
    forbidden_ = why;
  }

  /// Damage does not pass.
  void allow_reading() {
    const std::lock_guard guard{mutex_};
    if (!damage_)
      forbidden_.reset();
  }

  /// Opens the store by `f`, or does whatever must not meet a change of the
  /// permission.
  /// @throws store_error why it is forbidden
  template <class F>
  void if_allowed(F&& f) {
    const std::lock_guard guard{mutex_};
    if (forbidden_)
      throw store_error{*forbidden_};
    f();
  }

  /// Whoever reads has found the store damaged.
  void report_damage(const store_error& e) {
    const std::lock_guard guard{mutex_};
    forbidden_ = e;
    damage_ = e;
    is_damaged_.store(true);
  }

  [[nodiscard]] std::optional<store_error> damage() {
    if (!is_damaged_.load())
      return std::nullopt;
    const std::lock_guard guard{mutex_};
    return damage_;
  }

  /// How many listen, for the statistics.
  std::atomic<std::int64_t> listeners{0};

private:
  std::function<void()> wake_;
  std::atomic<bool> wanted_{false};
  std::mutex mutex_;
  std::optional<store_error> forbidden_;
  std::optional<store_error> damage_;
  std::atomic<bool> is_damaged_{false};
};

} // namespace waybill
