// `waybill status`: what became of some operations, in full.
#pragma once

#include <vector>

#include "commands/command.hpp"
#include "input/id_argument.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace waybill::cli {

struct status_options {
  std::vector<id_argument> ids;
};

command setup_status(CLI::App& parent);

exit_code run_status(context& c, const status_options& x);

/// An operation for people, line by line.
std::string render_operation(const tracking_status_snapshot& x,
                             const context& c);

/// `{"id": …, "snapshot": … or null}`.
std::string status_json(const tracked_operation_id& id,
                        const status_reply& reply);

} // namespace waybill::cli
