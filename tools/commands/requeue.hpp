// `waybill requeue`: tries calls again that are parked or failed.
#pragma once

#include <cstdint>
#include <optional>

#include "commands/bulk_act.hpp"

namespace waybill::cli {

struct requeue_options : bulk_options {
  /// So many a second; 0: as many as there are.
  std::optional<std::int64_t> rate;

  static constexpr std::int64_t default_rate = 50;
};

command setup_requeue(CLI::App& parent);

exit_code run_requeue(context& c, const requeue_options& x);

} // namespace waybill::cli
