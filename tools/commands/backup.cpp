#include "commands/backup.hpp"

#include <filesystem>
#include <memory>

#include "files.hpp"
#include "input/options.hpp"
#include "interruption.hpp"
#include "output/json.hpp"
#include "output/progress.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

command setup_backup(CLI::App& parent) {
  auto x = std::make_shared<backup_options>();
  auto& app = add_command(parent, "backup", "copy the store, and check it");
  require(
    add_text(app, "FILE", x->target, "FILE", "the copy; must not be there"));
  add_footer(app, "A running service goes on. The copy is as of one moment, is "
                  "verified,\n"
                  "and is a store of its own.\n"
                  "\n"
                  "Example:\n"
                  "  waybill backup --db track.db /backup/track-2026-11-23.db");
  return {&app, [x](context& c) { return run_backup(c, *x); }};
}

exit_code run_backup(context& c, const backup_options& x) {
  const auto& target = *x.target;
  // It is made under the second name.
  for (const auto& name : {target, target + ".part"})
    check_is_no_store_file("FILE", name, c.file());
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored)))
    throw usage_error{"FILE " + quoted(target) + " is there already"};
  stop_on_signals();
  auto reader = c.open_reader();
  bool finished = false;
  {
    progress view{c.messages(), "copied and checked", progress_unit::parts};
    finished = reader.backup(target, view.until_stopped());
  }
  if (!finished) {
    c.note("stopped; there is no " + escape(target));
    return exit_code::interrupted;
  }
  std::error_code error;
  const auto size = std::filesystem::file_size(target, error);
  const auto bytes = error ? std::int64_t{0} : static_cast<std::int64_t>(size);
  if (c.json())
    c.print_json(json_text({{"file", target}, {"bytes", bytes}}));
  else
    c.out().write("copied to " + escape(target) + ", " + size_text(bytes)
                  + ", verified\n");
  return exit_code::ok;
}

} // namespace waybill::cli
