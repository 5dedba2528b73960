#include "commands/operation_list.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "input/options.hpp"
#include "input/resume_point.hpp"
#include "interruption.hpp"
#include "output/csv.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;

// Rows that are laid out together: as many as one looks through, and enough for
// the columns to stay as they are.
constexpr std::size_t rows_at_a_time = 500;

// Nobody else waits for the answer, but a signal may.
constexpr auto search_time = 200ms;

// Left out in this order: target, HTTP status, retries, updated, error, kind,
// created.
std::vector<column> operation_columns() {
  return {{"id"},
          {"status"},
          {"created", alignment::right, 0, 1},
          {"updated", alignment::right, 0, 4},
          {"kind", alignment::left, 8, 2},
          {"target", alignment::left, 8, 7},
          {"retries", alignment::right, 0, 5},
          {"HTTP", alignment::right, 0, 6},
          {"last error", alignment::left, 10, 3}};
}

// Says how to see the rest.
exit_code point_at_rest(context& c, const resume_point& rest) {
  const auto option = "--cursor " + escape(to_string(rest));
  if (stop_asked()) {
    c.note("stopped; go on with: " + option);
    return exit_code::interrupted;
  }
  c.note("more: " + option);
  return exit_code::ok;
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
  add_format(app, to.format);
}

// -- paging -------------------------------------------------------------------

std::optional<std::string> for_each_operation(
  store_reader& reader, list_operations request,
  std::optional<std::int64_t> limit,
  const std::function<void(const tracking_status_snapshot&)>& each,
  const std::function<void(const std::optional<std::string>&)>& page_end) {
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
    if (page_end)
      page_end(request.cursor);
    if (!request.cursor || stop_asked())
      break;
  }
  return request.cursor;
}

exit_code
print_operations(context& c, const list_view& view,
                 const std::function<list_operations(timestamp)>& make) {
  if (view.all && view.limit)
    throw usage_error{"--all and --limit are at odds"};
  const auto format = format_of(c, view.format);
  const auto before = parse_resume_point(view.cursor);
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
  operation_table rows{c, {.full = view.full, .times = view.times}};
  if (format == list_format::csv)
    c.out().write(csv_header<tracking_status_snapshot>());
  bool found = before.has_value();
  const auto rest = for_each_operation(reader, request, limit,
                                       [&](const auto& x) {
                                         found = true;
                                         if (format == list_format::table)
                                           rows.add(x);
                                         else if (format == list_format::csv)
                                           c.print_data(csv_record(x));
                                         else
                                           c.print_json(to_json_text(x));
                                       });
  rows.finish();
  c.out().flush();
  if (!found && !rest && c.screen().is_interactive())
    c.note("there are no such operations");
  if (!rest)
    return exit_code::ok;
  return point_at_rest(c, {.moment = moment, .cursor = *rest});
}

// -- tables -------------------------------------------------------------------

operation_table::operation_table(context& c, style how)
  : c_{c}, style_{how}, table_{operation_columns(), c.screen(), !how.full} {}

void operation_table::add(const tracking_status_snapshot& x) {
  const auto when = [&](timestamp t) {
    return style_.times ? time_text(t, c_.where()) : age_text(c_.now() - t);
  };
  table_.add({{to_string(x.id)},
              status_cell(x.status),
              {when(x.created_at)},
              {when(x.updated_at)},
              {escape(x.kind)},
              text_cell(x.target_summary),
              count_cell(x.retry_count),
              number_cell(x.http_status),
              text_cell(x.last_error)});
  if (table_.size() >= rows_at_a_time)
    c_.out().write(table_.take(false));
}

void operation_table::finish() {
  if (table_.size() > 0)
    c_.out().write(table_.take());
}

cell status_cell(tracking_status status) {
  return {to_string(status), colour_of(status)};
}

cell text_cell(const std::optional<std::string>& text) {
  return {escape(text.value_or(""))};
}

cell number_cell(const std::optional<std::int32_t>& number) {
  return {number ? std::to_string(*number) : ""};
}

} // namespace waybill::cli
