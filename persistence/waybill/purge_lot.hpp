// How many rows a purge deletes in one statement.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace waybill {

/// A purge looks at the clock after each statement. One that deletes many rows
/// costs less a row, so they get as many as take about two milliseconds; never
/// more than 8,192, histories included.
class purge_lot {
public:
  /// @param history how many transitions of an operation are kept.
  explicit purge_lot(std::int64_t history) noexcept
    : most_{std::clamp<std::int64_t>(8'192 / (2 * history + 1), 1, 512)} {}

  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }

  /// After a statement that has deleted as many rows as it was given.
  void fit(std::chrono::steady_clock::duration took) noexcept {
    if (took > 2 * statement_time)
      rows_ /= 2;
    else if (2 * took < statement_time)
      rows_ *= 2;
    rows_ = std::clamp<std::int64_t>(rows_, 1, most_);
  }

private:
  static constexpr auto statement_time = std::chrono::milliseconds{2};

  std::int64_t most_;
  std::int64_t rows_ = 1;
};

} // namespace waybill
