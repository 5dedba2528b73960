#include "commands/status.hpp"

#include <memory>

#include "input/options.hpp"
#include "output/json.hpp"
#include "output/one_line.hpp"
#include "output/table.hpp"
#include "waybill/json.hpp"

namespace waybill::cli {

namespace {

std::string time_and_age(timestamp t, const context& c) {
  return time_text(t, c.where(), precision::milliseconds) + " ("
         + age_text(c.now() - t) + ')';
}

// Which attempt is next, and when; or has begun.
void add_attempt(detail_list& lines, const call_snapshot& x, const context& c) {
  const auto number = std::to_string(x.attempt);
  if (x.state == call_state::begun)
    lines.add("attempt", number + ", begun");
  else if (x.state == call_state::waiting)
    lines.add("next attempt",
              number + ", due " + (x.due ? time_and_age(*x.due, c) : "now"));
  if (x.interruptions > 0)
    lines.add("interrupted", x.interruptions == 1
                               ? "once"
                               : std::to_string(x.interruptions) + " times");
}

void add_call(detail_list& lines, const call_snapshot& x, const context& c) {
  lines.add("kept for", one_line(x.target));
  add_attempt(lines, x, c);
  if (x.expires && x.state != call_state::kept)
    lines.add("expires", time_and_age(*x.expires, c));
  if (x.priority != call_snapshot{}.priority)
    lines.add("priority", std::to_string(x.priority));
  if (x.order_key)
    lines.add("order key", one_line(*x.order_key));
  if (x.root)
    lines.add("sent as", to_string(*x.root));
  lines.add("payload", size_text(x.bytes));
}

} // namespace

command setup_status(CLI::App& parent) {
  auto x = std::make_shared<status_options>();
  auto& app = add_command(parent, "status", "show what became of operations");
  add_ids(app, x->ids, "the operations");
  add_footer(app,
             "Ends with 1 if one of them is not there; the others are shown.\n"
             "\n"
             "Examples:\n"
             "  waybill status --db track.db "
             "01932c07-f2a1-7000-8000-0123456789ab\n"
             "  waybill status --db track.db --json ID1 ID2");
  return {&app, [x](context& c) { return run_status(c, *x); }};
}

exit_code run_status(context& c, const status_options& x) {
  auto reader = c.open_reader();
  auto result = exit_code::ok;
  bool first = true;
  const auto ids = find_ids(reader, x.ids);
  const auto replies = reader.get_calls(ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& id = ids[i];
    const auto& reply = replies[i];
    if (c.json())
      c.print_json(status_json(id, reply));
    if (!reply.snapshot) {
      c.note(to_string(id) + " is not there: purged or never recorded");
      result = exit_code::not_found;
      continue;
    }
    if (c.json())
      continue;
    if (!first)
      c.out().write("\n");
    first = false;
    c.out().write(render_operation(reply, c));
  }
  return result;
}

std::string render_operation(const call_reply& reply, const context& c) {
  const auto& x = reply.snapshot.value();
  detail_list lines{c.screen()};
  const auto text = [&](const char* name, const auto& value) {
    if (value)
      lines.add(name, one_line(*value));
  };
  const auto time = [&](const char* name, timestamp t) {
    lines.add(name, time_and_age(t, c));
  };
  lines.add("status", to_string(x.status), colour_of(x.status));
  lines.add("kind", one_line(x.kind));
  text("target", x.target_summary);
  lines.add("retries", std::to_string(x.retry_count));
  if (x.http_status)
    lines.add("HTTP status", std::to_string(*x.http_status));
  text("last error", x.last_error);
  time("created", x.created_at);
  time("updated", x.updated_at);
  if (x.terminal_at) {
    time("finished", *x.terminal_at);
    lines.add("took", duration_text(*x.terminal_at - x.created_at));
  }
  if (reply.call)
    add_call(lines, *reply.call, c);
  text("instance", x.source_instance_id);
  text("script", x.source_script);
  text("node", x.source_node);
  return c.screen().paint(colour::bold, to_string(x.id)) + '\n' + lines.text();
}

std::string status_json(const tracked_operation_id& id,
                        const call_reply& reply) {
  auto object = to_json(reply);
  object["id"] = to_string(id);
  return json_text(object);
}

} // namespace waybill::cli
