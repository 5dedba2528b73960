// Lists of operations, page by page, as tables, CSV or JSON; for `list` and
// `stuck`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "waybill/queries.hpp"

namespace waybill::cli {

enum class list_format : std::uint8_t { table, csv, json };

/// Adds `--format`.
void add_format(CLI::App& app, std::optional<list_format>& to);

/// What `--format` says, or `--json`, or a table.
list_format format_of(const context& c,
                      const std::optional<list_format>& given);

/// How much of a list is shown, and how.
struct list_view {
  std::optional<std::int64_t> limit;
  bool all = false;
  std::optional<std::string> cursor;
  bool full = false;
  bool times = false;
  /// What `read_columns` gave; empty: the usual ones.
  std::vector<std::string> columns;
  std::optional<list_format> format;

  static constexpr std::int64_t default_limit = 50;
};

void add_view(CLI::App& app, list_view& to);

/// Hands the operations to `each`, page by page, `limit` at most, until a
/// signal comes.
/// @returns the cursor of what is left; none if that is nothing.
/// @throws usage_error if `request` is not acceptable.
std::optional<std::string> for_each_operation(
  store_reader& reader, list_operations request,
  std::optional<std::int64_t> limit,
  const std::function<void(const tracking_status_snapshot&)>& each);

/// Prints what is asked for.
/// @param make makes the request, whose durations count back from a moment.
/// @param if_any how it ends if there is one at least.
exit_code
print_operations(context& c, const list_view& view,
                 const std::function<list_operations(timestamp)>& make,
                 exit_code if_any = exit_code::ok);

} // namespace waybill::cli
