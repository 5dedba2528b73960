// `waybill discard`: gives an operation up.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "input/id_argument.hpp"

namespace waybill::cli {

struct discard_options {
  std::vector<id_argument> ids;
  std::optional<std::string> reason;
};

command setup_discard(CLI::App& parent);

exit_code run_discard(context& c, const discard_options& x);

} // namespace waybill::cli
