// `watch` and `wait` beside a store that is being written. What they do not
// show or wait for is tried in this process, where a test knows when they have
// looked.

#include <csignal>
#include <functional>

#include "tools/command_run.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;
using nlohmann::json;

namespace {

// What a test does each time a command has read all there is and would wait;
// gets what was printed until then.
using steps = std::vector<std::function<void(const std::string& out)>>;

// Runs a command on `file` in this process. Behind the last step nobody reads
// its output any more.
cli_result follow(const std::string& file, std::vector<std::string> words,
                  const steps& all) {
  std::size_t taken = 0;
  auto result = run_here(file, std::move(words),
                         [&](cli::settings& given, const std::string& shown) {
                           given.pause = [&, shown](std::chrono::milliseconds) {
                             if (taken == all.size())
                               return false;
                             all[taken++](read_file(shown));
                             return true;
                           };
                         });
  REQUIRE(taken == all.size());
  return result;
}

} // namespace

TEST_CASE_METHOD(cli_fixture, "watch shows each step once it is committed") {
  store.record_enqueue(enqueue(1), at(1));
  const auto x = follow(options.file, {"watch", "--after", "0", "--json"},
                        {[&](const std::string& out) {
                           CHECK(json_lines(out).size() == 1);
                           store.record_attempt(attempt(1, 1), at(2));
                         },
                         [&](const std::string& out) {
                           CHECK(json_lines(out).size() == 2);
                           store.begin();
                           store.record_terminal(terminal(1), at(3));
                         },
                         [&](const std::string& out) {
                           CHECK(json_lines(out).size() == 2);
                           store.commit();
                         },
                         [&](const std::string& out) {
                           CHECK(json_lines(out).size() == 3);
                         }});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  const auto lines = json_lines(x.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["number"] < lines[1]["number"]);
  CHECK(lines[1]["number"] < lines[2]["number"]);
  CHECK(lines[1]["status"] == "Retrying");
  CHECK(lines[2]["status"] == "Delivered");
  CHECK(lines[2]["id"] == id_text(1));
}

TEST_CASE_METHOD(cli_fixture, "watch goes on behind the last step seen") {
  const auto* const place = GENERATE("cursor", "number");
  record(3);
  auto first = start_waybill(options.file, {.arguments = {"watch", "--after",
                                                          "0", "--json"}});
  REQUIRE(prints(first, id_text(3)));
  first.signal(SIGTERM);
  const auto seen = json_lines(end_of(first).out);
  const auto& last = seen.back()[place];
  record(2, 4);
  auto second = start_waybill(
    options.file,
    {.arguments = {"watch", "--after",
                   last.is_string() ? last.get<std::string>() : last.dump(),
                   "--json"}});
  REQUIRE(prints(second, id_text(5)));
  second.signal(SIGINT);
  const auto rest = json_lines(end_of(second).out);
  REQUIRE(rest.size() == 2);
  CHECK(rest[0]["id"] == id_text(4));
}

TEST_CASE_METHOD(cli_fixture, "watch shows only what was asked for") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_enqueue(enqueue(2, "Database.CachedWrite"), at(1));
  store.record_terminal(terminal(1), at(2));
  store.record_terminal(terminal(2), at(2));
  const auto count = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"watch", "--after", "0", "--json"});
    return json_lines(follow(options.file, words, {}).out).size();
  };
  CHECK(count({"--kind", "Database.CachedWrite"}) == 2);
  CHECK(count({"--id", id_text(1)}) == 2);
  CHECK(count({"--status", "finished"}) == 2);
  CHECK(count({"--status", "submitted", "--id", id_text(2)}) == 1);
}

TEST_CASE_METHOD(cli_fixture, "watch tells of steps that are not kept") {
  record(3);
  for (const auto n : {1, 2, 3})
    store.record_terminal(terminal(static_cast<std::uint64_t>(n)), at(10));
  store.purge_terminal(purge_before(at(20)), at(30));
  store.record_enqueue(enqueue(9), at(40));
  auto watching = start_waybill(options.file, {.arguments = {"watch", "--after",
                                                             "0", "--json"}});
  REQUIRE(prints(watching, id_text(9)));
  watching.signal(SIGINT);
  const auto lines = json_lines(end_of(watching).out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["gap"]["from"] == 1);
  CHECK(lines[0]["gap"]["to"] < lines[1]["number"]);
}

TEST_CASE_METHOD(cli_fixture, "watch ends when nobody reads it any more") {
  record(1);
  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  descriptor from{ends[0]};
  descriptor to{ends[1]};
  auto watching = start_waybill(options.file,
                                {.arguments = {"watch", "--after", "0"},
                                 .stdout_fd = to.get()});
  to.reset();
  char first = 0;
  REQUIRE(::read(from.get(), &first, 1) == 1);
  from.reset();
  // Nothing is written any more: it hears of the end all the same.
  CHECK(watching.wait() == 0);
  CHECK(watching.err().empty());
}

