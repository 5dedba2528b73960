// Every typed actor that a host may talk to and what it answers: a table of
// contents. What actors say to each other is in internal_protocol.hpp.
#pragma once

#include <exception>

#include "waybill/caf_seam.hpp"
#include "waybill/call_messages.hpp"
#include "waybill/discard_messages.hpp"
#include "waybill/forward_bundle.hpp"
#include "waybill/forward_messages.hpp"
#include "waybill/messages.hpp"
#include "waybill/pause_messages.hpp"
#include "waybill/queries.hpp"
#include "waybill/request_bundle.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/stats.hpp"

namespace waybill {

// -- actors ----------------------------------------------------------------

/// The tracker: owns the store, answers after COMMIT.
using tracking_actor = caf::typed_actor<
  // Insert an operation.
  handles<enqueue_reply, record_enqueue>,
  // Update an operation in flight.
  handles<update_reply, record_attempt>,
  // Finish an operation; the first one wins.
  handles<update_reply, record_terminal>,
  // The latest committed snapshot, or none.
  handles<status_reply, get_status>,
  // Delete old finished operations, in chunks.
  handles<purge_reply, purge_terminal>,
  // How many operations by kind and status.
  handles<counts_reply, get_counts>,
  // How the tracker is doing.
  handles<health_reply, get_health>,
  // What it has done, in numbers.
  handles<stats_reply, get_stats>,
  // Answered when operations have finished.
  handles<wait_reply, await_terminal>,
  // Several of the first four in order; see tracking_client.hpp.
  handles<bundle_reply, request_bundle>,
  // A page of operations that a filter lets through.
  handles<list_reply, list_operations>,
  // The transitions of an operation.
  handles<history_reply, get_history>,
  // What has been committed since; answered when there is something.
  handles<watch_reply, watch_transitions>,
  // Try parked and failed calls again; the actors of their targets are told.
  handles<requeue_reply, requeue>,
  // Give operations up; the actors of their targets are told.
  handles<discard_reply, discard_many>,
  // What store-and-forward actors keep: call_messages.hpp.
  handles<target_reply, open_target>, handles<target_reply, get_target>,
  handles<pause_reply, pause_target>, handles<pause_reply, resume_target>,
  handles<take_reply, take_call>, handles<begin_reply, begin_call>,
  handles<update_reply, retry_call>, handles<update_reply, end_call>,
  handles<find_reply, find_calls>, handles<find_reply, find_due>,
  handles<find_reply, find_keyed>>;

/// Answers questions about single operations, always in time.
using status_request_actor = caf::typed_actor<
  // The latest committed snapshot, or none; errors `tracker_gone`, `timed_out`,
  // `overloaded`.
  handles<status_reply, get_status>,
  // The same of many operations in one message, an answer each, in order.
  handles<many_reply, get_many>,
  // The same of one as JSON: `{"id": "…"}` in, a status_reply or
  // `{"error": {"code": "…", "message": "…"}}` out.
  handles<std::string, std::string>>;

/// Sees calls to one target through.
using store_and_forward_actor = caf::typed_actor<
  // Record a call and deliver it; answered once it is recorded.
  handles<forward_reply, forward_call>,
  // Several of them in order.
  handles<forward_bundle_reply, forward_bundle>,
  // Give an operation up.
  handles<update_reply, discard>,
  // Begin no attempts; begin them again.
  handles<pause_reply, pause_target>, handles<pause_reply, resume_target>,
  // How much work is waiting.
  handles<backlog_reply, get_backlog>,
  // Finish and report the attempts that are running, begin no more, end.
  hears<shut_down>>;

// -- errors -------------------------------------------------------------------

/// An error of a request, as the code and text that waybill gave it.
struct failure {
  errc code = errc::outcome_unknown;
  std::string text;
};

/// The CAF error that carries `code` and `text`.
caf::error to_error(errc code, const std::string& text);

/// What an error answer means. Errors of CAF itself become `tracker_gone` (the
/// actor has ended), `timed_out`, or `outcome_unknown`.
failure to_failure(const caf::error& error);

/// Why an actor ends that has thrown this.
caf::error to_end_reason(const std::exception_ptr& thrown);

// -- registration -------------------------------------------------------------

/// Makes waybill's messages known to CAF. Call it before the actor system is
/// created, for example in the constructor of the host's own config class.
/// Calling it again is harmless.
void register_types(caf::actor_system_config& config);

/// Lets the workers of CAF's scheduler sleep until a message wakes them.
///
/// They would look for one now and then at first. With CAF 0.17 that delays the
/// answer to a request that is alone by half as much again; with CAF 1.1, whose
/// workers wait for no time a hundred times and then for 50 µs five hundred
/// times, it takes the processor from those who work. In return a worker takes
/// over what is queued for a busy one only after 10 ms: keep CAF's defaults of
/// `work-stealing.aggressive-poll-attempts` and `moderate-poll-attempts` where
/// actors that are not detached work for long at a time.
void wake_workers_at_once(caf::actor_system_config& config);

/// A ready config for hosts without types of their own, also for `CAF_MAIN`:
/// `void caf_main(caf::actor_system&, const waybill::actor_config&)`. It also
/// knows `--waybill.NAME=VALUE` for each option.
class actor_config : public caf::actor_system_config {
public:
  actor_config();
};

/// Whether `register_types` has been called; CAF 0.17 works without.
bool types_registered();

} // namespace waybill

