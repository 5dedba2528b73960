#include "commands/purge.hpp"

#include <algorithm>
#include <memory>

#include "commands/act.hpp"
#include "commands/vacuum.hpp"
#include "input/filter.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/call_table.hpp"
#include "waybill/purge_failure.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t rows_a_step = 2'000;
constexpr auto time_a_step = 50ms;

// How many operations are due; less if a signal stopped the counting.
std::int64_t count_due(context& c,
                       const std::vector<purge_terminal>& requests) {
  auto reader = c.open_reader();
  progress view{c.messages(), "counted"};
  std::int64_t due = 0;
  for (const auto& request : requests)
    due += reader.count_due(request, view.until_stopped());
  return due;
}

struct purge_result {
  std::int64_t deleted = 0;
  bool finished = true;
};

// @param deleted by the steps before.
auto purge_some(operation_tracking_store& store, const purge_terminal& request,
                std::int64_t deleted) {
  try {
    return store.purge_chunk(request, timestamp::now(), rows_a_step,
                             time_a_step);
  } catch (const store_error& e) {
    throw purge_failure(deleted, e);
  }
}

purge_result purge(context& c, operation_tracking_store& store,
                   const std::vector<purge_terminal>& requests,
                   std::int64_t due) {
  progress view{c.messages(), "deleted"};
  purge_result result;
  for (const auto& request : requests) {
    for (bool more = true; more;) {
      if (stop_asked()) {
        result.finished = false;
        return result;
      }
      const auto step = purge_some(store, request, result.deleted);
      store.maintain();
      result.deleted += step.deleted;
      view.show(result.deleted, due);
      more = !step.finished;
    }
  }
  return result;
}

// A service does one after the other in steps, between its other work.
purge_result purge(service_client& service,
                   const std::vector<purge_terminal>& requests) {
  purge_result result;
  for (const auto& request : requests)
    result.deleted += service.ask(request).deleted;
  return result;
}

void report(context& c, const purge_options& x, std::int64_t operations,
            timestamp older_than, bool finished) {
  if (c.json()) {
    c.print_json(json_text({{x.dry_run ? "due" : "deleted", operations},
                            {"older_than", to_string(older_than)},
                            {"finished", finished}}));
    return;
  }
  const auto count = std::to_string(operations)
                     + (operations == 1 ? " operation" : " operations");
  c.out().write((x.dry_run ? "would delete " : "deleted ") + count
                + " that finished before " + time_text(older_than, c.where())
                + '\n');
}

// What was asked for, for the audit.
std::string purge_words(const purge_options& x) {
  filter_arguments filter;
  filter.statuses = x.statuses;
  auto words = "--older-than " + shell_word(*x.older_than);
  if (!x.statuses.empty())
    words += ' ' + words_of(filter);
  return words + (x.with_payload ? " --with-payload" : "");
}

exit_code end(context& c, bool finished, const char* advice) {
  if (finished)
    return exit_code::ok;
  c.note(std::string{"stopped; "} + advice);
  return exit_code::interrupted;
}

} // namespace

command setup_purge(CLI::App& parent) {
  auto x = std::make_shared<purge_options>();
  auto& app = add_command(parent, "purge",
                          "delete old operations that have finished");
  require(add_text(app, "--older-than", x->older_than, "TIME",
                   "those that finished before it"));
  add_texts(app, "--status", x->statuses, "LIST",
            "only Delivered, Parked, Failed or Discarded;\n"
            "several with commas or by repeating it");
  add_switch(app, "--with-payload", x->with_payload,
             "parked and failed calls whose payloads are kept, and no\n"
             "others; without it these stay");
  add_text(app, "--reason", x->reason, "TEXT", "why; for the audit");
  add_by(app, x->by);
  add_switch(app, "--dry-run", x->dry_run,
             "only count them, which a running service allows");
  add_footer(
    app, "Operations in flight stay, however old they are. Goes through the "
         "service if\n"
         "one runs on the store.\n"
         "\n"
           + std::string{times_explained}
           + "\n"
             "\n"
             "Examples:\n"
             "  waybill purge --db track.db --older-than 30d --dry-run\n"
             "  waybill purge --db track.db --older-than 90d --status failed");
  return {&app, [x](context& c) { return run_purge(c, *x); }};
}

std::vector<purge_terminal> to_requests(const purge_options& x, timestamp now,
                                        zone where) {
  const auto older_than = parse_time(*x.older_than, now, where);
  if (!older_than)
    must_be("--older-than", "a duration like 30d, or a time like 2026-11-23",
            *x.older_than);
  const auto statuses = read_statuses(x.statuses);
  if (std::any_of(statuses.begin(), statuses.end(), is_in_flight))
    throw usage_error{"--status must be of Delivered, Parked, Failed and "
                      "Discarded: what is in flight is never deleted"};
  if (x.with_payload
      && !std::all_of(statuses.begin(), statuses.end(), &call_table::keeps))
    throw usage_error{"--with-payload goes with --status Parked and Failed "
                      "only: no payload is kept of others"};
  std::vector<purge_terminal> requests;
  purge_terminal request;
  request.older_than = *older_than;
  request.with_payload = x.with_payload;
  if (statuses.empty())
    requests.push_back(request);
  for (const auto status : statuses) {
    request.status = status;
    requests.push_back(request);
  }
  return requests;
}

exit_code run_purge(context& c, const purge_options& x) {
  auto requests = to_requests(x, c.now(), c.where());
  const auto older_than = requests.front().older_than;
  stop_on_signals();
  if (x.dry_run) {
    const auto due = count_due(c, requests);
    const auto finished = !stop_asked();
    if (finished)
      report(c, x, due, older_than, finished);
    return end(c, finished, "not all were counted");
  }
  require_short(x.reason);
  auto act = new_act(x.by, purge_words(x));
  act.reason = x.reason;
  for (auto& each : requests)
    each.act = act;
  require_usable(requests.front());
  const auto [deleted, finished] = by_service_or_owner(
    c, [&](service_client& service) { return purge(service, requests); },
    [&](operation_tracking_store& store) {
      // Only who watches needs the total.
      const auto due = c.messages().is_interactive() ? count_due(c, requests)
                                                     : 0;
      const auto result = purge(c, store, requests, due);
      give_back_space(c, store, unused_space::some);
      return result;
    });
  report(c, x, deleted, older_than, finished);
  return end(c, finished, "purge again to go on");
}

} // namespace waybill::cli
