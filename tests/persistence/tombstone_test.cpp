// Operations that were purged: what is remembered of them, for how long, and
// what it costs where there is nothing to remember.

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "support/calls.hpp"
#include "support/connection_spy.hpp"
#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_recovery.hpp"
#include "waybill/tombstone_table.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

// An id that tells nothing of its time.
constexpr tracked_operation_id random_id(std::uint64_t n) {
  return {0xf47a'c10b'58cc'4372U, 0xa567'0e02'b2c3'0000U + n};
}

// One of version 7, made `ms` after t0.
constexpr tracked_operation_id id_at(std::int64_t ms) {
  const auto time = static_cast<std::uint64_t>(t0.us() / 1'000 + ms);
  return {time << 16U | 0x7000U, 0x8000'0000'0000'0001U};
}

struct tombstone_fixture : call_fixture {
  // A call that is taken, ends and is purged.
  void bury(const tracked_operation_id& id, timestamp purged_at = at(20),
            tracking_status status = tracking_status::delivered) {
    auto x = take_of(1);
    x.call.id = id;
    const auto head = store.calls().take(x, at(1)).head;
    REQUIRE(head.seq != 0);
    store.calls().end(end_of(head, status), at(2));
    purge(purged_at);
  }

  void bury(std::uint64_t n, timestamp purged_at = at(20)) {
    bury(id_of(n), purged_at);
  }

  std::int64_t purge(timestamp now, bool with_payload = false) {
    auto x = purge_before(at(15));
    x.with_payload = with_payload;
    return store.purge_terminal(x, now).deleted;
  }

  // Many calls that are taken, end and are purged together.
  void bury_all(std::uint64_t count) {
    store.begin();
    for (std::uint64_t n = 1; n <= count; ++n)
      store.calls().end(end_of(take(n)), at(2));
    store.commit();
    purge(at(20));
    REQUIRE(tombstones() == static_cast<std::int64_t>(count));
  }

  std::optional<timestamp> remembered_since() {
    return store_reader{options.file}.tombstones().remembered_since;
  }

  void forget_before(timestamp t, timestamp now = at(90)) {
    auto x = purge_before(min_timestamp);
    x.forget_before = t;
    CHECK(store.purge_terminal(x, now).deleted == 0);
  }

  take_reply again(const tracked_operation_id& id) {
    auto x = take_of(1);
    x.call.id = id;
    return store.calls().take(x, at(30));
  }

  take_outcome again(std::uint64_t n) { return again(id_of(n)).outcome; }

  std::optional<purged_operation> what_was(std::uint64_t n) {
    const auto reply = store.get_status(status_of(n), at(30));
    CHECK_FALSE(reply.snapshot);
    return reply.purged;
  }

  std::int64_t tombstones() {
    return open_reader(options.file)
      .query_int("SELECT next - first FROM tombstone_bounds");
  }

  requeue_result try_again(std::uint64_t n, std::uint64_t as) {
    return store.calls()
      .requeue({.ids = {id_of(n)}, .as = id_of(as)}, at(10))
      .results.front();
  }

  // Call `n` of the store ends.
  void end(std::uint64_t n, tracking_status status) {
    for (const auto& each : store.calls().find({"plant"}, at(99)).heads)
      if (each.id == id_of(n))
        store.calls().end(end_of(each, status), at(12));
  }

  call_reply told(std::uint64_t n) {
    return store_reader{options.file}.get_call({id_of(n), std::nullopt});
  }

  std::vector<std::string> faults() {
    return store_reader{options.file}.check()->faults;
  }
};

constexpr purged_operation delivered_and_purged{tracking_status::delivered,
                                                at(2), at(20)};

} // namespace

TEST_CASE_METHOD(tombstone_fixture,
                 "promise 4, idempotency: a call that was purged is a "
                 "duplicate, is told what it was, and is not taken again",
                 "[calls][promise-4]") {
  const auto status = GENERATE(tracking_status::delivered,
                               tracking_status::parked, tracking_status::failed,
                               tracking_status::discarded);
  bury(id_of(1), at(20), status);
  if (call_table::keeps(status)) {
    CHECK(snapshot_of(1)); // it still holds a payload
    CHECK(purge(at(20), true) == 1);
  }
  if (GENERATE(false, true)) {
    restart();
    open();
  }
  const purged_operation was{status, at(2), at(20)};
  CHECK(again(id_of(1))
        == take_reply{.outcome = take_outcome::duplicate, .purged = was});
  CHECK(what_was(1) == was);
  CHECK(waiting().empty());
  CHECK(total() == 0);
  CHECK(store_reader{options.file}.get_status(status_of(1)).purged == was);
  CHECK(told(1).purged == was);
  CHECK(store_reader{options.file}.tombstones() == tombstone_sums{1, {}});
  CHECK(faults().empty());
}

TEST_CASE_METHOD(tombstone_fixture,
                 "promise 4, idempotency: reports of a call that was purged "
                 "find nothing",
                 "[calls][promise-4]") {
  bury(1);
  CHECK(store.record_attempt(attempt(1, 1), at(30)).outcome
        == update_outcome::not_found);
  CHECK(store.record_terminal(terminal(1), at(30)).outcome
        == update_outcome::not_found);
  CHECK(what_was(1) == delivered_and_purged);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "contract: an operation that is recorded anew after its purge "
                 "is inserted, and counts from then on",
                 "[contract][calls]") {
  bury(1);
  CHECK(store.record_enqueue(enqueue(1), at(30)).outcome
        == enqueue_outcome::inserted);
  const auto reply = store.get_status(status_of(1), at(31));
  CHECK(reply.snapshot == fresh(1, at(30)));
  CHECK_FALSE(reply.purged);
  CHECK(faults().empty());
  // It is in flight, and gets its call.
  CHECK(again(1) == take_outcome::attached);
  CHECK(waiting().size() == 1);
  SECTION("and when that is purged, too, the last purge counts") {
    end(1, tracking_status::failed);
    auto x = purge_before(at(35));
    x.with_payload = true;
    CHECK(store.purge_terminal(x, at(40)).deleted == 1);
    CHECK(what_was(1)
          == purged_operation{tracking_status::failed, at(30), at(40)});
    CHECK(faults().empty());
  }
}

TEST_CASE_METHOD(tombstone_fixture,
                 "only operations with a call are remembered, unless all are "
                 "wanted",
                 "[contract][calls]") {
  const auto all = GENERATE(false, true);
  store.close();
  if (all)
    options.duplicates_of = duplicate_scope::all;
  store = operation_tracking_store{options};
  open();
  store.record_enqueue(enqueue(2), at(1));
  store.record_terminal(terminal(2), at(2));
  bury(1);
  CHECK(total() == 0);
  CHECK(tombstones() == (all ? 2 : 1));
  CHECK(what_was(2).has_value() == all);
  const auto expected = all ? enqueue_outcome::duplicate
                            : enqueue_outcome::inserted;
  CHECK(store.record_enqueue(enqueue(2), at(30)).outcome == expected);
  CHECK(store.record_enqueue(enqueue(1), at(30)).outcome == expected);
  CHECK(total() == (all ? 0 : 2));
  CHECK(store.record_enqueue(enqueue(3), at(30)).outcome
        == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "an operation whose call came later, or was finished by a "
                 "plain report, is remembered",
                 "[calls]") {
  store.record_enqueue(enqueue(1), at(1));
  CHECK(again(1) == take_outcome::attached);
  take(2);
  store.record_terminal(terminal(1), at(2));
  store.record_terminal(terminal(2, tracking_status::discarded), at(2));
  auto x = purge_before(at(40));
  CHECK(store.purge_terminal(x, at(50)).deleted == 2);
  CHECK(again(1) == take_outcome::duplicate);
  CHECK(again(2) == take_outcome::duplicate);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "a parked call that was let go of is remembered, also "
                 "without a history",
                 "[calls]") {
  store.close();
  options.history = GENERATE(0, 16);
  store = operation_tracking_store{options};
  open();
  park(1);
  store.record_terminal(terminal(1, tracking_status::discarded), at(3));
  CHECK(calls().size() == 1); // the target
  CHECK(faults().empty());
  purge(at(20));
  CHECK(what_was(1)
        == purged_operation{tracking_status::parked, at(2), at(20)});
}

TEST_CASE_METHOD(tombstone_fixture,
                 "what was purged is remembered until its window has ended",
                 "[calls]") {
  bury(1, at(20));
  bury(2, at(25));
  forget_before(at(20));
  CHECK(again(1) == take_outcome::duplicate);
  CHECK(store_reader{options.file}.tombstones() == tombstone_sums{2, {}});
  forget_before(at(20) + std::chrono::microseconds{1});
  CHECK_FALSE(what_was(1));
  CHECK(again(2) == take_outcome::duplicate);
  CHECK(store_reader{options.file}.tombstones() == tombstone_sums{1, at(20)});
  CHECK(again(1) == take_outcome::taken);
  restart();
  open();
  CHECK(again(2) == take_outcome::duplicate);
  CHECK(store_reader{options.file}.tombstones() == tombstone_sums{1, at(20)});
  forget_before(max_timestamp);
  CHECK(tombstones() == 0);
  CHECK(again(2) == take_outcome::taken);
  CHECK(faults().empty());
}

TEST_CASE_METHOD(tombstone_fixture,
                 "what bears a time from before the clock was set is not "
                 "forgotten for that",
                 "[calls]") {
  bury(1, min_timestamp + 1h);
  auto x = purge_before(min_timestamp);
  x.forget_before = at(90);
  x.forget_not_before = at(0);
  store.purge_terminal(x, at(90));
  CHECK(again(1) == take_outcome::duplicate);
  x.forget_not_before.reset();
  store.purge_terminal(x, at(90));
  CHECK(again(1) == take_outcome::taken);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "a purge that forgets takes steps that are bounded",
                 "[calls][promise-9]") {
  bury_all(25);
  auto x = purge_before(min_timestamp);
  x.forget_before = at(21);
  std::vector<std::int64_t> left;
  for (bool finished = false; !finished;) {
    const auto step = store.purge_chunk(x, at(90), 10, 1h);
    CHECK(step.has_forgotten);
    finished = step.finished;
    left.push_back(tombstones());
  }
  CHECK(left == std::vector<std::int64_t>{15, 5, 0});
  CHECK_FALSE(store.purge_chunk(x, at(90), 10, 1h).has_forgotten);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "what is forgotten gives its pages back in steps that are "
                 "bounded, and each tells that there may be space",
                 "[calls][promise-9][promise-15]") {
  store.close();
  options.tombstone_runs.page_entries = 1;
  store = operation_tracking_store{options};
  open();
  bury_all(25);
  const auto pages = [&] {
    return open_reader(options.file)
      .query_int("SELECT count(*) FROM tombstone_page");
  };
  auto x = purge_before(min_timestamp);
  x.forget_before = at(21);
  store.purge_chunk(x, at(90), 24, 1h);
  CHECK(pages() == 25); // the run has one that counts
  for (const auto left : {23, 21}) {
    CHECK(store.purge_chunk(x, at(90), 1, 1h).has_forgotten);
    CHECK(pages() == left);
  }
  x.forget_before.reset();
  CHECK(store.purge_chunk(x, at(90), 1, 1h).has_forgotten);
  CHECK(pages() == 20);
}

TEST_CASE_METHOD(store_fixture,
                 "what was added while nothing could be merged makes no step "
                 "longer, and is merged by and by",
                 "[calls][promise-9]") {
  store.close();
  auto db = open_writer(options.file);
  constexpr std::int64_t fresh = 64;
  tombstone_table table{
    {.page_entries = 1, .fan_in = 2, .full = 65'536, .fresh = fresh}};
  table.load(db);
  const auto add = [&](std::int64_t count) {
    for (std::int64_t n = 0; n < count; ++n)
      table.add({id_at(n), {tracking_status::delivered, at(n), at(1)}});
    table.flush();
  };
  const auto listed = [&] {
    return db.query_int("SELECT count(*) FROM tombstone_run");
  };
  db.exec("BEGIN");
  add(100 * fresh);
  db.exec("COMMIT");
  table.on_commit();
  db.exec("BEGIN");
  add(fresh);
  db.exec("ROLLBACK");
  table.on_rollback(false);
  CHECK(listed() == 100);
  db.exec("BEGIN");
  const auto before = db.query_int("SELECT count(*) FROM tombstone_page");
  table.merge();
  // A part of each merge, of which there are six.
  CHECK(db.query_int("SELECT count(*) FROM tombstone_page") - before
        < 8 * (2 * fresh + 64));
  for (int i = 0; i < 200; ++i)
    table.merge();
  CHECK(listed() < 20);
  table.flush();
  db.exec("COMMIT");
  table.on_commit();
  CHECK(table.find(id_at(7)));
  table.close();
}

TEST_CASE_METHOD(store_fixture,
                 "tombstones that fail to be written are a change that has "
                 "begun",
                 "[calls][promise-3]") {
  store.close();
  auto db = open_writer(options.file);
  tombstone_table table{run_sizes{}};
  table.load(db);
  db.exec("BEGIN");
  table.add({id_at(1), {tracking_status::delivered, at(1), at(2)}});
  db.exec("CREATE TEMP TRIGGER fails BEFORE INSERT ON main.tombstone_run "
          "BEGIN SELECT RAISE(ABORT, 'planted'); END");
  const auto before = table.changes_begun();
  CHECK(error_of([&] {
          table.expire({at(30), min_timestamp, at(40)}, 10);
        }).code);
  CHECK(table.changes_begun() != before);
  db.exec("ROLLBACK");
  table.on_rollback(false);
  table.close();
}

TEST_CASE_METHOD(tombstone_fixture,
                 "the bound made lower is reached, in steps that are bounded",
                 "[calls][promise-9][promise-15]") {
  bury_all(100);
  store.close();
  options.max_tombstones = 10;
  store = operation_tracking_store{options};
  auto x = purge_before(min_timestamp);
  x.forget_before = min_timestamp; // all are remembered for ever
  std::vector<std::int64_t> left;
  for (bool finished = false; !finished;) {
    finished = store.purge_chunk(x, at(90), 40, 1h).finished;
    left.push_back(tombstones());
  }
  CHECK(left == std::vector<std::int64_t>{60, 20, 10});
  CHECK(remembered_since() == at(20));
}

TEST_CASE_METHOD(tombstone_fixture,
                 "what was purged while a clock was ahead keeps nothing that "
                 "is due, and goes with it",
                 "[calls][promise-9]") {
  bury(1, at(20));
  for (std::uint64_t n = 2; n <= 80; ++n)
    bury(n, at(20) + 365 * 24h);
  bury(81, at(25));
  bury(82, at(40));
  forget_before(at(30));
  CHECK(tombstones() == 1);
  CHECK(what_was(82));
  CHECK(remembered_since() == at(30));
  CHECK(faults().empty());
}

TEST_CASE_METHOD(tombstone_fixture,
                 "what was purged while a clock was behind makes nothing due "
                 "that was purged before",
                 "[calls][promise-4]") {
  bury(1, at(40));
  bury(2, at(20));
  forget_before(at(30));
  CHECK(tombstones() == 2);
  forget_before(at(41));
  CHECK(tombstones() == 0);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "promise 11: a store some tombstone of which is in no run is "
                 "damaged, and is not opened",
                 "[calls][promise-11]") {
  for (std::uint64_t n = 1; n <= 3; ++n)
    bury(n);
  store.close();
  const auto* const sql
    = GENERATE("DELETE FROM tombstone_run WHERE first = 1",
               "DELETE FROM tombstone_run WHERE first = 2",
               "DELETE FROM tombstone_run WHERE first = 3",
               "UPDATE tombstone_bounds SET next = 5",
               "UPDATE tombstone_bounds SET next = 2000000000000000000",
               "UPDATE tombstone_bounds SET next = 3",
               "UPDATE tombstone_bounds SET next = 2305843009213693952");
  CAPTURE(sql);
  open_writer(options.file).exec(sql);
  CHECK(error_of([&] { operation_tracking_store{options}; }).code
        == errc::store_corrupt);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "a store that has forgotten some of its tombstones, or "
                 "all, is opened again",
                 "[calls]") {
  bury(1, at(20));
  bury(2, at(25));
  forget_before(at(21));
  CHECK(tombstones() == 1);
  restart();
  CHECK(what_was(2));
  forget_before(max_timestamp);
  CHECK(tombstones() == 0);
  restart();
  CHECK_FALSE(what_was(2));
  CHECK(faults().empty());
}

TEST_CASE_METHOD(
  tombstone_fixture,
  "numbers with a gap that someone has made cost no endless work", "[calls]") {
  for (std::uint64_t n = 1; n <= 3; ++n)
    bury(n);
  store.close();
  open_writer(options.file)
    .exec("INSERT INTO tombstone_run SELECT next_run, next, 4000000000, 1, 0, "
          "zeroblob(16), zeroblob(16), x'' FROM tombstone_bounds; "
          "UPDATE tombstone_bounds SET next = 4000000000; "
          "UPDATE purge_time SET tombstones = 3999999997 WHERE first = 3");
  options.max_tombstones = 1;
  store = operation_tracking_store{options};
  auto x = purge_before(min_timestamp);
  x.forget_before = at(30);
  CHECK_FALSE(store.purge_chunk(x, at(90), 2, 1h).finished);
  CHECK_FALSE(what_was(2));
  CHECK(what_was(3));
  CHECK_FALSE(store.purge_chunk(x, at(90), 1'000, 1h).finished);
  CHECK_FALSE(what_was(3));
}

TEST_CASE_METHOD(tombstone_fixture,
                 "past their bound those that were purged first are forgotten, "
                 "and it is told up to when",
                 "[calls][promise-15]") {
  store.close();
  options.max_tombstones = 3;
  store = operation_tracking_store{options};
  open();
  for (std::uint64_t n = 1; n <= 5; ++n)
    bury(n, at(20 + static_cast<std::int64_t>(n)));
  CHECK(tombstones() == 3);
  CHECK_FALSE(what_was(2));
  CHECK(what_was(3));
  stats_reply stats;
  store.calls().describe(stats);
  CHECK(stats.tombstones == 3);
  CHECK(stats.remembered_since == at(22));
  CHECK(faults().empty());
  SECTION("also when it is made lower, step by step") {
    store.close();
    options.max_tombstones = 1;
    store = operation_tracking_store{options};
    forget_before(min_timestamp);
    CHECK(tombstones() == 1);
    CHECK(what_was(5));
  }
  SECTION("and with none nothing is remembered") {
    store.close();
    options.max_tombstones = 0;
    store = operation_tracking_store{options};
    open();
    bury(6, at(50));
    CHECK_FALSE(what_was(6));
    CHECK(remembered_since() == at(50));
  }
}

TEST_CASE_METHOD(tombstone_fixture,
                 "ids of all versions are remembered, and those of version 7 "
                 "that are younger than all need no search, nor do most others",
                 "[calls]") {
  connection_spy spy;
  restart();
  open();
  const auto searches = [&](const tracked_operation_id& id) {
    auto* const db = spy.get();
    int count = 0;
    sqlite3_trace_v2(
      db, SQLITE_TRACE_STMT,
      [](unsigned, void* seen, void* stmt, void*) {
        const std::string sql = sqlite3_sql(static_cast<sqlite3_stmt*>(stmt));
        *static_cast<int*>(seen)
          += sql.find("FROM tombstone_page WHERE") != std::string::npos ? 1 : 0;
        return 0;
      },
      &count);
    const auto reply = again(id);
    sqlite3_trace_v2(db, 0, nullptr, nullptr);
    CHECK(reply.outcome == take_outcome::taken);
    return count;
  };
  CHECK(searches(random_id(1)) == 0); // there are none
  // The version alone does not make it one that bears its time.
  const tracked_operation_id other{
    id_at(5'000).high(), id_at(5'000).low() ^ std::uint64_t{1} << 62U};
  std::uint64_t n = 1;
  for (const auto& id :
       {id_at(1'000), random_id(2), id_at(500), random_id(1'000), other}) {
    auto x = take_of(++n);
    x.call.id = id;
    store.calls().end(end_of(store.calls().take(x, at(1)).head), at(2));
  }
  purge(at(20));
  for (const auto& id :
       {id_at(1'000), random_id(2), id_at(500), random_id(1'000), other})
    CHECK(again(id).outcome == take_outcome::duplicate);
  for (const auto reopened : {false, true}) {
    if (reopened) {
      restart();
      open();
    }
    const auto k = reopened ? 20 : 10;
    CHECK(searches(id_at(1'001 + k)) == 0);
    CHECK(searches(id_at(999 - k)) == 1);
    // The filter of their run tells of most that they are not there.
    int found = 0;
    for (int i = 0; i < 10; ++i)
      found += searches(random_id(static_cast<std::uint64_t>(10 * k + i)));
    CHECK(found <= 1);
    CHECK(again(other).outcome == take_outcome::duplicate);
  }
  CHECK(faults().empty());
}

TEST_CASE_METHOD(tombstone_fixture,
                 "a purge leaves all of its tombstones or none",
                 "[calls][promise-3]") {
  store.calls().end(end_of(take(1)), at(2));
  SECTION("when its batch is rolled back") {
    store.begin();
    CHECK(store.purge_chunk(purge_before(at(15)), at(20), 10, 1h).deleted == 1);
    CHECK(what_was(1) == delivered_and_purged);
    store.rollback();
    CHECK_FALSE(store.get_status(status_of(1), at(30)).purged);
    CHECK(snapshot_of(1));
    CHECK(again(1) == take_outcome::already_terminal);
    purge(at(21));
    CHECK(what_was(1)->purged_at == at(21));
  }
  SECTION("when a batch that forgets is rolled back") {
    purge(at(20));
    auto x = purge_before(min_timestamp);
    x.forget_before = at(21);
    store.begin();
    store.purge_chunk(x, at(30), 10, 1h);
    CHECK_FALSE(what_was(1));
    store.rollback();
    CHECK(again(1) == take_outcome::duplicate);
  }
  restart();
  open();
  CHECK(again(1) == take_outcome::duplicate);
  CHECK(faults().empty());
}

TEST_CASE("a purge of calls that fails in its middle leaves rows or "
          "tombstones, never both and never neither",
          "[calls][promise-2][promise-3]") {
  for (int n = 1;; n += 3) {
    const temp_dir dir;
    fault_vfs vfs;
    vfs.real_syncs = false;
    vfs.real_sleeps = false;
    auto options = options_for(dir / "ops.db");
    options.vfs = vfs.name();
    options.tombstone_runs
      = {.page_entries = 2, .fan_in = 2, .full = 64, .fresh = 3};
    constexpr std::uint64_t count = 30;
    {
      operation_tracking_store store{options};
      store.calls().open_target({"plant", {}, 3, {}}, at(0));
      store.begin();
      for (std::uint64_t i = 1; i <= count; ++i)
        store.calls().end(end_of(store.calls().take(take_of(i), at(1)).head),
                          at(2));
      store.commit();
      bool reached = false;
      vfs.before = fail_call(n, reached);
      error_of([&] {
        for (bool finished = false; !finished;)
          finished
            = store.purge_chunk(purge_before(at(9)), at(20), 7, 1h).finished;
      });
      vfs.heal();
      if (!reached)
        break;
    }
    CAPTURE(n);
    operation_tracking_store store{options};
    std::int64_t left = 0;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto x = store.get_status(status_of(i), at(30));
      CHECK(x.snapshot.has_value() != x.purged.has_value());
      left += x.snapshot ? 1 : 0;
    }
    CHECK(store.purge_terminal(purge_before(at(9)), at(21)).deleted == left);
    CHECK(store_reader{options.file}.check()->faults.empty());
  }
}

namespace {

// Purges, windows, bounds and clocks at random, beside a list.
struct tombstone_model : store_fixture {
  struct entry {
    std::uint64_t n = 0;
    purged_operation was;
  };
  struct state {
    std::vector<entry> entries;
    std::optional<timestamp> forgotten_to;
  };

  static constexpr std::uint64_t ids = 150;
  static constexpr std::int64_t most = 60;

  std::mt19937_64 random{seed_for("tombstones")};
  state now_in;
  state before;
  timestamp now = at(1'000'000);
  std::vector<entry> pending;       // finished, and purged next
  std::optional<store_reader> kept; // knows runs of earlier steps

  tombstone_model() {
    options.synchronous = durability::off;
    options.duplicates_of = duplicate_scope::all;
    options.max_tombstones = most;
    options.tombstone_runs
      = {.page_entries = 3, .fan_in = 2, .full = 32, .fresh = 5};
    restart();
  }

  std::uint64_t any(std::uint64_t n) { return random() % n; }

  static tracked_operation_id some_id(std::uint64_t n) {
    if (n % 2 == 0)
      return id_at(static_cast<std::int64_t>(n));
    const auto x = n * 0x9E37'79B9'7F4A'7C15U;
    return {(x & ~std::uint64_t{0xF000}) | 0x4000U, x ^ x >> 31U};
  }

  void take_away(std::size_t count, timestamp latest) {
    auto& x = now_in;
    for (std::size_t i = 0; i < count; ++i) {
      const auto t = std::min(x.entries[i].was.purged_at, latest);
      x.forgotten_to = std::max(x.forgotten_to.value_or(t), t);
    }
    x.entries.erase(x.entries.begin(),
                    x.entries.begin() + static_cast<std::ptrdiff_t>(count));
  }

  std::optional<purged_operation> what_was(std::uint64_t n) const {
    const auto& all = now_in.entries;
    const auto at = std::find_if(all.rbegin(), all.rend(),
                                 [&](const auto& x) { return x.n == n; });
    return at == all.rend() ? std::nullopt : std::optional{at->was};
  }

  void bury_some() {
    const auto status = static_cast<tracking_status>(2 + any(4));
    for (auto k = 1 + any(9); k > 0; --k) {
      const auto n = any(ids);
      auto x = enqueue(n);
      x.id = some_id(n);
      const auto is_new = store.record_enqueue(x, now).outcome
                          == enqueue_outcome::inserted;
      const auto is_among
        = std::any_of(now_in.entries.begin(), now_in.entries.end(),
                      [&](const auto& each) { return each.n == n; });
      const auto is_here
        = std::any_of(pending.begin(), pending.end(),
                      [&](const auto& each) { return each.n == n; });
      REQUIRE(is_new == !(is_among || is_here));
      if (!is_new)
        continue;
      auto end = terminal(n, status);
      end.id = x.id;
      store.record_terminal(end, now);
      pending.push_back({n, {status, now, now}});
    }
    purge(purge_before(max_timestamp));
    now_in.entries.insert(now_in.entries.end(), pending.begin(), pending.end());
    pending.clear();
    const auto too_many = std::ssize(now_in.entries) - most;
    take_away(static_cast<std::size_t>(std::max<std::int64_t>(0, too_many)),
              max_timestamp);
  }

  void forget_some() {
    auto x = purge_before(min_timestamp);
    x.forget_before = now - std::chrono::seconds{any(300)};
    if (any(2) == 0)
      x.forget_not_before = now - std::chrono::seconds{any(600)};
    std::size_t end = 0;
    const auto& all = now_in.entries;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto at = all[i].was.purged_at;
      if (at >= *x.forget_before && at <= now)
        break;
      if (at < *x.forget_before
          && at >= x.forget_not_before.value_or(min_timestamp))
        end = i + 1;
    }
    purge(x);
    take_away(end, *x.forget_before);
  }

  void purge(const purge_terminal& x) {
    const auto rows = 1 + static_cast<std::int64_t>(any(20));
    while (!store.purge_chunk(x, now, rows, 1h).finished) {
    }
  }

  void move_clock() {
    now = now + std::chrono::seconds{any(20)};
    const auto dice = any(40);
    if (dice == 0)
      now = now + 365 * 24h;
    else if (dice == 1)
      now = now - 365 * 24h;
  }

  void transact() {
    if (!store.in_transaction()) {
      store.begin();
      before = now_in;
    } else if (any(3) == 0) {
      store.rollback();
      now_in = before;
    } else {
      store.commit();
    }
  }

  void restart_somehow() {
    if (store.in_transaction())
      now_in = before;
    if (any(2) == 0)
      store.recover();
    else
      restart();
  }

  void check_all() {
    for (std::uint64_t n = 0; n < ids; ++n) {
      CAPTURE(n);
      REQUIRE(store.get_status({some_id(n), std::nullopt}, now).purged
              == what_was(n));
    }
    if (store.in_transaction())
      return;
    if (!kept || any(8) == 0)
      kept.emplace(options.file);
    auto& reader = *kept;
    REQUIRE(reader.tombstones()
            == tombstone_sums{std::ssize(now_in.entries), now_in.forgotten_to});
    for (std::uint64_t n = 0; n < ids; n += 7)
      REQUIRE(reader.get_status({some_id(n), std::nullopt}).purged
              == what_was(n));
    REQUIRE(reader.check()->faults.empty());
  }

  void step() {
    move_clock();
    const auto dice = any(100);
    if (dice < 50)
      bury_some();
    else if (dice < 65)
      forget_some();
    else if (dice < 90)
      transact();
    else if (dice < 95)
      check_all();
    else if (dice < 98)
      restart_somehow();
  }
};

} // namespace

TEST_CASE_METHOD(tombstone_model,
                 "500 random steps of tombstones do what a simple model says",
                 "[calls][promise-4]") {
  for (int i = 0; i < 500; ++i) {
    CAPTURE(i);
    step();
  }
  if (store.in_transaction())
    store.commit();
  check_all();
}

TEST_CASE_METHOD(store_fixture, "a tombstone takes about 30 bytes", "[calls]") {
  const auto is_random = GENERATE(false, true);
  store.close();
  auto db = open_writer(options.file);
  const auto pages = [&] {
    return db.query_int("PRAGMA page_count")
           - db.query_int("PRAGMA freelist_count");
  };
  const auto before = pages();
  constexpr std::int64_t count = 20'000;
  tombstone_table table{run_sizes{}};
  table.load(db);
  for (std::int64_t n = 0; n < count;) {
    db.exec("BEGIN");
    for (const auto end = n + 500; n < end; ++n)
      table.add({is_random ? tombstone_model::some_id(
                   1 + 2 * static_cast<std::uint64_t>(n))
                           : id_at(n),
                 {tracking_status::delivered, at(n), at(n / 500)}});
    table.merge();
    table.sweep(1'000);
    table.flush();
    db.exec("COMMIT");
    table.on_commit();
  }
  // What is merged is there twice meanwhile.
  db.exec("BEGIN");
  for (int part = 0; part < 400; ++part)
    table.merge();
  table.sweep(1'000);
  table.flush();
  db.exec("COMMIT");
  table.on_commit();
  const auto bytes = 4'096 * (pages() - before);
  CAPTURE(is_random);
  CHECK(bytes / count < 34);
  CHECK(table.find(id_at(count / 2)).has_value() != is_random);
  table.close();
}

// -- successors ---------------------------------------------------------------

TEST_CASE_METHOD(tombstone_fixture,
                 "a call whose successor is purged was requeued all the same",
                 "[calls][requeue]") {
  park(1, at(40));
  REQUIRE(try_again(1, 2).outcome == requeue_outcome::requeued);
  end(2, tracking_status::delivered);
  CHECK(purge(at(20)) == 1);
  if (GENERATE(false, true)) {
    restart();
    open();
  }
  const auto repeated = try_again(1, 3);
  CHECK(repeated.outcome == requeue_outcome::already_requeued);
  CHECK(repeated.successor == id_of(2));
  CHECK(told(1).requeue.value().requeued_as == id_of(2));
  CHECK(store_reader{options.file}.get_payload({id_of(1), std::nullopt}).outcome
        == payload_outcome::requeued);
  CHECK(faults().empty());
  SECTION("also if both are") {
    CHECK(store.purge_terminal(purge_before(at(50)), at(60)).deleted == 1);
    CHECK(
      what_was(1)
      == purged_operation{tracking_status::parked, at(40), at(60), id_of(2)});
    CHECK(open_reader(options.file)
            .query_int("SELECT count(*) FROM purged_successor")
          == 0);
    const auto late = try_again(1, 3);
    CHECK(late.outcome == requeue_outcome::already_requeued);
    CHECK(late.successor == id_of(2));
    CHECK(faults().empty());
  }
  SECTION("and a new call cannot be a successor that was purged") {
    park(7);
    CHECK(try_again(7, 2).outcome == requeue_outcome::id_is_taken);
    CHECK(try_again(7, 8).outcome == requeue_outcome::requeued);
  }
}

TEST_CASE_METHOD(tombstone_fixture,
                 "calls that are purged together with their successors are "
                 "remembered with these",
                 "[calls][requeue]") {
  bury(10); // two are deleted in one statement from then on
  park(1);
  try_again(1, 2);
  end(2, tracking_status::parked);
  try_again(2, 3);
  SECTION("also if the last one is left") {
    CHECK(purge(at(20)) == 2);
    CHECK(what_was(2)->successor == id_of(3));
  }
  SECTION("all of them") {
    end(3, tracking_status::delivered);
    CHECK(purge(at(20)) == 3);
    CHECK(what_was(2)->successor == id_of(3));
    CHECK(what_was(3)->successor == std::nullopt);
  }
  CHECK(what_was(1)->successor == id_of(2));
  CHECK(faults().empty());
}

// -- files --------------------------------------------------------------------

TEST_CASE_METHOD(tombstone_fixture,
                 "what was purged is remembered by backups and recoveries",
                 "[calls]") {
  bury(id_at(700));
  bury(random_id(1), at(21));
  bury(3, at(22));
  auto x = purge_before(min_timestamp);
  x.forget_before = at(21);
  store.purge_terminal(x, at(30));
  park(4, at(40));
  try_again(4, 5);
  end(5, tracking_status::delivered);
  purge(at(23));
  store.close();
  const auto copy = dir / "copy.db";
  SECTION("a backup") {
    store_reader{options.file}.backup(copy);
  }
  SECTION("a recovery") {
    const auto report = recover_store(options.file, copy,
                                      unproven_rows::leave_out);
    CHECK(report.value().is_whole);
  }
  options.file = copy;
  CHECK(faults().empty());
  CHECK(store_reader{copy}.tombstones() == tombstone_sums{3, at(20)});
  store = operation_tracking_store{options};
  open();
  CHECK(again(random_id(1)).purged->purged_at == at(21));
  CHECK(again(3) == take_outcome::duplicate);
  CHECK(again(5) == take_outcome::duplicate);
  CHECK(again(id_at(700)).outcome == take_outcome::taken);
  CHECK(try_again(4, 9).successor == id_of(5));
  store.calls().end(end_of(again(id_of(8)).head), at(31));
  CHECK(store.purge_terminal(purge_before(at(35)), at(36)).deleted == 1);
  CHECK(again(8) == take_outcome::duplicate);
  CHECK(faults().empty());
}

TEST_CASE_METHOD(tombstone_fixture,
                 "a recovery closes gaps, and does not say that all are "
                 "remembered if some may be lost",
                 "[calls][promise-11]") {
  for (std::uint64_t n = 1; n <= 5; ++n)
    bury(n);
  park(6, at(40));
  store.close();
  const auto* const lost = GENERATE("DELETE FROM tombstone_bounds",
                                    "UPDATE tombstone_page SET entries = x'00' "
                                    "WHERE number >> 24 IN (2, 4)");
  CAPTURE(lost);
  {
    auto db = open_writer(options.file);
    db.exec("PRAGMA ignore_check_constraints = ON");
    db.exec(lost);
  }
  const auto copy = dir / "copy.db";
  const auto began = timestamp::now();
  REQUIRE(recover_store(options.file, copy));
  options.file = copy;
  CHECK(faults().empty());
  CHECK(remembered_since() >= began);
  store = operation_tracking_store{options};
  CHECK(what_was(5));
  CHECK(what_was(3));
}

TEST_CASE_METHOD(tombstone_fixture,
                 "promise 11: a check goes on behind a part that cannot be "
                 "read",
                 "[calls][promise-11]") {
  bury(1);
  store.close();
  const auto root = open_reader(options.file)
                      .query_int("SELECT rootpage FROM sqlite_schema "
                                 "WHERE name = 'audit'");
  open_writer(options.file).exec("DELETE FROM tombstone_bounds");
  auto bytes = read_file(options.file);
  std::fill_n(bytes.begin() + (root - 1) * std::ptrdiff_t{4'096}, 4'096, 'x');
  write_file(options.file, bytes);
  std::string all;
  for (const auto& each : faults())
    all += each + "\n";
  CAPTURE(all);
  CHECK(all.find("audit: ") != std::string::npos);
  CHECK(all.find("no bounds of its tombstones") != std::string::npos);
}

TEST_CASE_METHOD(tombstone_fixture,
                 "promise 11: a check finds what is wrong with tombstones",
                 "[calls][promise-11]") {
  for (std::uint64_t n = 1; n <= 3; ++n)
    bury(n);
  park(4);
  store.close();
  const auto [sql, fault] = GENERATE(table<const char*, const char*>({
    {"DELETE FROM tombstone_run WHERE first = 2",
     "tombstones 2 to before 3 are in no run"},
    {"DELETE FROM tombstone_page WHERE number >> 24 = 2",
     "whose page 0 is missing"},
    {"UPDATE tombstone_page SET entries = CAST(substr(entries, 1, 28) || "
     "x'ffffffffffffffff' AS BLOB) WHERE number >> 24 = 1",
     "tombstone 1: a row holds a tombstone that says"},
    {"UPDATE purge_time SET purged_at = 9223372036854775807 WHERE first = 1",
     "purges: a row holds the time 9223372036854775807 of a purge"},
    {"UPDATE purge_time SET tombstones = 2 WHERE first = 1",
     "a purge begins with tombstone 2"},
    {"DELETE FROM purge_time WHERE first = 3",
     "purges end before tombstone 3, but tombstones before 4"},
    {"UPDATE purge_time SET tombstones = 9223372036854775807 WHERE first = 3",
     "purges: a row holds a purge of 9223372036854775807 tombstones"},
    {"UPDATE tombstone_bounds SET youngest = -1",
     "tombstone 1: is younger than the youngest is said to be"},
    {"UPDATE tombstone_bounds SET next = 3",
     "a run of tombstones ends before number 4"},
    {"UPDATE tombstone_bounds SET next_run = 9223372036854775807",
     "tombstones in runs up to 9223372036854775807"},
    {"DELETE FROM tombstone_bounds", "no bounds of its tombstones"},
    {"INSERT INTO purged_successor VALUES (77, zeroblob(16))",
     "1 purged successors are of operations that there are not"},
    {"INSERT INTO tombstone_successor VALUES (2, zeroblob(16), zeroblob(16))",
     "1 successors of tombstones, but 0 tombstones have one"},
    {"UPDATE tombstone_bounds SET first = -7", "tombstones numbered from -7"},
  }));
  CAPTURE(sql);
  {
    auto db = open_writer(options.file);
    db.exec("PRAGMA ignore_check_constraints = ON");
    db.exec(sql);
  }
  std::string all;
  for (const auto& each : faults())
    all += each + "\n";
  CAPTURE(all);
  CHECK(all.find(fault) != std::string::npos);
  // Whoever uses it is answered, or told that it is damaged.
  const auto e = error_of([&] {
    operation_tracking_store owner{options};
    for (std::uint64_t n = 1; n <= 4; ++n)
      owner.get_status(status_of(n), at(30));
    auto x = purge_before(at(30));
    x.forget_before = at(30);
    owner.purge_terminal(x, at(40));
  });
  CHECK((!e.code || e.code == errc::store_corrupt));
}
