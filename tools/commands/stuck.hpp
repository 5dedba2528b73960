// `waybill stuck`: operations in flight that nobody has touched for long.
#pragma once

#include "commands/operation_list.hpp"

namespace waybill::cli {

struct stuck_options {
  std::optional<std::chrono::microseconds> age;
  list_view view;
  /// Whether to end with `alarm` if there are any.
  bool exit_code = false;
};

command setup_stuck(CLI::App& parent);

exit_code run_stuck(context& c, const stuck_options& x);

} // namespace waybill::cli
