#include "commands/restore.hpp"

#include <array>
#include <memory>

#include "files.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/store_restore.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

// With a log alone there is no store, but what is left of one.
bool is_there(const std::string& file) {
  constexpr std::array suffixes{"", "-wal", "-journal"};
  for (const auto* const suffix : suffixes)
    if (identity_of(file + suffix))
      return true;
  return false;
}

} // namespace

command setup_restore(CLI::App& parent) {
  auto x = std::make_shared<restore_options>();
  auto& app = add_command(parent, "restore", "put a backup in its place");
  require(add_text(app, "BACKUP", x->backup, "BACKUP", "what backup made"));
  add_switch(app, "--force", x->force,
             "replace the store that is there, with all that is in it");
  add_footer(app,
             "Verifies BACKUP, which stays, and puts a copy of it where --db "
             "says. The log\n"
             "of the store that was there goes too: it would not fit. No "
             "service may run\n"
             "on the store.\n"
             "\n"
             "Example:\n"
             "  waybill restore --db track.db --force "
             "/backup/track-2026-11-23.db");
  return {&app, [x](context& c) { return run_restore(c, *x); }};
}

exit_code run_restore(context& c, const restore_options& x) {
  check_is_no_store_file("BACKUP", *x.backup, c.file());
  if (!x.force && is_there(c.file()))
    throw usage_error{escape(c.file())
                      + " is there already; --force replaces it"};
  stop_on_signals();
  bool finished = false;
  {
    progress view{c.messages(), "copied and checked", progress_unit::parts};
    finished = restore_store(*x.backup, c.file(),
                             x.force ? restore_mode::replace
                                     : restore_mode::create,
                             view.until_stopped());
  }
  if (!finished) {
    c.note("stopped; nothing has changed");
    return exit_code::interrupted;
  }
  if (c.json())
    c.print_json(json_text({{"file", c.file()}, {"backup", *x.backup}}));
  else
    c.out().write("restored " + escape(c.file()) + " from " + escape(*x.backup)
                  + ", verified\n");
  return exit_code::ok;
}

} // namespace waybill::cli
