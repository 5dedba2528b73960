// Groups of errors, as a table that leads to the operations behind each.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "waybill/answer_context.hpp"
#include "waybill/error_queries.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/html.hpp"

namespace waybill::dashboard {

/// @param asked the filter that the groups were found with.
/// @param brief whether there is room for the most important columns only.
html error_table(std::span<const error_group> groups,
                 const filter_arguments& asked, const answer_context& c,
                 bool brief = false);

/// The URL of the operations of a group.
std::string operations_of(const error_group& x, filter_arguments asked);

/// A shape, in which what differs looks so.
html shape_text(std::string_view shape);

} // namespace waybill::dashboard