TEST_CASE_METHOD(cli_fixture, "wait ends when all have finished") {
  record(2);
  store.record_terminal(terminal(1, tracking_status::parked), at(3));
  const auto x = follow(options.file,
                        {"wait", "--json", id_text(1), id_text(2)},
                        {[](const std::string& out) { CHECK(out.empty()); },
                         [&](const std::string& out) {
                           CHECK(out.empty());
                           store.record_terminal(terminal(2), at(4));
                         }});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  const auto all = x.json();
  CHECK(all["finished"] == true);
  REQUIRE(all["operations"].size() == 2);
  CHECK(all["operations"][0]["snapshot"]["status"] == "Parked");
  CHECK(all["operations"][1]["id"] == id_text(2));
}

TEST_CASE_METHOD(cli_fixture, "wait for any ends with the first") {
  record(2);
  store.record_terminal(terminal(2), at(4));
  const auto x = waybill({"wait", "--any", id_text(1), id_text(2)});
  CHECK(x.code == 0);
  CHECK(x.says("Submitted"));
  CHECK(x.says("Delivered"));
}

TEST_CASE_METHOD(cli_fixture, "wait gives up when the time is over") {
  record(2);
  store.record_terminal(terminal(2), at(4));
  const auto begin = std::chrono::steady_clock::now();
  const auto x
    = waybill({"wait", "--timeout", "300ms", id_text(1), id_text(2)});
  CHECK(std::chrono::steady_clock::now() - begin >= 300ms);
  CHECK(x.code == 4);
  CHECK(x.err == "waybill: timed out with 1 of 2 finished\n");
  const auto as_json
    = waybill({"wait", "--timeout", "0s", "--json", id_text(1)});
  CHECK(as_json.code == 4);
  CHECK(as_json.json()["finished"] == false);
}

TEST_CASE_METHOD(cli_fixture, "what is not there counts as finished or is "
                              "waited for") {
  record(1);
  const auto gone = waybill({"wait", id_text(9)});
  CHECK(gone.code == 1);
  CHECK(gone.complains(id_text(9) + " is not there"));
  CHECK(
    waybill({"wait", "--until-recorded", "--timeout", "200ms", id_text(9)}).code
    == 4);
  const auto x = follow(
    options.file, {"wait", "--until-recorded", id_text(9)},
    {[&](const std::string&) { store.record_enqueue(enqueue(9), at(1)); },
     [&](const std::string&) { store.record_terminal(terminal(9), at(2)); }});
  CHECK(x.code == 0);
}

TEST_CASE_METHOD(cli_fixture,
                 "who follows a file hears that it has been replaced") {
  record(2);
  const auto copy = dir / "copy.db";
  REQUIRE(waybill({"backup", copy}).code == 0);
  const bool is_deleted = GENERATE(false, true);
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"wait", "--timeout", "30s", id_text(1)}, {"watch", "--after", "0"}}) {
    CAPTURE(words, is_deleted);
    const auto file = dir / "followed.db";
    std::filesystem::copy_file(copy, file);
    const auto x = follow(file, words, {[&](const std::string&) {
                            std::filesystem::remove(file);
                            if (!is_deleted)
                              std::filesystem::copy_file(copy, file);
                          }});
    CHECK(x.code == 3);
    CHECK(x.complains("followed.db: has been deleted or replaced"));
    for (const auto* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(file + suffix);
  }
}

TEST_CASE_METHOD(cli_fixture,
                 "watch behind a number that the store has not reached is "
                 "refused") {
  record(5);
  const auto x = waybill({"watch", "--after", "150"});
  CHECK(x.code == 2);
  CHECK(x.out.empty());
  CHECK(x.complains("--after must be at most 5, the last number of this "
                    "store, but is 150"));
  CHECK(waybill({"watch", "--after", "-1"})
          .complains("--after is no cursor that a store has given: \"-1\""));
  CHECK(waybill({"watch", "--after", "1x"})
          .complains("--after must be a cursor or the number of a "
                     "transition, but is \"1x\""));
}

TEST_CASE_METHOD(cli_fixture, "watch shows targets below each other") {
  record(2);
  store.record_terminal(terminal(1), at(3));
  auto watching = start_waybill(options.file,
                                {.arguments = {"watch", "--after", "0"}});
  CHECK(prints(watching, "Delivered"));
  watching.signal(SIGINT);
  const auto lines = lines_of(end_of(watching).out);
  REQUIRE(lines.size() == 4);
  const auto at = lines[0].find("target");
  for (std::size_t i = 1; i < lines.size(); ++i)
    CHECK(lines[i].substr(at).starts_with("https://plant.example/api"));
}

TEST_CASE_METHOD(cli_fixture, "wait can be interrupted") {
  record(1);
  const auto x = follow(options.file, {"wait", id_text(1)},
                        {[](const std::string&) { std::raise(SIGINT); }});
  CHECK(x.code == 130);
  CHECK(x.complains("stopped with 0 of 1 finished"));
}
