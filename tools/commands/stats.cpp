#include "commands/stats.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "commands/counts.hpp"
#include "input/options.hpp"
#include "output/json.hpp"
#include "output/one_line.hpp"
#include "output/table.hpp"
#include "waybill/json.hpp"
#include "waybill/stats.hpp"

namespace waybill::cli {

namespace {

using counts_by_status = std::array<std::int64_t, num_tracking_statuses>;

// -- JSON ---------------------------------------------------------------------

nlohmann::ordered_json optional_time(const std::optional<timestamp>& t) {
  return t ? nlohmann::ordered_json(to_string(*t))
           : nlohmann::ordered_json(nullptr);
}

// Those with the most calls first, and how many others there are.
struct target_totals {
  std::vector<target_total> told;
  std::int64_t others = 0;
};

target_totals totals_of(const targets_reply& x) {
  target_totals all;
  for (const auto& each : x.targets)
    all.told.push_back({.name = each.name,
                        .ready = each.due,
                        .scheduled = each.scheduled,
                        .begun = each.begun,
                        .bytes = each.bytes,
                        .kept_calls = each.kept_calls,
                        .kept_bytes = each.kept_bytes});
  std::ranges::stable_sort(all.told, std::ranges::greater{},
                           [](const target_total& each) {
                             return each.ready + each.scheduled + each.begun
                                    + each.kept_calls;
                           });
  const auto most = std::min(all.told.size(), limits::max_told_targets);
  all.others = std::ssize(all.told) - static_cast<std::int64_t>(most);
  all.told.resize(most);
  return all;
}

std::string stats_json(const store_size& size, const counts_reply& counts,
                       const target_totals& targets) {
  nlohmann::ordered_json object{{"file_bytes", size.file_bytes},
                                {"free_bytes", size.free_bytes},
                                {"wal_bytes", size.log_bytes}};
  counts_by_status sum{};
  for (const auto& each : counts.counts)
    sum.at(static_cast<std::size_t>(each.status)) += each.operations;
  auto& operations = object["operations"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < sum.size(); ++i)
    operations[to_string(static_cast<tracking_status>(i))] = sum[i];
  object["oldest_in_flight"] = optional_time(counts.oldest_in_flight);
  object["oldest_parked"] = optional_time(counts.oldest_parked);
  auto& list = object["targets"] = nlohmann::ordered_json::array();
  for (const auto& each : targets.told)
    list.push_back(nlohmann::ordered_json(to_json(each)));
  object["other_targets"] = targets.others;
  return json_text(object);
}

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

// -- Prometheus ---------------------------------------------------------------

void begin_family(std::string& text, std::string_view name,
                  std::string_view help) {
  text.append("# HELP ").append(name).append(" ").append(help);
  text.append("\n# TYPE ").append(name).append(" gauge\n");
}

void add_gauge(std::string& text, std::string_view name, std::string_view help,
               const std::string& value) {
  begin_family(text, name, help);
  text.append(name).append(" ").append(value).append("\n");
}

// Seconds since 1970 with all digits: a double has too few.
std::string seconds_text(timestamp t) {
  constexpr std::int64_t second = 1'000'000;
  auto seconds = t.us() / second;
  auto rest = t.us() % second;
  const auto* const sign = t.us() < 0 ? "-" : "";
  seconds = seconds < 0 ? -seconds : seconds;
  rest = rest < 0 ? -rest : rest;
  // With a 1 in front the fraction keeps its zeros.
  return sign + std::to_string(seconds) + '.'
         + std::to_string(second + rest).substr(1);
}

void add_operations(std::string& text, const counts_reply& counts) {
  // Also those that are 0: a series that comes and goes is hard to add up.
  std::map<std::string, counts_by_status> kinds;
  for (const auto& each : counts.counts)
    kinds[each.kind].at(static_cast<std::size_t>(each.status))
      += each.operations;
  if (kinds.empty())
    return;
  begin_family(text, "waybill_kind_operations", "Operations in the store.");
  for (const auto& [kind, by_status] : kinds)
    for (std::size_t i = 0; i < by_status.size(); ++i)
      text += "waybill_kind_operations{kind=\"" + escape_label_value(kind)
              + "\",status=\"" + to_string(static_cast<tracking_status>(i))
              + "\"} " + std::to_string(by_status[i]) + '\n';
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
  return text;
}

void print_for_people(context& c, const store_size& size,
                      const counts_reply& counts,
                      const target_totals& targets) {
  c.out().write(render_size(size, c) + '\n' + render_counts(counts, c.screen())
                + render_targets(targets, c));
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
  if (x.prometheus)
    c.print_data(render_prometheus(size, counts, targets));
  else if (c.json())
    c.print_json(stats_json(size, counts, totals_of(targets)));
  else
    print_for_people(c, size, counts, totals_of(targets));
  return exit_code::ok;
}

std::string render_prometheus(const store_size& size,
                              const counts_reply& counts,
                              const targets_reply& targets) {
  std::string text;
  add_gauge(text, "waybill_file_bytes", "Size of the database file.",
            std::to_string(size.file_bytes));
  add_gauge(text, "waybill_file_free_bytes",
            "Unused part of the database file.",
            std::to_string(size.free_bytes));
  add_gauge(text, "waybill_wal_bytes", "Size of the write-ahead log.",
            std::to_string(size.log_bytes));
  add_operations(text, counts);
  if (counts.oldest_in_flight)
    add_gauge(text, "waybill_oldest_in_flight_timestamp_seconds",
              "When the oldest operation in flight was recorded, since 1970.",
              seconds_text(*counts.oldest_in_flight));
  if (counts.oldest_parked)
    add_gauge(text, "waybill_oldest_parked_timestamp_seconds",
              "When the operation parked for longest was parked, since 1970.",
              seconds_text(*counts.oldest_parked));
  const auto totals = totals_of(targets);
  return text + to_prometheus(totals.told, totals.others);
}

} // namespace waybill::cli
