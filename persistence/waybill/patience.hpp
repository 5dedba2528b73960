// How long a store waits for locks that another program holds.
#pragma once

#include <algorithm>
#include <chrono>

namespace waybill::sqlite {

/// A limit on waiting.
///
/// SQLite waits for locks in several places, each with a limit of its own: the
/// one on a log's readers alone is ten seconds, for each request. Here all
/// waiting at a stretch, by one request or by many that follow each other, has
/// one limit: past it SQLite tries again without waiting and soon gives up,
/// until nobody has had to wait for a moment.
class patience {
public:
  /// Calls `wait` for as much of `wanted` as there is patience for.
  /// @returns how much that was.
  template <class Wait>
  std::chrono::microseconds spend(std::chrono::microseconds wanted,
                                  Wait&& wait) {
    using std::chrono::steady_clock;
    if (steady_clock::now() - last_ > pause_between_stretches)
      waited_ = {};
    const auto share
      = std::min(wanted, std::chrono::microseconds{longest_stretch} - waited_);
    waited_ += share;
    if (share.count() > 0)
      wait(share);
    last_ = steady_clock::now();
    return share;
  }

private:
  static constexpr auto longest_stretch = std::chrono::milliseconds{1'000};
  static constexpr auto pause_between_stretches
    = std::chrono::milliseconds{100};

  std::chrono::microseconds waited_{0}; // at this stretch
  std::chrono::steady_clock::time_point last_{};
};

} // namespace waybill::sqlite
