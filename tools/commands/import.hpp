// `waybill import`: reads what `waybill export` wrote.
#pragma once

#include <string>

#include "commands/command.hpp"

namespace waybill::cli {

struct import_options {
  /// `-`: standard input.
  std::optional<std::string> input;
  bool skip_bad = false;
};

command setup_import(CLI::App& parent);

exit_code run_import(context& c, const import_options& x);

} // namespace waybill::cli
