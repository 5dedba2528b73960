// What a subcommand is to the command line.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "context.hpp"

namespace CLI {
class App;
} // namespace CLI

namespace waybill::cli {

/// Each file in this folder defines one: a struct of its options, a `setup_…`
/// that adds the subcommand to the command line, and a `run_…`.
struct command {
  CLI::App* app;
  std::function<exit_code(context&)> run;
  /// Which store it was given as an argument, instead of `--db`; none if the
  /// command has no such argument, or was not given it.
  std::function<std::optional<std::string>()> store = {};
};

} // namespace waybill::cli
