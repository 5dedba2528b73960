#include "commands/watch.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include "commands/operation_table.hpp"
#include "files.hpp"
#include "input/id_argument.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/one_line.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// A narrower terminal has the clock time only, without date and zone.
constexpr std::size_t width_for_dates = 130;

std::string gap_json(const transition_gap& gap) {
  return json_text({{"gap", {{"from", gap.from}, {"to", gap.to}}}});
}

std::vector<column> columns(const terminal& screen) {
  constexpr std::size_t length_of_seconds = 8;
  constexpr std::size_t length_of_short_id = 13;
  const auto is_narrow = screen.width() > 0 && screen.width() < width_for_dates;
  return {
    {.title = "time",
     .least = is_narrow ? length_of_seconds : 0,
     .grows = 2,
     .cut = cutting::beginning},
    {.title = "id",
     .least = length_of_short_id,
     .left_out = 1,
     .grows = 3,
     .cut = cutting::beginning},
    {.title = "status"},
    {.title = "retry", .align = alignment::right, .left_out = 4},
    {.title = "HTTP", .align = alignment::right, .left_out = 5},
    {.title = "kind",
     .least = 8,
     .left_out = 6,
     .grows = 2,
     .cut = cutting::middle},
    {.title = "target",
     .least = 10,
     .left_out = 3,
     .enough = 24,
     .grows = 1,
     .cut = cutting::middle},
    {.title = "error", .least = 10, .left_out = 2, .enough = 24, .grows = 1}};
}

// Of the operations of these transitions, those that are there still.
std::map<tracked_operation_id, std::string>
targets_of(store_reader& reader, const std::vector<transition>& steps) {
  std::vector<tracked_operation_id> ids;
  ids.reserve(steps.size());
  for (const auto& each : steps)
    ids.push_back(each.id);
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::map<tracked_operation_id, std::string> targets;
  const auto replies = reader.get_statuses(ids);
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (replies[i].snapshot)
      targets[ids[i]] = replies[i].snapshot->target_summary.value_or("");
  return targets;
}

void print_json(context& c, store_reader& reader, const watch_reply& reply) {
  if (reply.gap)
    c.print_json(gap_json(*reply.gap));
  for (const auto& each : reply.transitions) {
    auto row = to_json(each);
    row["cursor"] = reader.cursor_of(each.number);
    c.print_json(json_text(row));
  }
  c.out().flush();
}

void print(context& c, transition_table& rows, store_reader& reader,
           const watch_reply& reply) {
  if (c.json()) {
    print_json(c, reader, reply);
    return;
  }
  if (reply.gap)
    c.out().write(
      c.screen().paint(colour::dim, "-- of transitions "
                                      + std::to_string(reply.gap->from) + " to "
                                      + std::to_string(reply.gap->to)
                                      + " some are not kept --")
      + '\n');
  if (!reply.transitions.empty())
    c.out().write(
      rows.lines(reply.transitions, targets_of(reader, reply.transitions)));
  c.out().flush();
}

// The place to begin behind may be none of this store.
watch_reply first_look(store_reader& reader, const watch_transitions& request) {
  try {
    return reader.read_transitions(request);
  } catch (const store_error& e) {
    constexpr std::string_view name = "after: ";
    const std::string text{e.what()};
    if (e.code() != errc::invalid_request || !text.starts_with(name))
      throw;
    throw usage_error{"--after " + text.substr(name.size())};
  }
}

// Waits until the store may have changed.
// Returns false if it is time to end.
bool wait_for_change(context& c, store_reader& reader,
                     std::optional<file_identity>& file) {
  while (!stop_asked()) {
    if (reader.has_changed())
      return true;
    check_same_file(c.file(), file);
    if (!c.pause(look_again))
      return false;
  }
  return false;
}

} // namespace

command setup_watch(CLI::App& parent) {
  auto x = std::make_shared<watch_options>();
  auto& app = add_command(parent, "watch",
                          "follow what happens, as it happens");
  add_texts(app, "--status", x->statuses, "LIST",
            "Submitted, Retrying, Delivered, Parked, Failed,\n"
            "Discarded, in-flight, finished; several with\n"
            "commas or by repeating it");
  add_texts(app, "--kind", x->kinds, "KIND", "this kind; may be repeated");
  add_texts(app, "--id", x->ids, "ID", "this operation; may be repeated");
  add_text(app, "--after", x->after, "CURSOR",
           "begin behind that transition: its cursor in JSON,\n"
           "or its number; 0 is before the oldest that is kept");
  add_footer(app,
             "Shows each step once it is committed, until Ctrl-C. Without\n"
             "--after only what comes from now on.\n"
             "\n"
             "Examples:\n"
             "  waybill watch --db track.db --status parked,failed\n"
             "  waybill watch --db track.db --after 0 --json");
  return {&app, [x](context& c) { return run_watch(c, *x); }};
}

watch_transitions to_request(const watch_options& x) {
  watch_transitions request;
  request.after = x.after;
  request.statuses = read_statuses(x.statuses);
  request.kinds = x.kinds;
  for (const auto& id : x.ids)
    request.ids.push_back(read_id("--id", id).first);
  request.page_size = limits::max_page_size;
  if (const auto fault = find_fault(request))
    throw usage_error{escape(*fault)};
  return request;
}

exit_code run_watch(context& c, const watch_options& x) {
  auto request = to_request(x);
  stop_on_signals();
  auto file = identity_of(c.file());
  auto reader = c.open_reader();
  std::vector<id_argument> ids;
  for (const auto& id : x.ids)
    ids.push_back(read_id("--id", id));
  request.ids = find_ids(reader, ids);
  transition_table rows{c};
  auto reply = first_look(reader, request);
  do {
    // Until there is nothing new; what comes then, has_changed() tells.
    while (!stop_asked()) {
      print(c, rows, reader, reply);
      const auto is_all = request.after == reply.next;
      request.after = reply.next;
      if (is_all)
        break;
      reply = reader.read_transitions(request);
    }
  } while (wait_for_change(c, reader, file)
           && (reply = reader.read_transitions(request), true));
  return exit_code::ok;
}

transition_table::transition_table(const context& c)
  : c_{c}, table_{columns(c.screen()), c.screen()} {
  if (c.screen().width() == 0)
    return;
  // Rows come one after the other, and are to stand below each other.
  std::size_t i = 0;
  for (const std::size_t width : {8U, 36U, 9U, 5U, 4U, 26U, 200U, 200U})
    table_.expect(i++, width);
}

std::string transition_table::lines(
  const std::vector<transition>& steps,
  const std::map<tracked_operation_id, std::string>& targets) {
  for (const auto& x : steps) {
    auto time = time_text(x.at, c_.where(), precision::milliseconds);
    const auto width = c_.screen().width();
    if (width > 0 && width < width_for_dates)
      time = time.substr(std::string_view{"2026-11-23 "}.size(), 12);
    const auto target = targets.find(x.id);
    table_.add({{std::move(time)},
                {to_string(x.id)},
                status_cell(x.status),
                count_cell(x.retry_count),
                number_cell(x.http_status),
                text_cell(x.kind),
                {target == targets.end() ? "" : one_line(target->second)},
                text_cell(x.last_error)});
  }
  return table_.take(false);
}

} // namespace waybill::cli
