// Part of the check of a store: what is left of operations that were purged.
#pragma once

#include <functional>

#include "waybill/check_damage.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Reads all tombstones: what they say can have been stored, each number is in
/// one run (run_check.hpp) and was purged once, and no id is younger than the
/// youngest is said to be. That an operation with the id is there too is no
/// fault: it was recorded again.
/// @param fault told each fault.
/// @param go_on asked now and then.
/// @returns false if `go_on` said so.
bool check_tombstones(sqlite::connection& db, const fault_function& fault,
                      const std::function<bool()>& go_on);

} // namespace waybill
