// An operation_filter, made ready to look at many rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/name_table.hpp"
#include "waybill/queries.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// A set of statuses.
class status_set {
public:
  static constexpr status_set all() noexcept { return status_set{0b11'1111}; }
  static constexpr status_set in_flight() noexcept { return status_set{0b11}; }
  static constexpr status_set terminal() noexcept {
    return status_set{0b11'1100};
  }

  constexpr void add(tracking_status x) noexcept { bits_ |= bit(x); }
  [[nodiscard]] constexpr bool contains(tracking_status x) const noexcept {
    return (bits_ & bit(x)) != 0;
  }
  [[nodiscard]] constexpr bool is_empty() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr bool is_within(status_set other) const noexcept {
    return (bits_ & ~other.bits_) == 0;
  }
  [[nodiscard]] constexpr status_set
  operator&(status_set other) const noexcept {
    return status_set{bits_ & other.bits_};
  }

  constexpr status_set() noexcept = default;

private:
  constexpr explicit status_set(unsigned bits) noexcept : bits_{bits} {}
  static constexpr unsigned bit(tracking_status x) noexcept {
    return 1U << static_cast<unsigned>(x);
  }

  unsigned bits_ = 0;
};

/// The statuses that `x` lets through.
status_set statuses_of(const operation_filter& x);

/// Times in µs, the first and the last included.
struct time_range {
  std::int64_t first = INT64_MIN;
  std::int64_t last = INT64_MAX;

  [[nodiscard]] bool contains(std::int64_t us) const noexcept {
    return us >= first && us <= last;
  }
};

/// The times between the earliest and the latest `updated_at` that `x` lets
/// through.
time_range updated_range(const operation_filter& x) noexcept;

/// One text of a column that may be interned: compared as a number where it is.
class name_match {
public:
  name_match(name_field field, std::string text, const name_table& names);

  [[nodiscard]] bool fits(const sqlite::statement& row) const;

private:
  int column_;
  std::string text_;
  std::optional<std::int64_t> id_;
};

/// The text of a column that may be interned; none if there is none.
std::optional<std::string_view> text_in(const sqlite::statement& row, int at,
                                        const name_table& names);

/// Whether all of `text` fits `pattern`, in which `*` stands for any text, also
/// none.
bool matches(std::string_view pattern, std::string_view text) noexcept;

class row_filter {
public:
  /// @param names must outlive it.
  row_filter(const operation_filter& x, const name_table& names);

  /// Whether the row, which is WAYBILL_OPERATION_COLUMNS, gets through.
  [[nodiscard]] bool fits(const sqlite::statement& row) const;

private:
  [[nodiscard]] bool fits_times(const sqlite::statement& row) const;
  [[nodiscard]] bool fits_number(const sqlite::statement& row) const;
  [[nodiscard]] bool fits_http(const sqlite::statement& row) const;
  [[nodiscard]] bool fits_target(const sqlite::statement& row) const;
  [[nodiscard]] bool fits_error(const sqlite::statement& row) const;

  const name_table& names_;
  status_set statuses_;
  std::vector<name_match> kinds_;  // any of these
  std::vector<name_match> others_; // all of these
  time_range created_;
  time_range updated_;
  time_range not_updated_; // within these; none if it begins behind its end
  std::optional<std::string> target_pattern_;
  std::optional<std::string> error_contains_;
  std::optional<std::string> target_shape_;
  std::optional<std::string> error_shape_;
  std::int32_t retry_count_from_;
  std::int32_t http_from_ = 0;
  std::int32_t http_to_ = 0; // 0: any, also none
  std::optional<std::int64_t> number_until_;
};

} // namespace waybill
