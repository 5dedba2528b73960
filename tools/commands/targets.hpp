// `waybill targets`: what waits for each target, and how much may.
#pragma once

#include "commands/operation_list.hpp"
#include "waybill/call_queries.hpp"

namespace waybill::cli {

struct targets_options {
  std::optional<list_format> format;
};

command setup_targets(CLI::App& parent);

exit_code run_targets(context& c, const targets_options& x);

/// A row for each target, and a line for each that takes no calls. Empty if
/// there are none.
std::string render_targets(const targets_reply& x, const context& c);

} // namespace waybill::cli
