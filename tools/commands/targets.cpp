#include "commands/targets.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "commands/operation_table.hpp"
#include "input/options.hpp"
#include "output/csv.hpp"
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

// Says in one line which bound of a target is reached.
std::string refusal_line(const target_snapshot& x, const terminal& screen) {
  std::string reason = " takes no calls";
  for (const auto& each : measures_of(x))
    if (each.most && each.is >= *each.most)
      reason += std::string{reason.find(':') == reason.npos ? ": " : ", "}
                + each.bound + " is " + std::to_string(*each.most);
  constexpr std::size_t least_name = 8;
  auto name = one_line(x.name);
  if (const auto room = screen.width(); room > 0) {
    const auto taken = 2 + width_of(reason);
    name = fit_middle(name, std::max(least_name, room - std::min(room, taken)),
                      screen.ellipsis());
  }
  return "  " + screen.paint(colour::red, name) + reason + '\n';
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
    c.print_json(to_json_text(reply));
  } else if (format == list_format::csv) {
    c.out().write(csv_header<target_snapshot>());
    for (const auto& each : reply.targets)
      c.print_data(csv_record(each));
  } else {
    c.out().write(render_targets(reply, c));
    if (reply.targets.empty() && c.screen().is_interactive())
      c.note("there are no targets: no call has been kept yet");
  }
  return exit_code::ok;
}

std::string render_targets(const targets_reply& x, const context& c) {
  if (x.targets.empty())
    return "";
  table rows{target_columns(), c.screen()};
  std::string refusals;
  for (const auto& each : x.targets) {
    rows.add(row_of(each, c));
    if (each.full)
      refusals += refusal_line(each, c.screen());
  }
  auto text = rows.take();
  if (!refusals.empty())
    text += '\n' + refusals;
  return text;
}

} // namespace waybill::cli
