#include "commands/wait.hpp"

#include <algorithm>
#include <memory>

#include "commands/operation_table.hpp"
#include "files.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/json.hpp"

namespace waybill::cli {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

bool has_finished(const status_reply& x, bool until_recorded) {
  return x.snapshot ? is_terminal(x.snapshot->status) : !until_recorded;
}

std::int64_t count_finished(const std::vector<status_reply>& operations,
                            const wait_options& x) {
  return std::count_if(operations.begin(), operations.end(),
                       [&](const status_reply& each) {
                         return has_finished(each, x.until_recorded);
                       });
}

// Waits until the store may have changed, the time is over, or a signal comes.
void wait_for_change(context& c, store_reader& reader,
                     std::optional<file_identity>& file,
                     const std::optional<clock::time_point>& deadline) {
  while (!stop_asked() && !reader.has_changed()) {
    check_same_file(c.file(), file);
    auto time = look_again;
    if (deadline)
      time = std::min(time, std::chrono::ceil<std::chrono::milliseconds>(
                              *deadline - clock::now()));
    if (time <= 0ms)
      return;
    if (!c.pause(time))
      throw reader_gone{};
  }
}

using id_list = std::vector<tracked_operation_id>;

void print(context& c, const wait_options& x, const id_list& ids,
           const std::vector<status_reply>& operations) {
  if (c.json()) {
    nlohmann::json object{{"finished", is_over(operations, x)}};
    auto& list = object["operations"] = nlohmann::json::array();
    for (std::size_t i = 0; i < operations.size(); ++i) {
      auto& each = list.emplace_back(to_json(operations[i]));
      each["id"] = to_string(ids[i]);
    }
    c.print_json(json_text(object));
    return;
  }
  operation_table rows{c, {}};
  for (const auto& each : operations)
    if (each.snapshot)
      rows.add(*each.snapshot);
  rows.finish();
}

// Says which operations are not there.
// Returns whether there are such.
bool name_missing(context& c, const id_list& ids,
                  const std::vector<status_reply>& operations) {
  bool any = false;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].snapshot)
      continue;
    any = true;
    c.note(to_string(ids[i]) + " is not there: purged or never recorded");
  }
  return any;
}

// How the command ends after the last look.
exit_code end(context& c, const wait_options& x, const id_list& ids,
              const std::vector<status_reply>& operations) {
  print(c, x, ids, operations);
  const auto missing = name_missing(c, ids, operations);
  if (is_over(operations, x))
    return missing && !x.until_recorded ? exit_code::not_found : exit_code::ok;
  const auto figures = std::to_string(count_finished(operations, x)) + " of "
                       + std::to_string(operations.size()) + " finished";
  if (stop_asked()) {
    c.note("stopped with " + figures);
    return exit_code::interrupted;
  }
  c.note("timed out with " + figures);
  return exit_code::timeout;
}

} // namespace

command setup_wait(CLI::App& parent) {
  auto x = std::make_shared<wait_options>();
  auto& app = add_command(parent, "wait",
                          "wait until operations have finished");
  add_ids(app, x->ids, "the operations");
  add_duration(app, "--timeout", x->timeout,
               "give up after so long (wait for ever)");
  add_switch(app, "--any", x->any, "until one of them has finished, not all");
  add_switch(app, "--until-recorded", x->until_recorded,
             "wait also for those that are not recorded yet;\n"
             "else they count as finished");
  add_footer(app,
             "However they finish: look at the status. Ends with 4 when the\n"
             "time is over, and with 1 if one of them is not there.\n"
             "\n"
             "Example:\n"
             "  waybill wait --db track.db --timeout 30s --until-recorded ID");
  return {&app, [x](context& c) { return run_wait(c, *x); }};
}

bool is_over(const std::vector<status_reply>& operations,
             const wait_options& x) {
  const auto finished = count_finished(operations, x);
  return x.any ? finished > 0
               : finished == static_cast<std::int64_t>(operations.size());
}

exit_code run_wait(context& c, const wait_options& x) {
  stop_on_signals();
  std::optional<clock::time_point> deadline;
  // A time-out of centuries is none, and would not fit.
  if (x.timeout && *x.timeout < std::chrono::hours{24 * 36'500})
    deadline = clock::now() + *x.timeout;
  auto file = identity_of(c.file());
  auto reader = c.open_reader();
  const auto ids = find_ids(reader, x.ids);
  // From here on has_changed() tells of what the first look may miss.
  reader.has_changed();
  progress view{c.messages(), "finished", progress_unit::events};
  for (;;) {
    const auto operations = reader.get_statuses(ids);
    view.show(count_finished(operations, x),
              static_cast<std::int64_t>(operations.size()));
    if (is_over(operations, x) || stop_asked()
        || (deadline && clock::now() >= *deadline)) {
      view.clear();
      return end(c, x, ids, operations);
    }
    wait_for_change(c, reader, file, deadline);
  }
}

} // namespace waybill::cli
