// The commands that ask, end to end, mostly while a service's store is open.

#include <set>

#include "support/hostile.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/json.hpp"
#include "waybill/queries.hpp"
#include "waybill/text.hpp"

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace waybill;
using namespace waybill::test;
using nlohmann::json;

namespace {

// Five operations in different statuses.
void record_some(operation_tracking_store& store) {
  store.record_enqueue(enqueue(1), at(1));
  store.record_enqueue(enqueue(2), at(2));
  store.record_attempt(attempt(2, 1), at(12));
  store.record_enqueue(enqueue(3, "Database.CachedWrite"), at(3));
  store.record_terminal(terminal(3), at(13));
  store.record_enqueue(enqueue(4), at(4));
  store.record_attempt(attempt(4, 1), at(14));
  auto parked = terminal(4, tracking_status::parked);
  parked.last_error = "503 Service Unavailable";
  parked.http_status = 503;
  store.record_terminal(parked, at(24));
  store.record_enqueue(enqueue(5), at(5));
  store.record_terminal(terminal(5, tracking_status::failed), at(15));
}

std::vector<std::string> ids_in(const cli_result& x) {
  std::vector<std::string> ids;
  for (const auto& line : json_lines(x.out))
    ids.push_back(line["id"].get<std::string>());
  return ids;
}

std::vector<std::string> id_texts(const std::vector<std::uint64_t>& numbers) {
  std::vector<std::string> ids;
  for (const auto n : numbers)
    ids.push_back(id_text(n));
  return ids;
}

} // namespace

TEST_CASE_METHOD(cli_fixture, "status shows operations in full") {
  record_some(store);
  const auto x = waybill({"status", id_text(4)});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  for (const auto* text :
       {"status       Parked", "kind         ExternalSystem.CachedCall",
        "target       https://plant.example/api", "HTTP status  503",
        "last error   503 Service Unavailable",
        "created      2026-11-23 08:15:34.000 +00:00 (", "took         20.00 s",
        "instance     instance-7", "script       scripts/send.csx",
        "node         node-a"})
    CHECK(x.says(text));
  CHECK(x.out.starts_with(id_text(4) + '\n'));
}

TEST_CASE_METHOD(cli_fixture, "status reads ids from standard input") {
  record(600);
  std::string lines = "\n";
  for (std::uint64_t n = 1; n <= 600; ++n)
    lines += "  " + id_text(n) + " \r\n";
  const auto given = [&](const std::string& input) {
    return run_waybill(options.file, {.arguments = {"status", "--json", "-"},
                                      .input = input});
  };
  const auto all = given(lines);
  CHECK(all.code == 0);
  const auto shown = json_lines(all.out);
  REQUIRE(shown.size() == 600);
  CHECK(shown[599]["snapshot"]["id"] == id_text(600));
  const auto some = given(id_text(1) + "\n" + id_text(601));
  CHECK(some.code == 1);
  CHECK(json_lines(some.out).size() == 2);
  CHECK(given("").code == 0);
  const auto bad = given(id_text(1) + "\n\nx\n");
  CHECK(bad.code == 2);
  CHECK(bad.complains("line 3 must be an id"));
  CHECK(waybill({"status", "-", id_text(1)}).code == 2);
}

TEST_CASE_METHOD(cli_fixture, "status names what is not there") {
  record_some(store);
  const auto x = waybill({"status", id_text(9), id_text(1), id_text(3)});
  CHECK(x.code == 1);
  CHECK(x.err
        == "waybill: " + id_text(9)
             + " is not there: purged or never recorded\n");
  CHECK(x.out.find(id_text(1)) < x.out.find(id_text(3)));

  const auto as_json = waybill({"status", "--json", id_text(9), id_text(1)});
  CHECK(as_json.code == 1);
  const auto lines = json_lines(as_json.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]
        == json{{"id", id_text(9)},
                {"snapshot", nullptr},
                {"call", nullptr},
                {"requeue", nullptr},
                {"purged", nullptr}});
  CHECK(lines[1]["id"] == id_text(1));
  CHECK(lines[1]["snapshot"] == to_json(fresh(1, at(1))));
}

