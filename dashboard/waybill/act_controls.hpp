// What a page offers to operators: buttons that say what they are about, and
// actions.js does the rest. They are hidden until it shows them, for they do
// nothing without it; and not there where operators can do nothing.
#pragma once

#include <optional>

#include "waybill/answer_context.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/html.hpp"
#include "waybill/list_query.hpp"

namespace waybill::dashboard {

/// For one operation.
html operation_acts(const answer_context& c, const tracking_status_snapshot& x,
                    const std::optional<call_snapshot>& call);

/// For the rows that are selected, and for all that the filter lets through.
html list_acts(const answer_context& c, const list_query& query,
               const operation_filter& filter);

/// Selects a row of a list.
html row_choice(const answer_context& c, const tracked_operation_id& id);

/// A cell of a table of targets, and the head of its column.
html target_act_head(const answer_context& c);
html target_act(const answer_context& c, const target_snapshot& x);

html purge_act(const answer_context& c);

} // namespace waybill::dashboard
