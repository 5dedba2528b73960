// The command line: what `waybill` is asked to do.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "context.hpp"

namespace waybill::cli {

struct invocation {
  settings given;
  /// What to do; none if there is only `text` to be printed.
  std::function<exit_code(context&)> run;
  /// What `help`, `--help` or `--version` print.
  std::string text;
};

/// @throws usage_error
invocation parse_command_line(int argc, const char* const* argv);

/// The names of all commands but `help`.
std::vector<std::string> command_names();

} // namespace waybill::cli
