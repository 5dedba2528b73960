#include "commands/status.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "input/line_reader.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
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

// Which operations have been tried again.
void add_link(detail_list& lines, const requeue_link& x) {
  if (x.generation > 0)
    lines.add("requeue of",
              x.requeue_of ? to_string(*x.requeue_of) : "(purged)");
  if (x.generation > 1 && x.root)
    lines.add("first was", to_string(*x.root) + ", "
                             + std::to_string(x.generation) + " before this");
  if (x.requeued_as)
    lines.add("requeued as", to_string(*x.requeued_as));
}

// What is said of an operation that is not there.
std::string gone_text(const std::optional<purged_operation>& x,
                      const context& c) {
  if (!x)
    return " is not there: purged or never recorded";
  auto text = " was purged " + time_and_age(x->purged_at, c) + ": "
              + to_string(x->status) + ' ' + time_and_age(x->finished_at, c);
  if (x->successor)
    text += ", requeued as " + to_string(*x->successor);
  return text;
}

constexpr std::size_t max_id_line = 1'000;
constexpr std::size_t ids_a_page = 256;

// The ids of the next lines; blank ones are passed over. Nobody who types them
// waits for a page to be full.
std::vector<id_argument> read_page(line_reader& input) {
  using namespace std::chrono_literals;
  std::vector<id_argument> ids;
  while (ids.size() < ids_a_page && !input.at_end()) {
    const auto line = ids.empty() ? input.next() : input.next(0ms);
    if (!line)
      break;
    const auto begin = line->text.find_first_not_of(" \t");
    if (begin == std::string::npos)
      continue;
    const auto end = line->text.find_last_not_of(" \t") + 1;
    ids.push_back(read_id("line " + std::to_string(line->number),
                          line->text.substr(begin, end - begin)));
  }
  return ids;
}

class shown_statuses {
public:
  explicit shown_statuses(context& c) : c_{c}, reader_{c.open_reader()} {}

  void show(const std::vector<id_argument>& what) {
    const auto ids = find_ids(reader_, what);
    const auto replies = reader_.get_calls(ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
      show(ids[i], replies[i]);
    c_.out().flush();
  }

  // Whether all were there.
  [[nodiscard]] exit_code result() const { return result_; }

private:
  void show(const tracked_operation_id& id, const call_reply& reply) {
    if (c_.json())
      c_.print_json(status_json(id, reply));
    if (!reply.snapshot) {
      c_.note(to_string(id) + gone_text(reply.purged, c_));
      result_ = exit_code::not_found;
    } else if (!c_.json()) {
      if (std::exchange(any_, true))
        c_.out().write("\n");
      c_.out().write(render_operation(reply, c_));
    }
  }

  context& c_;
  store_reader reader_;
  exit_code result_ = exit_code::ok;
  bool any_ = false;
};

} // namespace

command setup_status(CLI::App& parent) {
  auto x = std::make_shared<status_options>();
  auto& app = add_command(parent, "status", "show what became of operations");
  add_ids_or_input(app, x->ids, x->from_input,
                   "the operations; - reads them from standard\n"
                   "input, one a line");
  add_footer(app,
             "Ends with 1 if one of them is not there; the others are shown.\n"
             "Of one that was purged it says when and as what, for as long as\n"
             "that is remembered.\n"
             "\n"
             "Examples:\n"
             "  waybill status --db track.db "
             "01932c07-f2a1-7000-8000-0123456789ab\n"
             "  waybill status --db track.db --json ID1 ID2\n"
             "  cut -f3 orders.tsv | waybill status --db track.db --json -");
  return {&app, [x](context& c) { return run_status(c, *x); }};
}

exit_code run_status(context& c, const status_options& x) {
  shown_statuses shown{c};
  if (!x.from_input) {
    shown.show(x.ids);
    return shown.result();
  }
  stop_on_signals();
  line_reader input{"-", max_id_line};
  while (!input.at_end() && !stop_asked())
    shown.show(read_page(input));
  return stop_asked() ? exit_code::interrupted : shown.result();
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
  if (reply.requeue)
    add_link(lines, *reply.requeue);
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
