// Calls in the file: what a check finds, what older files have, and what they
// cost where there are none.

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "support/calls.hpp"
#include "support/connection_spy.hpp"
#include "support/random_seed.hpp"
#include "waybill/schema.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct call_check_fixture : call_fixture {
  // Calls 1 and 2 wait, one of them for a time, 3 has begun, 4 is parked; 5 is
  // an operation without a call.
  void fill() {
    take(1);
    auto x = take_of(2);
    x.call.due = at(30);
    store.calls().take(x, at(1));
    take(3, true);
    park(4);
    store.record_enqueue(enqueue(5), at(1));
    store.close();
  }

  std::vector<std::string> faults_after(const std::string& sql) {
    {
      auto db = open_writer(options.file);
      db.exec("PRAGMA ignore_check_constraints = ON");
      db.exec(sql.c_str());
    }
    return store_reader{options.file}.check()->faults;
  }
};

// All statements that a connection begins.
class statement_trace {
public:
  explicit statement_trace(sqlite3* db) : db_{db} {
    sqlite3_trace_v2(
      db_, SQLITE_TRACE_STMT,
      [](unsigned, void* self, void* stmt, void*) {
        static_cast<statement_trace*>(self)->all_.emplace_back(
          sqlite3_sql(static_cast<sqlite3_stmt*>(stmt)));
        return 0;
      },
      this);
  }

  ~statement_trace() { sqlite3_trace_v2(db_, 0, nullptr, nullptr); }

  statement_trace(const statement_trace&) = delete;
  statement_trace& operator=(const statement_trace&) = delete;

  [[nodiscard]] const std::vector<std::string>& all() const { return all_; }

  [[nodiscard]] std::size_t mentioning(std::string_view part) const {
    return static_cast<std::size_t>(
      std::ranges::count_if(all_, [&](const std::string& sql) {
        return sql.find(part) != std::string::npos;
      }));
  }

private:
  sqlite3* db_;
  std::vector<std::string> all_;
};

std::string data_file(const std::string& name) {
  return read_file(std::filesystem::path{WAYBILL_SOURCE_DIR} / "tests/data"
                   / name);
}

} // namespace

TEST_CASE_METHOD(call_check_fixture,
                 "promise 11: a check finds whatever is wrong with calls",
                 "[calls][promise-11]") {
  const auto row = GENERATE(table<std::string, std::string>({
    {"DELETE FROM payload WHERE seq = 1", "call 1: has no payload"},
    {"DELETE FROM call WHERE seq = 1", "1 payloads belong to no call"},
    {"INSERT INTO payload VALUES (77, NULL, x'00')",
     "1 payloads belong to no call"},
    {"DELETE FROM operation WHERE seq = 1", "call 1: has no operation"},
    {"UPDATE payload SET bytes = x'00' WHERE seq = 1",
     "call 1: has 1 bytes of payload, and should have 7"},
    {"UPDATE call SET state = 2 WHERE seq = 1",
     "call 1: has state 2, but its operation is Submitted"},
    {"UPDATE call SET state = 0 WHERE seq = 4",
     "call 4: has state 0, but its operation is Parked"},
    {"UPDATE operation SET status = 2 WHERE seq = 3",
     "call 3: has state 1, but its operation is Delivered"},
    {"UPDATE operation SET status = 5 WHERE seq = 4",
     "call 4: has state 2, but its operation is Discarded"},
    {"UPDATE call SET target = 2 WHERE seq = 1",
     "call 1: is for target 2, which there is not"},
    {"UPDATE target SET calls = 2", "target plant: has 2 calls with 21 bytes "
                                    "on their way, but there are 3 calls"},
    {"UPDATE target SET bytes = 22", "with 22 bytes on their way"},
    {"UPDATE target SET kept_calls = 0",
     "has 0 calls with 7 bytes kept, but there are 1 calls"},
    {"UPDATE target SET kept_bytes = 8", "with 8 bytes kept"},
    {"UPDATE target SET number = 2", "has a gap at number 2"},
    {"UPDATE target_bounds SET max_calls = 0",
     "the bounds of target 1: a row holds the bound 0"},
    {"UPDATE target_bounds SET max_kept_bytes = 9223372036854775807",
     "the bound 9223372036854775807"},
    {"UPDATE target_bounds SET number = 2",
     "the bounds of target 2: there is no such target"},
    {"UPDATE call SET state = 3 WHERE seq = 1", "call 1: a row holds the "
                                                "state of a call 3"},
    {"UPDATE call SET attempt = 0 WHERE seq = 1", "the attempt 0"},
    {"UPDATE call SET attempt = 4294967296 WHERE seq = 1",
     "the attempt 4294967296"},
    {"UPDATE call SET interruptions = -1 WHERE seq = 1",
     "the number of interruptions -1"},
    {"UPDATE call SET due = 9223372036854775807 WHERE seq = 1",
     "the due time 9223372036854775807"},
    {"UPDATE call SET expires = -9223372036854775808 WHERE seq = 1",
     "the expiry -9223372036854775808"},
    {"UPDATE call SET priority = 4 WHERE seq = 1", "the priority 4"},
    {"UPDATE call SET bytes = 9223372036854775807 WHERE seq = 1",
     "the size of a payload 9223372036854775807"},
  }));
  const auto& sql = std::get<0>(row);
  const auto& part = std::get<1>(row);
  fill();
  REQUIRE(store_reader{options.file}.check()->faults.empty());
  const auto faults = faults_after(sql);
  CAPTURE(sql, faults);
  CHECK(std::ranges::any_of(faults, [&](const std::string& fault) {
    return fault.find(part) != std::string::npos;
  }));
}

