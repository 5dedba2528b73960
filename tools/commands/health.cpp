#include "commands/health.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

using dashboard::health_finding;

// Why a target wants a look.
std::string target_text(const context& c, const target_health& x) {
  std::string why;
  const auto add = [&](const std::string& text) {
    why += (why.empty() ? ": " : ", ") + text;
  };
  if (x.crowded)
    add("four fifths of " + escape(*x.crowded) + " are used");
  if (x.paused_since)
    add("paused since " + time_text(*x.paused_since, c.where()));
  if (x.breaker_open)
    add("left alone, for too many attempts fail");
  return "  " + escape(x.name) + why + "\n";
}

// What the service that runs says of itself.
std::string service_text(const context& c, const health_reply& x) {
  auto text = "the service is " + to_string(x.state) + " since "
              + time_text(x.since, c.where());
  if (!x.reason.empty())
    text += ": " + escape(x.reason);
  text += "\n";
  for (const auto& each : x.targets)
    text += target_text(c, each);
  return text + "\n";
}

void print(context& c, const std::vector<health_finding>& findings) {
  table rows{{{.title = ""},
              {.title = "is", .align = alignment::right},
              {.title = "limit", .align = alignment::right},
              {.title = ""}},
             c.screen()};
  for (const auto& each : findings)
    rows.add({{each.title},
              {each.text(each.value)},
              {each.limit ? each.text(*each.limit) : ""},
              !each.limit ? cell{}
              : each.ok() ? cell{"ok", colour::green}
                          : cell{"too much", colour::red}});
  c.out().write(rows.take());
}

} // namespace

command setup_health(CLI::App& parent) {
  auto x = std::make_shared<health_options>();
  auto& app = add_command(parent, "health",
                          "judge what the file tells, against limits");
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  add_duration(app, "--max-age", x->max_age,
               "of the oldest operation in flight (24h)");
  add_number(app, "--max-in-flight", x->max_in_flight, 0, most,
             "operations in flight");
  add_number(app, "--max-parked", x->max_parked, 0, most, "parked operations");
  add_number(app, "--max-log", x->max_log, 0, most,
             "bytes of the write-ahead log (67108864)");
  add_number(app, "--max-paused", x->max_paused, 0, most, "paused targets");
  add_switch(app, "--exit-code", x->exit_code,
             "end with 5 if something is beyond its limit,\n"
             "or the service that runs is not ok");
  add_footer(app, "What the file tells, from counters, and the service if one "
                  "runs on the store.\n"
                  "\n"
                  "Examples:\n"
                  "  waybill health --db track.db\n"
                  "  waybill health --db track.db --exit-code --max-parked 0");
  return {&app, [x](context& c) { return run_health(c, *x); }};
}

exit_code run_health(context& c, const health_options& x) {
  auto reader = c.open_reader();
  const auto counts = reader.get_counts(c.now());
  const auto findings
    = dashboard::judge(x, counts, reader.size(),
                       reader.list_targets({.deadline = std::nullopt}, c.now()),
                       c.now());
  stop_on_signals();
  std::optional<health_reply> said;
  if (auto service = c.service())
    said = service->ask(get_health{});
  const auto ok = std::ranges::all_of(findings, &health_finding::ok)
                  && (!said || said->state == health_state::ok);
  if (c.json()) {
    nlohmann::ordered_json object{{"ok", ok}};
    object["service"] = said ? nlohmann::ordered_json(to_json(*said))
                             : nlohmann::ordered_json(nullptr);
    auto& list = object["findings"] = nlohmann::ordered_json::array();
    for (const auto& each : findings)
      list.push_back({{"name", each.name},
                      {"value", each.value},
                      {"limit", each.limit ? nlohmann::ordered_json(*each.limit)
                                           : nlohmann::ordered_json(nullptr)},
                      {"ok", each.ok()}});
    c.print_json(json_text(object));
  } else {
    if (said)
      c.out().write(service_text(c, *said));
    print(c, findings);
  }
  return ok || !x.exit_code ? exit_code::ok : exit_code::alarm;
}

} // namespace waybill::cli
