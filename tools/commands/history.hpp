// `waybill history`: the transitions of an operation.
#pragma once

#include "commands/operation_list.hpp"
#include "input/id_argument.hpp"
#include "waybill/call_queries.hpp"

namespace waybill::cli {

struct history_options {
  std::vector<id_argument> ids;
  std::optional<list_format> format;
};

command setup_history(CLI::App& parent);

exit_code run_history(context& c, const history_options& x);

/// The transitions of one operation for people, and what its call waits for.
std::string render_history(const history_reply& x, const call_reply& call,
                           const context& c);

} // namespace waybill::cli
