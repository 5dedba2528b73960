#include "commands/stats.hpp"

#include <memory>

#include "commands/counts.hpp"
#include "input/options.hpp"
#include "output/json.hpp"
#include "output/one_line.hpp"
#include "output/table.hpp"
#include "waybill/store_stats.hpp"

namespace waybill::cli {

using dashboard::target_totals;
using dashboard::totals_of;

namespace {

// -- for people ---------------------------------------------------------------

std::string share_text(std::int64_t part, std::int64_t whole) {
  if (whole <= 0)
    return "";
  const auto percent = 100.0 * static_cast<double>(part)
                       / static_cast<double>(whole);
  return " (" + std::to_string(static_cast<int>(percent)) + " %)";
}

std::string render_size(const store_size& size, const context& c) {
  detail_list lines{c.screen()};
  lines.add("file", size_text(size.file_bytes));
  lines.add("unused in it", size_text(size.free_bytes)
                              + share_text(size.free_bytes, size.file_bytes));
  lines.add("write-ahead log", size_text(size.log_bytes));
  return lines.text();
}

std::string render_targets(const target_totals& x, const context& c) {
  if (x.told.empty())
    return "";
  const auto right = [](const char* title) {
    return column{.title = title, .align = alignment::right};
  };
  table rows{{{.title = "target", .least = 12, .cut = cutting::middle},
              right("ready"),
              right("later"),
              right("begun"),
              right("bytes"),
              right("kept"),
              right("kept bytes")},
             c.screen()};
  for (const auto& each : x.told)
    rows.add({{one_line(each.name)},
              count_cell(each.ready),
              count_cell(each.scheduled),
              count_cell(each.begun),
              {size_text(each.bytes)},
              count_cell(each.kept_calls),
              {size_text(each.kept_bytes)}});
  auto text = '\n' + rows.take();
  if (x.others > 0)
    text += "and " + std::to_string(x.others) + " others; see targets\n";
  if (x.paused > 0)
    text += "paused: " + std::to_string(x.paused) + "; see targets\n";
  return text;
}

std::string render_tombstones(const tombstone_sums& x, const context& c) {
  if (x == tombstone_sums{})
    return "";
  detail_list lines{c.screen()};
  auto text = std::to_string(x.rows);
  if (x.remembered_since)
    text += ", all since "
            + time_text(*x.remembered_since, c.where(), precision::seconds)
            + " (" + age_text(c.now() - *x.remembered_since) + ')';
  lines.add("purged, remembered", text);
  return '\n' + lines.text();
}

void print_for_people(context& c, const store_size& size,
                      const counts_reply& counts, const target_totals& targets,
                      const tombstone_sums& purged) {
  c.out().write(render_size(size, c) + '\n' + render_counts(counts, c.screen())
                + render_targets(targets, c) + render_tombstones(purged, c));
  if (const auto oldest = render_oldest(counts, c); !oldest.empty())
    c.out().write('\n' + oldest);
}

} // namespace

command setup_stats(CLI::App& parent) {
  auto x = std::make_shared<stats_options>();
  auto& app = add_command(parent, "stats", "show sizes, totals and the oldest");
  add_switch(app, "--prometheus", x->prometheus,
             "in the text format that Prometheus scrapes");
  add_footer(app, "Only what the file tells: a running service knows more.\n"
                  "\n"
                  "Examples:\n"
                  "  waybill stats --db track.db\n"
                  "  waybill stats --db track.db --prometheus > waybill.prom");
  return {&app, [x](context& c) { return run_stats(c, *x); }};
}

exit_code run_stats(context& c, const stats_options& x) {
  if (x.prometheus && c.json())
    throw usage_error{"--json and --prometheus are at odds"};
  auto reader = c.open_reader();
  const auto size = reader.size();
  const auto counts = reader.get_counts(c.now());
  const auto targets = reader.list_targets({.deadline = std::nullopt}, c.now());
  const auto purged = reader.tombstones();
  if (x.prometheus)
    c.print_data(dashboard::render_prometheus(size, counts, targets, purged));
  else if (c.json())
    c.print_json(json_text(
      dashboard::stats_json(size, counts, totals_of(targets), purged)));
  else
    print_for_people(c, size, counts, totals_of(targets), purged);
  return exit_code::ok;
}

} // namespace waybill::cli
