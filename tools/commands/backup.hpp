// `waybill backup`: a verified copy of a store.
#pragma once

#include <optional>
#include <string>

#include "commands/command.hpp"

namespace waybill::cli {

struct backup_options {
  std::optional<std::string> target;
};

command setup_backup(CLI::App& parent);

exit_code run_backup(context& c, const backup_options& x);

} // namespace waybill::cli
