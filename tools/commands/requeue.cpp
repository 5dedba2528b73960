#include "commands/requeue.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/call_store.hpp"
#include "waybill/call_table.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

using id_list = std::vector<tracked_operation_id>;

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

void print_requeue(context& c, const requeue_result& x) {
  if (c.json())
    c.print_json(requeue_json(x));
  if (x.outcome != requeue_outcome::requeued)
    c.note(to_string(x.id) + requeue_refusal(x));
  else if (!c.json())
    c.out().write(to_string(x.id) + " is requeued as "
                  + to_string(x.successor.value_or(x.id)) + "\n");
}

// Has calls requeued, by the service or by who owns the store meanwhile.
using requeue_function = std::function<requeue_reply(const requeue&)>;

// What is found is asked for in steps, so that others get their turns; Ctrl-C
// ends it between two.
class requeue_run {
public:
  requeue_run(context& c, const requeue_options& x, requeue_function ask)
    : c_{c},
      options_{x},
      ask_{std::move(ask)},
      rate_{x.rate.value_or(requeue_options::default_rate)} {}

  // The results, once the time for so many has passed, but for the first ones.
  // None: it was to end meanwhile.
  std::optional<requeue_reply> step(id_list ids) {
    if (!wait_for_turn())
      return std::nullopt;
    const auto count = std::ssize(ids);
    if (rate_ > 0)
      next_ = std::max(next_, c_.steady()) + 1'000'000us * count / rate_;
    return ask_(request_for(std::move(ids)));
  }

  // As many as are asked for at a time.
  [[nodiscard]] std::size_t most() const {
    constexpr std::int64_t steps_a_second = 4;
    return static_cast<std::size_t>(
      rate_ == 0 ? limits::max_requeued
                 : std::clamp<std::int64_t>(rate_ / steps_a_second, 1,
                                            limits::max_requeued));
  }

private:
  [[nodiscard]] requeue request_for(id_list ids) const {
    requeue request{.ids = std::move(ids), .reason = options_.reason};
    if (const auto fault = find_fault(request))
      throw usage_error{escape(*fault)};
    return request;
  }

  [[nodiscard]] bool wait_for_turn() const {
    while (!stop_asked()) {
      const auto left
        = std::chrono::ceil<std::chrono::milliseconds>(next_ - c_.steady());
      if (left <= 0ms)
        return true;
      if (!c_.pause(std::min(left, 100ms)))
        return false;
    }
    return false;
  }

  context& c_;
  const requeue_options& options_;
  const requeue_function ask_;
  const std::int64_t rate_;
  std::chrono::steady_clock::time_point next_{};
};

exit_code requeue_these(context& c, requeue_run& run, const id_list& ids) {
  auto code = exit_code::ok;
  for (auto next = ids.begin(); next != ids.end();) {
    const auto end = next
                     + std::min(static_cast<std::ptrdiff_t>(run.most()),
                                ids.end() - next);
    const auto reply = run.step({next, end});
    if (!reply) {
      c.note("stopped; those that are not named have not been requeued");
      return exit_code::interrupted;
    }
    next = end;
    for (const auto& each : reply->results) {
      print_requeue(c, each);
      code = std::max(code, code_of(each.outcome));
    }
    c.out().flush();
  }
  return code;
}

// -- those that a filter lets through -----------------------------------------

// Those that have finished by now: what is requeued may fail once more.
list_operations to_list(const requeue_options& x, const context& c) {
  list_operations request;
  request.filter = to_filter(x.filter, c.now(), c.where());
  const auto& statuses = request.filter.statuses;
  if (statuses.empty() || !std::ranges::all_of(statuses, &call_table::keeps))
    throw usage_error{"--status must be of Parked and Failed: no others can be "
                      "requeued"};
  request.order = list_order::oldest_first;
  request.page_size = limits::max_page_size;
  if (const auto fault = find_fault(request))
    throw usage_error{escape(*fault)};
  return request;
}

// Calls `f` with the ids of those that still have their calls, page by page,
// until it says no.
// @returns whether all were seen.
template <class F>
bool for_each_page(context& c, store_reader& reader, list_operations request,
                   F&& f) {
  for (;;) {
    if (stop_asked())
      return false;
    const auto page = reader.list(request, 200ms);
    id_list all;
    auto is_last = !page.next_cursor;
    for (const auto& each : page.operations) {
      if (each.updated_at > c.now())
        is_last = true; // they come in the order of their ends
      else
        all.push_back(each.id);
    }
    id_list ids;
    for (const auto& each : reader.get_calls(all))
      if (each.call)
        ids.push_back(each.snapshot.value().id);
    if (!f(ids))
      return false;
    if (is_last)
      return true;
    request.cursor = page.next_cursor;
  }
}

