#include "site_runtime/arguments.hpp"

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "waybill/options.hpp"
#include "waybill/text.hpp"

namespace site_runtime {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// One option: how it is written, what it means, what it sets.
struct option {
  std::string_view name;
  /// What stands for its value in the help; empty if it has none.
  std::string_view value;
  std::string_view meaning;
  void (*set)(arguments& x, std::string_view value);
};

[[noreturn]] void must_be(const std::string& what, std::string_view value) {
  throw usage_error{"must be " + what + ", but is \"" + waybill::escape(value)
                    + '"'};
}

template <class Number>
Number number(std::string_view text, Number min, Number max) {
  Number x{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, x);
  if (error != std::errc{} || stop != end || x < min || x > max)
    must_be("a whole number from " + std::to_string(min) + " to "
              + std::to_string(max),
            text);
  return x;
}

milliseconds duration(std::string_view text, milliseconds min,
                      milliseconds max) {
  const auto x = waybill::parse_duration(text);
  if (!x || *x < min || *x > max)
    must_be("a duration from " + waybill::to_text(min) + " to "
              + waybill::to_text(max),
            text);
  return *x;
}

std::string not_empty(std::string_view text) {
  if (text.empty())
    throw usage_error{"must not be empty"};
  return std::string{text};
}

waybill::tracked_operation_id id(std::string_view text) {
  const auto x = waybill::tracked_operation_id::parse(text);
  if (!x)
    must_be("an id like 01932c07-f2a1-7000-8000-0123456789ab", text);
  return *x;
}

const std::vector<option>& options() {
  using args = arguments;
  using text = std::string_view;
  static const std::vector<option> all{
    {"--db", "FILE", "the tracking database (site_runtime.db)",
     [](args& x, text v) { x.database = not_empty(v); }},
    {"--endpoint", "URL",
     "send external calls there, as in http://host:8080/base;\n"
     "otherwise a small endpoint of its own is started on\n"
     "loopback, which misbehaves",
     [](args& x, text v) { x.endpoint = not_empty(v); }},
    {"--seed", "N", "makes the endpoint misbehave in another way (1)",
     [](args& x, text v) { x.seed = number<std::uint64_t>(v, 0, UINT64_MAX); }},
    {"--rate", "N",
     "calls read per second; 0 is as fast as they can be\n"
     "recorded (0)",
     [](args& x, text v) { x.rate = number<std::int64_t>(v, 0, 1'000'000); }},
    {"--concurrency", "N", "external calls that run at a time (8)",
     [](args& x, text v) { x.concurrency = number<std::int64_t>(v, 1, 256); }},
    {"--max-calls", "N",
     "calls per target that wait in memory; reading slows down\n"
     "past it (1000)",
     [](args& x, text v) {
       x.max_calls = number<std::int64_t>(v, 1, 1'000'000);
     }},
    {"--max-attempts", "N", "attempts before a call is parked (6)",
     [](args& x, text v) {
       x.max_attempts = number<std::int64_t>(v, 1, 1'000);
     }},
    {"--first-delay", "TIME", "wait before the second attempt (250ms)",
     [](args& x, text v) { x.first_delay = duration(v, 1ms, 24h); }},
    {"--max-delay", "TIME", "longest wait; each is twice the one before (2s)",
     [](args& x, text v) { x.max_delay = duration(v, 1ms, 24h); }},
    {"--timeout", "TIME", "how long an external call may take (2s)",
     [](args& x, text v) { x.timeout = duration(v, 10ms, 1h); }},
    {"--latency", "TIME", "how long its own endpoint takes to answer (20ms)",
     [](args& x, text v) { x.latency = duration(v, 0ms, 1min); }},
    {"--status", "ID", "show what became of one operation, and end",
     [](args& x, text v) { x.status = id(v); }},
    {"--json", "", "with --status: as JSON",
     [](args& x, text) { x.json = true; }},
    {"--help", "", "show this text", [](args& x, text) { x.help = true; }},
  };
  return all;
}

const option& find_option(std::string_view name) {
  for (const auto& each : options())
    if (each.name == name || (name == "-h" && each.name == "--help"))
      return each;
  throw usage_error{"unknown option " + waybill::escape(name)};
}

} // namespace

arguments parse_arguments(int argc, const char* const* argv) {
  arguments x;
  std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  bool options_ended = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto word = words[i];
    if (options_ended || word == "-" || !word.starts_with('-')) {
      if (!x.input.empty())
        throw usage_error{"more than one INPUT: \"" + waybill::escape(x.input)
                          + "\" and \"" + waybill::escape(word) + '"'};
      if (word.empty())
        throw usage_error{"INPUT must not be empty"};
      x.input = word;
      continue;
    }
    if (word == "--") {
      options_ended = true;
      continue;
    }
    const auto equals = word.find('=');
    const auto& known = find_option(word.substr(0, equals));
    std::string_view value;
    if (known.value.empty()) {
      if (equals != std::string_view::npos)
        throw usage_error{std::string{known.name} + " takes no value"};
    } else if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (++i < words.size()) {
      value = words[i];
    } else {
      throw usage_error{std::string{known.name}
                        + " needs a value: " + std::string{known.value}};
    }
    try {
      known.set(x, value);
    } catch (const usage_error& e) {
      throw usage_error{std::string{known.name} + ' ' + e.what()};
    }
  }
  if (x.max_delay < x.first_delay)
    throw usage_error{"--max-delay (" + waybill::to_text(x.max_delay)
                      + ") must not be shorter than --first-delay ("
                      + waybill::to_text(x.first_delay) + ")"};
  if (x.json && !x.status)
    throw usage_error{"--json needs --status"};
  if (x.status && !x.input.empty())
    throw usage_error{"--status takes no INPUT"};
  return x;
}

