// `waybill stats`: how large the store is, and what it holds.
#pragma once

#include "commands/command.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/messages.hpp"

namespace waybill::cli {

struct stats_options {
  bool prometheus = false;
};

command setup_stats(CLI::App& parent);

exit_code run_stats(context& c, const stats_options& x);

/// In the text format of Prometheus, version 0.0.4.
std::string render_prometheus(const store_size& size,
                              const counts_reply& counts,
                              const targets_reply& targets = {});

} // namespace waybill::cli
