#include "commands/requeue.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "waybill/call_store.hpp"
#include "waybill/call_table.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// What is said of one that was not requeued, behind its id.
std::string requeue_refusal(const requeue_result& x) {
  switch (x.outcome) {
    case requeue_outcome::requeued:
      break;
    case requeue_outcome::already_requeued:
      return " was requeued before, as "
             + (x.successor ? to_string(*x.successor) : "another one");
    case requeue_outcome::not_found:
      return " is not there: purged or never recorded";
    case requeue_outcome::in_flight:
      return " has not finished: attempts follow by themselves";
    case requeue_outcome::delivered:
      return " is Delivered; there is nothing to try again";
    case requeue_outcome::discarded:
      return " is Discarded: it was given up, and its payload is gone";
    case requeue_outcome::no_payload:
      return " has no payload, so that there is nothing to send";
    case requeue_outcome::expired:
      return " has expired: its sender wants no attempt any more";
    case requeue_outcome::overloaded:
      return " is not requeued: " + escape(x.reason.value_or("a bound"));
    case requeue_outcome::id_is_taken:
      return " is not requeued: there is an operation with the new id";
  }
  return " is not requeued: " + to_string(x.outcome);
}

exit_code code_of(requeue_outcome outcome) {
  switch (outcome) {
    case requeue_outcome::requeued:
    case requeue_outcome::already_requeued:
      return exit_code::ok;
    case requeue_outcome::not_found:
      return exit_code::not_found;
    default:
      return exit_code::store_error;
  }
}

std::string requeue_json(const requeue_result& x) {
  auto object = to_json(x);
  object.erase("target");
  object.erase("order_key");
  return json_text(object);
}

bulk_result read_requeue(const requeue_result& x) {
  using sort = bulk_result::sort;
  const auto is_done = x.outcome == requeue_outcome::requeued;
  bulk_result result;
  result.what = is_done ? sort::done
                : x.outcome == requeue_outcome::already_requeued
                  ? sort::as_before
                  : sort::refused;
  result.text
    = to_string(x.id)
      + (is_done ? " is requeued as " + to_string(x.successor.value_or(x.id))
                 : requeue_refusal(x));
  result.json = requeue_json(x);
  result.code = code_of(x.outcome);
  if (x.outcome == requeue_outcome::overloaded)
    result.full = x.reason;
  return result;
}

} // namespace

command setup_requeue(CLI::App& parent) {
  auto x = std::make_shared<requeue_options>();
  auto& app = add_command(parent, "requeue",
                          "try parked and failed calls again");
  add_bulk(app, *x, "why; for their histories");
  add_number(app, "--rate", x->rate, 0, 1'000'000,
             "so many a second (50); 0: as fast as it goes");
  add_footer(app,
             "Each becomes a new operation, which has the payload, the place\n"
             "in the order of its key and the idempotency key of the old one;\n"
             "that stays as it is. Goes through the service if one runs on\n"
             "the store, and is delivered at once then. A filter needs a\n"
             "--status of Parked and Failed.\n"
             "\n"
               + std::string{times_explained}
               + "\n"
                 "\n"
                 "Examples:\n"
                 "  waybill requeue --db track.db "
                 "01932c07-f2a1-7000-8000-0123456789ab\n"
                 "  waybill requeue --db track.db --status parked --since 1d "
                 "--dry-run");
  return {&app, [x](context& c) { return run_requeue(c, *x); }};
}

exit_code run_requeue(context& c, const requeue_options& x) {
  const auto found = found_by(x, c, &call_table::keeps,
                              "Parked and Failed: no others can be requeued");
  const bulk_act act{.verb = "requeue",
                     .done = "requeued",
                     .refusals = "expired, purged or discarded meanwhile",
                     .rate = x.rate.value_or(requeue_options::default_rate),
                     .is_meant = [](const call_reply& each) {
                       return each.call.has_value();
                     }};
  const requeue request{.ids = {tracked_operation_id::generate()},
                        .reason = x.reason,
                        .act = act_of(x)};
  require_short(x.reason);
  require_usable(request);
  stop_on_signals();
  if (x.dry_run)
    return count_bulk(c, act, *found);
  return do_bulk(c, act, x, found, request, &read_requeue,
                 [](operation_tracking_store& store, const requeue& some) {
                   return store.calls().requeue(some, timestamp::now());
                 });
}

} // namespace waybill::cli
