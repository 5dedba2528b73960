// The command line of examples/site_runtime.

#include "site_runtime/arguments.hpp"

#include <vector>

#include "support/catch.hpp"

namespace {

using namespace std::chrono_literals;
using site_runtime::arguments;
using site_runtime::usage_error;

arguments parse(std::vector<const char*> words) {
  words.insert(words.begin(), "site_runtime");
  return site_runtime::parse_arguments(static_cast<int>(words.size()),
                                       words.data());
}

std::string reason(const std::vector<const char*>& words) {
  try {
    parse(words);
    return "accepted";
  } catch (const usage_error& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("without arguments the defaults hold") {
  const auto x = parse({});
  CHECK(x.input.empty());
  CHECK(x.database == "site_runtime.db");
  CHECK_FALSE(x.endpoint);
  CHECK_FALSE(x.status);
  CHECK_FALSE(x.resume);
  CHECK(x.max_rate == 0);
  CHECK_FALSE(x.breaker_percent);
}

TEST_CASE("an option takes its value from the next word or after =") {
  const auto x
    = parse({"--db", "a.db", "--seed=7", "--max-delay", "1min", "calls.jsonl",
             "--first-delay=5ms", "--max-rate=9", "--breaker-percent", "0"});
  CHECK(x.database == "a.db");
  CHECK(x.seed == 7);
  CHECK(x.max_delay == 1min);
  CHECK(x.first_delay == 5ms);
  CHECK(x.max_rate == 9);
  CHECK(x.breaker_percent == 0);
  CHECK(x.input == "calls.jsonl");
}

TEST_CASE("what is kept is gone on with without an input") {
  const auto x = parse({"--resume", "--db=a.db", "--seed=7"});
  CHECK(x.resume);
  CHECK(x.input.empty());
  CHECK(reason({"--resume", "-"}) == "--resume takes no INPUT");
  CHECK(reason({"--resume", "--status=01932c07-f2a1-7000-8000-0123456789ab"})
        == "--status takes no --resume");
}

TEST_CASE("a lone dash is standard input and a double one ends the options") {
  CHECK(parse({"-"}).input == "-");
  CHECK(parse({"--", "--help"}).input == "--help");
}

TEST_CASE("a wrong argument is refused by its name and value") {
  CHECK(reason({"--frob"})
        == "The following argument was not expected: --frob");
  CHECK(reason({"-\x1b"}) == "The following argument was not expected: -\\x1B");
  CHECK(reason({"--db"}) == "--db: 1 required FILE missing");
  CHECK(reason({"--db", ""}) == "--db must not be empty");
  CHECK(reason({"--json=1", "--status", "x"})
        == "json was given a disallowed flag override");
  CHECK(reason({"--rate", "fast"})
        == "--rate must be a whole number from 0 to 1000000, but is \"fast\"");
  CHECK(reason({"--rate", "-1"})
        == "--rate must be a whole number from 0 to 1000000, but is \"-1\"");
  CHECK(reason({"--concurrency", "257"})
        == "--concurrency must be a whole number from 1 to 256, but is "
           "\"257\"");
  CHECK(reason({"--breaker-percent", "101"})
        == "--breaker-percent must be a whole number from 0 to 100, but is "
           "\"101\"");
  CHECK(reason({"--seed", "99999999999999999999"})
        == "--seed must be a whole number from 0 to 18446744073709551615, but "
           "is \"99999999999999999999\"");
  CHECK(reason({"--timeout", "2"})
        == "--timeout must be a duration from 10ms to 1h, but is \"2\"");
  CHECK(reason({"--first-delay", "3s"})
        == "--max-delay (2s) must not be shorter than --first-delay (3s)");
  CHECK(reason({"--status", "\x1b[2J"})
        == "--status must be an id like 01932c07-f2a1-7000-8000-0123456789ab, "
           "but is \"\\x1B[2J\"");
  CHECK(reason({"--json"}) == "--json needs --status");
  CHECK(reason({"a", "b"}) == "The following argument was not expected: b");
  CHECK(reason({""}) == "INPUT must not be empty");
}

TEST_CASE("the help names every option and fits into 80 columns") {
  const auto text = site_runtime::help_text();
  for (const auto* option :
       {"--db", "--endpoint", "--seed", "--rate", "--concurrency",
        "--max-calls", "--max-attempts", "--max-rate", "--breaker-percent",
        "--first-delay", "--max-delay", "--timeout", "--latency", "--resume",
        "--status", "--json", "--help"})
    CHECK(text.find(option) != std::string::npos);
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos;
       begin = end + 1, end = text.find('\n', begin))
    CHECK(end - begin <= 80);
  CHECK(begin == text.size());
}

TEST_CASE("the remote database lies beside the tracking database") {
  CHECK(site_runtime::remote_database_file("d/a.db") == "d/a-remote.db");
  CHECK(site_runtime::remote_database_file("d/a.sqlite")
        == "d/a.sqlite-remote.db");
  CHECK(site_runtime::remote_database_file(".db") == ".db-remote.db");
}
