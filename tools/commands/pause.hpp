// `waybill pause` and `waybill resume`: begin no attempts for a target, and
// begin them again.
#pragma once

#include <optional>
#include <string>

#include "commands/command.hpp"

namespace waybill::cli {

struct pause_options {
  std::optional<std::string> target;
  std::optional<std::string> reason;
  std::optional<std::string> by;
};

command setup_pause(CLI::App& parent);
command setup_resume(CLI::App& parent);

exit_code run_pause(context& c, const pause_options& x);
exit_code run_resume(context& c, const pause_options& x);

} // namespace waybill::cli
