#include "commands/errors.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "commands/operation_table.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/csv.hpp"
#include "output/table.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

// How long a snapshot is held at a time.
constexpr auto errors_look = 200ms;

void add_grouping(CLI::App& app, error_grouping& to) {
  const auto read = [&to](const std::string& text) {
    const auto by = parse_error_grouping(text);
    if (!by)
      must_be("--group-by", "error or target", text);
    to = *by;
  };
  add_value(app, "--group-by", read, "WHAT",
            "error (the default), or target alone");
}

// Searches until all has been looked at, or a signal comes.
errors_reply search(store_reader& reader, list_errors request) {
  errors_reply found;
  do {
    auto more = reader.list_errors(request, errors_look);
    merge(found, std::move(more));
    request.cursor = found.next_cursor;
  } while (request.cursor && !stop_asked());
  return found;
}

std::vector<column> columns_of(const errors_options& x) {
  const auto time = [&](const char* title, int left_out) {
    return x.times ? column{.title = title,
                            .least = 16,
                            .left_out = left_out,
                            .grows = 4,
                            .cut = cutting::beginning}
                   : column{.title = title,
                            .align = alignment::right,
                            .left_out = left_out};
  };
  return {{.title = "count", .align = alignment::right},
          {.title = "status"},
          time("first", 3),
          time("last", 1),
          {.title = "kind",
           .least = 8,
           .left_out = 4,
           .grows = 3,
           .cut = cutting::middle},
          {.title = "target",
           .least = 12,
           .left_out = 2,
           .enough = 24,
           .grows = 2,
           .cut = cutting::middle},
          {.title = "error", .least = 16, .enough = 40, .grows = 1}};
}

std::string render(const errors_reply& x, const errors_options& how,
                   const context& c) {
  table rows{columns_of(how), c.screen(), !how.full};
  const auto time_cell = [&](timestamp t) {
    return cell{how.times ? time_text(t, c.where())
                          : compact_age_text(c.now() - t)};
  };
  for (const auto& each : x.groups)
    rows.add({count_cell(each.operations, colour::bold),
              status_cell(each.status), time_cell(each.first),
              time_cell(each.last), text_cell(each.kind),
              text_cell(each.target), text_cell(each.error)});
  return x.groups.empty() ? std::string{} : rows.take();
}

// What is not among the groups that are shown.
void note_rest(context& c, const errors_reply& x, std::int64_t unshown) {
  if (x.other_operations + unshown > 0)
    c.note(std::to_string(x.other_operations + unshown)
           + " operations are in groups that are not shown");
  if (x.next_cursor && x.searched_to)
    c.note("stopped; searched back to " + time_text(*x.searched_to, c.where())
           + ", " + std::to_string(x.searched) + " operations");
  else if (x.groups.empty() && c.screen().is_interactive())
    c.note("there are no such operations");
}

// Returns how many operations are in groups that are left out.
std::int64_t leave_out(errors_reply& x, std::int64_t most) {
  std::int64_t unshown = 0;
  while (std::ssize(x.groups) > most) {
    unshown += x.groups.back().operations;
    x.groups.pop_back();
  }
  return unshown;
}

} // namespace

command setup_errors(CLI::App& parent) {
  auto x = std::make_shared<errors_options>();
  auto& app = add_command(parent, "errors",
                          "show why operations were parked or failed");
  add_filter(app, x->filter);
  add_grouping(app, x->by);
  add_number(app, "--limit", x->limit, 1, limits::max_error_groups,
             "so many groups at most (50)");
  add_switch(app, "--full", x->full,
             "whole texts, in lines as long as it takes");
  add_switch(app, "--times", x->times, "times instead of ages");
  add_format(app, x->format);
  add_footer(
    app,
    "Groups what is Parked or Failed, or what --status names, by status, "
    "kind,\n"
    "target and error. # stands for numbers, <id>, <address> and <time> for\n"
    "what they say: operations that differ in nothing else are one group. The\n"
    "largest comes first. list takes what a group has, with --target-shape "
    "and\n"
    "--error-shape. All that matches is read; Ctrl-C shows what was found, "
    "and\n"
    "says how far back that is.\n"
    "\n"
    "Examples:\n"
    "  waybill errors --db track.db --finished-since 24h\n"
    "  waybill errors --db track.db --group-by target\n"
    "  waybill list --db track.db --error-shape 'no answer within # s'");
  return {&app, [x](context& c) { return run_errors(c, *x); }};
}

exit_code run_errors(context& c, const errors_options& x) {
  const auto format = format_of(c, x.format);
  list_errors request;
  request.filter = read_filter(x.filter, c.now(), c.where());
  request.by = x.by;
  if (const auto fault = find_fault(to_list(request)))
    throw usage_error{escape(*fault)};
  stop_on_signals();
  auto reader = c.open_reader();
  auto found = search(reader, request);
  const auto unshown
    = leave_out(found, x.limit.value_or(errors_options::default_limit));
  if (format == list_format::json) {
    c.print_json(to_json_text(found));
  } else if (format == list_format::csv) {
    c.out().write(csv_header<error_group>());
    for (const auto& each : found.groups)
      c.print_data(csv_record(each));
  } else {
    c.out().write(render(found, x, c));
  }
  c.out().flush();
  note_rest(c, found, unshown);
  return found.next_cursor ? exit_code::interrupted : exit_code::ok;
}

} // namespace waybill::cli
