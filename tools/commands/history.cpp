#include "commands/history.hpp"

#include <memory>

#include "commands/operation_table.hpp"
#include "input/options.hpp"
#include "output/csv.hpp"
#include "output/json.hpp"
#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

std::vector<column> history_columns() {
  constexpr std::size_t length_without_zone = 23;
  return {{.title = "number", .align = alignment::right, .left_out = 5},
          {.title = "time",
           .least = length_without_zone,
           .grows = 2,
           .cut = cutting::beginning},
          {.title = "after", .align = alignment::right, .left_out = 4},
          {.title = "status"},
          {.title = "retry", .align = alignment::right, .left_out = 2},
          {.title = "HTTP", .align = alignment::right, .left_out = 3},
          // So that 60 columns have room for the two before it.
          {.title = "error", .least = 11, .left_out = 1, .grows = 1}};
}

// What stands for the steps that are not kept.
std::vector<cell> missing_steps() {
  return {{}, {"(not kept)", colour::dim}, {}, {}, {}, {}, {}};
}

// What the operation is now, if its last step is not kept.
void add_present(table& rows, const history_reply& x, const context& c) {
  if (!x.snapshot || x.transitions.empty())
    return;
  // A history may have been off when the operation got where it is.
  const auto& now = *x.snapshot;
  const auto& last = x.transitions.back();
  if (last.status != now.status || last.retry_count != now.retry_count)
    rows.add({{"now", colour::dim},
              {time_text(now.updated_at, c.where(), precision::milliseconds)},
              {},
              status_cell(now.status),
              count_cell(now.retry_count),
              number_cell(now.http_status),
              text_cell(now.last_error)});
}

// The step that comes next, or is under way.
std::vector<cell> next_step(const call_snapshot& x, const context& c) {
  const auto is_next = x.state == call_state::waiting;
  std::vector<cell> row{{is_next ? "next" : "now", colour::dim},
                        {},
                        {},
                        {"attempt " + std::to_string(x.attempt), colour::dim},
                        {},
                        {},
                        {is_next ? "" : "(begun)", colour::dim}};
  if (is_next && x.due) {
    row[1].text = time_text(*x.due, c.where(), precision::milliseconds);
    row[6].text = '(' + age_text(c.now() - *x.due) + ')';
  } else if (is_next) {
    row[6].text = "(due now)";
  }
  return row;
}

// What belongs to a history; no call if that has gone on meanwhile.
call_reply call_of(store_reader& reader, const tracked_operation_id& id,
                   const history_reply& reply) {
  auto found = reader.get_call({.id = id, .deadline = std::nullopt});
  if (found.snapshot != reply.snapshot)
    found.call.reset();
  return found;
}

std::string history_json(const history_reply& reply, const call_reply& call) {
  auto object = to_json(reply);
  object["call"] = call.call ? to_json(*call.call) : nlohmann::json(nullptr);
  object["requeue"] = call.requeue ? to_json(*call.requeue)
                                   : nlohmann::json(nullptr);
  return json_text(object);
}

// As it is, if `id` was found.
void print(context& c, const history_reply& reply, const call_reply& call,
           list_format format) {
  if (format == list_format::json)
    c.print_json(history_json(reply, call));
  else if (format == list_format::table)
    c.out().write(render_history(reply, call, c));
  else
    for (const auto& each : reply.transitions)
      c.print_data(csv_record(each));
}

} // namespace

command setup_history(CLI::App& parent) {
  auto x = std::make_shared<history_options>();
  auto& app = add_command(parent, "history", "show an operation's steps");
  add_id(app, x->ids, "the operation");
  add_format(app, x->format);
  add_footer(app,
             "A store keeps the first step of an operation and the last ones,\n"
             "as many as the option `history` of its service says.\n"
             "\n"
             "Example:\n"
             "  waybill history --db track.db "
             "01932c07-f2a1-7000-8000-0123456789ab");
  return {&app, [x](context& c) { return run_history(c, *x); }};
}

exit_code run_history(context& c, const history_options& x) {
  const auto format = format_of(c, x.format);
  auto reader = c.open_reader();
  auto result = exit_code::ok;
  if (format == list_format::csv)
    c.out().write(csv_header<transition>());
  for (const auto& id : find_ids(reader, x.ids)) {
    const auto reply = reader.get_history({.id = id, .deadline = std::nullopt});
    if (reply.snapshot || format == list_format::json)
      print(c, reply, call_of(reader, id, reply), format);
    if (!reply.snapshot) {
      c.note(to_string(id) + " is not there: purged or never recorded");
      result = exit_code::not_found;
    }
  }
  return result;
}

std::string render_history(const history_reply& x, const call_reply& call,
                           const context& c) {
  table rows{history_columns(), c.screen()};
  for (std::size_t i = 0; i < x.transitions.size(); ++i) {
    const auto& each = x.transitions[i];
    std::string after;
    if (i > 0)
      after = duration_text(each.at - x.transitions[i - 1].at);
    rows.add({{std::to_string(each.number)},
              {time_text(each.at, c.where(), precision::milliseconds)},
              {after},
              status_cell(each.status),
              count_cell(each.retry_count),
              number_cell(each.http_status),
              text_cell(each.last_error)});
    if (i == 0 && !x.complete)
      rows.add(missing_steps());
  }
  add_present(rows, x, c);
  if (x.payload_discarded)
    rows.add(
      {{},
       {time_text(x.payload_discarded->at, c.where(), precision::milliseconds)},
       {},
       {call.requeue && call.requeue->requeued_as ? "(requeued)"
                                                  : "(payload gone)",
        colour::dim},
       {},
       {},
       text_cell(x.payload_discarded->reason)});
  if (call.call && call.call->state != call_state::kept)
    rows.add(next_step(*call.call, c));
  return rows.take();
}

} // namespace waybill::cli
