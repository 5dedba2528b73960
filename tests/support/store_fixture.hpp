// A store on a scratch file.
#pragma once

#include <optional>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/plain_sqlite.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "waybill/operation_tracking_store.hpp"

namespace waybill::test {

/// The default options for `file`.
inline store_options options_for(std::string file) {
  store_options x;
  x.file = std::move(file);
  return x;
}

struct store_fixture {
  temp_dir dir;
  store_options options = options_for(dir / "ops.db");
  operation_tracking_store store{options};

  /// Closes the store properly and opens it again.
  void restart() {
    store.close();
    store = operation_tracking_store{options};
  }

  std::optional<tracking_status_snapshot> snapshot_of(std::uint64_t n,
                                                      timestamp now = at(0)) {
    return store.get_status(status_of(n), now).snapshot;
  }

  /// How many operations of all kinds are in `status`, by the counters.
  std::int64_t count_of(tracking_status status) {
    std::int64_t sum = 0;
    for (const auto& each : store.get_counts().counts)
      sum += each.status == status ? each.operations : 0;
    return sum;
  }

  /// How many operations there are, by the counters.
  std::int64_t total() {
    std::int64_t sum = 0;
    for (const auto& each : store.get_counts().counts)
      sum += each.operations;
    return sum;
  }

  /// All that is committed; see `content_of`.
  std::vector<std::string> content() { return content_of(options.file); }
};

} // namespace waybill::test
