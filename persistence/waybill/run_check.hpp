// Part of the check of a store: sorted runs (packed_run.hpp).
#pragma once

#include <functional>

#include "waybill/check_damage.hpp"
#include "waybill/packed_run.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Reads all runs that are listed: their entries are sorted, as many as is said
/// and within the bounds that are said, no number is there twice, and their
/// filters have all that they should.
/// @param fault told each fault.
/// @param each called with each entry.
/// @param go_on asked now and then.
/// @returns those that are listed; none if `go_on` said so.
std::optional<run_list>
check_runs(sqlite::connection& db, const run_layout& layout,
           const fault_function& fault,
           const std::function<void(const run_entry&)>& each,
           const std::function<bool()>& go_on);

} // namespace waybill
