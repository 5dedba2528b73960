// `waybill wait`: until operations have finished.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "commands/command.hpp"
#include "input/id_argument.hpp"
#include "waybill/queries.hpp"

namespace waybill::cli {

struct wait_options {
  std::vector<id_argument> ids;
  std::optional<std::chrono::microseconds> timeout;
  bool any = false;
  bool until_recorded = false;
};

command setup_wait(CLI::App& parent);

exit_code run_wait(context& c, const wait_options& x);

/// Whether what `x` waits for has come about.
bool is_over(const std::vector<status_reply>& operations,
             const wait_options& x);

} // namespace waybill::cli
