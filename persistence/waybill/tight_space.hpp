// How much a store does at once to get space while its disk has none.
#pragma once

#include <algorithm>
#include <cstdint>

namespace waybill {

/// What frees space needs some first, in the log: the less, the fewer rows or
/// pages a transaction changes.
class tight_space {
public:
  /// A write has found no space, and what is unused has not been given back
  /// since.
  [[nodiscard]] bool is_short() const noexcept { return is_short_; }

  void note_full() noexcept { is_short_ = true; }
  void note_given_back() noexcept { is_short_ = false; }

  /// How many rows or pages a transaction gets that may have `most`.
  [[nodiscard]] std::int64_t lot(std::int64_t most) const noexcept {
    return std::max<std::int64_t>(1, most >> halvings_);
  }

  /// A lot has found no space.
  /// @returns false if there is none smaller.
  bool shrink(std::int64_t most) noexcept {
    if (lot(most) == 1)
      return false;
    halvings_ += 3;
    return true;
  }

  /// A lot has fitted: the next may be larger.
  void grow() noexcept { halvings_ = std::max(0, halvings_ - 1); }

  /// Unused pages have been given back: the next checkpoint shortens the file.
  /// @returns whether that pays.
  bool note_cut_off(std::int64_t pages) noexcept {
    pages_to_cut_off_ += pages;
    return pages_to_cut_off_ >= pages_cut_off_at_once;
  }

  /// It has been made.
  void note_shortened() noexcept { pages_to_cut_off_ = 0; }

private:
  static constexpr std::int64_t pages_cut_off_at_once = 2'048;

  bool is_short_ = false;
  int halvings_ = 0;
  std::int64_t pages_to_cut_off_ = 0;
};

} // namespace waybill
