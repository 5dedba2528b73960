// What actors say to themselves and to each other.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "waybill/field_list.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/tracked_operation_id.hpp"

namespace waybill {

/// Ends the open batch, if it is still number `batch`.
struct commit_tick {
  std::int64_t batch = 0;
  /// When it was sent, in µs of the steady clock.
  std::int64_t sent_us = 0;
  bool operator==(const commit_tick&) const = default;
  static constexpr const char* type_name = "commit_tick";
  static constexpr auto fields() {
    return std::tuple{field{"batch", &commit_tick::batch},
                      field{"sent_us", &commit_tick::sent_us}};
  }
};

/// A timer's turn: number `serial` of those that its actor has set.
struct work_tick {
  std::int64_t serial = 0;
  bool operator==(const work_tick&) const = default;
  static constexpr const char* type_name = "work_tick";
  static constexpr auto fields() {
    return std::tuple{field{"serial", &work_tick::serial}};
  }
};

/// The sync of a batch that was committed ahead has ended.
struct sync_ended {
  bool operator==(const sync_ended&) const = default;
  static constexpr const char* type_name = "sync_ended";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Do the next step of a purge, or give back some space.
struct purge_tick {
  bool operator==(const purge_tick&) const = default;
  static constexpr const char* type_name = "purge_tick";
  static constexpr auto fields() { return std::tuple{}; }
};

/// See whether a reader still keeps the log from being emptied, or whether
/// totals of minutes are still not written.
struct log_tick {
  bool at_totals = false;
  bool operator==(const log_tick&) const = default;
  static constexpr const char* type_name = "log_tick";
  static constexpr auto fields() {
    return std::tuple{field{"at_totals", &log_tick::at_totals}};
  }
};

/// Try to bring failed storage back.
struct recovery_tick {
  bool operator==(const recovery_tick&) const = default;
  static constexpr const char* type_name = "recovery_tick";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Something has been committed: there may be something new to read.
struct store_changed {
  bool operator==(const store_changed&) const = default;
  static constexpr const char* type_name = "store_changed";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Read for the asker whose turn it is.
struct read_tick {
  bool operator==(const read_tick&) const = default;
  static constexpr const char* type_name = "read_tick";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Read for all watches again, after an error.
struct retry_tick {
  bool operator==(const retry_tick&) const = default;
  static constexpr const char* type_name = "retry_tick";
  static constexpr auto fields() { return std::tuple{}; }
};

/// The store has further calls that wait for who works for a target, the
/// successors of others. With their order keys they come before others.
struct calls_requeued {
  /// Those that were requeued.
  std::vector<requeue_result> calls;
  bool operator==(const calls_requeued&) const = default;
  static constexpr const char* type_name = "calls_requeued";
  static constexpr auto fields() {
    return std::tuple{field{"calls", &calls_requeued::calls}};
  }
};

/// The store is about to let go of calls that are for a target: who works for
/// it asks for those that it has.
struct calls_discarded {
  std::vector<tracked_operation_id> ids;
  /// Whether one of them was in flight: others with its order key may begin.
  bool had_turn = false;
  bool operator==(const calls_discarded&) const = default;
  static constexpr const char* type_name = "calls_discarded";
  static constexpr auto fields() {
    return std::tuple{field{"ids", &calls_discarded::ids},
                      field{"had_turn", &calls_discarded::had_turn}};
  }
};

/// All that was queued before `shut_down` has been answered.
struct drained {
  bool operator==(const drained&) const = default;
  static constexpr const char* type_name = "drained";
  static constexpr auto fields() { return std::tuple{}; }
};

} // namespace waybill
