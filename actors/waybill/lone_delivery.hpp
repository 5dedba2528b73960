// One call at a time, in the whole process, of those that a crash has
// interrupted.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace waybill {

/// A call whose attempt was interrupted may be what has ended the process. So
/// its next attempt runs while no other such attempt does: should the process
/// end again, only the one that was at work has been interrupted once more.
/// Safe for use by several threads.
class lone_delivery {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Others wait for no longer than this.
  static constexpr auto longest = std::chrono::seconds{60};
  /// Before it is asked again.
  static constexpr auto patience = std::chrono::milliseconds{100};

  /// The one that all in this process share.
  static lone_delivery& of_process() {
    static lone_delivery x;
    return x;
  }

  /// @returns a number to end with; none if another one runs, and has not for
  ///          too long.
  std::optional<std::uint64_t> begin(time_point now
                                     = std::chrono::steady_clock::now()) {
    const std::lock_guard guard{mutex_};
    if (until_ && now < *until_)
      return std::nullopt;
    until_ = now + longest;
    return ++number_;
  }

  /// Harmless if it has taken so long that another one has begun.
  void end(std::uint64_t number) {
    const std::lock_guard guard{mutex_};
    if (number == number_)
      until_.reset();
  }

private:
  std::mutex mutex_;
  std::optional<time_point> until_;
  std::uint64_t number_ = 0;
};

} // namespace waybill