TEST_CASE_METHOD(cli_fixture,
                 "list shows the newest first in aligned columns") {
  record_some(store);
  const auto x = waybill({"list", "--times"});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  const auto lines = lines_of(x.out);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].starts_with("id "));
  for (std::size_t i = 1; i < lines.size(); ++i)
    CHECK(lines[i].starts_with(id_text(6 - i)));
  const auto column = lines[0].find("kind");
  CHECK(lines[1].substr(column).starts_with("ExternalSystem.CachedCall"));
  CHECK(lines[3].substr(column).starts_with("Database.CachedWrite"));
  CHECK(lines[2].find("2026-11-23 08:15:34 +00:00") != std::string::npos);
  CHECK(x.out.find('\x1b') == std::string::npos);
}

TEST_CASE_METHOD(cli_fixture, "list goes by the filter") {
  record_some(store);
  const auto ids = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"list", "--json", "--oldest-first"});
    const auto x = waybill(words);
    CHECK(x.code == 0);
    return ids_in(x);
  };
  CHECK(ids({}) == id_texts({1, 2, 3, 4, 5}));
  CHECK(ids({"--status", "in-flight"}) == id_texts({1, 2}));
  // In the order in which they finished.
  CHECK(ids({"--status", "finished"}) == id_texts({3, 5, 4}));
  CHECK(ids({"--status", "PARKED,failed"}) == id_texts({5, 4}));
  CHECK(ids({"--kind", "Database.CachedWrite"}) == id_texts({3}));
  CHECK(ids({"--kind", "none"}).empty());
  CHECK(ids({"--target", "https://plant.example/api", "--node", "node-a"})
        == id_texts({1, 2, 3, 4, 5}));
  CHECK(
    ids({"--since", "2026-11-23 08:15:32", "--until", "2026-11-23T08:15:34Z"})
    == id_texts({2, 3}));
  CHECK(ids({"--updated-since", "2026-11-23 08:15:44"}) == id_texts({4, 5}));
  CHECK(ids({"--finished-until", "2026-11-23 08:15:45"}) == id_texts({3}));
  CHECK(ids({"--target", "https://*/api", "--min-retries", "1"})
        == id_texts({2, 4}));
  CHECK(ids({"--target", "https://plant.example/ap"}).empty());
  CHECK(ids({"--error", "Unavail"}) == id_texts({2, 4}));
  CHECK(ids({"--http", "503"}) == id_texts({2, 4}));
  CHECK(ids({"--http", "2xx"}) == id_texts({3, 5}));
}

TEST_CASE_METHOD(cli_fixture,
                 "list stops at its limit and goes on with cursors") {
  record(120);
  CHECK(ids_in(waybill({"list", "--json"})).size() == 50);
  CHECK(ids_in(waybill({"list", "--json", "--all"})).size() == 120);
  CHECK(ids_in(waybill({"list", "--json", "--limit", "120"})).size() == 120);

  // Whoever asks hears that there is more.
  CHECK_FALSE(cursor_in(waybill({"list", "--limit", "2"}).err).empty());
  CHECK(waybill({"list", "--limit", "120"}).err.empty());
  std::set<std::string> seen;
  std::string cursor;
  int pages = 0;
  do {
    pseudo_terminal terminal{200};
    program::setting x{.arguments = {"list", "--json", "--limit", "50",
                                     "--since", "36500d"},
                       .stderr_fd = terminal.get()};
    if (!cursor.empty())
      x.arguments.insert(x.arguments.end(), {"--cursor", cursor});
    auto running = start_waybill(options.file, x);
    cursor = cursor_in(terminal.shown_by(running));
    CHECK(running.wait() == 0);
    for (const auto& line : json_lines(running.out()))
      CHECK(seen.insert(line["id"].get<std::string>()).second);
    ++pages;
  } while (!cursor.empty() && pages < 10);
  CHECK(pages == 3);
  CHECK(seen.size() == 120);
}

TEST_CASE_METHOD(cli_fixture, "a cursor of another list is refused") {
  record(3);
  const auto x = waybill({"list", "--cursor", "frob"});
  CHECK(x.code == 2);
  CHECK(x.complains("--cursor must be what a list or an export ended with"));
  const auto y = waybill({"list", "--cursor", "1-2"});
  CHECK(y.code == 2);
  CHECK(y.complains("cursor"));
}

