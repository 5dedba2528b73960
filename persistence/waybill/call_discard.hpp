// The verb that gives operations up: what discard_messages.hpp asks for, on
// SQLite.
#pragma once

#include "waybill/discard_messages.hpp"
#include "waybill/store_parts.hpp"

namespace waybill {

/// All or nothing, as the store's verbs are.
discard_reply discard_operations(store_parts& x, const discard_many& request,
                                 timestamp now);

} // namespace waybill
