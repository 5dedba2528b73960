#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "commands/backup.hpp"
#include "commands/check.hpp"
#include "commands/counts.hpp"
#include "commands/discard.hpp"
#include "commands/export.hpp"
#include "commands/history.hpp"
#include "commands/import.hpp"
#include "commands/list.hpp"
#include "commands/purge.hpp"
#include "commands/restore.hpp"
#include "commands/schema.hpp"
#include "commands/stats.hpp"
#include "commands/status.hpp"
#include "commands/stuck.hpp"
#include "commands/vacuum.hpp"
#include "commands/wait.hpp"
#include "commands/watch.hpp"
#include "input/options.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

constexpr const char* description
  = "Looks at a waybill store, also while a service writes it: what became of\n"
    "a call, what is in flight, what is stuck. Copies, checks and cleans up.";

constexpr const char* epilogue
  = "Text is for people: local times (or --utc), ages, colours on a terminal.\n"
    "--json is for programs; docs/cli.md describes it.\n"
    "\n"
    "Exit codes:\n"
    "  0    done\n"
    "  1    an operation that was asked for is not there\n"
    "  2    wrong usage, or input that is not what it should be\n"
    "  3    the store, a file or the output failed\n"
    "  4    wait: the time is over\n"
    "  130  stopped by Ctrl-C; the last line says how to go on\n"
    "\n"
    "Examples:\n"
    "  waybill --db track.db list --status parked,failed --since 24h\n"
    "  waybill --db track.db status 01932c07-f2a1-7000-8000-0123456789ab\n"
    "  WAYBILL_DB=track.db waybill watch";

using group_of_setups
  = std::pair<const char*, std::vector<command (*)(CLI::App&)>>;

std::vector<group_of_setups> all_setups() {
  return {{"Questions",
           {setup_status, setup_list, setup_stuck, setup_counts, setup_history,
            setup_stats, setup_schema}},
          {"Following", {setup_watch, setup_wait}},
          {"Copies and care", {setup_export, setup_backup, setup_check}},
          {"Changes, while no service runs on the store",
           {setup_import, setup_restore, setup_purge, setup_discard,
            setup_vacuum}}};
}

// -- help ---------------------------------------------------------------------

bool is_shown(const CLI::Option* x) {
  return x->nonpositional() && !x->get_group().empty();
}

// The library's layout of options, below our usage line. Commands list the
// options of every command too.
class help_layout : public CLI::Formatter {
public:
  help_layout() {
    column_width(24);
    label("Positionals", "Arguments");
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    return make_usage(app, std::move(name)) + '\n' + make_description(app)
           + make_positionals(app) + make_groups(app, mode)
           + make_subcommands(app, mode) + inherited_options(app) + '\n'
           + make_footer(app);
  }

  std::string make_usage(const CLI::App* app, std::string) const override {
    if (app->get_parent() == nullptr)
      return "Usage: waybill [--db FILE] COMMAND [OPTION]...\n";
    auto line = "Usage: waybill [--db FILE] " + app->get_name();
    for (const auto* each : app->get_options())
      if (each->get_positional())
        line += ' ' + usage_of(*each);
    return line + " [OPTION]...\n";
  }

  std::string make_option_opts(const CLI::Option* x) const override {
    return x->get_type_size() == 0 || x->get_positional()
             ? ""
             : ' ' + x->get_type_name();
  }

private:
  static std::string usage_of(const CLI::Option& x) {
    auto text = x.get_name(true);
    if (x.get_allow_extra_args())
      text += "...";
    return x.get_required() ? text : '[' + text + ']';
  }

  std::string inherited_options(const CLI::App* app) const {
    const auto* const parent = app->get_parent();
    if (parent == nullptr)
      return "";
    return make_group("Options of every command", false,
                      parent->get_options([&](const CLI::Option* x) {
                        return is_shown(x) && x != parent->get_help_ptr()
                               && x != parent->get_version_ptr();
                      }));
  }
};

// -- definition ---------------------------------------------------------------

void add_colour(CLI::App& app, colour_choice& to) {
  const auto read = [&to](const std::string& text) {
    if (text == "auto")
      to = colour_choice::automatic;
    else if (text == "always")
      to = colour_choice::always;
    else if (text == "never")
      to = colour_choice::never;
    else
      must_be("--color", "auto, always or never", text);
  };
  app
    .add_option_function<std::string>("--color,--colour", read,
                                      "auto (the default), always or never")
    ->type_name("WHEN");
}

void add_settings(CLI::App& app, settings& to) {
  add_text(app, "--db", to.file, "FILE", "the store; or set WAYBILL_DB")
    ->envname("WAYBILL_DB");
  add_switch(app, "--json", to.json, "JSON instead of text for people");
  auto utc = [&to](std::int64_t) { to.where = zone::utc; };
  app.add_flag_function("--utc", utc, "show and read times in UTC")
    ->disable_flag_override();
  add_colour(app, to.colours);
}

std::vector<command> define(CLI::App& app, settings& given) {
  app.name("waybill");
  app.description(description);
  app.formatter(std::make_shared<help_layout>());
  app.set_help_flag("-h,--help", "show this text");
  app.set_version_flag("--version", "waybill " WAYBILL_VERSION,
                       "show the version");
  add_settings(app, given);
  app.require_subcommand(0, 1);
  // Options of every command may also stand behind the command.
  app.fallthrough();
  std::vector<command> commands;
  for (const auto& [group, setups] : all_setups())
    for (const auto setup : setups) {
      commands.push_back(setup(app));
      commands.back().app->group(group);
    }
  // Commands would inherit it if it came first.
  app.footer(epilogue);
  return commands;
}

[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& e) {
  const auto* const extra = dynamic_cast<const CLI::ExtrasError*>(&e);
  const auto rest = app.remaining();
  if (extra != nullptr && app.get_subcommands().empty() && !rest.empty()
      && !rest.front().starts_with('-'))
    throw usage_error{quoted(rest.front()) + " is no command"};
  throw usage_error{escape(e.what())};
}

} // namespace

invocation parse_command_line(int argc, const char* const* argv) {
  invocation x;
  CLI::App app;
  const auto commands = define(app, x.given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    x.text = app.help();
    return x;
  } catch (const CLI::CallForVersion& e) {
    x.text = std::string{e.what()} + '\n';
    return x;
  } catch (const CLI::ParseError& e) {
    refuse(app, e);
  }
  for (const auto& each : commands)
    if (each.app->parsed())
      x.run = each.run;
  if (!x.run)
    throw usage_error{"which command? waybill --help lists them"};
  if (!x.given.file)
    throw usage_error{"which store? Name it with --db FILE or in WAYBILL_DB"};
  return x;
}

std::vector<std::string> command_names() {
  CLI::App app;
  settings given;
  std::vector<std::string> names;
  for (const auto& each : define(app, given))
    names.push_back(each.app->get_name());
  return names;
}

} // namespace waybill::cli