TEST_CASE_METHOD(cli_fixture, "lists come as CSV and JSON Lines too") {
  record_some(store);
  const auto csv = waybill({"list", "--format", "csv", "--status", "parked"});
  CHECK(csv.code == 0);
  CHECK(csv.out.starts_with("id,kind,target_summary,status,"));
  CHECK(csv.says(id_text(4)
                 + ",ExternalSystem.CachedCall,https://plant.example/api,"
                   "Parked,1,503 Service Unavailable,503,"
                   "2026-11-23T08:15:34.000000Z,2026-11-23T08:15:54.000000Z,"
                   "2026-11-23T08:15:54.000000Z,instance-7,scripts/send.csx,"
                   "node-a\r\n"));
  const auto lines
    = waybill({"list", "--format", "json", "--status", "parked"});
  CHECK(json::parse(lines.out) == to_json(*snapshot_of(4)));
  const auto odd = waybill({"list", "--json", "--format", "csv"});
  CHECK(odd.code == 2);
  CHECK(odd.complains("--json and --format are at odds"));
}

TEST_CASE_METHOD(cli_fixture,
                 "long errors are whole where they are asked for") {
  store.record_enqueue(enqueue(1), at(1));
  auto request = attempt(1, 1);
  request.last_error = std::string(300, 'e') + "END";
  store.record_attempt(request, at(2));
  CHECK_FALSE(waybill({"list"}).says("END"));
  CHECK(waybill({"list", "--full"}).says("END"));
  CHECK(waybill({"list", "--json"}).says("END"));
  CHECK(waybill({"list", "--format", "csv"}).says("END"));
  CHECK(waybill({"status", id_text(1)}).says("END"));
}

TEST_CASE_METHOD(cli_fixture, "stuck lists what has not moved for long") {
  const auto now = timestamp::now();
  store.record_enqueue(enqueue(1), now - 3h);
  store.record_enqueue(enqueue(2), now - 2h);
  store.record_enqueue(enqueue(3), now - 2h);
  store.record_attempt(attempt(3, 1), now - 20min);
  store.record_enqueue(enqueue(4), now - 4h);
  store.record_terminal(terminal(4), now - 3h);
  CHECK(ids_in(waybill({"stuck", "--json"})) == id_texts({1, 2}));
  CHECK(ids_in(waybill({"stuck", "--json", "--for", "10min"}))
        == id_texts({1, 2, 3}));
  CHECK(ids_in(waybill({"stuck", "--json", "--for", "150min"}))
        == id_texts({1}));
  CHECK(waybill({"stuck"}).says("3h"));
}

