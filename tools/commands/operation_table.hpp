// Operations as the rows of a table, in columns of which there may be chosen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "output/table.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/messages.hpp"

namespace waybill::cli {

/// Checks what `--columns` names: a list with commas.
/// @throws usage_error for a name that is no column's.
std::vector<std::string> read_columns(const std::string& list);

/// Prints operations as the rows of a table.
class operation_table {
public:
  struct style {
    /// Whether long texts come whole, whatever the terminal's width.
    bool full = false;
    /// Points in time instead of ages.
    bool times = false;
    /// Their names, in order; empty: the usual ones.
    std::vector<std::string> columns = {};
  };

  operation_table(context& c, const style& how);

  /// Whether a column tells of calls.
  [[nodiscard]] bool shows_calls() const;

  /// @param call that of the operation, if there is one and it is shown.
  void add(const tracking_status_snapshot& x,
           const std::optional<call_snapshot>& call = std::nullopt);

  /// Prints what has been added. Without a single row, nothing.
  void finish();

private:
  void print(bool is_all);

  context& c_;
  const std::vector<std::string> columns_;
  table table_;
  /// Of the rows that have not been printed.
  std::vector<std::string> ids_;
};

/// The shortest length at which the beginnings of these ids differ, at least
/// that at which those of version 7 have all of their time.
std::size_t short_id_length(std::vector<std::string> ids);

/// A cell for a status, in its colour.
cell status_cell(tracking_status status);

/// A cell for a text that may be missing, in one line; see `one_line`.
cell text_cell(const std::optional<std::string>& text);

/// A cell for a number that may be missing.
cell number_cell(const std::optional<std::int32_t>& number);

} // namespace waybill::cli
