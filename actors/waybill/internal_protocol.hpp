// What waybill's actors say to themselves and to each other, which hosts need
// not see; the protocol is what they say to hosts.
#pragma once

#include "waybill/caf_seam.hpp"
#include "waybill/control_messages.hpp"
#include "waybill/delivery_messages.hpp"

// These are sent within a process only: their numbers may change.
CAF_BEGIN_TYPE_ID_BLOCK(waybill_internal, caf::first_custom_type_id + 900)

CAF_ADD_TYPE_ID(waybill_internal, (waybill::commit_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::work_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::sync_ended))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::purge_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::log_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::recovery_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::store_changed))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::read_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::retry_tick))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::drained))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::delivery_result))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::delivery_done))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::calls_requeued))
CAF_ADD_TYPE_ID(waybill_internal, (waybill::calls_discarded))

CAF_END_TYPE_ID_BLOCK(waybill_internal)
