// `waybill watch`: follows a store while a service writes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "output/table.hpp"
#include "waybill/queries.hpp"

namespace waybill::cli {

struct watch_options {
  std::vector<std::string> statuses;
  std::vector<std::string> kinds;
  std::vector<std::string> ids;
  std::optional<std::string> after;
};

command setup_watch(CLI::App& parent);

/// Ends when a signal comes or nobody reads any more.
exit_code run_watch(context& c, const watch_options& x);

/// The first question; of ids that are given in part, the first they may mean.
/// @throws usage_error
watch_transitions to_request(const watch_options& x);

/// Transitions for people, a line each, that fit the terminal and stand below
/// each other however many come at a time.
class transition_table {
public:
  explicit transition_table(const context& c);

  /// The lines of `steps`, below a line of headings the first time.
  /// @param targets of their operations.
  std::string lines(const std::vector<transition>& steps,
                    const std::map<tracked_operation_id, std::string>& targets);

private:
  const context& c_;
  table table_;
};

} // namespace waybill::cli
