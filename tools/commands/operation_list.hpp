// Lists of operations, page by page, as tables, CSV or JSON; for `list` and
// `stuck`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "commands/command.hpp"
#include "output/table.hpp"
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
  std::optional<list_format> format;

  static constexpr std::int64_t default_limit = 50;
};

void add_view(CLI::App& app, list_view& to);

/// Hands the operations to `each`, page by page, `limit` at most, until a
/// signal comes.
/// @param page_end called after each page with the cursor of the next one.
/// @returns the cursor of what is left; none if that is nothing.
/// @throws usage_error if `request` is not acceptable.
std::optional<std::string> for_each_operation(
  store_reader& reader, list_operations request,
  std::optional<std::int64_t> limit,
  const std::function<void(const tracking_status_snapshot&)>& each,
  const std::function<void(const std::optional<std::string>&)>& page_end = {});

/// Prints what is asked for.
/// @param make makes the request, whose durations count back from a moment.
exit_code
print_operations(context& c, const list_view& view,
                 const std::function<list_operations(timestamp)>& make);

/// Prints operations as the rows of a table.
class operation_table {
public:
  struct style {
    /// Whether long texts come whole, whatever the terminal's width.
    bool full = false;
    /// Points in time instead of ages.
    bool times = false;
  };

  operation_table(context& c, style how);

  void add(const tracking_status_snapshot& x);

  /// Prints what has been added. Without a single row, nothing.
  void finish();

private:
  context& c_;
  const style style_;
  table table_;
};

/// A cell for a status, in its colour.
cell status_cell(tracking_status status);

/// An optional text or number as a cell.
cell text_cell(const std::optional<std::string>& text);
cell number_cell(const std::optional<std::int32_t>& number);

} // namespace waybill::cli
