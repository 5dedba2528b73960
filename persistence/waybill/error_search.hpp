// Of the reader: groups operations by what they have in common, as their rows
// are read.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "waybill/error_queries.hpp"
#include "waybill/name_table.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Takes as much memory as `limits::max_error_groups` groups do.
class error_search {
public:
  /// @param names must outlive it.
  error_search(error_grouping by, const name_table& names)
    : by_{by}, names_{names} {}

  /// Counts a row: WAYBILL_OPERATION_COLUMNS.
  void add(const sqlite::statement& row);

  /// The groups, and how many operations are in them or left out.
  [[nodiscard]] errors_reply take();

private:
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  void make_key(const sqlite::statement& row);
  [[nodiscard]] error_group begin_group(const sqlite::statement& row) const;

  error_grouping by_;
  const name_table& names_;
  errors_reply found_;
  /// Where the groups are in it, by what makes them.
  std::unordered_map<std::string, std::size_t, hash, std::equal_to<>> places_;
  /// The current row's: its status, then for each text its length and itself.
  std::string key_;
  /// Where the shapes are in it.
  std::string_view target_;
  std::string_view error_;
};

} // namespace waybill
