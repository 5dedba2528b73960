// What the wall clock has shown, and when: retention counts by it how old
// something really is, although the clock jumps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>

#include "waybill/timestamp.hpp"

namespace waybill {

/// Pairs of wall time and steady time, as far back as is of interest. The wall
/// clock is taken to have been right before the first look at it.
class clock_history {
public:
  using microseconds = std::chrono::microseconds;
  using steady_point = std::chrono::steady_clock::time_point;

  clock_history(timestamp wall, steady_point steady)
    : last_look_{us(steady)},
      last_offset_{wall - timestamp{us(steady).count()}},
      stretches_{{microseconds::min(), last_look_, last_offset_}} {}

  /// Looks at both clocks.
  /// @param keep how far back `earliest` will be asked.
  /// @returns by how much the wall clock has jumped since the last look.
  microseconds look(timestamp wall, steady_point steady, microseconds keep) {
    const auto now = us(steady);
    const auto offset = wall - timestamp{now.count()};
    const auto jump = offset - last_offset_;
    auto& current = stretches_.back();
    current.to = now;
    if (offset - current.offset <= tolerance
        && current.offset - offset <= tolerance)
      current.offset = std::min(current.offset, offset);
    else
      // When it has jumped is not known: the two overlap.
      stretches_.push_back({last_look_, now, offset});
    last_look_ = now;
    last_offset_ = offset;
    while (stretches_.size() > 1 && stretches_.front().to < now - keep)
      stretches_.pop_front();
    if (stretches_.size() > max_stretches)
      merge_oldest();
    return jump;
  }

  /// The earliest time that the wall clock has shown in the last `window`
  /// before the last look. Whatever bears an earlier time is older than
  /// `window`.
  [[nodiscard]] timestamp earliest(microseconds window) const {
    const auto since = last_look_ - window;
    auto found = timestamp{INT64_MAX};
    for (const auto& x : stretches_)
      if (x.to >= since)
        found = std::min(found,
                         timestamp{std::max(x.from, since).count()} + x.offset);
    return found;
  }

private:
  static constexpr auto tolerance = microseconds{std::chrono::seconds{1}};
  static constexpr std::size_t max_stretches = 1'000;

  // From and to are steady times; the offset is wall time less steady time.
  struct stretch {
    microseconds from;
    microseconds to;
    microseconds offset;
  };

  static microseconds us(steady_point x) {
    return std::chrono::duration_cast<microseconds>(x.time_since_epoch());
  }

  // Keeps things longer, rather than too short.
  void merge_oldest() {
    const auto oldest = stretches_.front();
    stretches_.pop_front();
    auto& next = stretches_.front();
    next.from = std::min(next.from, oldest.from);
    next.offset = std::min(next.offset, oldest.offset);
  }

  microseconds last_look_;
  microseconds last_offset_;
  std::deque<stretch> stretches_;
};

} // namespace waybill
