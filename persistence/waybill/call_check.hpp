// Whether the calls of a store are sound; a part of store_check.
#pragma once

#include <functional>

#include "waybill/check_damage.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Reads all calls: each must have an operation in a status that goes with its
/// state, a payload of its size, and a target whose counters it is in.
/// @param fault is told of what does not hold.
/// @param go_on asked now and then.
/// @returns false if that has said no.
bool check_calls(sqlite::connection& db, const fault_function& fault,
                 const std::function<bool()>& go_on);

} // namespace waybill
