// `waybill restore`: a backup in the place of a store.
#pragma once

#include <optional>
#include <string>

#include "commands/command.hpp"

namespace waybill::cli {

struct restore_options {
  std::optional<std::string> backup;
  bool force = false;
};

command setup_restore(CLI::App& parent);

exit_code run_restore(context& c, const restore_options& x);

} // namespace waybill::cli
