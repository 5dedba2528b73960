#include "commands/targets.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "commands/operation_table.hpp"
#include "input/options.hpp"
#include "output/csv.hpp"
#include "output/json.hpp"
#include "output/one_line.hpp"
#include "output/table.hpp"
#include "output/text_width.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// How much there is of something that is bounded.
struct measure {
  const char* bound = nullptr; // its name
  std::int64_t is = 0;
  std::optional<std::int64_t> most = std::nullopt;
};

std::array<measure, 4> measures_of(const target_snapshot& x) {
  return {{{"max_calls", x.calls, x.max_calls},
           {"max_bytes", x.bytes, x.max_bytes},
           {"max_kept_calls", x.kept_calls, x.max_kept_calls},
           {"max_kept_bytes", x.kept_bytes, x.max_kept_bytes}}};
}

// How much of the bound that is reached next.
cell share_cell(const target_snapshot& x) {
  constexpr double warned_at = 80;
  constexpr double most_shown = 999;
  double percent = x.full ? 100 : 0;
  bool is_bounded = false;
  for (const auto& each : measures_of(x)) {
    if (!each.most || *each.most < 1)
      continue;
    is_bounded = true;
    percent = std::max(percent, 100.0 * static_cast<double>(each.is)
                                  / static_cast<double>(*each.most));
  }
  if (!is_bounded)
    return {};
  if (percent <= 0)
    return count_cell(0);
  const auto shade = x.full                 ? colour::red
                     : percent >= warned_at ? colour::yellow
                                            : colour::none;
  if (percent < 1)
    return {"<1%", shade};
  return {std::to_string(static_cast<int>(std::min(percent, most_shown))) + '%',
          shade};
}

cell size_cell(std::int64_t bytes) {
  return bytes == 0 ? count_cell(0) : cell{size_text(bytes)};
}

cell bound_cell(const std::optional<std::int64_t>& bytes) {
  return {bytes ? size_text(*bytes) : "", colour::dim};
}

cell age_cell(const std::optional<timestamp>& t, const context& c) {
  return {t ? compact_age_text(c.now() - *t) : ""};
}

column figures(const char* title, int left_out) {
  return {.title = title, .align = alignment::right, .left_out = left_out};
}

// A target in the file, and what its actor says, if it has one.
struct shown_target {
  const target_snapshot* file = nullptr;
  const backlog_reply* now = nullptr;
};

std::vector<shown_target>
shown_targets(const targets_reply& x,
              const std::optional<backlogs_by_target>& service) {
  std::vector<shown_target> all;
  for (const auto& each : x.targets) {
    auto& shown = all.emplace_back();
    shown.file = &each;
    if (service)
      if (const auto at = service->find(each.name); at != service->end())
        shown.now = &at->second;
  }
  return all;
}

// -- what only a service knows, or an operator has asked for ------------------

bool is_broken(const shown_target& x) {
  return x.now != nullptr && x.now->breaker != breaker_state::closed;
}

bool is_left_alone(const shown_target& x) {
  return x.file->paused_since || is_broken(x);
}

bool is_limited(const shown_target& x) {
  return x.now != nullptr && x.now->max_a_minute;
}

cell state_cell(const shown_target& x) {
  if (x.file->paused_since)
    return {"paused", colour::yellow};
  return {is_broken(x) ? "failing" : "", colour::red};
}

cell running_cell(const shown_target& x) {
  return x.now != nullptr ? count_cell(x.now->delivering) : cell{};
}

cell limit_cell(const shown_target& x) {
  return {is_limited(x) ? std::to_string(*x.now->max_a_minute) + "/min" : "",
          colour::dim};
}

// A column that is there only if it says something of any target.
struct extra_column {
  column head;
  cell (*cell_of)(const shown_target&) = nullptr;
};

std::vector<extra_column> extras_for(const std::vector<shown_target>& all) {
  std::vector<extra_column> extras;
  if (std::ranges::any_of(all, is_left_alone))
    extras.push_back({{.title = "state"}, &state_cell});
  if (std::ranges::any_of(all, [](const shown_target& x) {
        return x.now != nullptr;
      }))
    extras.push_back({figures("runs", 2), &running_cell});
  if (std::ranges::any_of(all, is_limited))
    extras.push_back({figures("limit", 6), &limit_cell});
  return extras;
}

// -- the table ----------------------------------------------------------------

std::vector<column> target_columns() {
  return {{.title = "target", .least = 12, .cut = cutting::middle},
          figures("calls", 0),
          figures("due", 0),
          figures("begun", 2),
          figures("later", 3),
          figures("next", 4),
          figures("oldest", 1),
          figures("bytes", 5),
          figures("bound", 7),
          figures("kept", 0),
          figures("kept bytes", 6),
          figures("kept bound", 8),
          figures("full", 0)};
}

std::vector<cell> row_of(const target_snapshot& x, const context& c) {
  return {text_cell(x.name),
          count_cell(x.calls, colour::bold),
          count_cell(x.due),
          count_cell(x.begun),
          count_cell(x.scheduled),
          age_cell(x.next_due, c),
          age_cell(x.oldest, c),
          size_cell(x.bytes),
          bound_cell(x.max_bytes),
          count_cell(x.kept_calls,
                     x.kept_calls > 0 ? colour::yellow : colour::none),
          size_cell(x.kept_bytes),
          bound_cell(x.max_kept_bytes),
          share_cell(x)};
}

