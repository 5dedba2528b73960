// The form for the filters of lists.
#pragma once

#include <initializer_list>
#include <string_view>

#include "waybill/filter_text.hpp"
#include "waybill/html.hpp"

namespace waybill::dashboard {

/// A form that leads to `action`, with the fields that there is one for among
/// `names`. What else is in the filter goes on with it.
html filter_form(std::string_view action, const filter_arguments& x,
                 std::initializer_list<std::string_view> names);

} // namespace waybill::dashboard