TEST_CASE_METHOD(cli_fixture, "stuck and health end as alerts want it") {
  const auto now = timestamp::now();
  store.record_enqueue(enqueue(1), now - 3h);
  store.record_enqueue(enqueue(2), now - 2h);
  store.record_terminal(terminal(2, tracking_status::parked), now - 1h);
  CHECK(waybill({"stuck", "--exit-code"}).code == 5);
  CHECK(waybill({"stuck", "--exit-code", "--json"}).code == 5);
  CHECK(waybill({"stuck", "--exit-code", "--for", "5h"}).code == 0);
  CHECK(waybill({"stuck"}).code == 0);

  const auto code = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"health", "--exit-code"});
    return waybill(words).code;
  };
  CHECK(code({}) == 0);
  CHECK(code({"--max-age", "2h"}) == 5);
  CHECK(code({"--max-age", "4h"}) == 0);
  CHECK(code({"--max-parked", "1"}) == 0);
  CHECK(code({"--max-parked", "0"}) == 5);
  CHECK(code({"--max-in-flight", "0"}) == 5);
  CHECK(code({"--max-log", "0"}) == 5);
  const auto x = waybill({"health", "--max-parked", "0"});
  CHECK(x.code == 0);
  // How wide it gets depends on the size of the log.
  CHECK(x.says("\nparked "));
  CHECK(x.says(" 1         0  too much\n"));
  const auto as_json
    = waybill({"health", "--max-parked", "0", "--json"}).json();
  CHECK(as_json["ok"] == false);
  CHECK(as_json["findings"][0]["name"] == "oldest_in_flight_seconds");
  CHECK(as_json["findings"][0]["value"] >= 3 * 3'600);
  CHECK(as_json["findings"][0]["limit"] == 24 * 3'600);
  CHECK(as_json["findings"][1]["limit"] == nullptr);
  CHECK(as_json["findings"][2]["ok"] == false);
}

TEST_CASE_METHOD(cli_fixture, "an id may be given by its beginning") {
  // Their ids differ in the last digit.
  record_some(store);
  const auto far = tracked_operation_id{0xABCD'0000'0000'7000U,
                                        0x8000'0000'0000'0001U};
  auto request = enqueue(9);
  request.id = far;
  store.record_enqueue(request, at(9));
  for (const auto& given : {"abcd", "ABCD0000-00", "abcd0000-0000-7000-8"}) {
    CAPTURE(given);
    CHECK(waybill({"status", given}).out.starts_with(to_string(far)));
  }
  CHECK(waybill({"history", "abcd"}).says("Submitted"));
  CHECK(waybill({"wait", "--timeout", "0s", "--json", "abcd"})
          .json()["operations"][0]["id"]
        == to_string(far));
  CHECK(
    json_lines(waybill({"status", "--json", "abcd", to_string(far)}).out).size()
    == 1);

  const auto several = waybill({"status", id_text(1).substr(0, 13)});
  CHECK(several.code == 2);
  CHECK(several.out.empty());
  for (std::uint64_t n = 1; n <= 5; ++n)
    CHECK(several.complains(id_text(n)));
  CHECK_FALSE(several.complains("and more"));
  const auto none = waybill({"status", "abce"});
  CHECK(none.code == 1);
  CHECK(none.complains("abce is the beginning of no id that is there"));
  for (const auto* wrong :
       {"abc", "abcdx", "abcd00000", "abcd0000-", "-abcd"}) {
    CAPTURE(wrong);
    CHECK(waybill({"history", wrong}).code
          == (std::string{wrong} == "abcd0000-" ? 0 : 2));
  }
  CHECK(waybill_alone({"discard", "abcd", "--reason", "x"})
          .says(to_string(far) + " is discarded"));
}

TEST_CASE_METHOD(cli_fixture, "a list has the columns that are asked for") {
  record_some(store);
  const auto x
    = waybill({"list", "--columns", "status,http,instance", "--limit", "2"});
  CHECK(x.code == 0);
  CHECK(x.out
        == "status  HTTP  instance\n"
           "Failed   200  instance-7\n"
           "Parked   503  instance-7\n");
  const auto wrong = waybill({"list", "--columns", "stat"});
  CHECK(wrong.code == 2);
  CHECK(
    wrong.complains("--columns has no column \"stat\"; did you mean status?"));
  CHECK(waybill({"list", "--json", "--columns", "id"}).code == 2);
}

TEST_CASE_METHOD(cli_fixture,
                 "errors are shown in one line, and kept with theirs") {
  store.record_enqueue(enqueue(1), at(1));
  auto failed = attempt(1, 1);
  failed.last_error = "\t503 down\r\nbody:\t \x1b[1m{}\r\n\x7f\n";
  store.record_attempt(failed, at(2));
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"list"}, {"status", id_text(1)}, {"history", id_text(1)}})
    CHECK(waybill(words).says("503 down body: [1m{}\n"));
  CHECK(json_lines(waybill({"list", "--json"}).out)[0]["last_error"]
        == "\t503 down\nbody:\t  [1m{}");
}

