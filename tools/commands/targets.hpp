// `waybill targets`: what waits for each target, how much may, and whether it
// is left alone.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "commands/operation_list.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/forward_messages.hpp"

namespace waybill::cli {

struct targets_options {
  std::optional<list_format> format;
};

/// What the actors of a running service say, by their targets.
using backlogs_by_target = std::map<std::string, backlog_reply>;

command setup_targets(CLI::App& parent);

exit_code run_targets(context& c, const targets_options& x);

/// A row for each target, and lines for those that take no calls or are left
/// alone. Empty if there are none.
/// @param service none if none has answered.
std::string render_targets(const targets_reply& x,
                           const std::optional<backlogs_by_target>& service,
                           const context& c);

} // namespace waybill::cli
