// What a reader tells of calls and targets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "waybill/call_queries.hpp"
#include "waybill/call_table.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Reads calls for those who only ask. Everything throws store_error:
/// `store_corrupt` for what cannot have been stored.
class call_source {
public:
  explicit call_source(sqlite::connection& db);

  /// The call of the operation with the number `seq`.
  std::optional<call_row> find(std::int64_t seq);

  /// The same, with the target's name.
  std::optional<call_snapshot> describe(std::int64_t seq);

  /// What an operation has to do with others.
  /// @param id its own.
  std::optional<requeue_link> link_of(std::int64_t seq,
                                      const tracked_operation_id& id);

  stored_payload payload_of(const call_row& x);

  /// All targets, from their counters; of calls it reads those that wait for a
  /// time, and as many of the first ones as it takes to find each target's
  /// oldest.
  /// @param now no age is below zero by it.
  std::vector<target_snapshot> targets(timestamp now);

private:
  std::optional<requeue_row> find_link(std::int64_t successor);
  std::string name_of(std::int64_t target);
  std::optional<tracked_operation_id> id_in(sqlite::statement& found,
                                            std::int64_t seq);
  void read_scheduled(std::int64_t number, timestamp now, target_snapshot& x);
  void read_oldest(timestamp now, std::vector<target_snapshot>& all);

  sqlite::statement find_;
  sqlite::statement payload_;
  sqlite::statement link_;
  sqlite::statement predecessor_;
  sqlite::statement successor_;
  sqlite::statement purged_successor_;
  sqlite::statement name_;
  sqlite::statement targets_;
  sqlite::statement begun_;
  sqlite::statement scheduled_;
  sqlite::statement on_their_way_;
  sqlite::statement recorded_;
};

} // namespace waybill
