// What a subcommand is to the command line.
#pragma once

#include <functional>

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
};

} // namespace waybill::cli
