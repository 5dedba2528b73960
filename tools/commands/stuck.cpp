#include "commands/stuck.hpp"

#include <memory>

#include "input/options.hpp"

namespace waybill::cli {

command setup_stuck(CLI::App& parent) {
  auto x = std::make_shared<stuck_options>();
  auto& app = add_command(
    parent, "stuck", "list operations in flight that have not moved for long");
  add_duration(app, "--for", x->age, "not touched for so long (1h)");
  add_view(app, x->view);
  add_switch(app, "--exit-code", x->exit_code,
             "end with 5 if there are any, for alerts");
  add_footer(app, "Those recorded first come first.\n"
                  "\n"
                  "Examples:\n"
                  "  waybill stuck --db track.db\n"
                  "  waybill stuck --db track.db --for 10min --json\n"
                  "  waybill stuck --db track.db --limit 5 --exit-code || "
                  "mail-someone");
  return {&app, [x](context& c) { return run_stuck(c, *x); }};
}

exit_code run_stuck(context& c, const stuck_options& x) {
  const auto age = x.age.value_or(std::chrono::hours{1});
  const auto if_any = x.exit_code ? exit_code::alarm : exit_code::ok;
  return print_operations(
    c, x.view, [&](timestamp moment) { return stuck_operations(moment, age); },
    if_any);
}

} // namespace waybill::cli
