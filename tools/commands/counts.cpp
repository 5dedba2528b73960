#include "commands/counts.hpp"

#include <array>
#include <map>
#include <memory>
#include <numeric>

#include "input/options.hpp"
#include "output/csv.hpp"
#include "output/table.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using counts_by_status = std::array<std::int64_t, num_tracking_statuses>;

std::vector<column> count_columns() {
  std::vector<column> all{
    {.title = "kind", .least = 8, .cut = cutting::middle}};
  for (int i = 0; i < num_tracking_statuses; ++i)
    all.push_back({.title = to_string(static_cast<tracking_status>(i)),
                   .align = alignment::right});
  all.push_back({.title = "all", .align = alignment::right});
  return all;
}

// On a screen that is too narrow for a column each: a line for each status.
bool is_narrow(const terminal& screen) {
  constexpr std::size_t least_width = 72;
  return screen.width() > 0 && screen.width() < least_width;
}

std::string render_narrow(const counts_reply& x, const terminal& screen) {
  table rows{{{.title = "kind", .least = 8, .cut = cutting::middle},
              {.title = "status"},
              {.title = "operations", .align = alignment::right}},
             screen};
  std::int64_t all = 0;
  for (const auto& each : x.counts) {
    all += each.operations;
    if (each.operations > 0)
      rows.add({{escape(each.kind)},
                {to_string(each.status), colour_of(each.status)},
                count_cell(each.operations)});
  }
  rows.add({{"all", colour::bold}, {}, count_cell(all, colour::bold)});
  return rows.take();
}

std::vector<cell> row(const std::string& kind, const counts_by_status& counts,
                      colour shade) {
  std::vector<cell> cells{{kind, shade}};
  for (std::size_t i = 0; i < counts.size(); ++i)
    cells.push_back(
      count_cell(counts[i], colour_of(static_cast<tracking_status>(i))));
  cells.push_back(
    count_cell(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}),
               colour::bold));
  return cells;
}

} // namespace

command setup_counts(CLI::App& parent) {
  auto x = std::make_shared<counts_options>();
  auto& app = add_command(parent, "counts",
                          "count operations by kind and status");
  add_format(app, x->format);
  add_footer(app, "Read from counters: takes no longer with more operations.\n"
                  "\n"
                  "Examples:\n"
                  "  waybill counts --db track.db\n"
                  "  waybill counts --db track.db --json");
  return {&app, [x](context& c) { return run_counts(c, *x); }};
}

exit_code run_counts(context& c, const counts_options& x) {
  const auto format = format_of(c, x.format);
  const auto counts = c.open_reader().get_counts(c.now());
  if (format == list_format::json) {
    c.print_json(to_json_text(counts));
  } else if (format == list_format::csv) {
    c.out().write(csv_header<status_count>());
    for (const auto& each : counts.counts)
      c.print_data(csv_record(each));
  } else {
    c.out().write(render_counts(counts, c.screen()));
    if (const auto oldest = render_oldest(counts, c); !oldest.empty())
      c.out().write('\n' + oldest);
  }
  return exit_code::ok;
}

std::string render_counts(const counts_reply& x, const terminal& screen) {
  if (is_narrow(screen))
    return render_narrow(x, screen);
  std::map<std::string, counts_by_status> kinds;
  counts_by_status sum{};
  for (const auto& each : x.counts) {
    const auto status = static_cast<std::size_t>(each.status);
    kinds[each.kind].at(status) += each.operations;
    sum.at(status) += each.operations;
  }
  table rows{count_columns(), screen};
  for (const auto& [kind, counts] : kinds)
    rows.add(row(escape(kind), counts, colour::none));
  rows.add(row("all", sum, colour::bold));
  return rows.take();
}

std::string render_oldest(const counts_reply& x, const context& c) {
  detail_list lines{c.screen()};
  const auto line = [&](const char* name, const std::optional<timestamp>& t) {
    if (!t)
      return;
    const auto age = age_text(c.now() - *t);
    lines.add(name, is_narrow(c.screen())
                      ? age
                      : age + " (" + time_text(*t, c.where()) + ')');
  };
  line("oldest in flight", x.oldest_in_flight);
  line("oldest parked", x.oldest_parked);
  return lines.text();
}

} // namespace waybill::cli
