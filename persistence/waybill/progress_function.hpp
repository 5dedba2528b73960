// How long work tells how far it has got.
#pragma once

#include <cstdint>
#include <functional>

namespace waybill {

/// Hears how far long work has got. `total` is 0 where it is not known.
/// @returns false to stop.
using progress_function
  = std::function<bool(std::int64_t done, std::int64_t total)>;

} // namespace waybill
