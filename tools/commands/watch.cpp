#include "commands/watch.hpp"

#include <limits>
#include <memory>

#include "files.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/text_width.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

std::string gap_json(const transition_gap& gap) {
  return json_text({{"gap", {{"from", gap.from}, {"to", gap.to}}}});
}

void print(context& c, const watch_reply& reply) {
  if (reply.gap) {
    const auto numbers = std::to_string(reply.gap->from) + " to "
                         + std::to_string(reply.gap->to);
    if (c.json())
      c.print_json(gap_json(*reply.gap));
    else
      c.out().write(c.screen().paint(colour::dim, "-- of transitions " + numbers
                                                    + " some are not kept --")
                    + '\n');
  }
  for (const auto& each : reply.transitions)
    if (c.json())
      c.print_json(to_json_text(each));
    else
      c.out().write(render_transition(each, c));
  c.out().flush();
}

// Who has deleted or replaced the file does not write to what is open here.
void check_is_there(const std::string& file,
                    std::optional<file_identity>& was) {
  const auto is = identity_of(file);
  if (!is || (was && *is != *was))
    throw failure{escape(file) + ": has been deleted or replaced"};
  was = is;
}

// Waits until the store may have changed.
// Returns false if it is time to end.
bool wait_for_change(context& c, store_reader& reader,
                     std::optional<file_identity>& file) {
  while (!stop_asked()) {
    if (reader.has_changed())
      return true;
    check_is_there(c.file(), file);
    if (!c.out().wait(look_again))
      return false;
  }
  return false;
}

std::string padded(std::string text, std::size_t width) {
  const auto used = width_of(text);
  return used < width ? text.append(width - used, ' ') : text;
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
  add_number(app, "--after", x->after, 0,
             std::numeric_limits<std::int64_t>::max(),
             "begin behind the transition of this number;\n"
             "0 is the oldest that is kept");
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
    request.ids.push_back(read_id("--id", id));
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
  do {
    // Until there is nothing new; what comes then, has_changed() tells.
    for (bool more = true; more && !stop_asked();) {
      const auto reply = reader.read_transitions(request);
      print(c, reply);
      more = request.after.has_value() && reply.next != *request.after;
      request.after = reply.next;
    }
  } while (wait_for_change(c, reader, file));
  return exit_code::ok;
}

std::string render_transition(const transition& x, const context& c) {
  // The widths of the longest status and of a usual kind, so that most lines
  // stand below each other.
  constexpr std::size_t status_width = 9;
  constexpr std::size_t kind_width = 26;
  // A narrow terminal has the clock time only, without date and zone.
  constexpr std::size_t narrow = 100;
  const auto width = c.screen().width();
  auto time = time_text(x.at, c.where(), precision::milliseconds);
  if (width > 0 && width < narrow)
    time = time.substr(11, 12);
  const auto begin = time + "  " + to_string(x.id) + "  ";
  const auto status = to_string(x.status);
  auto rest = padded(status, status_width).substr(status.size()) + "  "
              + padded(escape(x.kind), kind_width);
  if (x.retry_count > 0)
    rest += "  retry " + std::to_string(x.retry_count);
  if (x.http_status)
    rest += "  HTTP " + std::to_string(*x.http_status);
  if (x.last_error)
    rest += "  " + escape(*x.last_error);
  rest.erase(rest.find_last_not_of(' ') + 1);

  const auto used = width_of(begin) + status.size();
  if (width > 0 && width < used)
    return fit(begin + status, width, c.screen().ellipsis()) + '\n';
  if (width > 0)
    rest = fit(rest, width - used, c.screen().ellipsis());
  return begin + c.screen().paint(colour_of(x.status), status) + rest + '\n';
}

} // namespace waybill::cli