std::string help_text() {
  std::string text
    = "Usage: site_runtime [OPTION]... [INPUT.jsonl | -]\n"
      "       site_runtime [--db FILE] --status ID [--json]\n"
      "\n"
      "Reads the calls of a site runtime, one JSON object a line, from a file\n"
      "or from standard input (-), pushes each through store-and-forward, and\n"
      "tracks every step durably. Killed and run again with the same database\n"
      "and input, it goes on where it stopped: finished calls are not made\n"
      "again. Without INPUT it runs the sample, examples/data/calls.jsonl.\n"
      "\n"
      "ExternalSystem.CachedCall lines become HTTP requests, with the\n"
      "operation's id as Idempotency-Key. Database.CachedWrite lines become\n"
      "rows of a second database, FILE-remote.db.\n"
      "\n"
      "Options (defaults in parentheses; TIME is like 250ms, 2s or 1min):\n";
  constexpr std::size_t column = 24;
  for (const auto& each : options()) {
    auto line = "  " + std::string{each.name};
    if (!each.value.empty())
      line += ' ' + std::string{each.value};
    line.resize(std::max(line.size() + 2, column), ' ');
    for (const auto c : each.meaning) {
      line += c;
      if (c == '\n')
        line.append(column, ' ');
    }
    text += line + '\n';
  }
  text
    += "\n"
       "Examples:\n"
       "  site_runtime\n"
       "  site_runtime --db /tmp/plant.db --seed 7 calls.jsonl\n"
       "  produce_calls | site_runtime --endpoint http://mes:8080/api -\n"
       "  site_runtime --status 01932c07-f2a1-7000-8000-0123456789ab\n"
       "\n"
       "A readable report goes to standard output; its last line is one JSON\n"
       "object with the totals. Everything else goes to standard error.\n"
       "\n"
       "Exit codes:\n"
       "  0    the run has ended, whatever became of the single calls; or\n"
       "       the operation was found\n"
       "  1    --status: never recorded\n"
       "  2    wrong usage, or the input cannot be read\n"
       "  3    a database cannot be used, for example because a running\n"
       "       site_runtime holds it\n"
       "  4    the report cannot be written\n"
       "  130  interrupted (Ctrl-C); run it again to go on\n";
  return text;
}

std::string remote_database_file(const std::string& database) {
  constexpr std::string_view ending = ".db";
  auto stem = database;
  if (stem.size() > ending.size() && stem.ends_with(ending))
    stem.resize(stem.size() - ending.size());
  return stem + "-remote.db";
}

} // namespace site_runtime
