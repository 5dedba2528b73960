// `waybill counts`: how many operations there are, by kind and status.
#pragma once

#include "commands/operation_list.hpp"

namespace waybill::cli {

struct counts_options {
  std::optional<list_format> format;
};

command setup_counts(CLI::App& parent);

exit_code run_counts(context& c, const counts_options& x);

/// A row for each kind, a column for each status, with sums.
std::string render_counts(const counts_reply& x, const terminal& screen);

/// How old the oldest operations in flight and parked are; empty if there are
/// none.
std::string render_oldest(const counts_reply& x, const context& c);

} // namespace waybill::cli
