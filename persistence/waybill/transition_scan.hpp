// Reads transitions: all of a store in order, and those of one operation.
//
// What recorded an operation is a row of `operation`, every other transition
// one of `transition` (transition_log.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "waybill/name_table.hpp"
#include "waybill/queries.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// All transitions after a number, in order. To be used within a transaction.
class transition_scan {
public:
  transition_scan(sqlite::connection& db, const name_table& names,
                  std::int64_t after);

  /// Goes to the next transition.
  /// @returns false at the end.
  bool next();

  // Of the transition at which it stands.
  [[nodiscard]] std::int64_t number() const;
  [[nodiscard]] tracked_operation_id id() const;
  [[nodiscard]] std::string kind() const;
  [[nodiscard]] tracking_status status() const;
  [[nodiscard]] transition decode() const;

private:
  const name_table& names_;
  sqlite::statement recorded_;
  sqlite::statement steps_;
  bool has_recorded_ = false;
  bool has_step_ = false;
  bool begun_ = false;
  bool at_recorded_ = false;
};

/// Reads the history of one operation after the other.
class history_source {
public:
  history_source() noexcept = default;
  explicit history_source(sqlite::connection& db);

  /// All that is kept of the operation whose row has the number `seq` and
  /// names `last` as its last transition, in order.
  /// @param now what the row says.
  /// @param max_bytes as in store_reader::get_history.
  /// @throws store_error `store_corrupt`.
  history_reply read(std::int64_t seq, std::int64_t last,
                     tracking_status_snapshot now, const name_table& names,
                     std::size_t max_bytes);

private:
  sqlite::statement step_;
  sqlite::statement off_to_;
};

} // namespace waybill
