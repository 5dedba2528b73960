#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "commands/audit.hpp"
#include "commands/backup.hpp"
#include "commands/check.hpp"
#include "commands/counts.hpp"
#include "commands/discard.hpp"
#include "commands/errors.hpp"
#include "commands/export.hpp"
#include "commands/health.hpp"
#include "commands/history.hpp"
#include "commands/import.hpp"
#include "commands/list.hpp"
#include "commands/pause.hpp"
#include "commands/payload.hpp"
#include "commands/purge.hpp"
#include "commands/recover.hpp"
#include "commands/requeue.hpp"
#include "commands/restore.hpp"
#include "commands/schema.hpp"
#include "commands/serve.hpp"
#include "commands/stats.hpp"
#include "commands/status.hpp"
#include "commands/stuck.hpp"
#include "commands/targets.hpp"
#include "commands/vacuum.hpp"
#include "commands/wait.hpp"
#include "commands/watch.hpp"
#include "help_layout.hpp"
#include "input/options.hpp"
#include "refusal.hpp"

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
    "  1    an operation, payload or target that was asked for is not there\n"
    "  2    wrong usage, or input that is not what it should be\n"
    "  3    the store, a file or the output failed\n"
    "  4    wait: the time is over\n"
    "  5    stuck, health: --exit-code was given, and there is something;\n"
    "       recover: not all is there, or some is in doubt\n"
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
           {setup_status, setup_list, setup_errors, setup_stuck, setup_counts,
            setup_history, setup_targets, setup_payload, setup_audit,
            setup_stats, setup_health, setup_schema}},
          {"Following", {setup_watch, setup_wait, setup_serve}},
          {"Copies and care",
           {setup_export, setup_backup, setup_check, setup_recover}},
          {"Changes, by the service that runs on the store if one does",
           {setup_purge, setup_discard, setup_requeue, setup_pause,
            setup_resume}},
          {"Changes, while no service runs on the store",
           {setup_import, setup_restore, setup_vacuum}}};
}

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
  add_text(app, "--db", to.file, "FILE",
           "the store (required, or set WAYBILL_DB)")
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

// What `waybill help` is asked about.
struct help_request {
  CLI::App* app = nullptr;
  std::optional<std::string> command;
};

void add_help(CLI::App& app, help_request& to) {
  to.app = &add_command(app, "help", "show this text, or a command's");
  add_text(*to.app, "COMMAND", to.command, "COMMAND", "the command");
  add_footer(*to.app, "Example:\n"
                      "  waybill help list");
  to.app->group("Help");
}

std::string help_for(CLI::App& app, const help_request& x) {
  // It would show the help of the last command on the command line.
  app.clear();
  if (!x.command || *x.command == x.app->get_name())
    return app.help();
  const auto found = app.get_subcommands(
    [&](const CLI::App* each) { return each->get_name() == *x.command; });
  if (found.empty())
    throw usage_error{no_command(app, *x.command)};
  return found.front()->help();
}

// Whether `--help` is among the words of a command line that was refused.
bool asks_for_help(const CLI::App& app) {
  const auto asks = [](const CLI::App* x) {
    return x->get_help_ptr()->count() > 0;
  };
  return asks(&app) || std::ranges::any_of(app.get_subcommands(), asks);
}

// Returns the text that is to be printed instead of doing anything.
std::optional<std::string> parse(CLI::App& app, int argc,
                                 const char* const* argv) {
  std::string reason;
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    return app.help();
  } catch (const CLI::CallForVersion& e) {
    return std::string{e.what()} + '\n';
  } catch (const CLI::ParseError& e) {
    reason = refusal(e);
  } catch (const usage_error& e) {
    reason = e.what();
  }
  if (asks_for_help(app))
    return app.help();
  // A word that is mistyped is the reason for what else is wrong.
  throw usage_error{unknown_word(app).value_or(reason)};
}

} // namespace

invocation parse_command_line(int argc, const char* const* argv) {
  invocation x;
  CLI::App app;
  const auto commands = define(app, x.given);
  help_request help;
  add_help(app, help);
  const auto text = parse(app, argc, argv);
  if (text || help.app->parsed()) {
    x.text = help.app->parsed() ? help_for(app, help) : *text;
    return x;
  }
  for (const auto& each : commands)
    if (each.app->parsed()) {
      x.run = each.run;
      if (each.store)
        if (auto file = each.store())
          x.given.file = std::move(file);
    }
  if (!x.run)
    throw usage_error{"which command? waybill help lists them"};
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
