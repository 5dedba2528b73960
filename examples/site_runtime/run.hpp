// The main job from start to end: opens what it needs, lets a job work, stops
// everything in order, and reports.
#pragma once

#include "site_runtime/arguments.hpp"

namespace site_runtime {

/// Runs until each call of the input, or each that is kept, is finished, or
/// until a signal.
/// @throws usage_error if the input or the endpoint's URL cannot be used;
///         waybill::store_error if the tracking database cannot be opened;
///         waybill::request_error if it fails later; std::exception for the
///         remote database.
exit_code run(const arguments& x);

} // namespace site_runtime
