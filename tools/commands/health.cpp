#include "commands/health.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

std::int64_t count_of(const counts_reply& counts,
                      bool (*is_counted)(tracking_status)) {
  std::int64_t sum = 0;
  for (const auto& each : counts.counts)
    if (is_counted(each.status))
      sum += each.operations;
  return sum;
}

// In percent, of the bound of a target of which most is used.
std::int64_t most_used_of(const targets_reply& x) {
  std::int64_t most = 0;
  for (const auto& each : x.targets)
    for (const auto& [is, bound] :
         {std::pair{each.calls, each.max_calls},
          std::pair{each.bytes, each.max_bytes},
          std::pair{each.kept_calls, each.max_kept_calls},
          std::pair{each.kept_bytes, each.max_kept_bytes}})
      if (bound && *bound > 0)
        most = std::max(most, static_cast<std::int64_t>(
                                100.0 * static_cast<double>(is)
                                / static_cast<double>(*bound)));
  return most;
}

std::int64_t count_paused(const targets_reply& x) {
  return std::ranges::count_if(x.targets, [](const target_snapshot& each) {
    return each.paused_since.has_value();
  });
}

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
    = judge(x, counts, reader.size(),
            reader.list_targets({.deadline = std::nullopt}, c.now()), c.now());
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

std::vector<health_finding> judge(const health_options& x,
                                  const counts_reply& counts,
                                  const store_size& size,
                                  const targets_reply& targets, timestamp now) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const auto max_age = x.max_age.value_or(health_options::default_age);
  // A time to come is no age.
  const auto age = counts.oldest_in_flight
                     ? std::max(now - *counts.oldest_in_flight,
                                std::chrono::microseconds{0})
                     : std::chrono::microseconds{0};
  const auto is_parked = [](tracking_status status) {
    return status == tracking_status::parked;
  };
  const auto seconds_text = [](std::int64_t figure) {
    return duration_text(seconds{figure});
  };
  const auto count_text = [](std::int64_t figure) {
    return std::to_string(figure);
  };
  const auto percent_text = [](std::int64_t figure) {
    return std::to_string(figure) + " %";
  };
  return {{"oldest_in_flight_seconds", "oldest in flight",
           duration_cast<seconds>(age).count(),
           duration_cast<seconds>(max_age).count(), seconds_text},
          {"in_flight", "in flight", count_of(counts, &is_in_flight),
           x.max_in_flight, count_text},
          {"parked", "parked", count_of(counts, is_parked), x.max_parked,
           count_text},
          {"write_ahead_log_bytes", "write-ahead log", size.log_bytes,
           x.max_log.value_or(health_options::default_log), &size_text},
          {"target_bounds_percent", "fullest target", most_used_of(targets),
           health_options::most_used, percent_text},
          {"paused_targets", "paused targets", count_paused(targets),
           x.max_paused, count_text}};
}

} // namespace waybill::cli
