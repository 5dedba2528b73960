// `waybill vacuum`: gives unused space back to the file system.
#pragma once

#include "commands/command.hpp"

namespace waybill::cli {

command setup_vacuum(CLI::App& parent);

exit_code run_vacuum(context& c);

} // namespace waybill::cli
