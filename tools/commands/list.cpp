#include "commands/list.hpp"

#include <memory>
#include <string>

#include "input/options.hpp"

namespace waybill::cli {

command setup_list(CLI::App& parent) {
  auto x = std::make_shared<list_options>();
  auto& app = add_command(parent, "list", "list operations");
  add_filter(app, x->filter);
  add_switch(app, "--oldest-first", x->oldest_first, "the other end first");
  add_view(app, x->view);
  add_footer(
    app,
    "The newest come first: as they were recorded or, if --status names\n"
    "finished ones only, as they finished. Columns that do not fit into the\n"
    "terminal are left out.\n"
    "\n"
      + std::string{times_explained}
      + "\n"
        "\n"
        "Examples:\n"
        "  waybill list --db track.db --status parked --since 7d\n"
        "  waybill list --db track.db --http 5xx --error 'timed out' --full\n"
        "  waybill list --db track.db --status finished --all --format csv");
  return {&app, [x](context& c) { return run_list(c, *x); }};
}

exit_code run_list(context& c, const list_options& x) {
  return print_operations(c, x.view, [&](timestamp moment) {
    list_operations request;
    request.filter = read_filter(x.filter, moment, c.where());
    request.order = x.oldest_first ? list_order::oldest_first
                                   : list_order::newest_first;
    return request;
  });
}

} // namespace waybill::cli