struct requeue_tally {
  std::int64_t requeued = 0;
  std::int64_t refused = 0;
  bool finished = false;
  std::optional<std::string> full;
};

void count_requeues(requeue_tally& tally, const requeue_reply& reply) {
  for (const auto& each : reply.results) {
    if (each.outcome == requeue_outcome::requeued)
      ++tally.requeued;
    else if (each.outcome != requeue_outcome::already_requeued)
      ++tally.refused;
    if (each.outcome == requeue_outcome::overloaded)
      tally.full = each.reason;
  }
}

requeue_tally requeue_found(context& c, requeue_run& run,
                            const list_operations& request) {
  progress view{c.messages(), "requeued"};
  auto reader = c.open_reader();
  requeue_tally tally;
  tally.finished = for_each_page(c, reader, request, [&](const id_list& ids) {
    for (auto next = ids.begin(); next != ids.end();) {
      const auto end = next
                       + std::min(static_cast<std::ptrdiff_t>(run.most()),
                                  ids.end() - next);
      const auto reply = run.step({next, end});
      if (!reply)
        return false;
      next = end;
      count_requeues(tally, *reply); // others may be of a target with room
      view.show(tally.requeued, 0);
    }
    return true;
  });
  return tally;
}

exit_code report_requeues(context& c, const requeue_tally& x) {
  if (c.json())
    c.print_json(json_text({{"requeued", x.requeued},
                            {"refused", x.refused},
                            {"finished", x.finished}}));
  else
    c.out().write("requeued " + std::to_string(x.requeued)
                  + (x.requeued == 1 ? " operation\n" : " operations\n"));
  if (x.refused > 0)
    c.note(std::to_string(x.refused)
           + " could not be: expired, purged or discarded meanwhile"
           + (x.full ? ", or for lack of room" : ""));
  if (x.full)
    throw failure{escape(*x.full) + "; requeue again to go on"};
  if (!x.finished)
    c.note("stopped; requeue again to go on");
  return x.finished ? exit_code::ok : exit_code::interrupted;
}

exit_code count_requeueable(context& c, const list_operations& request) {
  auto reader = c.open_reader();
  progress view{c.messages(), "counted"};
  std::int64_t found = 0;
  const auto finished = for_each_page(c, reader, request,
                                      [&](const id_list& ids) {
                                        found += std::ssize(ids);
                                        view.show(found, 0);
                                        return true;
                                      });
  if (!finished) {
    c.note("stopped; not all were counted");
    return exit_code::interrupted;
  }
  if (c.json())
    c.print_json(json_text({{"due", found}, {"finished", true}}));
  else
    c.out().write("would requeue " + std::to_string(found)
                  + (found == 1 ? " operation\n" : " operations\n"));
  return exit_code::ok;
}

exit_code requeue_by(context& c, const requeue_options& x,
                     const std::optional<list_operations>& found,
                     requeue_function ask) {
  requeue_run run{c, x, std::move(ask)};
  if (found)
    return report_requeues(c, requeue_found(c, run, *found));
  auto reader = c.open_reader();
  return requeue_these(c, run, find_ids(reader, x.ids));
}

} // namespace

command setup_requeue(CLI::App& parent) {
  auto x = std::make_shared<requeue_options>();
  auto& app = add_command(parent, "requeue",
                          "try parked and failed calls again");
  add_ids(app, x->ids, "the operations; or those that a filter lets through")
    ->required(false);
  add_filter(app, x->filter);
  add_text(app, "--reason", x->reason, "TEXT", "why; for their histories");
  add_number(app, "--rate", x->rate, 0, 1'000'000,
             "so many a second (50); 0: as fast as it goes");
  add_switch(app, "--dry-run", x->dry_run,
             "only count those that a filter lets through");
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
  std::optional<list_operations> found;
  if (x.ids.empty())
    found = to_list(x, c);
  else if (to_filter(x.filter, c.now(), c.where()) != operation_filter{})
    throw usage_error{"ids and a filter are at odds"};
  if (x.dry_run && !found)
    throw usage_error{"--dry-run goes with a filter"};
  stop_on_signals();
  if (x.dry_run)
    return count_requeueable(c, *found);
  if (auto service = c.service())
    return requeue_by(c, x, found,
                      [&](const requeue& some) { return service->ask(some); });
  auto store = c.take_store();
  const auto code = requeue_by(c, x, found, [&](const requeue& some) {
    store.maintain();
    return store.calls().requeue(some, timestamp::now());
  });
  c.close(store);
  return code;
}

} // namespace waybill::cli
