// `waybill list`: operations that a filter lets through.
#pragma once

#include "commands/operation_list.hpp"
#include "input/filter.hpp"

namespace waybill::cli {

struct list_options {
  filter_arguments filter;
  list_view view;
  bool oldest_first = false;
};

command setup_list(CLI::App& parent);

exit_code run_list(context& c, const list_options& x);

} // namespace waybill::cli