TEST_CASE_METHOD(call_check_fixture,
                 "the file itself refuses calls that no store writes",
                 "[calls]") {
  fill();
  auto db = open_writer(options.file);
  for (const auto* const sql :
       {"UPDATE target SET calls = -1", "UPDATE target SET bytes = -1",
        "UPDATE target SET kept_calls = -1",
        "UPDATE target SET kept_bytes = -1",
        "INSERT INTO target VALUES (2, 'plant', 0, 0, 0, 0)",
        "UPDATE target_bounds SET max_calls = 0",
        "UPDATE target_bounds SET max_bytes = 0",
        "UPDATE target_bounds SET max_kept_calls = 0",
        "UPDATE target_bounds SET max_kept_bytes = NULL",
        "UPDATE call SET state = 3", "UPDATE call SET attempt = 0",
        "UPDATE call SET interruptions = -1", "UPDATE call SET priority = 4",
        "UPDATE call SET root = x'00'", "UPDATE call SET bytes = -1",
        "UPDATE call SET order_key = printf('%0257d', 0)",
        "UPDATE payload SET bytes = NULL",
        "UPDATE payload SET bytes = 'text'"}) {
    const auto e = error_of([&] { db.exec(sql); });
    CAPTURE(sql, e.text);
    CHECK(e.sqlite_code % 256 == SQLITE_CONSTRAINT);
  }
}

TEST_CASE_METHOD(call_check_fixture,
                 "promise 11: counters of targets that cannot be are damage to "
                 "the next owner",
                 "[calls][promise-11]") {
  const auto* const sql
    = GENERATE(as<const char*>{},
               "UPDATE target SET calls = 9223372036854775807",
               "UPDATE target SET bytes = 9223372036854775807",
               "UPDATE target SET kept_calls = -1",
               "UPDATE target SET kept_bytes = -9223372036854775807",
               "UPDATE target SET number = 2", "UPDATE target SET calls = 0");
  fill();
  faults_after(sql);
  CHECK(error_of([&] { operation_tracking_store{options}; }).code
        == errc::store_corrupt);
}

