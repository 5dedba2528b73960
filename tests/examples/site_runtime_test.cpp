// The main job, end to end: the real program with real HTTP, real files, real
// signals.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "output/text_width.hpp"
#include "site_runtime/endpoint.hpp"
#include "site_runtime/input.hpp"
#include "support/catch.hpp"
#include "support/plain_sqlite.hpp"
#include "support/program.hpp"
#include "support/random_seed.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/store_reader.hpp"

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using waybill::tracked_operation_id;
using waybill::tracking_status;
using waybill::test::program;
using waybill::test::pseudo_terminal;
using waybill::test::read_file;
using waybill::test::temp_dir;
using waybill::test::write_file;

// Backoffs and answers that take no time worth mentioning, and no breaker.
const std::vector<std::string> quick{"--first-delay=2ms", "--max-delay=10ms",
                                     "--latency=1ms", "--timeout=400ms",
                                     "--breaker-percent=0"};

constexpr auto external = "ExternalSystem.CachedCall";
constexpr auto database = "Database.CachedWrite";

using settings = program::setting;

// Starts site_runtime on the files of `dir`.
program start(const temp_dir& dir, settings x,
              const std::vector<std::string>& pace = quick) {
  x.arguments.insert(x.arguments.begin(), {"--db", dir / "ops.db"});
  x.arguments.insert(x.arguments.begin(), pace.begin(), pace.end());
  return program{std::string{WAYBILL_EXAMPLES_DIR} + "/site_runtime", x};
}

struct result {
  int code = -1;
  std::string out;
  std::string err;

  // The last line of standard output.
  [[nodiscard]] json totals() const {
    const auto end = out.find_last_not_of('\n');
    const auto begin = out.rfind('\n', end) + 1;
    return json::parse(out.substr(begin, end + 1 - begin));
  }

  [[nodiscard]] bool says(const std::string& text) const {
    return err.find(text) != std::string::npos
           || out.find(text) != std::string::npos;
  }
};

result end_of(program& x) {
  const auto code = x.wait();
  return {code, x.out(), x.err()};
}

result run(const temp_dir& dir, settings x) {
  auto running = start(dir, std::move(x));
  return end_of(running);
}

// Returns when it has opened the database.
void await_start(const program& x) {
  while (x.is_running() && x.err().find("tracks") == std::string::npos)
    std::this_thread::sleep_for(5ms);
}

// Returns when it has recorded so many operations.
void await_recorded(const program& x, const temp_dir& dir, std::int64_t n) {
  await_start(x);
  waybill::store_reader store{dir / "ops.db"};
  const auto recorded = [&store] {
    const auto reply = store.get_counts();
    std::int64_t sum = 0;
    for (const auto& each : reply.counts)
      sum += each.operations;
    return sum;
  };
  while (x.is_running() && recorded() < n)
    std::this_thread::sleep_for(5ms);
}

std::string id_text(std::uint64_t n) {
  return to_string(
    tracked_operation_id{0x0193'2c07'f2a1'7000U, 0x8000'0000'0000'0000U + n});
}

std::string call_line(std::uint64_t n) {
  return json{{"id", id_text(n)},
              {"kind", external},
              {"path", "/a"},
              {"body", nullptr}}
           .dump()
         + '\n';
}

std::string write_line(std::uint64_t n) {
  return json{{"id", id_text(n)},
              {"kind", database},
              {"row",
               {{"tag", "t"},
                {"value", 1},
                {"quality", "good"},
                {"measured_at", "2026-11-20T06:00:00Z"}}}}
           .dump()
         + '\n';
}

std::string write_lines(std::uint64_t count) {
  std::string text;
  for (std::uint64_t n = 0; n < count; ++n)
    text += write_line(n);
  return text;
}

std::string calls(std::uint64_t count) {
  std::string text;
  for (std::uint64_t n = 0; n < count; ++n)
    text += call_line(n);
  return text;
}

// The statuses of all operations in a store that nobody has open.
std::map<tracked_operation_id, tracking_status>
statuses(const temp_dir& dir, const std::vector<tracked_operation_id>& ids) {
  std::map<tracked_operation_id, tracking_status> all;
  waybill::store_options options;
  options.file = dir / "ops.db";
  waybill::operation_tracking_store store{options};
  for (const auto& id : ids)
    if (const auto reply = store.get_status(
          {.id = id, .deadline = std::nullopt}, waybill::timestamp::now());
        reply.snapshot)
      all[id] = reply.snapshot->status;
  return all;
}

std::vector<std::string> remote_ids(const temp_dir& dir) {
  auto db = waybill::test::open_reader(dir / "ops-remote.db");
  return waybill::test::first_column(db,
                                     "SELECT id FROM measurement ORDER BY id");
}

