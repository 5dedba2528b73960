// The steps of an operation, as a table.
#pragma once

#include <optional>

#include "waybill/answer_context.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/html.hpp"
#include "waybill/queries.hpp"

namespace waybill::dashboard {

/// @param call the operation's, if it has one: its next step.
/// @param most so many steps at most, the first one and the last ones; what is
///        left out is told.
html history_table(const history_reply& x,
                   const std::optional<call_snapshot>& call,
                   const answer_context& c, std::size_t most = SIZE_MAX);

/// How long it took, or has taken so far: `13.04 s, 6 attempts`.
std::string effort_text(const tracking_status_snapshot& x, timestamp now);

} // namespace waybill::dashboard
