// `waybill requeue`: tries calls again that are parked or failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "input/filter.hpp"
#include "input/id_argument.hpp"

namespace waybill::cli {

struct requeue_options {
  /// Or those that the filter lets through.
  std::vector<id_argument> ids;
  filter_arguments filter;
  std::optional<std::string> reason;
  /// So many a second; 0: as many as there are.
  std::optional<std::int64_t> rate;
  bool dry_run = false;

  static constexpr std::int64_t default_rate = 50;
};

command setup_requeue(CLI::App& parent);

exit_code run_requeue(context& c, const requeue_options& x);

} // namespace waybill::cli
