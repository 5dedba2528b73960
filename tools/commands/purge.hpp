// `waybill purge`: deletes old operations that have finished.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "waybill/messages.hpp"

namespace waybill::cli {

struct purge_options {
  std::optional<std::string> older_than;
  std::vector<std::string> statuses;
  bool with_payload = false;
  std::optional<std::string> reason;
  std::optional<std::string> by;
  bool dry_run = false;
};

command setup_purge(CLI::App& parent);

exit_code run_purge(context& c, const purge_options& x);

/// What the options ask for: one request for all statuses, or one for each.
/// @throws usage_error
std::vector<purge_terminal> to_requests(const purge_options& x, timestamp now,
                                        zone where);

} // namespace waybill::cli
