// `waybill schema`: the statements that make a store's tables.
#pragma once

#include <string>
#include <string_view>

#include "commands/command.hpp"

namespace waybill::cli {

command setup_schema(CLI::App& parent);

exit_code run_schema(context& c);

/// `text` with the lines escaped that hold more than a terminal should get:
/// quotes and line ends are as they were.
std::string printable_lines(std::string_view text);

} // namespace waybill::cli