TEST_CASE_METHOD(cli_fixture, "counts has a row for each kind and sums") {
  record_some(store);
  const auto x = waybill({"counts"});
  CHECK(x.code == 0);
  const auto lines = lines_of(x.out);
  REQUIRE(lines.size() >= 4);
  CHECK(lines[0].find("Submitted") != std::string::npos);
  CHECK(lines[1].starts_with("Database.CachedWrite"));
  CHECK(lines[2].starts_with("ExternalSystem.CachedCall"));
  CHECK(lines[3].starts_with("all"));
  CHECK(lines[3].ends_with(" 5"));
  CHECK(x.says("oldest in flight"));
  CHECK(x.says("2026-11-23 08:15:31 +00:00"));

  const auto as_json = waybill({"counts", "--json"}).json();
  CHECK(as_json["counts"].size() == 5);
  CHECK(as_json["oldest_in_flight"] == "2026-11-23T08:15:31.000000Z");
  CHECK(as_json["oldest_parked"] == "2026-11-23T08:15:54.000000Z");
  CHECK(waybill({"counts", "--format", "csv"})
          .says("kind,status,operations\r\n"
                "Database.CachedWrite,"
                "Delivered,1\r\n"));
}

TEST_CASE_METHOD(cli_fixture, "history shows each step with the time between") {
  record_some(store);
  const auto x = waybill({"history", id_text(4)});
  CHECK(x.code == 0);
  const auto lines = lines_of(x.out);
  REQUIRE(lines.size() == 4);
  CHECK(lines[1].find("Submitted") != std::string::npos);
  CHECK(lines[2].find("10.00 s  Retrying") != std::string::npos);
  CHECK(lines[3].find("Parked") != std::string::npos);
  const auto as_json = waybill({"history", "--json", id_text(4)}).json();
  CHECK(as_json["complete"] == true);
  CHECK(as_json["transitions"].size() == 3);
  CHECK(as_json["transitions"][1]["http_status"] == 503);
  CHECK(waybill({"history", "--format", "csv", id_text(4)})
          .out.starts_with("number,id,kind,"));

  const auto missing = waybill({"history", id_text(9)});
  CHECK(missing.code == 1);
  CHECK(missing.out.empty());
  CHECK(missing.complains("is not there"));
}

TEST_CASE_METHOD(cli_fixture, "a history says where steps are not kept") {
  store.record_enqueue(enqueue(1), at(0));
  for (std::int32_t n = 1; n <= 100; ++n)
    store.record_attempt(attempt(1, n), at(n));
  const auto x = waybill({"history", id_text(1)});
  CHECK(x.code == 0);
  const auto lines = lines_of(x.out);
  CHECK(lines[1].find("Submitted") != std::string::npos);
  CHECK(lines[2].find("(not kept)") != std::string::npos);
}

TEST_CASE_METHOD(cli_fixture, "stats shows sizes and totals") {
  record_some(store);
  const auto x = waybill({"stats"});
  CHECK(x.code == 0);
  CHECK(x.says("write-ahead log"));
  CHECK(x.says("ExternalSystem.CachedCall"));
  const auto as_json = waybill({"stats", "--json"}).json();
  CHECK(as_json["file_bytes"] > 0);
  CHECK(as_json["operations"]["Parked"] == 1);
  CHECK(as_json["operations"]["Discarded"] == 0);
  const auto scraped = waybill({"stats", "--prometheus"});
  CHECK(
    scraped.says("waybill_kind_operations{kind=\"ExternalSystem.CachedCall\","
                 "status=\"Parked\"} 1\n"));
}

TEST_CASE_METHOD(cli_fixture, "schema prints the statements") {
  const auto x = waybill({"schema"});
  CHECK(x.code == 0);
  CHECK(x.says("CREATE TABLE"));
  CHECK(waybill({"schema", "--json"}).json()["schema"] == x.out);
}

TEST_CASE_METHOD(cli_fixture,
                 "a local time zone is used unless UTC is wanted") {
  record_some(store);
  const program::setting here{.arguments = {"status", id_text(1)},
                              .environment = {"TZ=CET-1"}};
  CHECK(run_waybill(options.file, here).says("2026-11-23 09:15:31.000 +01:00"));
  auto utc = here;
  utc.arguments.push_back("--utc");
  CHECK(run_waybill(options.file, utc).says("2026-11-23 08:15:31.000Z"));
  program::setting since{.arguments = {"list", "--json", "--since",
                                       "2026-11-23 09:15:34"},
                         .environment = {"TZ=CET-1"}};
  CHECK(ids_in(run_waybill(options.file, since)).size() == 2);
  since.arguments.push_back("--utc");
  CHECK(ids_in(run_waybill(options.file, since)).empty());
}

