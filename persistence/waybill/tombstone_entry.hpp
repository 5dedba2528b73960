// What an entry of a sorted run says of an operation that was purged.
#pragma once

#include <cstdint>
#include <optional>

#include "waybill/messages.hpp"
#include "waybill/packed_run.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// The milliseconds since 1970 in an id of version 7; none in others.
constexpr std::optional<std::int64_t>
time_in(const tracked_operation_id& id) noexcept {
  if ((id.high() >> 12U & 0xFU) != 7U || id.low() >> 62U != 2U)
    return std::nullopt;
  return static_cast<std::int64_t>(id.high() >> 16U);
}

constexpr run_key to_run_key(const tracked_operation_id& id) noexcept {
  return {id.high(), id.low()};
}

constexpr tracked_operation_id to_operation_id(const run_key& x) noexcept {
  return {x.high, x.low};
}

/// Whether it tells nothing of its time, and may be anywhere among others.
constexpr bool is_random_key(const run_key& x) noexcept {
  return !time_in(to_operation_id(x));
}

inline constexpr run_layout tombstone_layout{.name = "tombstone",
                                             .key_bytes = 16,
                                             .value_bytes = 8,
                                             .is_random = is_random_key};

/// The value of an entry.
struct tombstone_value {
  tracking_status status = tracking_status::delivered;
  timestamp finished_at;
  bool has_successor = false;
};

/// µs since the year 0 from bit 3 on, the status less 2 in two bits, whether it
/// has a successor in the last.
std::uint64_t encode_tombstone(const tombstone_value& x) noexcept;

/// @throws store_error `store_corrupt` for what cannot have been stored.
tombstone_value decode_tombstone(std::uint64_t x);

/// Throws `store_corrupt` if a purge cannot have been at that time.
timestamp decode_purge_time(const sqlite::statement& row, int column);

/// The number behind the last tombstone of a row of `purge_time`, whose columns
/// from `column` on are `first, tombstones`.
/// @throws store_error `store_corrupt` for what cannot have been stored.
std::int64_t end_of_purge(const sqlite::statement& row, int column);

/// What is not in the entry: when the operation was purged, and its successor.
class tombstone_facts {
public:
  void load(sqlite::connection& db);
  void close() noexcept;

  /// @param purged_at none: it is read.
  purged_operation complete(const run_entry& entry,
                            std::optional<timestamp> purged_at);

private:
  timestamp purge_time_of(std::int64_t number);

  sqlite::statement purge_time_;
  sqlite::statement successor_;
};

} // namespace waybill
