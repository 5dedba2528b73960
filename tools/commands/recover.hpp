// `waybill recover`: what is sound of a damaged store, as a new one.
#pragma once

#include <optional>
#include <string>

#include "commands/command.hpp"

namespace waybill::cli {

struct recover_options {
  std::optional<std::string> file;
  std::optional<std::string> target;
  bool unproven = false;
};

command setup_recover(CLI::App& parent);

exit_code run_recover(context& c, const recover_options& x);

} // namespace waybill::cli
