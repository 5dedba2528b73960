#include "site_runtime/arguments.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "input/values.hpp"
#include "waybill/options.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using waybill::cli::must_be;

constexpr const char* description
  = "Usage: site_runtime [OPTION]... [INPUT.jsonl | -]\n"
    "       site_runtime [OPTION]... --resume\n"
    "       site_runtime [--db FILE] --status ID [--json]\n"
    "\n"
    "Reads the calls of a site runtime, one JSON object a line, from a file "
    "or\n"
    "from standard input (-), pushes each through store-and-forward, and "
    "tracks\n"
    "every step durably. The database keeps the calls that it has taken: "
    "after\n"
    "kill -9, --resume goes on with them, without the input. The same command\n"
    "again reads on besides; finished calls are not made again. Without INPUT "
    "it\n"
    "runs the sample, examples/data/calls.jsonl.\n"
    "\n"
    "ExternalSystem.CachedCall lines become HTTP requests, with the "
    "operation's\n"
    "id as Idempotency-Key. Database.CachedWrite lines become rows of a "
    "second\n"
    "database, FILE-remote.db.";

constexpr const char* epilogue
  = "TIME is like 250ms, 2s or 1min.\n"
    "\n"
    "Examples:\n"
    "  site_runtime\n"
    "  site_runtime --db /tmp/plant.db --seed 7 calls.jsonl\n"
    "  produce_calls | site_runtime --endpoint http://mes:8080/api -\n"
    "  site_runtime --endpoint http://mes:8080/api --resume\n"
    "  site_runtime --status 01932c07-f2a1-7000-8000-0123456789ab\n"
    "\n"
    "A readable report goes to standard output; its last line is one JSON\n"
    "object with the totals. Everything else goes to standard error.\n"
    "\n"
    "Exit codes:\n"
    "  0    the run has ended, whatever became of the single calls; or\n"
    "       the operation was found\n"
    "  1    --status: never recorded, or purged\n"
    "  2    wrong usage, or the input cannot be read\n"
    "  3    a database cannot be used, for example because a running\n"
    "       site_runtime holds it\n"
    "  4    the report cannot be written\n"
    "  130  interrupted (Ctrl-C); run it again to go on";

// -- values -------------------------------------------------------------------

// Of a number or an optional one, which has no default.
template <class Number, class Value>
CLI::Option* add_number(CLI::App& app, const std::string& name, Value& to,
                        Number min, Number max, const std::string& meaning) {
  const auto read = [=, &to](const std::string& text) {
    to = waybill::cli::read_number(name, text, min, max);
  };
  auto* const option = app.add_option_function<std::string>(name, read,
                                                            meaning);
  if constexpr (std::is_same_v<Number, Value>)
    option->default_str(std::to_string(to));
  return option->type_name("N");
}

CLI::Option* add_duration(CLI::App& app, const std::string& name,
                          milliseconds& to, milliseconds min, milliseconds max,
                          const std::string& meaning) {
  const auto read = [=, &to](const std::string& text) {
    const auto x = waybill::parse_duration(text);
    if (!x || *x < min || *x > max)
      must_be(name,
              "a duration from " + waybill::to_text(min) + " to "
                + waybill::to_text(max),
              text);
    to = *x;
  };
  return app.add_option_function<std::string>(name, read, meaning)
    ->type_name("TIME")
    ->default_str(waybill::to_text(to));
}

template <class Text>
CLI::Option* add_text(CLI::App& app, const std::string& name, Text& to,
                      const std::string& what, const std::string& meaning) {
  const auto read = [=, &to](const std::string& text) {
    if (text.empty())
      throw usage_error{name + " must not be empty"};
    to = text;
  };
  return app.add_option_function<std::string>(name, read, meaning)
    ->type_name(what);
}

// -- the command line ---------------------------------------------------------

// The library's layout, with our usage lines and defaults in parentheses.
class help_layout : public CLI::Formatter {
public:
  help_layout() { column_width(24); }

  std::string make_usage(const CLI::App*, std::string) const override {
    return {}; // the description begins with it
  }

  std::string make_option_opts(const CLI::Option* x) const override {
    return x->get_type_size() == 0 ? "" : ' ' + x->get_type_name();
  }

