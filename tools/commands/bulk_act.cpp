#include "commands/bulk_act.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <utility>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

using bulk_results = std::vector<bulk_result>;

// Goes through ids in steps.
class bulk_run {
public:
  bulk_run(context& c, const bulk_act& act) : c_{c}, act_{act} {}

  // Calls `each` with what became of a step's, once the time for so many has
  // passed, but for the first ones.
  // @returns false if it was to end meanwhile.
  template <class F>
  bool go_through(const id_list& ids, F&& each) {
    for (auto next = ids.begin(); next != ids.end();) {
      const auto count = std::min(most(), ids.end() - next);
      if (!wait_for_turn())
        return false;
      if (act_.rate > 0)
        next_ = std::max(next_, c_.steady()) + 1'000'000us * count / act_.rate;
      is_in_step_ = true;
      const auto step = act_.step({next, next + count});
      is_in_step_ = false;
      has_done_ = true;
      each(step);
      next += count;
    }
    return true;
  }

  /// Whether anything may have been done.
  [[nodiscard]] bool has_begun() const { return has_done_ || is_in_step_; }
  /// Whether a step has failed: some of it may be done all the same.
  [[nodiscard]] bool is_in_step() const { return is_in_step_; }

private:
  // As many as are asked for at a time.
  [[nodiscard]] std::ptrdiff_t most() const {
    constexpr std::int64_t steps_a_second = 4;
    return act_.rate == 0 ? limits::max_acted_on
                          : std::clamp<std::int64_t>(act_.rate / steps_a_second,
                                                     1, limits::max_acted_on);
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
  const bulk_act& act_;
  std::chrono::steady_clock::time_point next_{};
  bool has_done_ = false;
  bool is_in_step_ = false;
};

void print_result(context& c, const bulk_result& x) {
  if (c.json())
    c.print_json(x.json);
  if (x.what != bulk_result::sort::done)
    c.note(x.text);
  else if (!c.json())
    c.out().write(x.text + '\n');
}

exit_code act_on_these(context& c, const bulk_act& act, const id_list& ids) {
  bulk_run run{c, act};
  auto code = exit_code::ok;
  const auto others = std::string{"those that are not named have not been "}
                      + act.done;
  auto finished = false;
  try {
    finished = run.go_through(ids, [&](const bulk_results& step) {
      for (const auto& each : step) {
        print_result(c, each);
        code = std::max(code, each.code);
      }
      c.out().flush();
    });
  } catch (...) {
    if (run.is_in_step())
      c.note(others + ", or some of the last step have");
    throw;
  }
  if (finished)
    return code;
  c.note("stopped; " + others);
  return exit_code::interrupted;
}

// -- those that a filter lets through -----------------------------------------

// Calls `f` with the ids of those that are meant, page by page, until it says
// no.
// @returns whether all were seen.
template <class F>
bool for_each_page(context& c, const bulk_act& act, list_operations request,
                   F&& f) {
  auto reader = c.open_reader();
  do {
    if (stop_asked())
      return false;
    const auto page = reader.list(request, 200ms);
    id_list all;
    for (const auto& each : page.operations)
      all.push_back(each.id);
    id_list ids;
    for (const auto& each : reader.get_calls(all))
      if (each.snapshot && act.is_meant(each))
        ids.push_back(each.snapshot->id);
    if (!f(ids))
      return false;
    request.cursor = page.next_cursor;
  } while (request.cursor);
  return true;
}

std::string so_many(const char* what, std::int64_t count) {
  return std::string{what} + ' ' + std::to_string(count)
         + (count == 1 ? " operation" : " operations");
}

std::string advice_of(const bulk_act& act) {
  return std::string{"; "} + act.verb + " again to go on";
}

struct bulk_tally {
  std::int64_t done = 0;
  std::int64_t refused = 0;
  bool finished = false;
  std::optional<std::string> full;
};

bulk_tally act_on_found(context& c, const bulk_act& act,
                        const list_operations& request) {
  progress view{c.messages(), act.done};
  bulk_run run{c, act};
  bulk_tally tally;
  try {
    tally.finished = for_each_page(c, act, request, [&](const id_list& ids) {
      return run.go_through(ids, [&](const bulk_results& step) {
        for (const auto& each : step) {
          tally.done += each.what == bulk_result::sort::done ? 1 : 0;
          tally.refused += each.what == bulk_result::sort::refused ? 1 : 0;
          if (each.full) // others may be of a target with room
            tally.full = each.full;
        }
        view.show(tally.done, 0);
      });
    });
  } catch (...) {
    view.clear();
    if (run.has_begun())
      c.note(so_many(act.done, tally.done)
             + (run.is_in_step() ? ", and maybe some of the last step" : "")
             + advice_of(act));
    throw;
  }
  return tally;
}

exit_code report_tally(context& c, const bulk_act& act, const bulk_tally& x) {
  const auto advice = advice_of(act);
  if (c.json())
    c.print_json(json_text(
      {{act.done, x.done}, {"refused", x.refused}, {"finished", x.finished}}));
  else
    c.out().write(so_many(act.done, x.done) + '\n');
  if (x.refused > 0)
    c.note(std::to_string(x.refused) + " could not be: " + act.refusals
           + (x.full ? ", or for lack of room" : ""));
  if (x.full)
    throw failure{escape(*x.full) + advice};
  if (x.finished)
    return exit_code::ok;
  c.note("stopped" + advice);
  return exit_code::interrupted;
}

} // namespace

