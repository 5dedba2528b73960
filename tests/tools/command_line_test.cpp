// The command line: what is accepted, what is refused and how, and whether
// help, manual and completions know all of it.

#include "command_line.hpp"

#include <algorithm>
#include <regex>
#include <set>

#include "input/filter.hpp"
#include "input/options.hpp"
#include "input/resume_point.hpp"
#include "input/suggestion.hpp"
#include "support/files.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"
#include "tools/time_zone.hpp"

#include <CLI/CLI.hpp>

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::cli;
using test::t0;

namespace {

invocation parse(std::vector<std::string> words) {
  std::vector<const char*> pointers{"waybill"};
  for (const auto& word : words)
    pointers.push_back(word.c_str());
  return parse_command_line(static_cast<int>(pointers.size()), pointers.data());
}

std::string reason(const std::vector<std::string>& words) {
  try {
    parse(words);
    return "accepted";
  } catch (const usage_error& e) {
    return e.what();
  }
}

// The filter that the options of `list` and `export` make.
operation_filter filter_of(const std::vector<std::string>& words,
                           zone where = zone::utc) {
  CLI::App app;
  filter_arguments x;
  add_filter(app, x);
  std::vector<std::string> reversed{words.rbegin(), words.rend()};
  app.parse(reversed);
  return read_filter(x, t0, where);
}

std::string filter_reason(const std::vector<std::string>& words) {
  try {
    filter_of(words);
    return "accepted";
  } catch (const usage_error& e) {
    return e.what();
  }
}

std::string help_of(const std::string& command) {
  return parse(command.empty() ? std::vector<std::string>{"--help"}
                               : std::vector<std::string>{command, "--help"})
    .text;
}

// All `--options` in a text.
std::set<std::string> options_in(const std::string& text) {
  static const std::regex option{"--[a-z][a-z-]*"};
  std::set<std::string> found;
  for (std::sregex_iterator i{text.begin(), text.end(), option}, end; i != end;
       ++i)
    found.insert(i->str());
  return found;
}

std::set<std::string> all_options() {
  auto found = options_in(help_of(""));
  for (const auto& name : command_names())
    found.merge(options_in(help_of(name)));
  return found;
}

} // namespace

TEST_CASE("options of every command stand before it or behind it") {
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"--db", "a.db", "--json", "--utc", "counts"},
         {"counts", "--db", "a.db", "--json", "--utc"},
         {"--db=a.db", "counts", "--utc", "--json"}}) {
    const auto x = parse(words);
    CHECK(x.given.file == "a.db");
    CHECK(x.given.json);
    CHECK(x.given.where == zone::utc);
    CHECK(x.run);
  }
}

TEST_CASE("the store may be named in the environment") {
  ::setenv("WAYBILL_DB", "env.db", 1);
  CHECK(parse({"counts"}).given.file == "env.db");
  CHECK(parse({"counts", "--db", "a.db"}).given.file == "a.db");
  ::unsetenv("WAYBILL_DB");
  CHECK(reason({"counts"})
        == "which store? Name it with --db FILE or in WAYBILL_DB");
}

