#include "commands/operation_list.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "commands/operation_table.hpp"
#include "input/options.hpp"
#include "input/resume_point.hpp"
#include "interruption.hpp"
#include "output/csv.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

// Nobody else waits for the answer, but a signal may.
constexpr auto search_time = 200ms;

// Says how to see the rest.
void point_at_rest(context& c, const resume_point& rest) {
  const auto option = "--cursor " + escape(to_string(rest));
  c.note((stop_asked() ? "stopped; go on with: " : "more: ") + option);
}

} // namespace

// -- options ------------------------------------------------------------------

void add_format(CLI::App& app, std::optional<list_format>& to) {
  const auto read = [&to](const std::string& text) {
    if (text == "table")
      to = list_format::table;
    else if (text == "csv")
      to = list_format::csv;
    else if (text == "json")
      to = list_format::json;
    else
      must_be("--format", "table, csv or json", text);
  };
  add_value(app, "--format", read, "FORMAT",
            "table (the default), csv or json");
}

list_format format_of(const context& c,
                      const std::optional<list_format>& given) {
  if (given && c.json() && given != list_format::json)
    throw usage_error{"--json and --format are at odds"};
  if (given)
    return *given;
  return c.json() ? list_format::json : list_format::table;
}

void add_view(CLI::App& app, list_view& to) {
  add_number(app, "--limit", to.limit, 1,
             std::numeric_limits<std::int64_t>::max(), "so many at most (50)");
  add_switch(app, "--all", to.all, "all of them");
  add_text(app, "--cursor", to.cursor, "CURSOR",
           "go on where the last list ended");
  add_switch(app, "--full", to.full,
             "whole error texts, in lines as long as it takes");
  add_switch(app, "--times", to.times, "times instead of ages");
  add_value(
    app, "--columns",
    [&to](const std::string& text) { to.columns = read_columns(text); }, "LIST",
    "these only, with commas: id, status, age, idle,\n"
    "retry, http, kind, target, error, created,\n"
    "updated, finished, took, instance, script, node;\n"
    "of calls: due, attempt");
  add_format(app, to.format);
}

// -- paging -------------------------------------------------------------------

std::optional<std::string> for_each_operation(
  store_reader& reader, list_operations request,
  std::optional<std::int64_t> limit,
  const std::function<void(const tracking_status_snapshot&)>& each) {
  auto left = limit.value_or(std::numeric_limits<std::int64_t>::max());
  const auto most = request.page_size;
  if (const auto fault = find_fault(request))
    throw usage_error{escape(*fault)};
  while (left > 0) {
    request.page_size
      = static_cast<std::int32_t>(std::min<std::int64_t>(left, most));
    const auto page = reader.list(request, search_time);
    for (const auto& operation : page.operations)
      each(operation);
    left -= static_cast<std::int64_t>(page.operations.size());
    request.cursor = page.next_cursor;
    if (!request.cursor || stop_asked())
      break;
  }
  return request.cursor;
}

exit_code
print_operations(context& c, const list_view& view,
                 const std::function<list_operations(timestamp)>& make,
                 exit_code if_any) {
  if (view.all && view.limit)
    throw usage_error{"--all and --limit are at odds"};
  const auto format = format_of(c, view.format);
  if (!view.columns.empty() && format != list_format::table)
    throw usage_error{"--columns is for tables"};
  const auto before = read_resume_point(view.cursor);
  const auto moment = before ? before->moment : c.now();
  auto request = make(moment);
  stop_on_signals();
  // Only people are content with less.
  request.full = view.full || format != list_format::table;
  if (before)
    request.cursor = before->cursor;
  request.page_size = limits::max_page_size;
  std::optional<std::int64_t> limit;
  if (!view.all)
    limit = view.limit.value_or(list_view::default_limit);

  auto reader = c.open_reader();
  operation_table rows{
    c, {.full = view.full, .times = view.times, .columns = view.columns}};
  if (format == list_format::csv)
    c.out().write(csv_header<tracking_status_snapshot>());
  const auto call_of = [&](const tracking_status_snapshot& x) {
    return rows.shows_calls()
             ? reader.get_call({.id = x.id, .deadline = std::nullopt}).call
             : std::nullopt;
  };
  bool found = false;
  const auto rest = for_each_operation(reader, request, limit,
                                       [&](const auto& x) {
                                         found = true;
                                         if (format == list_format::table)
                                           rows.add(x, call_of(x));
                                         else if (format == list_format::csv)
                                           c.print_data(csv_record(x));
                                         else
                                           c.print_json(to_json_text(x));
                                       });
  rows.finish();
  c.out().flush();
  if (!found && !before && !rest && c.screen().is_interactive())
    c.note("there are no such operations");
  if (rest)
    point_at_rest(c, {.moment = moment, .cursor = *rest});
  if (rest && stop_asked())
    return exit_code::interrupted;
  return found ? if_any : exit_code::ok;
}

} // namespace waybill::cli