void add_bulk(CLI::App& app, bulk_options& to, const std::string& reason) {
  add_ids(app, to.ids, "the operations; or those that a filter lets through")
    ->required(false);
  add_filter(app, to.filter);
  add_text(app, "--reason", to.reason, "TEXT", reason);
  add_by(app, to.by);
  add_switch(app, "--dry-run", to.dry_run,
             "only count those that a filter lets through");
}

// Those that have been there, or have finished, by now: others may come as
// fast as it goes on.
std::optional<list_operations>
found_by(const bulk_options& x, const context& c,
         const std::function<bool(tracking_status)>& may_be,
         const std::string& statuses) {
  const auto filter = read_filter(x.filter, c.now(), c.where());
  if (!x.ids.empty()) {
    if (filter != operation_filter{})
      throw usage_error{"ids and a filter are at odds"};
    if (x.dry_run)
      throw usage_error{"--dry-run goes with a filter"};
    return std::nullopt;
  }
  list_operations request;
  request.filter = filter;
  if (filter.statuses.empty() || !std::ranges::all_of(filter.statuses, may_be))
    throw usage_error{"--status must be of " + statuses};
  auto& until = std::ranges::any_of(filter.statuses, &is_in_flight)
                  ? request.filter.created_until
                  : request.filter.terminal_until;
  const auto end = c.now() + 1us;
  until = until ? std::min(*until, end) : end;
  request.order = list_order::oldest_first;
  request.page_size = limits::max_page_size;
  if (const auto fault = find_fault(request))
    throw usage_error{escape(*fault)};
  return request;
}

operator_act act_of(const bulk_options& x) {
  return x.ids.empty() ? new_act(x.by, words_of(x.filter)) : new_act(x.by);
}

exit_code count_bulk(context& c, const bulk_act& act,
                     const list_operations& found) {
  progress view{c.messages(), "counted"};
  std::int64_t count = 0;
  const auto finished = for_each_page(c, act, found, [&](const id_list& ids) {
    count += std::ssize(ids);
    view.show(count, 0);
    return true;
  });
  if (!finished) {
    c.note("stopped; not all were counted");
    return exit_code::interrupted;
  }
  if (c.json())
    c.print_json(json_text({{"due", count}, {"finished", true}}));
  else
    c.out().write(so_many((std::string{"would "} + act.verb).c_str(), count)
                  + '\n');
  return exit_code::ok;
}

exit_code do_bulk(context& c, const bulk_act& act, const bulk_options& x,
                  const std::optional<list_operations>& found) {
  if (found)
    return report_tally(c, act, act_on_found(c, act, *found));
  auto reader = c.open_reader();
  return act_on_these(c, act, find_ids(reader, x.ids));
}

} // namespace waybill::cli