// An endpoint that outlives the runs, and counts.
class counting_endpoint {
public:
  explicit counting_endpoint(std::chrono::milliseconds latency = 1ms)
    : latency_{latency} {}

  [[nodiscard]] std::string url() const { return endpoint_.url(); }

  std::map<tracked_operation_id, int> requests() {
    const std::lock_guard guard{mutex_};
    return requests_;
  }

private:
  site_runtime::endpoint_options options() {
    site_runtime::endpoint_options x;
    x.latency = latency_;
    x.stall = 500ms;
    x.on_request = [this](const tracked_operation_id& id) {
      const std::lock_guard guard{mutex_};
      ++requests_[id];
    };
    return x;
  }

  const std::chrono::milliseconds latency_;
  std::mutex mutex_;
  std::map<tracked_operation_id, int> requests_;
  site_runtime::endpoint endpoint_{options()};
};

} // namespace

TEST_CASE("a run of the sample accounts for every line") {
  const temp_dir dir;
  const auto x = run(dir, {.arguments = {WAYBILL_SAMPLE}});
  CHECK(x.code == 0);
  const auto totals = x.totals();
  CHECK(totals["operations"] == 500);
  CHECK(totals["lines"] == 500);
  CHECK(totals["skipped_lines"] == 0);
  CHECK(totals["in_flight"] == 0);
  CHECK(totals["discarded"] == 0);
  CHECK(totals["delivered"].get<int>() + totals["parked"].get<int>()
          + totals["failed"].get<int>()
        == 500);
  for (const auto* status : {"delivered", "parked", "failed"})
    CHECK(totals[status] > 0);
  // Its keys come in the documented order.
  CHECK(x.says(R"({"operations":500,"delivered":)"));

  CHECK(x.says("ExternalSystem."));
  CHECK(x.says("CachedWrite"));
  CHECK(x.says("503 Service Unavailable: restarting"));
  CHECK(x.says("NOT NULL constraint failed: measurement.value"));
  CHECK(x.out.find('\x1b') == std::string::npos);
  CHECK(x.err.find('\x1b') == std::string::npos);

  // What the report lists in the section `title`, line by line.
  const auto section = [&](const std::string& title) {
    const auto begin = x.out.find(title + "\n\n");
    REQUIRE(begin != std::string::npos);
    std::istringstream text{x.out.substr(begin + title.size() + 2)};
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line) && !line.empty();)
      lines.push_back(line);
    return lines;
  };
  const auto slowest = section("The slowest, from enqueue to end");
  CHECK(slowest.size() == 5);
  for (auto longest = 1e9; const auto& line : slowest) {
    CAPTURE(line);
    std::istringstream text{line};
    double seconds = 0;
    std::string unit;
    std::string status;
    std::string id;
    text >> seconds >> unit >> status >> id;
    CHECK(seconds <= longest);
    longest = seconds;
    CHECK(unit == "s");
    CHECK(waybill::parse_tracking_status(status));
    CHECK(read_file(WAYBILL_SAMPLE).find(id) != std::string::npos);
  }
  const auto attempts = section("Attempts that finished operations needed");
  CHECK(attempts.size() > 1);
  std::int64_t operations = 0;
  for (const auto& line : attempts) {
    CAPTURE(line);
    CHECK(std::stoll(line) >= 1);
    operations += std::stoll(line.substr(line.rfind(' ')));
  }
  CHECK(operations == 500);

  // The writes that were delivered are there, and only they.
  auto source = read_file(WAYBILL_SAMPLE);
  std::vector<tracked_operation_id> writes;
  for (std::size_t begin = 0, end = 0;
       (end = source.find('\n', begin)) != std::string::npos; begin = end + 1)
    if (const auto call
        = site_runtime::parse_call(source.substr(begin, end - begin));
        call.kind == database)
      writes.push_back(call.id);
  std::vector<std::string> delivered;
  for (const auto& [id, status] : statuses(dir, writes))
    if (status == tracking_status::delivered)
      delivered.push_back(to_string(id));
  CHECK(delivered.size() < writes.size());
  CHECK(remote_ids(dir) == delivered);
}

TEST_CASE("the same seed gives the same totals and another one others") {
  const temp_dir first;
  const temp_dir second;
  const temp_dir third;
  const auto totals = [](const temp_dir& dir, const char* seed) {
    return run(dir, {.arguments = {"--seed", seed, WAYBILL_SAMPLE}})
      .totals()
      .dump();
  };
  const auto reference = totals(first, "4");
  CHECK(totals(second, "4") == reference);
  CHECK(totals(third, "5") != reference);
}