TEST_CASE("a wrong command line is refused by name and value") {
  const auto with_db = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"--db", "a.db"});
    return reason(words);
  };
  const auto id = to_string(test::id_of(1));
  CHECK(with_db({}) == "which command? waybill help lists them");
  CHECK(with_db({"frob"}) == "\"frob\" is no command; waybill help lists them");
  CHECK(with_db({"\x1b[2J"})
        == "\"\\x1B[2J\" is no command; waybill help lists them");
  CHECK(with_db({"list", "--frob"})
        == "list has no option --frob; waybill help list shows what it has");
  CHECK(with_db({"list", "word"})
        == "list takes no more arguments, but there is \"word\"");
  CHECK(with_db({"list", "--limit"}) == "--limit needs a value");
  CHECK(with_db({"list", "--limit", "1", "--limit", "2"})
        == "--limit must be given once only");
  CHECK(with_db({"list", "--json=1"}) == "--json takes no value");
  CHECK(with_db({"status"}) == "ID is required");
  CHECK(with_db({"status", "x\n"})
        == "ID must be an id like 01932c07-f2a1-7000-8000-0123456789ab, or the "
           "beginning of one, but is \"x\\n\"");
  CHECK(with_db({"status", "00000000-0000-0000-0000-000000000000"})
        == "ID must be an id that is not all zeros, but is "
           "\"00000000-0000-0000-0000-000000000000\"");
  CHECK(with_db({"history", id, id})
        == "history takes no more arguments, but there is \"" + id + "\"");
  CHECK(with_db({"list", "--limit", "0"})
        == "--limit must be a whole number from 1 to 9223372036854775807, but "
           "is \"0\"");
  CHECK(with_db({"list", "--format", "xml"})
        == "--format must be table, csv or json, but is \"xml\"");
  CHECK(with_db({"list", "--color", "maybe"})
        == "--color must be auto, always or never, but is \"maybe\"");
  CHECK(with_db({"stuck", "--for", "long"})
        == "--for must be a duration like 500ms, 30s, 10min, 2h or 7d, but is "
           "\"long\"");
  CHECK(with_db({"wait", id, "--timeout", "-1s"})
        == "--timeout must be a duration like 500ms, 30s, 10min, 2h or 7d, but "
           "is \"-1s\"");
  CHECK(with_db({"purge"}) == "--older-than is required");
  CHECK(with_db({"discard", id, "--reason", ""})
        == "--reason must not be empty");
  CHECK(with_db({"backup"}) == "FILE is required");
  CHECK(with_db({"export", "-o", ""}) == "--output must not be empty");
  CHECK(reason({"--db", "", "counts"}) == "--db must not be empty");
}

TEST_CASE("a mistyped word is answered with what was meant") {
  CHECK(reason({"lst"}) == "\"lst\" is no command; did you mean list?");
  CHECK(reason({"exprot"}) == "\"exprot\" is no command; did you mean export?");
  CHECK(reason({"ls"}) == "\"ls\" is no command; did you mean list?");
  CHECK(reason({"statu"})
        == "\"statu\" is no command; did you mean status or stats?");
  CHECK(reason({"help", "lst"}) == reason({"lst"}));
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"list", "--staus", "parked"},
                                             {"list", "--staus=parked"}})
    CHECK(reason(words)
          == "list has no option --staus; did you mean --status?");
  CHECK(reason({"-json", "list"})
        == "list has no option -json; did you mean --json?");
  CHECK(reason({"--jsn"}) == "there is no option --jsn; did you mean --json?");
  CHECK(
    reason({"list", "status", "parked"})
    == "list takes no more arguments, but there is \"status\"; did you mean "
       "--status?");
  CHECK(filter_reason({"--status", "failed,Parkd"})
          .ends_with("but is \"failed,Parkd\"; did you mean parked?"));
  // Of other commands, or in the wrong place.
  CHECK(reason({"counts", "--all"})
        == "counts has no option --all, but list, stuck and audit have");
  CHECK(reason({"list", "--exit-code"})
        == "list has no option --exit-code, but stuck and health have");
  CHECK(reason({"--oldest-first", "list"})
        == "--oldest-first must stand behind list");
  CHECK(reason({"--status", "parked"})
        == "--status must stand behind its command, as in waybill list "
           "--status");
}

TEST_CASE("a mistyped option is named before what follows from it") {
  CHECK(reason({"purge", "--older-then", "30d"})
        == "purge has no option --older-then; did you mean --older-than?");
  // Its value is no id.
  CHECK(reason({"history", "--fromat", "csv"})
        == "history has no option --fromat; did you mean --format?");
  CHECK(reason({"status", "--frob", "x"})
        == "status has no option --frob; waybill help status shows what it "
           "has");
}

TEST_CASE("what is near to a word is found by few wrong letters") {
  const std::vector<std::string> known{"--status", "--since", "--until",
                                       "--updated-since", "--db"};
  using list = std::vector<std::string>;
  CHECK(nearest("--statsu", known) == list{"--status"});
  CHECK(nearest("sinse", known) == list{"--since"});
  CHECK(nearest("--dbb", known) == list{"--db"});
  CHECK(nearest("--upd", known) == list{"--updated-since"});
  CHECK(nearest("--u", known).empty());
  CHECK(nearest("--frob", known).empty());
  CHECK(nearest("", known).empty());
  CHECK(nearest(std::string(1'000'000, 's'), known).empty());
}

TEST_CASE("a value may begin with a dash or be the name of a command") {
  CHECK(parse({"--db", "list", "backup", "check"}).given.file == "list");
  CHECK(parse({"--db", "-a.db", "counts"}).given.file == "-a.db");
}

