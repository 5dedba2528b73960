// `waybill export`: operations with their histories as JSON Lines, which
// `waybill import` reads.
#pragma once

#include <optional>
#include <string>

#include "commands/command.hpp"
#include "input/filter.hpp"

namespace waybill::cli {

struct export_options {
  filter_arguments filter;
  /// None: standard output.
  std::optional<std::string> output;
  std::optional<std::string> cursor;
  bool force = false;
};

command setup_export(CLI::App& parent);

exit_code run_export(context& c, const export_options& x);

} // namespace waybill::cli
