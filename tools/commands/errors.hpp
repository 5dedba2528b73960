// `waybill errors`: why operations were parked or failed, and how often.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "commands/operation_list.hpp"
#include "input/filter.hpp"
#include "waybill/error_queries.hpp"

namespace waybill::cli {

struct errors_options {
  filter_arguments filter;
  error_grouping by = error_grouping::error;
  std::optional<std::int64_t> limit;
  bool full = false;
  bool times = false;
  std::optional<list_format> format;

  static constexpr std::int64_t default_limit = 50;
};

command setup_errors(CLI::App& parent);

exit_code run_errors(context& c, const errors_options& x);

} // namespace waybill::cli
