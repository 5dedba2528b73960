// `waybill watch`: follows a store while a service writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "waybill/queries.hpp"

namespace waybill::cli {

struct watch_options {
  std::vector<std::string> statuses;
  std::vector<std::string> kinds;
  std::vector<std::string> ids;
  std::optional<std::int64_t> after;
};

command setup_watch(CLI::App& parent);

/// Ends when a signal comes or nobody reads any more.
exit_code run_watch(context& c, const watch_options& x);

/// The first question.
/// @throws usage_error
watch_transitions to_request(const watch_options& x);

/// A transition for people, in one line that fits the terminal.
std::string render_transition(const transition& x, const context& c);

} // namespace waybill::cli
