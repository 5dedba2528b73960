// A trouble that comes and goes, and how often an operator is told of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace waybill {

/// It is told when it comes. When it has gone and comes again it is told after
/// delays that grow from 1 s to 10 min, with the number of times in between;
/// when it has not come for as long, they start over.
class recurring_trouble {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// It is there: again, or still.
  /// @param at_once whether it is told in any case.
  /// @returns if it is to be told now: how often it has come untold before.
  std::optional<std::int64_t> note(time_point now,
                                   bool at_once = false) noexcept {
    if (!std::exchange(is_there_, true))
      ++came_;
    if (is_told_ || (now < next_ && !at_once))
      return std::nullopt;
    is_told_ = true;
    return tell(now) - 1;
  }

  /// It has gone, if it was there.
  /// @returns whether that is to be told: it was told that it had come.
  bool end() noexcept {
    is_there_ = false;
    return std::exchange(is_told_, false);
  }

  /// Whether it came and went untold.
  [[nodiscard]] bool has_untold() const noexcept {
    return !is_there_ && came_ > 0;
  }

  /// How often it did, if that is to be told now.
  std::optional<std::int64_t> take_untold(time_point now) noexcept {
    if (!has_untold() || now < next_)
      return std::nullopt;
    return tell(now);
  }

private:
  static constexpr auto first_delay = std::chrono::seconds{1};
  static constexpr auto max_delay = std::chrono::seconds{600};

  std::int64_t tell(time_point now) noexcept {
    const auto is_another = next_ == time_point{} || now - next_ > max_delay;
    delay_ = is_another ? first_delay : std::min(2 * delay_, max_delay);
    next_ = now + delay_;
    return std::exchange(came_, 0);
  }

  bool is_there_ = false;
  bool is_told_ = false;
  std::int64_t came_ = 0; // since it was told last
  std::chrono::seconds delay_ = first_delay;
  time_point next_{}; // before it nothing is told
};

/// What a notice says of the times that went untold; nothing if there were
/// none.
inline std::string to_untold_text(std::int64_t times) {
  return times == 0 ? std::string{}
                    : "; so it was " + std::to_string(times)
                        + (times == 1 ? " time more" : " times more")
                        + " since that was last told";
}

} // namespace waybill
