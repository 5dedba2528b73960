#include "commands/vacuum.hpp"

#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"

namespace waybill::cli {

namespace {

constexpr int pages_a_step = 256;

void report(context& c, const store_size& before, const store_size& after,
            bool finished) {
  if (c.json())
    c.print_json(json_text({{"before_bytes", before.file_bytes},
                            {"after_bytes", after.file_bytes},
                            {"finished", finished}}));
  else
    c.out().write("the file had " + size_text(before.file_bytes)
                  + " and now has " + size_text(after.file_bytes) + '\n');
}

} // namespace

command setup_vacuum(CLI::App& parent) {
  auto& app = add_command(parent, "vacuum", "give unused space back");
  add_footer(app,
             "In small steps and in place: needs no second copy of the file. "
             "No service\n"
             "may run on the store; it gives space back itself while more than "
             "a tenth\n"
             "of the file is unused.\n"
             "\n"
             "Example:\n"
             "  waybill vacuum --db track.db");
  return {&app, run_vacuum};
}

bool give_back_space(context& c, operation_tracking_store& store,
                     unused_space keep) {
  progress view{c.messages(), "given back", progress_unit::bytes};
  const auto unused = store.size().free_bytes;
  while (!stop_asked()) {
    if (!store.give_back_space(pages_a_step, keep == unused_space::some))
      return true;
    store.maintain();
    view.show(unused - store.size().free_bytes, unused);
  }
  return false;
}

exit_code run_vacuum(context& c) {
  stop_on_signals();
  auto store = c.take_store();
  const auto before = c.open_reader().size();
  auto finished = give_back_space(c, store, unused_space::none);
  // The file shrinks when the log is copied into it.
  const auto is_copied = c.close(store);
  finished = finished && is_copied;
  report(c, before, c.open_reader().size(), finished);
  if (finished)
    return exit_code::ok;
  if (!is_copied)
    return exit_code::store_error;
  c.note("stopped; vacuum again to go on");
  return exit_code::interrupted;
}

} // namespace waybill::cli
