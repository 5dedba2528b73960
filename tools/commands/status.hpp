// `waybill status`: what became of some operations, in full.
#pragma once

#include <vector>

#include "commands/command.hpp"
#include "input/id_argument.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace waybill::cli {

struct status_options {
  std::vector<id_argument> ids;
  /// They come as lines of standard input instead.
  bool from_input = false;
};

command setup_status(CLI::App& parent);

exit_code run_status(context& c, const status_options& x);

/// An operation for people, line by line.
/// @pre it is there.
std::string render_operation(const call_reply& reply, const context& c);

/// `{"id": …, "snapshot": … or null, "call": … or null}`.
std::string status_json(const tracked_operation_id& id,
                        const call_reply& reply);

} // namespace waybill::cli
