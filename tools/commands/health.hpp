// `waybill health`: what a store's file tells of its health, against limits.
#pragma once

#include "commands/command.hpp"
#include "waybill/health_findings.hpp"

namespace waybill::cli {

struct health_options : dashboard::health_limits {
  bool exit_code = false;
};

command setup_health(CLI::App& parent);

exit_code run_health(context& c, const health_options& x);

} // namespace waybill::cli
