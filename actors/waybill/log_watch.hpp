// When the tracker looks at its write-ahead log, and at totals of minutes that
// are not written yet.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace waybill {

/// A look copies the log into the file if that is due. There is one when a
/// batch has been committed; but a log that a reader holds, or that cannot be
/// copied, is looked at by a timer, for there may be no commit after which to
/// empty it, and commits leave it alone then. Totals have a timer of their own,
/// for there may be no commit that takes them along.
class log_watch {
public:
  using duration = std::chrono::steady_clock::duration;
  using milliseconds = std::chrono::milliseconds;

  /// How the log is after a look.
  struct condition {
    bool cannot_be_copied = false;
    bool is_held = false;
  };

  /// Whether the next look has its timer.
  [[nodiscard]] bool has_timer() const noexcept { return has_timer_; }

  /// The timer has run out: it is time to look.
  void wake() noexcept { has_timer_ = false; }

  /// A look has ended that took that long.
  /// @returns what to set a timer to, if one is needed. A disk that takes long
  ///          to fail is kept busy for a tenth of the time.
  [[nodiscard]] std::optional<milliseconds> after(const condition& x,
                                                  duration took) noexcept {
    has_timer_ = x.cannot_be_copied || x.is_held;
    if (!has_timer_)
      return std::nullopt;
    return x.cannot_be_copied
             ? std::max(delay, 10 * std::chrono::ceil<milliseconds>(took))
             : delay;
  }

  // -- totals of minutes ------------------------------------------------------

  /// Whether the next look at them has its timer.
  [[nodiscard]] bool totals_have_timer() const noexcept {
    return totals_have_timer_;
  }

  /// Its timer has run out.
  void wake_for_totals() noexcept { totals_have_timer_ = false; }

  /// A look has ended.
  /// @param wait whether any of them do.
  /// @returns as `after`.
  [[nodiscard]] std::optional<milliseconds> after_totals(bool wait) noexcept {
    totals_have_timer_ = wait;
    return wait ? std::optional{totals_wait} : std::nullopt;
  }

private:
  static constexpr auto delay = milliseconds{200};
  static constexpr auto totals_wait = milliseconds{10'000};

  bool has_timer_ = false;
  bool totals_have_timer_ = false;
};

} // namespace waybill
