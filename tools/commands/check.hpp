// `waybill check`: whether a store is sound.
#pragma once

#include "commands/command.hpp"

namespace waybill::cli {

command setup_check(CLI::App& parent);

exit_code run_check(context& c);

} // namespace waybill::cli