TEST_CASE("killed at any moment it resumes and comes to the same totals") {
  const auto seed = waybill::test::seed_for("site_runtime is killed");
  std::mt19937_64 random{seed};

  std::vector<tracked_operation_id> ids;
  std::vector<tracked_operation_id> writes;
  const auto source = read_file(WAYBILL_SAMPLE);
  for (std::size_t begin = 0, end = 0;
       (end = source.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const auto call
      = site_runtime::parse_call(source.substr(begin, end - begin));
    ids.push_back(call.id);
    if (call.kind == database)
      writes.push_back(call.id);
  }

  const temp_dir uninterrupted;
  const auto began = std::chrono::steady_clock::now();
  const auto reference
    = run(uninterrupted, {.arguments = {WAYBILL_SAMPLE}}).totals();
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(
    std::chrono::steady_clock::now() - began);

  counting_endpoint server;
  const temp_dir dir;
  const settings again{
    .arguments = {"--endpoint", server.url(), WAYBILL_SAMPLE}};
  std::map<tracked_operation_id, int> requests_when_finished;
  std::set<std::string> written;
  const auto finished_early = [&] {
    return requests_when_finished.size() + written.size();
  };
  // Together shorter than a whole run, so that none of them comes to its end;
  // longer ones where a busy machine finishes nothing in that time.
  constexpr int kills = 6;
  for (int i = 0; i < kills || finished_early() == 0; ++i) {
    REQUIRE(i < 10 * kills);
    auto victim = start(dir, again);
    const auto longest = whole.count() / (i < kills ? 8 : 2);
    std::this_thread::sleep_for(std::chrono::milliseconds{
      1
      + static_cast<std::int64_t>(random()
                                  % static_cast<std::uint64_t>(longest))});
    victim.signal(SIGKILL);
    REQUIRE(victim.wait() == 128 + SIGKILL);

    // What is finished now must never be called again. A row that is removed
    // shows it: it would be written again.
    const auto requests = server.requests();
    for (const auto& [id, status] : statuses(dir, ids))
      if (is_terminal(status) && requests.contains(id))
        requests_when_finished.try_emplace(id, requests.at(id));
    if (std::filesystem::exists(dir / "ops-remote.db")) {
      auto db = waybill::test::open_writer(dir / "ops-remote.db");
      for (const auto& [id, status] : statuses(dir, writes))
        if (status == tracking_status::delivered
            && written.insert(to_string(id)).second)
          db.exec(("DELETE FROM measurement WHERE id = '" + to_string(id) + "'")
                    .c_str());
    }
  }
  const auto last = run(dir, again);
  CHECK(last.code == 0);
  CHECK(last.totals() == reference);
  for (const auto& [id, requests] : requests_when_finished) {
    CAPTURE(to_string(id));
    CHECK(server.requests().at(id) == requests);
  }
  for (const auto& id : remote_ids(dir))
    CHECK_FALSE(written.contains(id));

  // All of it once more: nothing is left to call.
  const auto requests = server.requests();
  const auto nothing = run(dir, again);
  CHECK(nothing.totals() == reference);
  CHECK(nothing.says("An earlier run had finished all of it"));
  CHECK(server.requests() == requests);
}

TEST_CASE("promise 12, kept: killed once it has read its input, it goes on "
          "without it and comes to the same totals",
          "[promise-12]") {
  const auto seed = waybill::test::seed_for("site_runtime goes on");
  std::mt19937_64 random{seed};
  const temp_dir undisturbed;
  const auto reference
    = run(undisturbed, {.arguments = {WAYBILL_SAMPLE}}).totals();

  const temp_dir dir;
  const settings rest{.arguments = {"--resume"}};
  {
    auto victim = start(dir, {.arguments = {WAYBILL_SAMPLE}});
    await_recorded(victim, dir, 500);
    victim.signal(SIGKILL);
    REQUIRE(victim.wait() == 128 + SIGKILL);
  }
  // And again while it goes on.
  for (int i = 0; i < 2; ++i) {
    auto victim = start(dir, rest);
    await_start(victim);
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % 200});
    victim.signal(SIGKILL);
    victim.wait();
  }
  const auto last = run(dir, rest);
  CHECK(last.code == 0);
  CHECK(last.says("goes on with calls that are kept"));
  CHECK(last.totals() == reference);
  CHECK(last.says(" no. ")); // it has seen no lines

  const auto nothing = run(dir, rest);
  CHECK(nothing.totals() == reference);
  CHECK(nothing.says("An earlier run had finished all of it"));
}

TEST_CASE("an interrupt of a run that has read its input leaves the rest to "
          "--resume") {
  const temp_dir dir;
  const counting_endpoint server{20ms};
  auto first = start(dir, {.arguments = {"--endpoint", server.url(),
                                         "--concurrency=1", "-"},
                           .input = calls(100)});
  await_recorded(first, dir, 100);
  first.signal(SIGINT);
  const auto x = end_of(first);
  REQUIRE(x.code == 130);
  CHECK(x.totals()["operations"] == 100);
  CHECK(x.says("To go on, run it again with --resume."));

  const auto rest
    = run(dir, {.arguments = {"--endpoint", server.url(), "--resume"}});
  CHECK(rest.code == 0);
  CHECK(rest.totals()["operations"] == 100);
  CHECK(rest.totals()["in_flight"] == 0);
}

