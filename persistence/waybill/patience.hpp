// How long a store waits for locks that another program holds.
#pragma once

#include <algorithm>
#include <chrono>

namespace waybill::sqlite {

/// A limit on waiting.
///
/// SQLite waits for locks in several places, each with a limit of its own: the
/// one on a log's readers alone is ten seconds, for each request. Here all
/// waiting, by one request or by many that follow each other, has one limit:
/// past it SQLite tries again without waiting and soon gives up. Time in which
/// nobody waits gives the patience back, so that waiting takes a second at a
/// stretch and no more than half of the time in all.
class patience {
public:
  /// Calls `wait` for as much of `wanted` as there is patience for.
  /// @returns how much that was.
  template <class Wait>
  std::chrono::microseconds spend(std::chrono::microseconds wanted,
                                  Wait&& wait) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    using std::chrono::steady_clock;
    waited_ -= std::min(waited_, duration_cast<microseconds>(steady_clock::now()
                                                             - last_));
    const auto share = std::min(wanted, longest_stretch - waited_);
    waited_ += share;
    if (share.count() > 0)
      wait(share);
    last_ = steady_clock::now();
    return share;
  }

private:
  static constexpr std::chrono::microseconds longest_stretch{1'000'000};

  std::chrono::microseconds waited_{0}; // and not given back yet
  std::chrono::steady_clock::time_point last_{};
};

} // namespace waybill::sqlite
