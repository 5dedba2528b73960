// One transaction's part of a purge.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "waybill/messages.hpp"
#include "waybill/purge_progress.hpp"
#include "waybill/store_parts.hpp"

namespace waybill {

inline constexpr std::array terminal_statuses{tracking_status::delivered,
                                              tracking_status::parked,
                                              tracking_status::failed,
                                              tracking_status::discarded};

/// Deletes in the open transaction what `purge_chunk()` does, which says when
/// it stops, and records it if it is an operator's act. Operations that had a
/// call leave a tombstone, or all do.
purge_progress purge_step(store_parts& x, const purge_terminal& request,
                          timestamp now, std::int64_t max_rows,
                          std::chrono::microseconds max_time);

} // namespace waybill
