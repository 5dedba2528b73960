// `waybill vacuum`: gives unused space back to the file system.
#pragma once

#include "commands/command.hpp"

namespace waybill::cli {

command setup_vacuum(CLI::App& parent);

exit_code run_vacuum(context& c);

/// What stays in the file: as much as a service would keep, or nothing.
enum class unused_space { some, none };

/// Gives unused space back in small steps, and shows progress.
/// @returns false if a signal stopped it.
bool give_back_space(context& c, operation_tracking_store& store,
                     unused_space keep);

} // namespace waybill::cli
