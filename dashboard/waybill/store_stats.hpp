// What a store's file tells of itself: sizes, totals, the oldest. As JSON and
// as Prometheus scrapes it; `waybill stats` prints the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "waybill/call_queries.hpp"
#include "waybill/messages.hpp"
#include "waybill/stats.hpp"
#include "waybill/store_size.hpp"
#include "waybill/tombstone_sums.hpp"

namespace waybill::dashboard {

/// Those with the most calls first, and how many others there are.
struct target_totals {
  std::vector<target_total> told;
  std::int64_t others = 0;
  std::int64_t paused = 0; // of all
};

target_totals totals_of(const targets_reply& x);

nlohmann::ordered_json stats_json(const store_size& size,
                                  const counts_reply& counts,
                                  const target_totals& targets,
                                  const tombstone_sums& purged);

/// In the text format of Prometheus, version 0.0.4.
std::string render_prometheus(const store_size& size,
                              const counts_reply& counts,
                              const targets_reply& targets = {},
                              const tombstone_sums& purged = {});

} // namespace waybill::dashboard