// -- filters ------------------------------------------------------------------

TEST_CASE("without options a filter lets all through") {
  CHECK(filter_of({}) == operation_filter{});
}

TEST_CASE("statuses are read in either case with commas and by words") {
  using enum tracking_status;
  using list = std::vector<tracking_status>;
  CHECK(filter_of({"--status", "parked"}).statuses == list{parked});
  CHECK(filter_of({"--status", "FAILED,Parked", "--status", "parked"}).statuses
        == list{parked, failed});
  CHECK(filter_of({"--status", "in-flight"}).statuses
        == list{submitted, retrying});
  CHECK(filter_of({"--status", "Finished"}).statuses
        == list{delivered, parked, failed, discarded});
  CHECK(filter_of({"--status", "finished,in-flight"}).statuses.size() == 6);
  for (const auto* wrong : {"frob", "parked,", ",", "parked failed"})
    CHECK(filter_reason({"--status", wrong})
          == "--status must be of Submitted, Retrying, Delivered, Parked, "
             "Failed, Discarded, in-flight and finished, with commas in "
             "between, but is \""
               + std::string{wrong} + "\"");
}

TEST_CASE("texts are taken whole and kinds may be repeated") {
  const auto x = filter_of({"--kind", "a,b", "--kind", "[c,d]", "--target", "t",
                            "--instance", "i", "--script", "s", "--node", "n",
                            "--error", "--odd"});
  CHECK(x.kinds == std::vector<std::string>{"a,b", "[c,d]"});
  CHECK(x.target_summary == "t");
  CHECK(x.source_instance_id == "i");
  CHECK(x.source_script == "s");
  CHECK(x.source_node == "n");
  CHECK(x.error_contains == "--odd");
  CHECK_FALSE(x.target_pattern);
  const auto y = filter_of({"--target", "GET /x/*", "--min-retries", "3"});
  CHECK(y.target_pattern == "GET /x/*");
  CHECK_FALSE(y.target_summary);
  CHECK(y.retry_count_from == 3);
}

TEST_CASE("each time goes to its own end of a range") {
  const auto x
    = filter_of({"--since", "2h", "--until", "1h", "--updated-since", "40min",
                 "--updated-until", "30min", "--finished-since",
                 "2026-11-23 08:00", "--finished-until", "2026-11-23 09:00"});
  CHECK(x.created_from == t0 - 2h);
  CHECK(x.created_until == t0 - 1h);
  CHECK(x.updated_from == t0 - 40min);
  CHECK(x.updated_until == t0 - 30min);
  CHECK(x.terminal_from == t0 - 15min - 30s);
  CHECK(x.terminal_until == t0 + 44min + 30s);
  const test::time_zone tz{test::berlin};
  CHECK(filter_of({"--since", "2026-11-23 09:15:30"}, zone::local).created_from
        == t0);
  CHECK(filter_reason({"--since", "now\x1b"})
        == "--since must be a duration like 2h, or a time like 2026-11-23, "
           "2026-11-23 08:15 or 2026-11-23T08:15:30Z, but is \"now\\x1B\"");
}

TEST_CASE("an HTTP status is a number or a class") {
  CHECK(filter_of({"--http", "503"}).http_status == 503);
  CHECK_FALSE(filter_of({"--http", "503"}).http_class);
  CHECK(filter_of({"--http", "5xx"}).http_class == 5);
  CHECK(filter_of({"--http", "4XX"}).http_class == 4);
  for (const auto* wrong : {"99", "600", "6xx", "0xx", "5x", "5xy", "-1", "x"})
    CHECK(filter_reason({"--http", wrong})
          == "--http must be 100 to 599, or 1xx to 5xx, but is \""
               + std::string{wrong} + "\"");
}