TEST_CASE_METHOD(call_check_fixture,
                 "promise 11: a call without its payload is damage when it is "
                 "to begin",
                 "[calls][promise-11]") {
  const auto* const sql
    = GENERATE(as<const char*>{}, "DELETE FROM payload WHERE seq = 1",
               "UPDATE payload SET bytes = x'00' WHERE seq = 1",
               "UPDATE operation SET status = 2 WHERE seq = 1");
  fill();
  faults_after(sql);
  store = operation_tracking_store{options};
  open();
  const auto before = calls();
  CHECK(error_of([&] {
          store.calls().begin({1, id_of(1), 1}, at(9));
        }).code
        == errc::store_corrupt);
  CHECK(calls() == before);
  CHECK(error_of([&] { store.record_enqueue(enqueue(9), at(9)); }).code
        == errc::store_corrupt);
}

TEST_CASE_METHOD(call_check_fixture,
                 "promise 11: whatever is wrong with calls is answered or is "
                 "damage to everyone who uses them",
                 "[calls][promise-11]") {
  const auto change = GENERATE(values<std::string>(
    {"call SET target = N", "call SET state = N", "call SET attempt = N",
     "call SET interruptions = N", "call SET due = N", "call SET expires = N",
     "call SET priority = N", "call SET bytes = N",
     "call SET seq = N "
     "WHERE seq = 1",
     "payload SET seq = N WHERE seq = 1"}));
  const auto number = GENERATE(values<std::string>(
    {"0", "-1", "2", "99", "9223372036854775807", "-9223372036854775808"}));
  static stride some{"what is wrong with calls"};
  if (!some.takes_next())
    return;
  auto sql = "UPDATE " + change;
  sql.replace(sql.find(" N"), 2, " " + number);
  CAPTURE(sql);
  fill();
  // Some cannot be done.
  error_of([&] { faults_after(sql); });
  const auto answered = [&](auto&& f) {
    const auto e = error_of(f);
    CAPTURE(e.text);
    CHECK((!e.code || e.code == errc::store_corrupt));
  };
  std::optional<operation_tracking_store> owner;
  const auto use = [&](auto&& f) {
    answered([&] {
      owner.reset();
      owner.emplace(options);
      owner->calls().open_target({"plant", {}, 3, {3}}, at(5));
    });
    if (owner)
      answered([&] { f(owner->calls()); });
  };
  use([](auto calls) { calls.find({"plant"}, at(9)); });
  use([](auto calls) { calls.find_due({"plant"}, at(9)); });
  use([](auto calls) { calls.find_keyed({"plant", "key"}); });
  use([](auto calls) { calls.take(take_of(1), at(9)); });
  use([](auto calls) { calls.begin({1, id_of(1), 1}, at(9)); });
  use([](auto calls) { calls.retry({3, id_of(3), 1, {}, {}, {}}, at(9)); });
  use([](auto calls) {
    calls.end({1, id_of(1), 1, tracking_status::delivered, {}, {}}, at(9));
  });
  REQUIRE(owner);
  answered([&] { owner->record_terminal(terminal(2), at(9)); });
  answered([&] { owner->purge_terminal(purge_before(at(20)), at(20)); });
}

TEST_CASE("a store of an older schema version goes on, and takes calls",
          "[calls]") {
  const temp_dir dir;
  const auto file = dir / "ops.db";
  const auto version = GENERATE(range(1, schema_version));
  const auto killed = GENERATE(false, true);
  const auto name = "version_" + std::to_string(version)
                    + (killed ? "_killed.db" : "_stopped.db");
  write_file(file, data_file(name));
  if (killed)
    write_file(file + "-wal", data_file(name + "-wal"));
  CAPTURE(name);
  CHECK(open_reader(file).query_int("PRAGMA user_version") == version);
  const auto before = content_of(file);
  constexpr int first_with_calls = 3;
  const auto calls_before
    = version >= first_with_calls ? calls_in(file) : std::vector<std::string>{};
  CHECK(error_of([&] {
          store_reader{file};
        }).mentions("schema version " + std::to_string(version)));
  {
    operation_tracking_store store{options_for(file)};
    CHECK(content_of(file) == before);
    CHECK(calls_in(file) == calls_before);
    store.calls().open_target({"plant", {}, 3, {}}, at(9));
    // One in flight from before, and a new one.
    const auto reply = store.calls().take(take_of(2), at(9));
    CHECK(reply.outcome == take_outcome::attached);
    CHECK(reply.head.attempt == 4);
    CHECK(store.calls().take(take_of(9), at(9)).outcome == take_outcome::taken);
  }
  CHECK(open_reader(file).query_int("PRAGMA user_version") == schema_version);
  CHECK(store_reader{file}.check()->faults.empty());
  // Bounds are known of those that have been opened since there are any.
  constexpr int first_with_bounds = 4;
  const auto targets = store_reader{file}.list_targets({}, at(9)).targets;
  CHECK(targets.size() > (calls_before.empty() ? 0U : 1U));
  for (const auto& each : targets)
    CHECK(each.max_calls.has_value()
          == (each.name == "plant" || version >= first_with_bounds));
}

