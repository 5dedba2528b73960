// The last hour by the minute, as charts.
#pragma once

#include <span>
#include <vector>

#include "waybill/answer_context.hpp"
#include "waybill/html.hpp"
#include "waybill/minute_total.hpp"

namespace waybill::dashboard {

inline constexpr std::size_t minutes_shown = 60;

/// What is shown of one figure: of flows 0 for minutes in which nothing
/// happened, of what is in flight the value before; -1 for what is not known,
/// before the first total.
/// @param totals in order.
/// @param now in the last minute that is shown.
std::vector<std::int64_t> by_minute(std::span<const minute_total> totals,
                                    std::int64_t minute_total::*figure,
                                    timestamp now);

html hour_charts(const answer_context& c);

} // namespace waybill::dashboard
