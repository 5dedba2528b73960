#include "commands/discard.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "waybill/call_store.hpp"
#include "waybill/call_table.hpp"

namespace waybill::cli {

namespace {

// What is said of one, behind its id.
std::string discard_text(const discard_result& x) {
  const auto status = x.status ? to_string(*x.status) : "finished";
  switch (x.outcome) {
    case discard_outcome::applied:
      return " is discarded";
    case discard_outcome::payload_discarded:
      return " stays " + status + "; its payload is gone";
    case discard_outcome::already_terminal:
      return " has finished already, as " + status + ", and stays so";
    case discard_outcome::not_found:
      return " is not there: purged or never recorded";
  }
  return " is not discarded: " + to_string(x.outcome);
}

bulk_result read_discard(const discard_result& x) {
  using sort = bulk_result::sort;
  bulk_result result;
  if (x.outcome == discard_outcome::applied
      || x.outcome == discard_outcome::payload_discarded) {
    result.what = sort::done;
    result.code = exit_code::ok;
  } else if (x.outcome == discard_outcome::not_found) {
    result.code = exit_code::not_found;
  }
  result.text = to_string(x.id) + discard_text(x);
  result.json
    = json_text({{"id", to_string(x.id)}, {"outcome", to_string(x.outcome)}});
  return result;
}

bool may_be_discarded(tracking_status x) {
  return is_in_flight(x) || call_table::keeps(x);
}

} // namespace

command setup_discard(CLI::App& parent) {
  auto x = std::make_shared<bulk_options>();
  auto& app = add_command(parent, "discard", "give operations up");
  add_bulk(app, *x, "why; recorded as their last error (required)");
  add_footer(app,
             "What is in flight becomes Discarded, and no attempt follows. "
             "What is parked\n"
             "or failed stays so, but its payload is gone. All else stays as "
             "it is (exit\n"
             "code 3). Goes through the service if one runs on the store. A "
             "filter needs a\n"
             "--status of Submitted, Retrying, Parked and Failed.\n"
             "\n"
               + std::string{times_explained}
               + "\n"
                 "\n"
                 "Examples:\n"
                 "  waybill discard --db track.db --reason 'order 4711 was "
                 "cancelled' ID\n"
                 "  waybill discard --db track.db --status in-flight --target "
                 "mes --dry-run");
  return {&app, [x](context& c) { return run_discard(c, *x); }};
}

exit_code run_discard(context& c, const bulk_options& x) {
  const auto found
    = found_by(x, c, &may_be_discarded,
               "Submitted, Retrying, Parked and Failed: no others can be "
               "discarded");
  const bulk_act act{.verb = "discard",
                     .done = "discarded",
                     .refusals = "finished or purged meanwhile",
                     .is_meant = [](const call_reply& each) {
                       return is_in_flight(each.snapshot->status)
                              || each.call.has_value();
                     }};
  if (!x.reason && !x.dry_run)
    throw usage_error{"--reason is required"};
  const discard_many request{.ids = {tracked_operation_id::generate()},
                             .reason = x.reason,
                             .act = act_of(x)};
  require_short(x.reason);
  require_usable(request);
  stop_on_signals();
  if (x.dry_run)
    return count_bulk(c, act, *found);
  return do_bulk(c, act, x, found, request, &read_discard,
                 [](operation_tracking_store& store, const discard_many& some) {
                   return store.calls().discard(some, timestamp::now());
                 });
}

} // namespace waybill::cli