TEST_CASE("a store of version 6 that is purged does not say that all is "
          "remembered",
          "[calls]") {
  const temp_dir dir;
  const auto file = dir / "ops.db";
  write_file(file, data_file("version_6_stopped.db"));
  const auto began = timestamp::now() - std::chrono::seconds{1};
  operation_tracking_store store{options_for(file)};
  CHECK(store.purge_terminal(purge_before(max_timestamp), began).deleted > 0);
  auto x = purge_before(max_timestamp);
  x.with_payload = true;
  const auto kept = store.purge_terminal(x, began).deleted;
  const auto remembered = store_reader{file}.tombstones();
  CHECK(remembered.rows >= kept);
  CHECK(remembered.remembered_since >= began);
  CHECK(store_reader{file}.check()->faults.empty());
}

TEST_CASE("no statement walks through all calls but the one that goes on where "
          "it stopped",
          "[calls]") {
  const connection_spy spy;
  store_fixture fixture;
  const auto statements = spy.statements();
  auto db = open_reader(fixture.options.file);
  std::string all;
  for (const auto& sql : statements) {
    auto plan = db.prepare("EXPLAIN QUERY PLAN " + sql);
    while (plan.step()) {
      const std::string step{plan.text(3)};
      CAPTURE(sql, step);
      CHECK_FALSE(step.starts_with("SCAN call"));
      CHECK_FALSE(step.starts_with("SCAN payload"));
      CHECK(step.find("TEMP B-TREE") == std::string::npos);
      all += step + "\n";
    }
  }
  for (const auto* const step :
       {"SEARCH call USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH call USING INDEX call_begun (target=?)",
        "SEARCH call USING INDEX call_scheduled (target=? AND due>?)",
        "SEARCH call USING INDEX call_keyed (target=? AND order_key=? AND "
        "state=?)",
        "SEARCH operation USING COVERING INDEX operation_finished (status=? "
        "AND updated_at>? AND updated_at<?)"}) {
    CAPTURE(step, all);
    CHECK(all.find(step) != std::string::npos);
  }
}

TEST_CASE("without calls nothing looks for them", "[calls]") {
  const connection_spy spy;
  store_fixture fixture;
  auto& store = fixture.store;
  const auto work = [&](std::uint64_t n) {
    store.record_enqueue(enqueue(n), at(0));
    store.record_attempt(attempt(n, 1), at(1));
    store.record_terminal(terminal(n, tracking_status::parked), at(2));
    store.get_status(status_of(n), at(3));
    store.purge_terminal(purge_before(at(9)), at(9));
  };
  work(1); // names, epochs
  {
    const statement_trace trace{spy.get()};
    work(2);
    CHECK(trace.all().size() > 5);
    CHECK(trace.mentioning("call") == 0);
    CHECK(trace.mentioning("payload") == 0);
    // A target's name is a column of operations.
    CHECK(trace.mentioning("UPDATE target") == 0);
  }
  store.calls().open_target({"plant", {}, 3, {}}, at(0));
  const auto head = store.calls().take(take_of(3), at(1)).head;
  {
    const statement_trace trace{spy.get()};
    work(4);
    CHECK(trace.mentioning("FROM call") > 0);
  }
  store.calls().end(end_of(head), at(2));
  const statement_trace trace{spy.get()};
  work(5);
  CHECK(trace.mentioning("call") == 0);
}