  std::string make_option_desc(const CLI::Option* x) const override {
    const auto value = x->get_default_str();
    return x->get_description() + (value.empty() ? "" : " (" + value + ')');
  }
};

void define(CLI::App& app, arguments& x) {
  app.description(description);
  app.footer(epilogue);
  app.formatter(std::make_shared<help_layout>());
  app.set_help_flag("-h,--help", "show this text");
  add_text(app, "INPUT", x.input, "INPUT", "")->group("");
  add_text(app, "--db", x.database, "FILE", "the tracking database")
    ->default_str(x.database);
  add_text(app, "--endpoint", x.endpoint, "URL",
           "send external calls there, as in\n"
           "http://host:8080/base; otherwise a small endpoint\n"
           "of its own is started on loopback, and misbehaves");
  add_number<std::uint64_t>(app, "--seed", x.seed, 0, UINT64_MAX,
                            "makes the endpoint misbehave in another way");
  add_number<std::int64_t>(app, "--rate", x.rate, 0, 1'000'000,
                           "calls read per second; 0 is as fast as they can\n"
                           "be recorded");
  add_number<std::int64_t>(app, "--concurrency", x.concurrency, 1, 256,
                           "external calls that run at a time");
  add_number<std::int64_t>(app, "--max-calls", x.max_calls, 1, 1'000'000,
                           "calls per target that are on their way; reading\n"
                           "slows down past it");
  add_number<std::int64_t>(app, "--max-attempts", x.max_attempts, 1, 1'000,
                           "attempts before a call is parked");
  add_number<std::int64_t>(app, "--max-rate", x.max_rate, 0, 1'000'000,
                           "external attempts begun per second; 0 is no\n"
                           "limit");
  add_number<std::int64_t>(app, "--breaker-percent", x.breaker_percent, 0, 100,
                           "share of failed external attempts at which the\n"
                           "server is left alone for a while; 0 is never\n"
                           "(50; 0 for its own endpoint)");
  add_duration(app, "--first-delay", x.first_delay, 1ms, 24h,
               "wait before the second attempt");
  add_duration(app, "--max-delay", x.max_delay, 1ms, 24h,
               "longest wait; each is twice the one before");
  add_duration(app, "--timeout", x.timeout, 10ms, 1h,
               "how long an external call may take");
  add_duration(app, "--latency", x.latency, 0ms, 1min,
               "how long its own endpoint takes to answer");
  app
    .add_flag("--resume", x.resume,
              "go on with the calls that the database keeps,\n"
              "without INPUT; give the other options as before")
    ->disable_flag_override();
  const auto read_id = [&x](const std::string& text) {
    x.status = waybill::tracked_operation_id::parse(text);
    if (!x.status)
      must_be("--status", "an id like 01932c07-f2a1-7000-8000-0123456789ab",
              text);
  };
  app
    .add_option_function<std::string>("--status", read_id,
                                      "show what became of one operation")
    ->type_name("ID");
  app.add_flag("--json", x.json, "with --status: as JSON")
    ->disable_flag_override();
}

} // namespace

arguments parse_arguments(int argc, const char* const* argv) {
  arguments x;
  CLI::App app;
  define(app, x);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    x.help = true;
    return x;
  } catch (const CLI::ParseError& e) {
    throw usage_error{waybill::escape(e.what())};
  }
  if (x.max_delay < x.first_delay)
    throw usage_error{"--max-delay (" + waybill::to_text(x.max_delay)
                      + ") must not be shorter than --first-delay ("
                      + waybill::to_text(x.first_delay) + ")"};
  if (x.json && !x.status)
    throw usage_error{"--json needs --status"};
  if (x.status && !x.input.empty())
    throw usage_error{"--status takes no INPUT"};
  if (x.resume && !x.input.empty())
    throw usage_error{"--resume takes no INPUT"};
  if (x.status && x.resume)
    throw usage_error{"--status takes no --resume"};
  return x;
}

std::string help_text() {
  arguments x;
  CLI::App app;
  define(app, x);
  return app.help();
}

std::string remote_database_file(const std::string& database) {
  constexpr std::string_view ending = ".db";
  auto stem = database;
  if (stem.size() > ending.size() && stem.ends_with(ending))
    stem.resize(stem.size() - ending.size());
  return stem + "-remote.db";
}

} // namespace site_runtime