TEST_CASE("a place to go on keeps the moment that durations count from") {
  const resume_point x{t0, "7f.3.abc"};
  const auto text = to_string(x);
  CHECK(parse_resume_point(text) == x);
  CHECK_FALSE(read_resume_point(std::nullopt));
  for (const auto* wrong : {"", "-", "x-1", "12", "-7f.3.abc", "1.2.3",
                            "fffffffffffffffff-1", "7fffffffffffffff-1"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(read_resume_point(std::string{wrong}), usage_error);
  }
}

// -- help ---------------------------------------------------------------------

TEST_CASE("every help has its usage and examples and fits into 80 columns") {
  auto names = command_names();
  CHECK(names.size() == 27);
  names.emplace_back();
  for (const auto& name : names) {
    CAPTURE(name);
    const auto text = help_of(name);
    CHECK(text.starts_with("Usage: waybill [--db FILE] "));
    CHECK(text.find("Example") != std::string::npos);
    CHECK(text.find("--json") != std::string::npos);
    std::size_t begin = 0;
    for (auto end = text.find('\n'); end != std::string::npos;
         begin = end + 1, end = text.find('\n', begin)) {
      CAPTURE(text.substr(begin, end - begin));
      CHECK(end - begin <= 80);
    }
    CHECK(begin == text.size());
  }
}

TEST_CASE("help is given for a command in whatever way it is asked for") {
  for (const auto& name : command_names()) {
    CAPTURE(name);
    CHECK(parse({"help", name}).text == help_of(name));
  }
  CHECK(parse({"help"}).text == help_of(""));
  CHECK(parse({"help", "help"}).text == help_of(""));
  CHECK(parse({"help", "--help"}).text == help_of(""));
  // Also where something else is wrong.
  CHECK(parse({"list", "--limit", "x", "--help"}).text == help_of("list"));
  CHECK(parse({"purge", "--frob", "-h"}).text == help_of("purge"));
}

TEST_CASE("help marks what must be given") {
  const auto purge = help_of("purge");
  CHECK(purge.starts_with(
    "Usage: waybill [--db FILE] purge --older-than TIME [OPTION]...\n"));
  CHECK(purge.find("those that finished before it (required)")
        != std::string::npos);
  CHECK(help_of("pause").starts_with(
    "Usage: waybill [--db FILE] pause TARGET --reason TEXT [OPTION]...\n"));
  for (const auto* name : {"backup", "status", "history", "wait", "payload"}) {
    CAPTURE(name);
    CHECK(help_of(name).find("(required)\n\nOptions:") != std::string::npos);
  }
  CHECK(help_of("import").find("FILE (required)") == std::string::npos);
}

TEST_CASE("the version is shown") {
  CHECK(parse({"--version"}).text == "waybill " WAYBILL_TEST_VERSION "\n");
}

TEST_CASE("manual and completions know all commands and options") {
  const std::string tools = WAYBILL_TOOLS_DIR;
  auto manual = test::read_file(tools + "/waybill.1");
  for (std::size_t at = 0; (at = manual.find("\\-", at)) != std::string::npos;)
    manual.erase(at, 1);
  const auto bash = test::read_file(tools + "/completions/waybill.bash");
  const auto zsh = test::read_file(tools + "/completions/waybill.zsh");
  const auto fish = test::read_file(tools + "/completions/waybill.fish");
  const auto docs = test::read_file(tools + "/../docs/cli.md");
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  const auto first = zsh.find("1:command:(") + 11;
  const auto helped = " " + zsh.substr(first, zsh.find(')', first) - first)
                      + " ";
  for (const auto& name : command_names()) {
    CAPTURE(name);
    CHECK(has(manual, "waybill " + name));
    CHECK(has(docs, "`" + name));
    CHECK(has(bash, name));
    CHECK(has(zsh, name + ":"));
    CHECK((has(helped, " " + name + " ") || name == "help"));
    CHECK(has(fish, "-a " + name + " "));
  }
  for (const auto& option : all_options()) {
    CAPTURE(option);
    const auto word = option.substr(2);
    CHECK(has(manual, option));
    CHECK(has(bash, option));
    CHECK(has(zsh, option));
    CHECK(has(fish, "-l " + word));
    if (word != "help" && word != "version")
      CHECK((has(docs, option) || word == "output"));
  }
}

TEST_CASE("a filter is told in words that a shell reads as it was given") {
  filter_arguments x;
  CHECK(words_of(x).empty());
  x.statuses = {"parked,failed", "in-flight"};
  x.target = "POST https://plant.example/*";
  x.error = "it's \n";
  x.since = "1d";
  x.min_retries = 3;
  CHECK(words_of(x)
        == "--status parked,failed --status in-flight "
           "--target 'POST https://plant.example/*' --since 1d "
           "--error 'it'\\''s \n' --min-retries 3");
}