// Says something of a target in one line; the name is cut first.
std::string line_about(const target_snapshot& x, std::string text, colour shade,
                       const terminal& screen) {
  constexpr std::size_t least_name = 8;
  auto name = one_line(x.name);
  if (const auto room = screen.width(); room > 0) {
    const auto taken = 2 + width_of(text);
    name = fit_middle(name, std::max(least_name, room - std::min(room, taken)),
                      screen.ellipsis());
    const auto left = room - std::min(room, 2 + width_of(name));
    text = fit(text, left, screen.ellipsis());
  }
  return "  " + screen.paint(shade, name) + text + '\n';
}

// Which bound of a target is reached.
std::string refusal_line(const target_snapshot& x, const terminal& screen) {
  std::string reason = " takes no calls";
  for (const auto& each : measures_of(x))
    if (each.most && each.is >= *each.most)
      reason += std::string{reason.find(':') == reason.npos ? ": " : ", "}
                + each.bound + " is " + std::to_string(*each.most);
  return line_about(x, std::move(reason), colour::red, screen);
}

std::string pause_line(const target_snapshot& x, const context& c) {
  return line_about(x,
                    " is paused since " + time_text(*x.paused_since, c.where())
                      + " (" + age_text(c.now() - *x.paused_since) + ") by "
                      + one_line(x.paused_by.value_or("")) + ": "
                      + one_line(x.pause_reason.value_or("")),
                    colour::yellow, c.screen());
}

std::string breaker_line(const shown_target& x, const context& c) {
  auto text = std::string{" fails: "};
  if (x.now->open_until)
    text += "no attempt begins until "
            + time_text(*x.now->open_until, c.where()) + " ("
            + age_text(c.now() - *x.now->open_until) + "), then one to try";
  else
    text += "one attempt tries it";
  return line_about(*x.file, std::move(text), colour::red, c.screen());
}

// What the service that runs says, if one does; the file tells the rest.
std::optional<backlogs_by_target> ask_service(context& c) {
  try {
    auto service = c.service();
    if (!service)
      return std::nullopt;
    backlogs_by_target all;
    for (auto& each : service->ask(get_backlogs{}).backlogs)
      all.insert_or_assign(std::move(each.target), std::move(each.backlog));
    return all;
  } catch (const failure& e) {
    if (e.code() == exit_code::interrupted)
      throw;
    c.note(std::string{"what the service says is missing: "} + e.what());
    return std::nullopt;
  }
}

std::string targets_json(const targets_reply& x,
                         const std::optional<backlogs_by_target>& service) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& each : shown_targets(x, service)) {
    auto object = nlohmann::ordered_json(to_json(*each.file));
    object["service"] = each.now != nullptr
                          ? nlohmann::ordered_json(to_json(*each.now))
                          : nlohmann::ordered_json(nullptr);
    list.push_back(std::move(object));
  }
  return json_text({{"targets", std::move(list)}});
}

} // namespace

command setup_targets(CLI::App& parent) {
  auto x = std::make_shared<targets_options>();
  auto& app = add_command(parent, "targets",
                          "show what waits for each target, and its bounds");
  add_format(app, x->format);
  add_footer(
    app,
    "calls are on their way: due now, begun, or later, the first of them "
    "next.\n"
    "kept are parked or failed and still have their payload. full is how much\n"
    "of its bounds a target has reached; at 100% it takes no calls.\n"
    "A service that runs on the store tells how many attempts run, and which\n"
    "targets it leaves alone because they fail.\n"
    "\n"
    "Examples:\n"
    "  waybill targets --db track.db\n"
    "  waybill targets --db track.db --json");
  return {&app, [x](context& c) { return run_targets(c, *x); }};
}

exit_code run_targets(context& c, const targets_options& x) {
  const auto format = format_of(c, x.format);
  const auto reply = c.open_reader().list_targets({.deadline = std::nullopt},
                                                  c.now());
  if (format == list_format::json) {
    c.print_json(targets_json(reply, ask_service(c)));
  } else if (format == list_format::csv) {
    c.out().write(csv_header<target_snapshot>());
    for (const auto& each : reply.targets)
      c.print_data(csv_record(each));
  } else {
    c.out().write(render_targets(reply, ask_service(c), c));
    if (reply.targets.empty() && c.screen().is_interactive())
      c.note("there are no targets: no call has been kept yet");
  }
  return exit_code::ok;
}

std::string render_targets(const targets_reply& x,
                           const std::optional<backlogs_by_target>& service,
                           const context& c) {
  if (x.targets.empty())
    return "";
  const auto all = shown_targets(x, service);
  const auto extras = extras_for(all);
  auto columns = target_columns();
  for (std::size_t i = 0; i < extras.size(); ++i)
    columns.insert(columns.begin() + 1 + static_cast<std::ptrdiff_t>(i),
                   extras[i].head);
  table rows{columns, c.screen()};
  std::string lines;
  for (const auto& each : all) {
    auto row = row_of(*each.file, c);
    for (std::size_t i = 0; i < extras.size(); ++i)
      row.insert(row.begin() + 1 + static_cast<std::ptrdiff_t>(i),
                 extras[i].cell_of(each));
    rows.add(std::move(row));
    if (each.file->full)
      lines += refusal_line(*each.file, c.screen());
    if (each.file->paused_since)
      lines += pause_line(*each.file, c);
    if (is_broken(each))
      lines += breaker_line(each, c);
  }
  auto text = rows.take();
  if (!lines.empty())
    text += '\n' + lines;
  return text;
}

} // namespace waybill::cli