TEST_CASE_METHOD(cli_fixture, "hostile texts reach no terminal as they are") {
  std::uint64_t n = 0;
  for (const auto& text : odd_texts) {
    auto request = enqueue(++n, text);
    request.target_summary = text;
    request.source_instance_id = text;
    store.record_enqueue(request, at(static_cast<std::int64_t>(n)));
    auto failed = attempt(n, 1);
    failed.last_error = text;
    store.record_attempt(failed, at(static_cast<std::int64_t>(n) + 100));
  }
  std::vector<std::vector<std::string>> commands{{"list", "--full", "--all"},
                                                 {"stuck", "--for", "0s"},
                                                 {"counts"},
                                                 {"stats"}};
  for (std::uint64_t i = 1; i <= n; ++i) {
    commands.push_back({"status", id_text(i)});
    commands.push_back({"history", id_text(i)});
  }
  for (const auto& words : commands) {
    CAPTURE(words);
    const auto x = waybill(words);
    CHECK(x.code == 0);
    CHECK(x.out.find_first_of("\x1b\x07\x7f\r\t") == std::string::npos);
    CHECK(x.out.find("\u202E") == std::string::npos);
  }
  // As data they are what they were.
  const auto lines
    = json_lines(waybill({"list", "--json", "--oldest-first"}).out);
  REQUIRE(lines.size() == odd_texts.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["kind"] == odd_texts[i]);
    CHECK(lines[i]["last_error"] == tidy(odd_texts[i]));
  }
}

TEST_CASE("a store that cannot be used is named") {
  const temp_dir dir;
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"list"},
         {"counts"},
         {"check"},
         {"watch"},
         {"vacuum"},
         {"purge", "--older-than", "1d"},
         {"discard", id_text(1), "--reason", "x"}}) {
    CAPTURE(words);
    const auto x = run_waybill(dir / "no\x1b.db", words);
    CHECK(x.code == 3);
    CHECK(x.out.empty());
    CHECK(x.err.starts_with("waybill: "));
    CHECK(x.complains("no\\x1B.db"));
    CHECK(lines_of(x.err).size() == 1);
  }
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("what is no store is called what it is") {
  const temp_dir dir;
  write_file(dir / "empty", "");
  write_file(dir / "short", "hello\n");
  write_file(dir / "text", std::string(10'000, 'x'));
  std::filesystem::create_directory(dir / "folder");
  std::filesystem::create_symlink("text", dir / "link");
  write_file(dir / "marked", std::string(10'000, 'x'));
  std::filesystem::permissions(dir / "marked", std::filesystem::perms{0440});
  const std::vector<std::pair<std::string, std::string>> cases{
    {"empty", "is empty"},
    {"short", "is not a database"},
    {"text", "is not a database"},
    {"folder", "is a directory"},
    {"link", "is a symbolic link; name the file itself"}};
  for (const auto& [name, reason] : cases)
    for (const auto& words : std::vector<std::vector<std::string>>{
           {"list"}, {"check"}, {"vacuum"}, {"purge", "--older-than", "1d"}}) {
      CAPTURE(name, words);
      const auto x = run_waybill(dir / name.c_str(), words);
      CHECK(x.code == 3);
      CHECK(x.err == "waybill: " + (dir / name.c_str()) + ": " + reason + '\n');
    }
  // A file that is cut off, and one that is not the store's at all.
  {
    operation_tracking_store store{options_for(dir / "cut")};
    record_some(store);
  }
  std::filesystem::resize_file(dir / "cut", 8'192);
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"list"}, {"check"}, {"vacuum"}, {"export"}})
    CHECK(run_waybill(dir / "cut", words)
            .complains("cut: cannot be opened: database disk image is "
                       "malformed"));
  CHECK(run_waybill(dir / "new", {"restore", dir / "text"}).err
        == "waybill: " + (dir / "text") + ": is not a database\n");
  CHECK(run_waybill(dir / "marked", {"vacuum"})
          .complains("marked: is read-only: it has mode 0440 and belongs to "
                     "user "));
  CHECK(read_file(dir / "empty").empty());
}

namespace {

void set_mode(const std::string& file, unsigned mode) {
  std::filesystem::permissions(file, std::filesystem::perms{mode});
}

} // namespace

TEST_CASE_METHOD(cli_fixture,
                 "a store that may not be read is no read-only one") {
  record(3);
  store.close();
  set_mode(dir.path(), 0755);
  set_mode(options.file, 0000);
  const auto x = run_with_few_rights(options.file, {"list"});
  CHECK(x.code == 3);
  CHECK(x.complains(
    options.file + ": cannot be read: it has mode 0000 and belongs to user "));
  set_mode(options.file, 0600);
}

TEST_CASE_METHOD(cli_fixture, "a copy that may only be read is read") {
  record(300);
  store.record_terminal(terminal(1, tracking_status::parked), at(400));
  set_mode(dir.path(), 0755);
  const auto folder = dir / "100% media #1?";
  std::filesystem::create_directory(folder);
  const auto copy = folder + "/backup.db";
  REQUIRE(waybill({"backup", copy}).code == 0);
  const auto other = dir / "for all";
  std::filesystem::create_directory(other);
  set_mode(other, 0777);
  set_mode(copy, 0444);
  set_mode(folder, 0555);
  const auto before = bytes_in(folder);
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"list", "--all"},
         {"status", id_text(1)},
         {"history", id_text(1)},
         {"counts"},
         {"stats"},
         {"stuck"},
         {"health"},
         {"check"},
         {"schema"},
         {"wait", id_text(1)},
         {"purge", "--dry-run", "--older-than", "0s"},
         {"export", "-o", other + "/all.jsonl"},
         {"backup", other + "/again.db"}}) {
    CAPTURE(words);
    const auto x = run_with_few_rights(copy, words);
    CAPTURE(x.out, x.err);
    CHECK(x.code == 0);
  }
  CHECK(run_with_few_rights(copy, {"vacuum"}).code == 3);
  CHECK(changes_since(before, folder).empty());
  CHECK(run_waybill(other + "/again.db", {"check"}).says("300 operations"));
  set_mode(folder, 0755);
}

