// 1,000,000 operations: lists and counts take no longer than with few.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tools/waybill_program.hpp"
#include "waybill/cursor.hpp"
#include "waybill/json.hpp"
#include "waybill/schema.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/store_reader.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;

namespace {

using std::chrono::steady_clock;

constexpr auto page_limit = 50ms;
constexpr auto counts_limit = 5ms;

struct large_store {
  temp_dir dir;
  std::string file = dir / "ops.db";

  // Row by row through the store it would take a minute. Most are Delivered,
  // one of 1,000 each is Parked and Retrying.
  explicit large_store(int rows = 1'000'000) {
    {
      operation_tracking_store store{options_for(file)};
      store.record_enqueue(enqueue(1), at(0));
    }
    const sqlite::sealed_vfs vfs{"", store_application_id};
    sqlite::connection db{file, SQLITE_OPEN_READWRITE, vfs.name()};
    db.exec("PRAGMA synchronous = OFF");
    const auto last = std::to_string(rows);
    db.exec((R"(
      BEGIN;
      WITH RECURSIVE n (n) AS (
        VALUES (2) UNION ALL SELECT n + 1 FROM n WHERE n < )"
             + last + R"()
      INSERT INTO operation
        SELECT n, CAST(printf('%016d', n) AS BLOB),
               CASE n % 1000 WHEN 0 THEN 3 WHEN 1 THEN 1 ELSE 2 END,
               1, 503, created_at + n, created_at + n + 7, kind, target,
               source_instance, source_script, source_node,
               '503 Service Unavailable', 0
        FROM n, operation WHERE seq = 1;
      DELETE FROM counter;
      INSERT INTO counter
        SELECT kind, status, count(*) FROM operation GROUP BY 1, 2;
      COMMIT;
      PRAGMA wal_checkpoint(TRUNCATE))")
              .c_str());
  }
};

template <class F>
steady_clock::duration time_of(F&& f) {
  const auto begin = steady_clock::now();
  f();
  return steady_clock::now() - begin;
}

// The best of some, if the first is too long: machines do other things too.
template <class F>
std::chrono::microseconds best_time_of(F&& f, steady_clock::duration limit) {
  auto best = time_of(f);
  for (int i = 0; i < 20 && best >= limit; ++i)
    best = std::min(best, time_of(f));
  return std::chrono::ceil<std::chrono::microseconds>(best);
}

// From either end, and filtered with an index and without.
std::vector<list_operations> lists() {
  std::vector<list_operations> all(8);
  all[1].order = list_order::oldest_first;
  all[2].filter.statuses = {tracking_status::submitted,
                            tracking_status::retrying};
  all[3].filter.statuses = {tracking_status::parked};
  all[4].filter.statuses = {tracking_status::delivered,
                            tracking_status::parked};
  all[4].filter.terminal_from = at(0) + 500ms;
  all[5].filter.statuses = {tracking_status::delivered};
  all[5].order = list_order::oldest_first;
  all[6].filter.kinds = {"another kind"};
  all[7].filter.error_contains = "no such error";
  for (auto& x : all)
    x.page_size = limits::max_page_size;
  // And from the middle on, where what comes before must not be read again.
  for (std::size_t i = 0, n = all.size(); i < n; ++i) {
    auto x = all[i];
    const auto middle = at(0).us() + 500'007;
    x.cursor = to_cursor({i >= 3 && i <= 5 ? middle : 0, 500'000}, x);
    all.push_back(x);
  }
  return all;
}

} // namespace

TEST_CASE("with 1,000,000 operations a page takes less than 50 ms and counts "
          "less than 5 ms") {
  const large_store store;
  store_reader reader{store.file};
  for (auto request : lists()) {
    CAPTURE(to_json_text(request));
    std::chrono::microseconds slowest{0};
    for (int page = 0; page < 60; ++page) {
      list_reply reply;
      const auto time = best_time_of([&] { reply = reader.list(request); },
                                     page_limit);
      slowest = std::max(slowest, time);
      request.cursor = reply.next_cursor;
      if (!request.cursor)
        break;
    }
    CHECK(slowest < page_limit);
  }
  counts_reply counts;
  CHECK(best_time_of([&] { counts = reader.get_counts(); }, counts_limit)
        < counts_limit);
  std::int64_t all = 0;
  for (const auto& each : counts.counts)
    all += each.operations;
  CHECK(all == 1'000'000);

  // As a person meets them: beside what it takes to start a program.
  const auto run_time = [&](const std::vector<std::string>& arguments,
                            steady_clock::duration limit) {
    return best_time_of(
      [&] { CHECK(run_waybill(store.file, arguments).code == 0); }, limit);
  };
  const auto start = run_time({"schema"}, 0ms);
  for (const auto& filter : {"in-flight", "parked", "delivered", "finished"})
    CHECK(run_time({"list", "--status", filter}, start + page_limit)
          < start + page_limit);
  CHECK(run_time({"list"}, start + page_limit) < start + page_limit);
  CHECK(run_time({"counts"}, start + counts_limit) < start + counts_limit);
}

TEST_CASE("a purge of many goes on where it was stopped") {
  const large_store store{100'000};
  const auto checked = run_waybill(store.file, {"check", "--json"});
  CHECK(checked.code == 0);
  CHECK(checked.json()["operations"] == 100'000);

  auto purge = start_waybill(store.file,
                             {.arguments = {"purge", "--older-than", "1s",
                                            "--status", "delivered"}});
  std::this_thread::sleep_for(100ms);
  purge.signal(SIGINT);
  const auto stopped = end_of(purge);
  CHECK((stopped.code == 130 || stopped.code == 0));
  const auto rest = run_waybill(store.file,
                                {"purge", "--older-than", "1s", "--json"});
  CHECK(rest.code == 0);
  const auto left = run_waybill(store.file, {"counts", "--json"}).json();
  for (const auto& each : left["counts"])
    CHECK((each["status"] == "Submitted" || each["status"] == "Retrying"));
}

TEST_CASE("Ctrl-C on a large store leaves nothing half done") {
  const large_store store{200'000};
  const auto stopped = [&](std::vector<std::string> arguments) {
    auto running = start_waybill(store.file,
                                 {.arguments = std::move(arguments)});
    std::this_thread::sleep_for(150ms);
    running.signal(SIGINT);
    return end_of(running);
  };
  const auto backup = stopped({"backup", store.dir / "copy.db"});
  CHECK(backup.code == 130);
  CHECK(backup.complains("there is no"));
  for (const auto* const suffix : {"", ".part", ".part-wal", ".part-shm"})
    CHECK_FALSE(std::filesystem::exists(store.dir / "copy.db" + suffix));

  const auto check = stopped({"check"});
  CHECK(check.code == 130);
  CHECK(check.out.empty());

  const auto file = store.dir / "all.jsonl";
  const auto first = stopped({"export", "-o", file});
  CHECK(first.code == 130);
  CHECK_FALSE(std::filesystem::exists(file));
  const auto cursor = cursor_in(first.err);
  REQUIRE_FALSE(cursor.empty());
  const auto second = stopped({"export", "-o", file, "--cursor", cursor});
  CHECK(second.code == 130);
  std::string last;
  for (const auto& line : lines_of(read_file(file + ".part"))) {
    const auto id = nlohmann::json::parse(line)["snapshot"]["id"];
    REQUIRE(id > last); // in order, none twice
    last = id;
  }

  // Half of the file is unused then.
  REQUIRE(run_waybill(store.file, {"purge", "--older-than", "1s"}).code == 0);
  const auto vacuum = stopped({"vacuum"});
  CHECK((vacuum.code == 130 || vacuum.code == 0));
  const auto sound = run_waybill(store.file, {"check", "--json"});
  CHECK(sound.code == 0);
}

TEST_CASE("a full disk in the middle of a change leaves the store sound") {
  const large_store store{50'000};
  const auto limited = [&](const std::vector<std::string>& arguments) {
    const auto blocks = std::filesystem::file_size(store.file) / 512 - 64;
    program::setting x{
      .arguments = {"-c",
                    "ulimit -f " + std::to_string(blocks) + "; exec \"$@\"",
                    "sh", WAYBILL_COMMAND, "--db", store.file}};
    x.arguments.insert(x.arguments.end(), arguments.begin(), arguments.end());
    program running{"/bin/sh", x};
    return end_of(running);
  };
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"purge", "--older-than", "1s"},
         {"discard", "30303030-3030-3030-3030-303130303031", "--reason", "x"},
         {"vacuum"}}) {
    CAPTURE(words);
    const auto x = limited(words);
    CHECK((x.code == 0 || x.code == 3));
    if (x.code == 3)
      CHECK(x.complains(store.file));
  }
  CHECK(run_waybill(store.file, {"check"}).code == 0);
}
