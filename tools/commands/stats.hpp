// `waybill stats`: how large the store is, and what it holds.
#pragma once

#include "commands/command.hpp"

namespace waybill::cli {

struct stats_options {
  bool prometheus = false;
};

command setup_stats(CLI::App& parent);

exit_code run_stats(context& c, const stats_options& x);

} // namespace waybill::cli