// The numbers are sent between nodes: append, never reorder.
CAF_BEGIN_TYPE_ID_BLOCK(waybill, caf::first_custom_type_id + 800)

CAF_ADD_TYPE_ID(waybill, (waybill::errc))
CAF_ADD_TYPE_ID(waybill, (waybill::tracked_operation_id))
CAF_ADD_TYPE_ID(waybill, (waybill::timestamp))
CAF_ADD_TYPE_ID(waybill, (waybill::tracking_status))
CAF_ADD_TYPE_ID(waybill, (waybill::record_enqueue))
CAF_ADD_TYPE_ID(waybill, (waybill::record_attempt))
CAF_ADD_TYPE_ID(waybill, (waybill::record_terminal))
CAF_ADD_TYPE_ID(waybill, (waybill::get_status))
CAF_ADD_TYPE_ID(waybill, (waybill::purge_terminal))
CAF_ADD_TYPE_ID(waybill, (waybill::get_counts))
CAF_ADD_TYPE_ID(waybill, (waybill::get_health))
CAF_ADD_TYPE_ID(waybill, (waybill::enqueue_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::update_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::health_state))
CAF_ADD_TYPE_ID(waybill, (waybill::enqueue_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::update_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::tracking_status_snapshot))
CAF_ADD_TYPE_ID(waybill, (waybill::status_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::purge_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::status_count))
CAF_ADD_TYPE_ID(waybill, (waybill::counts_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::health_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::forward_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::forward_call))
CAF_ADD_TYPE_ID(waybill, (waybill::forward_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::discard))
CAF_ADD_TYPE_ID(waybill, (waybill::get_backlog))
CAF_ADD_TYPE_ID(waybill, (waybill::backlog_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::shut_down))
CAF_ADD_TYPE_ID(waybill, (waybill::request_bundle))
CAF_ADD_TYPE_ID(waybill, (waybill::bundled_failure))
CAF_ADD_TYPE_ID(waybill, (waybill::bundle_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::operation_filter))
CAF_ADD_TYPE_ID(waybill, (waybill::list_order))
CAF_ADD_TYPE_ID(waybill, (waybill::list_operations))
CAF_ADD_TYPE_ID(waybill, (waybill::list_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::transition))
CAF_ADD_TYPE_ID(waybill, (waybill::get_history))
CAF_ADD_TYPE_ID(waybill, (waybill::history_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::watch_transitions))
CAF_ADD_TYPE_ID(waybill, (waybill::transition_gap))
CAF_ADD_TYPE_ID(waybill, (waybill::watch_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::wait_mode))
CAF_ADD_TYPE_ID(waybill, (waybill::await_terminal))
CAF_ADD_TYPE_ID(waybill, (waybill::wait_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::histogram))
CAF_ADD_TYPE_ID(waybill, (waybill::status_total))
CAF_ADD_TYPE_ID(waybill, (waybill::get_stats))
CAF_ADD_TYPE_ID(waybill, (waybill::stats_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::breaker_state))
CAF_ADD_TYPE_ID(waybill, (waybill::target_bounds))
CAF_ADD_TYPE_ID(waybill, (waybill::call_head))
CAF_ADD_TYPE_ID(waybill, (waybill::take_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::open_target))
CAF_ADD_TYPE_ID(waybill, (waybill::get_target))
CAF_ADD_TYPE_ID(waybill, (waybill::target_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::take_call))
CAF_ADD_TYPE_ID(waybill, (waybill::take_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::begin_call))
CAF_ADD_TYPE_ID(waybill, (waybill::begin_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::retry_call))
CAF_ADD_TYPE_ID(waybill, (waybill::end_call))
CAF_ADD_TYPE_ID(waybill, (waybill::find_calls))
CAF_ADD_TYPE_ID(waybill, (waybill::find_due))
CAF_ADD_TYPE_ID(waybill, (waybill::find_keyed))
CAF_ADD_TYPE_ID(waybill, (waybill::find_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::forward_bundle))
CAF_ADD_TYPE_ID(waybill, (waybill::forward_bundle_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::payload_discard))
CAF_ADD_TYPE_ID(waybill, (waybill::target_total))
CAF_ADD_TYPE_ID(waybill, (waybill::target_pause))
CAF_ADD_TYPE_ID(waybill, (waybill::pause_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::pause_target))
CAF_ADD_TYPE_ID(waybill, (waybill::resume_target))
CAF_ADD_TYPE_ID(waybill, (waybill::pause_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::get_many))
CAF_ADD_TYPE_ID(waybill, (waybill::many_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::requeue))
CAF_ADD_TYPE_ID(waybill, (waybill::requeue_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::requeue_result))
CAF_ADD_TYPE_ID(waybill, (waybill::requeue_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::operator_act))
CAF_ADD_TYPE_ID(waybill, (waybill::discard_many))
CAF_ADD_TYPE_ID(waybill, (waybill::discard_outcome))
CAF_ADD_TYPE_ID(waybill, (waybill::discard_result))
CAF_ADD_TYPE_ID(waybill, (waybill::discard_reply))
CAF_ADD_TYPE_ID(waybill, (waybill::purged_operation))
CAF_ADD_TYPE_ID(waybill, (waybill::bundled_duplicate))
CAF_ADD_TYPE_ID(waybill, (waybill::target_health))

CAF_END_TYPE_ID_BLOCK(waybill)

WAYBILL_ERROR_CODE_ENUM(waybill::errc)
