// Small questions that the owner of a store and its readers both ask.
#pragma once

#include <cstdint>
#include <optional>

#include "waybill/in_flight_blocks.hpp"
#include "waybill/messages.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/store_size.hpp"
#include "waybill/timestamp.hpp"
#include "waybill/tracking_status.hpp"

namespace waybill {

/// Adds when the oldest operations in flight and parked became so: of those in
/// flight the first recorded whose time has come. Times that are to come, by a
/// clock that was ahead, count as now.
/// @param unwritten what the current transaction has changed.
void read_ages(sqlite::connection& db, timestamp now, counts_reply& counts,
               const in_flight_blocks& unwritten = {});

/// When the operation in that terminal status finished that did so first.
std::optional<timestamp> oldest_finished(sqlite::connection& db,
                                         tracking_status status);

/// The latest time at which an operation was recorded or finished, of those
/// that are there.
std::optional<timestamp> latest_time(sqlite::connection& db);

/// The number of the last transition; 0 if there has been none.
std::int64_t last_transition(sqlite::connection& db);

/// All but `log_bytes`.
store_size size_of(sqlite::connection& db);

} // namespace waybill