TEST_CASE("operations of which no call is kept stay in flight, and that is "
          "said") {
  const temp_dir dir;
  {
    waybill::store_options options;
    options.file = dir / "ops.db";
    waybill::operation_tracking_store store{options};
    waybill::record_enqueue operation;
    operation.id = tracked_operation_id::parse(id_text(1)).value();
    operation.kind = external;
    store.record_enqueue(operation, waybill::timestamp::now());
  }
  const auto x = run(dir, {.arguments = {"--resume"}});
  CHECK(x.code == 0);
  CHECK(x.totals()["operations"] == 1);
  CHECK(x.totals()["in_flight"] == 1);
  CHECK(x.says("No calls are kept of operations in flight: 1."));
  // Its input has the call.
  CHECK(
    run(dir, {.arguments = {"-"}, .input = call_line(1)}).totals()["in_flight"]
    == 0);
}

TEST_CASE("without a database there is nothing to go on with, and none is "
          "made") {
  const temp_dir dir;
  const auto x = run(dir, {.arguments = {"--resume"}});
  CHECK(x.code == 3);
  CHECK(x.out.empty());
  CHECK(x.says((dir / "ops.db") + ": no such file"));
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("bad lines are reported by number and do not stop the rest") {
  const temp_dir dir;
  std::string text = write_line(1); // 1
  text += "not JSON\n";             // 2
  text += "\n";                     // 3
  text += "{\"id\": 1}\n";          // 4
  text += R"({"id":"x","kind":"Database.CachedWrite","row":{}})"
          "\n";                                              // 5
  text += R"({"kind":"Frob","id":")" + id_text(9) + "\"}\n"; // 6
  text += std::string{"{\"kind\": \"\0\"}\n", 14};           // 7
  text += "{\"kind\": \"\xff\"}\n";                          // 8
  text += std::string(10'000'000, 'x') + '\n';               // 9
  text += write_line(1);                                     // 10
  text += write_line(2);                                     // 11
  text.insert(text.size() - 1, "\r");                        // CRLF
  text += R"({"id":")" + id_text(3)
          + R"(","kind":"ExternalSystem.CachedCall","path":"/\u001b[2J"})"
            "\n";                           // 12
  text += std::string(300'000, '[') + '\n'; // 13
  text += write_line(4);                    // 14
  text.pop_back();                          // no last end
  write_file(dir / "in.jsonl", text);

  const auto x = run(dir, {.arguments = {dir / "in.jsonl"}});
  CHECK(x.code == 0);
  CHECK(x.totals()
        == json{{"operations", 3},
                {"delivered", 3},
                {"parked", 0},
                {"failed", 0},
                {"discarded", 0},
                {"in_flight", 0},
                {"lines", 14},
                {"skipped_lines", 11}});
  for (const auto* report :
       {"line 2 skipped: not JSON (byte 2)\n", "line 3 skipped: empty\n",
        "line 4 skipped: kind: is missing\n",
        "line 5 skipped: id: must be an id like ",
        "line 6 skipped: kind: must be ", "line 7 skipped: contains NUL\n",
        "line 8 skipped: not valid UTF-8\n",
        "line 9 skipped: longer than 1048576 bytes\n",
        "line 10 skipped: id: is that of line 1: ",
        "line 12 skipped: path: must be ",
        "line 13 skipped: nested more than 64 levels deep\n"}) {
    CAPTURE(report);
    CHECK(x.says(report));
  }
  CHECK(x.err.find('\x1b') == std::string::npos);
  CHECK(remote_ids(dir) == std::vector{id_text(1), id_text(2), id_text(4)});
}

TEST_CASE("an input of nothing but bad lines or nothing at all ends well") {
  const temp_dir dir;
  for (const auto* input : {"", "\n\n", "x"}) {
    const auto x = run(dir, {.arguments = {"-"}, .input = input});
    CHECK(x.code == 0);
    CHECK(x.totals()["operations"] == 0);
  }
}

TEST_CASE("calls come from standard input too") {
  const temp_dir dir;
  const auto x = run(dir, {.arguments = {"-"}, .input = write_lines(700)});
  CHECK(x.code == 0);
  CHECK(x.totals()["delivered"] == 700);
  CHECK(remote_ids(dir).size() == 700);
}

TEST_CASE("a run with room for a few calls at a time delivers them all") {
  const temp_dir dir;
  const auto x = run(dir, {.arguments = {"--max-calls=3", "-"},
                           .input = write_lines(100)});
  CHECK(x.code == 0);
  CHECK(x.totals()["delivered"] == 100);
}

TEST_CASE("a remote database that is another program's is refused by name") {
  const temp_dir dir;
  const auto file = dir / "ops-remote.db";
  const auto refusal = [&] {
    const auto x = run(dir, {.arguments = {"-"}, .input = write_lines(1)});
    CHECK(x.code == 3);
    const auto begin = "site_runtime: " + file + ": ";
    const auto at = x.err.find(begin);
    CAPTURE(x.err);
    REQUIRE(at != std::string::npos);
    return x.err.substr(at + begin.size());
  };
  const std::string foreign = "is a database of another program\n";

  std::filesystem::create_directory(file);
  CHECK(refusal() == "unable to open database file\n");
  std::filesystem::remove(file);

  for (const std::string& text :
       {std::string{"short"}, std::string(9'000, 'x')}) {
    write_file(file, text);
    CHECK(refusal() == "file is not a database\n");
    CHECK(read_file(file) == text);
  }
  for (const auto* sql :
       {"CREATE TABLE measurement (id)", "PRAGMA application_id = 7",
        "PRAGMA user_version = 77"}) {
    std::filesystem::remove(file);
    {
      waybill::sqlite::connection other{
        file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ""};
      other.exec(sql);
    }
    const auto before = read_file(file);
    CHECK(refusal() == foreign);
    CHECK(read_file(file) == before);
  }
  // An empty file is nobody's, and becomes this program's.
  write_file(file, "");
  for (int i = 0; i < 2; ++i)
    CHECK(run(dir, {.arguments = {"-"}, .input = write_lines(1)}).code == 0);
  CHECK(remote_ids(dir) == std::vector{id_text(0)});
}

TEST_CASE("a log that another program's database has left stays") {
  const temp_dir dir;
  const auto file = dir / "ops-remote.db";
  const auto log = file + "-wal";
  waybill::sqlite::connection other{file,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                    ""};
  other.exec("PRAGMA journal_mode=WAL");
  other.exec("CREATE TABLE others (id)");
  // As after a crash: copies that no connection has open.
  const auto database_bytes = read_file(file);
  const auto log_bytes = read_file(log);
  const temp_dir crashed;
  write_file(crashed / "ops-remote.db", database_bytes);
  write_file(crashed / "ops-remote.db-wal", log_bytes);
  CHECK(run(crashed, {.arguments = {"-"}, .input = write_lines(1)}).code == 3);
  CHECK(read_file(crashed / "ops-remote.db") == database_bytes);
  CHECK(read_file(crashed / "ops-remote.db-wal") == log_bytes);
}

TEST_CASE("a server that is down parks its calls with the reason") {
  const temp_dir dir;
  // Nobody listens on a port that was just given back.
  auto url = std::string{};
  {
    const site_runtime::endpoint gone{{}};
    url = gone.url();
  }
  const auto x = run(dir,
                     {.arguments = {"--endpoint", url, "--max-attempts=2", "-"},
                      .input = calls(5)});
  CHECK(x.code == 0);
  CHECK(x.totals()["parked"] == 5);
  CHECK(x.says("cannot connect to " + url));
}

TEST_CASE("a server that is down is left alone, and its calls wait") {
  const temp_dir dir;
  auto running = start(dir,
                       {.arguments = {"--endpoint=http://127.0.0.1:9",
                                      "--max-attempts=20", "-"},
                        .input = calls(50)},
                       {"--first-delay=2ms", "--max-delay=10ms"});
  const std::string notice
    = "waybill: store-and-forward to external system: too many attempts fail; "
      "none begins for 5s, then one to try: cannot connect to ";
  for (int i = 0; i < 1'000 && running.err().find(notice) == std::string::npos;
       ++i)
    std::this_thread::sleep_for(10ms);
  running.signal(SIGINT);
  const auto x = end_of(running);
  CHECK(x.code == 130);
  CHECK(x.says(notice));
  CHECK(x.totals()["in_flight"] == 50);
}

TEST_CASE("a run of few calls a second takes its time") {
  const temp_dir dir;
  counting_endpoint server;
  const auto began = std::chrono::steady_clock::now();
  const auto x
    = run(dir, {.arguments = {"--endpoint", server.url(), "--max-rate=20", "-"},
                .input = calls(30)});
  CHECK(x.code == 0);
  CHECK(x.totals()["operations"] == 30);
  CHECK(std::chrono::steady_clock::now() - began >= 1s); // 10 at once
}

TEST_CASE("an interrupt stops the run in order and the next one finishes it") {
  for (const auto number : {SIGINT, SIGTERM}) {
    const temp_dir dir;
    auto first = start(dir, {.arguments = {"--rate=100", "-"},
                             .input = write_lines(150)});
    std::this_thread::sleep_for(400ms);
    first.signal(number);
    const auto x = end_of(first);
    CHECK(x.code == 130);
    const auto totals = x.totals();
    CHECK(totals["operations"] < 150);
    CHECK(totals["operations"]
          == totals["delivered"].get<int>() + totals["in_flight"].get<int>());
    CHECK(x.says("Interrupted"));
    CHECK(x.says("run it again"));

    const auto rest = run(dir, {.arguments = {"-"}, .input = write_lines(150)});
    CHECK(rest.code == 0);
    CHECK(rest.totals()["delivered"] == 150);
  }
}

TEST_CASE("an interrupt says what is waited for, and a second one waits no "
          "more") {
  counting_endpoint slow{30s};
  const temp_dir dir;
  auto x
    = start(dir,
            {.arguments = {"--endpoint", slow.url(), "-"}, .input = calls(2)},
            {"--timeout=1min"});
  while (x.is_running() && slow.requests().size() < 2)
    std::this_thread::sleep_for(5ms);
  x.signal(SIGINT);
  const auto says = [&](const std::string& text) {
    for (int i = 0; i < 500 && x.err().find(text) == std::string::npos; ++i)
      std::this_thread::sleep_for(10ms);
    return x.err().find(text) != std::string::npos;
  };
  CHECK(says("Interrupted: waits for 2 attempts that are running"));
  CHECK(x.is_running());
  const auto begun = std::chrono::steady_clock::now();
  x.signal(SIGTERM);
  CHECK(x.wait() == 128 + SIGTERM);
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("the report fits into terminals of all widths") {
  for (const auto columns : std::vector<unsigned short>{60, 80, 120}) {
    CAPTURE(columns);
    const temp_dir dir;
    pseudo_terminal terminal{columns};
    auto running = start(dir, {.arguments = {"--max-attempts=2"},
                               .environment = {"TERM=xterm", "NO_COLOR=1"},
                               .stdout_fd = terminal.get()});
    const auto shown = terminal.shown_by(running);
    CHECK(running.wait() == 0);
    CHECK(shown.find("CachedCall") != std::string::npos);
    CHECK(shown.find("POST /wms/pallets") != std::string::npos);
    std::istringstream lines{shown};
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r'))
        line.pop_back();
      CAPTURE(line);
      if (!line.starts_with('{'))
        CHECK(waybill::cli::width_of(line) <= columns);
    }
  }
}

TEST_CASE("an interrupt is heard while the input is silent") {
  const temp_dir dir;
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  const waybill::test::descriptor from_pipe{ends[0]};
  const waybill::test::descriptor to_pipe{ends[1]};
  auto x = start(dir,
                 {.arguments = {"/dev/fd/" + std::to_string(from_pipe.get())}});
  std::this_thread::sleep_for(300ms);
  CHECK(x.is_running());
  x.signal(SIGINT);
  CHECK(x.wait() == 130);
}

TEST_CASE("the option --status tells what became of one operation") {
  const temp_dir dir;
  auto bad = json::parse(write_line(2));
  bad["row"]["quality"] = "\x1b[2J";
  bad["target_summary"] = "historian\x1b[2J";
  REQUIRE(
    run(dir, {.arguments = {"-"}, .input = write_line(1) + bad.dump() + '\n'})
      .code
    == 0);

  const auto found = run(dir, {.arguments = {"--status", id_text(1)}});
  CHECK(found.code == 0);
  CHECK(found.err.empty());
  CHECK(found.out.starts_with(id_text(1) + '\n'));
  CHECK(found.says("Delivered"));

  const auto escaped = run(dir, {.arguments = {"--status", id_text(2)}});
  CHECK(escaped.code == 0);
  CHECK(escaped.says("Failed"));
  CHECK(escaped.says("historian\\x1B[2J"));
  CHECK(escaped.out.find('\x1b') == std::string::npos);

  const auto as_json = run(dir,
                           {.arguments = {"--status", id_text(2), "--json"}});
  CHECK(as_json.code == 0);
  CHECK(json::parse(as_json.out)["snapshot"]["status"] == "Failed");

  const auto missing = run(dir, {.arguments = {"--status", id_text(3)}});
  CHECK(missing.code == 1);
  CHECK(missing.out.empty());
  CHECK(missing.says("was never recorded"));
  const auto missing_json
    = run(dir, {.arguments = {"--status", id_text(3), "--json"}});
  CHECK(missing_json.code == 1);
  CHECK(json::parse(missing_json.out)
        == json{{"snapshot", nullptr}, {"purged", nullptr}});

  CHECK(run(dir, {.arguments = {"--status", "frob"}}).code == 2);
}

TEST_CASE("the option --status of a missing database does not make one") {
  const temp_dir dir;
  const auto x = run(dir, {.arguments = {"--status", id_text(1), "--json"}});
  CHECK(x.code == 3);
  CHECK(json::parse(x.out)["error"]["code"] == "store_unavailable");
  CHECK(x.err.find("no such file") != std::string::npos);
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("while it runs anyone may ask, but nobody else gets the database") {
  const temp_dir dir;
  auto running = start(dir, {.arguments = {"--rate=50", "-"},
                             .input = write_lines(1'000)});
  await_start(running);

  auto question = run(dir, {.arguments = {"--status", id_text(1)}});
  while (question.code == 1 && running.is_running())
    question = run(dir, {.arguments = {"--status", id_text(1)}});
  CHECK(question.code == 0);
  CHECK(question.out.find(id_text(1)) != std::string::npos);
  const auto second = run(dir, {.arguments = {WAYBILL_SAMPLE}});
  CHECK(second.code == 3);
  CHECK(second.out.empty());
  CHECK(second.says("Another site_runtime is running on it"));

  running.signal(SIGINT);
  const auto x = end_of(running);
  CHECK(x.code == 130);
  const auto totals = x.totals();
  CHECK(totals["operations"]
        == totals["delivered"].get<int>() + totals["in_flight"].get<int>());
}

#ifdef WAYBILL_COMMAND
TEST_CASE("while it runs an operator may look, and act through it") {
  const temp_dir dir;
  const auto waybill = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--db", dir / "ops.db"});
    program x{WAYBILL_COMMAND, {.arguments = words}};
    return end_of(x);
  };
  const auto num_lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };

  // Nobody listens there: external calls are tried for ever. Writes get
  // through.
  std::string lines;
  for (std::uint64_t n = 0; n < 47; ++n)
    lines += call_line(n);
  for (std::uint64_t n = 47; n < 50; ++n)
    lines += write_line(n);
  auto running = start(dir, {.arguments = {"--endpoint=http://127.0.0.1:9",
                                           "--max-attempts=1000", "-"},
                             .input = lines});
  await_start(running);
  const auto waited
    = waybill({"wait", "--json", "--timeout", "30s", "--until-recorded",
               id_text(47), id_text(48), id_text(49)});
  INFO(waited.err);
  REQUIRE(waited.code == 0);
  const auto answer = json::parse(waited.out);
  CHECK(answer["finished"] == true);
  CHECK(answer["operations"][0]["snapshot"]["status"] == "Delivered");
  const auto first = id_text(0);
  CHECK(waybill({"wait", "--timeout", "50ms", first}).code == 4);

  std::map<std::string, std::int64_t> counts;
  const auto counted = waybill({"counts", "--json"});
  CHECK(counted.code == 0);
  const auto rows = json::parse(counted.out)["counts"];
  for (const auto& each : rows)
    counts[each["status"].get<std::string>()]
      += each["operations"].get<std::int64_t>();
  CHECK(counts["Submitted"] + counts["Retrying"] == 47);
  CHECK(counts["Delivered"] == 3);

  const auto all = waybill({"list", "--json", "--all"});
  CHECK(all.code == 0);
  CHECK(num_lines(all.out) == 50);
  const auto in_flight
    = waybill({"list", "--json", "--all", "--status", "in-flight"});
  CHECK(num_lines(in_flight.out) == 47);
  CHECK(waybill({"stuck", "--json", "--for", "1d"}).out.empty());
  const auto checked = waybill({"check"});
  CHECK(checked.code == 0);
  CHECK(checked.says("sound: 50 operations"));
  const auto copied = waybill({"backup", dir / "copy.db"});
  CHECK(copied.code == 0);
  CHECK(waybill::store_reader{dir / "copy.db"}
          .get_status({.id = tracked_operation_id::parse(first).value(),
                       .deadline = std::nullopt})
          .snapshot);

  CHECK(waybill({"purge", "--older-than", "1d"}).says("deleted 0 operations"));
  const auto discarded = waybill({"discard", first, "--reason", "given up"});
  CHECK(discarded.code == 0);
  CHECK(discarded.says("is discarded"));
  const auto refused = waybill({"vacuum"});
  CHECK(refused.code == 3);
  CHECK(refused.out.empty());
  CHECK(refused.says("a running service"));
  CHECK(refused.says("holds " + (dir / "ops.db")));

  running.signal(SIGINT);
  const auto x = end_of(running);
  CHECK(x.code == 130);
  CHECK(x.totals()
        == json{{"operations", 50},
                {"delivered", 3},
                {"parked", 0},
                {"failed", 0},
                {"discarded", 1},
                {"in_flight", 46},
                {"lines", 50},
                {"skipped_lines", 0}});
}
#endif

TEST_CASE("a database that is none is refused and left as it is") {
  const temp_dir dir;
  write_file(dir / "text", "I am no database, but a text.\n");
  for (const auto& file :
       {dir / "text", dir.path().string(), dir / "missing/ops.db"}) {
    CAPTURE(file);
    program x{std::string{WAYBILL_EXAMPLES_DIR} + "/site_runtime",
              {.arguments = {"--db", file, WAYBILL_SAMPLE}}};
    CHECK(x.wait() == 3);
    CHECK(x.out().empty());
    CHECK(x.err().find(file) != std::string::npos);
  }
  CHECK(read_file(dir / "text") == "I am no database, but a text.\n");
}

TEST_CASE("wrong usage is explained") {
  const temp_dir dir;
  const auto complaint = [&](const std::string& word) {
    const auto x = run(dir, {.arguments = {word}});
    CHECK(x.code == 2);
    CHECK(x.out.empty());
    return x.err;
  };
  const auto begins = [&](const std::string& word, const std::string& text) {
    CHECK(complaint(word).starts_with("site_runtime: " + text));
  };
  begins("--frob", "The following argument was not expected: --frob");
  begins("--rate=x", "--rate must be ");
  begins("--endpoint=ftp://x", "--endpoint must begin with http");
  begins("--endpoint=http://:80", "--endpoint must name a host");
  begins("--endpoint=http://a:0", "--endpoint must have a port");
  begins(dir / "missing", "INPUT " + (dir / "missing") + ": No such file");
  begins(dir.path().string(), "INPUT " + dir.path().string());
  CHECK(std::filesystem::is_empty(dir.path()));

  const auto help = run(dir, {.arguments = {"--help"}});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  CHECK(help.out.starts_with("Usage: site_runtime "));
}

TEST_CASE("output that nobody reads is no crash") {
  const temp_dir dir;
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  waybill::test::descriptor from_pipe{ends[0]};
  const waybill::test::descriptor to_pipe{ends[1]};
  from_pipe.reset();
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"-"}, {"--help"}, {"--status", id_text(1)}}) {
    const auto x = run(dir, {.arguments = words,
                             .input = write_line(1),
                             .stdout_fd = to_pipe.get()});
    CHECK(x.code == 4);
  }
  // Neither is a standard error that nobody reads.
  const auto x = run(dir, {.arguments = {"-"},
                           .input = "bad line\n",
                           .stderr_fd = to_pipe.get()});
  CHECK(x.code == 0);
  CHECK(x.totals()["skipped_lines"] == 1);
}

TEST_CASE("a full disk under the report is said") {
  const temp_dir dir;
  const waybill::test::descriptor full{
    ::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  const auto x = run(
    dir, {.arguments = {"-"}, .input = write_line(1), .stdout_fd = full.get()});
  CHECK(x.code == 4);
  CHECK(x.says("standard output: No space left on device"));
}

TEST_CASE("a terminal gets a bar that fits and a pipe plain lines") {
  const settings slow{.arguments = {"--rate=100", "-"},
                      .input = write_lines(130) + "bad line\n",
                      .environment = {"TERM=xterm", "NO_COLOR="}};
  const temp_dir plain_dir;
  const auto plain = run(plain_dir, slow);
  CHECK(plain.says("/130 done: "));
  CHECK(plain.err.find('\r') == std::string::npos);
  CHECK(plain.err.find('\x1b') == std::string::npos);

  for (const auto& [columns, coloured] :
       std::map<unsigned short, bool>{{60, true}, {100, false}}) {
    CAPTURE(columns);
    const temp_dir dir;
    pseudo_terminal terminal{columns};
    auto x = slow;
    x.stderr_fd = terminal.get();
    if (!coloured)
      x.environment = {"TERM=xterm", "NO_COLOR=1"};
    auto running = start(dir, x);
    const auto shown = terminal.shown_by(running);
    CHECK(running.wait() == 0);
    CHECK((shown.find("\x1b[32m") != std::string::npos) == coloured);
    CHECK(shown.find("delivered") != std::string::npos);
    CHECK(shown.find("line 131 skipped: not JSON") != std::string::npos);
    // Each bar begins at `\r` and ends with "erase to the end of the line".
    std::size_t bars = 0;
    std::size_t begin = 0;
    while ((begin = shown.find('\r', begin)) != std::string::npos) {
      const auto end = shown.find("\x1b[K", ++begin);
      if (end == std::string::npos)
        break;
      std::size_t width = 0;
      bool in_sequence = false;
      for (const auto c : shown.substr(begin, end - begin)) {
        in_sequence = in_sequence || c == '\x1b';
        if (!in_sequence)
          width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
        in_sequence = in_sequence && c != 'm';
      }
      if (shown[begin] != '\n')
        CHECK(width < columns);
      bars += width > 0 ? 1 : 0;
    }
    CHECK(bars > 5);
    // Nothing of it reaches the report.
    CHECK(running.out().find('\x1b') == std::string::npos);
  }
}