TEST_CASE_METHOD(cli_fixture,
                 "a log in a folder that may only be read is not passed over") {
  record(3);
  set_mode(dir.path(), 0755);
  const auto folder = dir / "media";
  std::filesystem::create_directory(folder);
  // A copy of a store that runs: what was recorded last is in its log.
  for (const auto* suffix : {"", "-wal"}) {
    const auto copy = folder + "/ops.db" + suffix;
    std::filesystem::copy_file(options.file + suffix, copy);
    set_mode(copy, 0444);
  }
  set_mode(folder, 0555);
  const auto x = run_with_few_rights(folder + "/ops.db", {"list"});
  CHECK(x.code == 3);
  CHECK(x.complains("ops.db: its log can only be read where its folder can be "
                    "written; copy the file and its -wal elsewhere"));
  set_mode(folder, 0755);
}

TEST_CASE_METHOD(cli_fixture,
                 "who may only read a store that is written sees what is "
                 "committed") {
  record(3);
  set_mode(dir.path(), 0755);
  for (const auto* suffix : {"", "-wal", "-shm"})
    set_mode(options.file + suffix, 0644);
  CHECK(
    lines_of(run_with_few_rights(options.file, {"list", "--json"}).out).size()
    == 3);
  record(1, 4);
  CHECK(
    lines_of(run_with_few_rights(options.file, {"list", "--json"}).out).size()
    == 4);
}

TEST_CASE_METHOD(cli_fixture, "to look changes no file and holds nobody up") {
  record(100);
  const auto before = bytes_in(dir.path());
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"list", "--all"},
         {"counts"},
         {"stats"},
         {"check"},
         {"schema"},
         {"history", id_text(1)},
         {"purge", "--older-than", "1s", "--dry-run"}})
    CHECK(waybill(words).code == 0);
  CHECK(changes_since(before, dir.path()).empty());
  record(10, 200);
  CHECK(ids_in(waybill({"list", "--json", "--all"})).size() == 110);
}
