// What the wall clock has shown, and when: retention counts by it how old
// something really is, although the clock jumps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "waybill/timestamp.hpp"

namespace waybill {

/// Pairs of wall time and steady time, as far back as is of interest. The wall
/// clock is taken to have been right before the first look at it, unless it
/// showed a time then that is known to be past: as on a device that does not
/// know the time until a network tells it. When such a clock is set, what it
/// shows from then on is taken to have been right before, and it is remembered
/// what it had shown.
class clock_history {
public:
  using microseconds = std::chrono::microseconds;
  using steady_point = std::chrono::steady_clock::time_point;

  /// @param past a time that is past.
  clock_history(timestamp wall, steady_point steady,
                timestamp past = timestamp{INT64_MIN})
    : past_{past},
      is_behind_{wall < past},
      last_look_{us(steady)},
      last_offset_{wall - timestamp{us(steady).count()}},
      stretches_{{microseconds::min(), last_look_, last_offset_}} {}

  /// Looks at both clocks.
  /// @param keep how far back `earliest` will be asked.
  /// @returns by how much the wall clock has jumped since the last look.
  microseconds look(timestamp wall, steady_point steady, microseconds keep) {
    const auto now = us(steady);
    const auto offset = wall - timestamp{now.count()};
    const auto jump = offset - last_offset_;
    if (is_behind_) {
      const auto from = timestamp{last_look_.count()} + last_offset_;
      const auto to = timestamp{now.count()} + last_offset_;
      wrong_to_ = wrong_from_ ? std::max(wrong_to_, to) : to;
      wrong_from_ = std::min(wrong_from_.value_or(from), from);
      wrong_until_ = now;
    }
    if (std::exchange(is_behind_, is_behind_ && wall < past_) && !is_behind_)
      stretches_ = {{microseconds::min(), now, offset}};
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

  /// Whether the clock shows a time that is past.
  [[nodiscard]] bool is_behind() const noexcept { return is_behind_; }

  /// What is older than a window.
  struct due_times {
    timestamp older_than;
    /// What is there from before may be younger all the same; none if nothing.
    std::optional<timestamp> not_before;
  };

  /// Whatever bears a time of these is older than `window`. What was recorded
  /// while the clock was behind bears a time that tells nothing.
  [[nodiscard]] due_times due(microseconds window) const {
    const auto older_than = earliest(window);
    if (!wrong_from_ || last_look_ - wrong_until_ >= window)
      return {older_than, std::nullopt};
    if (wrong_to_ < older_than)
      return {older_than, wrong_to_ + microseconds{1}};
    return {std::min(older_than, *wrong_from_), std::nullopt};
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

  timestamp past_;
  bool is_behind_;
  std::optional<timestamp> wrong_from_; // what it showed while it was behind
  timestamp wrong_to_;
  microseconds wrong_until_{0};
  microseconds last_look_;
  microseconds last_offset_;
  std::deque<stretch> stretches_;
};

} // namespace waybill
