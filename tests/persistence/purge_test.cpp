// Purge: what goes and what stays, in chunks, by index.

#include <chrono>

#include "support/connection_spy.hpp"
#include "support/store_fixture.hpp"
#include "waybill/purge_lot.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct purge_fixture : store_fixture {
  // Operations `first` to `last`, finished a second apart from at(first) on.
  void finish(std::uint64_t first, std::uint64_t last,
              tracking_status status = tracking_status::delivered) {
    store.begin();
    for (auto n = first; n <= last; ++n) {
      store.record_enqueue(enqueue(n), at(0));
      store.record_terminal(terminal(n, status),
                            at(static_cast<std::int64_t>(n)));
    }
    store.commit();
  }
};

} // namespace

TEST_CASE_METHOD(purge_fixture,
                 "promise 9, purge: terminal rows strictly older than the "
                 "threshold go, no others",
                 "[contract][promise-9]") {
  finish(1, 10);
  CHECK(store.purge_terminal(purge_before(at(5)), at(20)).deleted == 4);
  for (std::uint64_t n = 1; n <= 10; ++n)
    CHECK(snapshot_of(n).has_value() == (n >= 5));
  // One microsecond decides.
  const timestamp next{at(5).us() + 1};
  CHECK(store.purge_terminal(purge_before(next), at(20)).deleted == 1);
  CHECK(snapshot_of(5) == std::nullopt);
  CHECK(snapshot_of(6).has_value());
  CHECK(store.purge_terminal(purge_before(next), at(20)).deleted == 0);
}

TEST_CASE_METHOD(purge_fixture,
                 "promise 9, purge: rows in flight stay whatever their age",
                 "[contract][promise-9]") {
  store.record_enqueue(enqueue(1), min_timestamp);
  store.record_enqueue(enqueue(2), min_timestamp);
  store.record_attempt(attempt(2, 1), min_timestamp);
  CHECK(store.purge_terminal(purge_before(max_timestamp), at(0)).deleted == 0);
  restart(); // what is remembered is no proof
  CHECK(snapshot_of(1).has_value());
  CHECK(snapshot_of(2).has_value());
}

TEST_CASE_METHOD(purge_fixture, "a purge goes by the terminal time alone",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(-1'000'000));
  store.record_attempt(attempt(1, 1), at(-1'000'000));
  store.record_terminal(terminal(1), at(10));
  CHECK(store.purge_terminal(purge_before(at(10)), at(20)).deleted == 0);
  CHECK(store.purge_terminal(purge_before(at(11)), at(20)).deleted == 1);
}

TEST_CASE_METHOD(purge_fixture,
                 "a purge leaves what finished before its earliest time") {
  for (std::uint64_t n = 1; n <= 9; ++n) {
    store.record_enqueue(enqueue(n), at(0));
    store.record_terminal(terminal(n), at(static_cast<int>(n)));
  }
  auto x = purge_before(at(8));
  x.not_before = at(3);
  CHECK(store.purge_terminal(x, at(20)).deleted == 5);
  for (const std::uint64_t n : {1U, 2U, 8U, 9U})
    CHECK(snapshot_of(n));
  CHECK(store.remembered().latest == at(9));
  CHECK(store.remembered().oldest_finished.at(0) == at(1));
  CHECK_FALSE(store.remembered().oldest_finished.at(1));
}

TEST_CASE_METHOD(purge_fixture, "a purge of one status leaves the others",
                 "[contract]") {
  for (const auto status : terminal_statuses) {
    const auto n = static_cast<std::uint64_t>(status);
    finish(n, n, status);
  }
  for (const auto status : terminal_statuses) {
    CHECK(count_of(status) == 1);
    CHECK(store.purge_terminal({at(100), status, {}}, at(100)).deleted == 1);
    CHECK(count_of(status) == 0);
  }
  CHECK(total() == 0);
}

TEST_CASE_METHOD(purge_fixture,
                 "a purged id can be recorded anew, as a new operation") {
  finish(1, 1);
  store.purge_terminal(purge_before(at(2)), at(2));
  CHECK(store.record_enqueue(enqueue(1), at(3)).outcome
        == enqueue_outcome::inserted);
  CHECK(snapshot_of(1) == fresh(1, at(3)));
}

TEST_CASE_METHOD(purge_fixture,
                 "operations are found in their rows after the last was purged",
                 "[contract]") {
  options.history = 0; // whose transitions take numbers too
  restart();
  finish(1, 3);
  store.purge_terminal(purge_before(at(4)), at(4));
  store.begin();
  for (std::uint64_t n = 4; n <= 6; ++n)
    store.record_enqueue(enqueue(n), at(5));
  for (std::uint64_t n = 4; n <= 6; ++n)
    CHECK(store.record_attempt(attempt(n, 7), at(6)).outcome
          == update_outcome::applied);
  store.commit();
  restart();
  for (std::uint64_t n = 4; n <= 6; ++n)
    CHECK(snapshot_of(n)->retry_count == 7);
}

TEST_CASE_METHOD(purge_fixture,
                 "promise 9, purge: a chunk takes no more rows than it is "
                 "given",
                 "[promise-9]") {
  finish(1, 300);
  const auto purge_all = purge_before(at(1'000));
  auto step = store.purge_chunk(purge_all, at(1'000), 100, 1h);
  CHECK(step.deleted == 100);
  CHECK_FALSE(step.finished);
  CHECK(count_of(tracking_status::delivered) == 200);
  // The oldest go first.
  CHECK(snapshot_of(100) == std::nullopt);
  CHECK(snapshot_of(101).has_value());
  step = store.purge_chunk(purge_all, at(1'000), 1, 1h);
  CHECK(step.deleted == 1);
  CHECK_FALSE(step.finished);
  step = store.purge_chunk(purge_all, at(1'000), 1'000, 1h);
  CHECK(step.deleted == 199);
  CHECK(step.finished);
}

TEST_CASE_METHOD(purge_fixture,
                 "chunks of any size end, also where all rows just fit") {
  for (const std::int64_t rows : {1, 63, 64, 65, 128, 512}) {
    finish(1, 128);
    std::int64_t deleted = 0;
    int steps = 0;
    for (bool finished = false; !finished; ++steps) {
      REQUIRE(steps < 200);
      const auto step = store.purge_chunk(purge_before(at(1'000)), at(0), rows,
                                          1h);
      deleted += step.deleted;
      finished = step.finished;
      CHECK(step.deleted <= rows);
    }
    CHECK(deleted == 128);
    CHECK(total() == 0);
  }
}

TEST_CASE_METHOD(purge_fixture,
                 "promise 9, purge: a chunk stops when its time is over, but "
                 "gets on",
                 "[promise-9]") {
  finish(1, 1'000);
  const auto step = store.purge_chunk(purge_before(at(2'000)), at(0), 1'000,
                                      0us);
  CHECK(step.deleted > 0);
  CHECK(step.deleted < 1'000);
  CHECK_FALSE(step.finished);
}

TEST_CASE_METHOD(purge_fixture, "a chunk of no rows is refused") {
  finish(1, 10);
  for (const std::int64_t rows : {0, -1, -1'000'000})
    expect_error(errc::invalid_request, "max_rows", [&] {
      store.purge_chunk(purge_before(at(100)), at(0), rows, 1h);
    });
  CHECK(total() == 10);
}

TEST_CASE_METHOD(purge_fixture,
                 "a purge of many rows counts them all, over all statuses") {
  std::uint64_t first = 1;
  for (const auto status : terminal_statuses) {
    finish(first, first + 399, status);
    first += 400;
  }
  store.record_enqueue(enqueue(9'999), at(0));
  CHECK(store.purge_terminal(purge_before(at(5'000)), at(0)).deleted == 1'600);
  CHECK(total() == 1);
  restart();
  CHECK(total() == 1);
  CHECK(content().size() == 7); // five names, the row, its counter
}

TEST_CASE("no statement of the store walks through all operations",
          "[promise-9]") {
  const connection_spy spy;
  store_fixture fixture;
  const auto statements = spy.statements();
  auto db = open_reader(fixture.options.file);
  int with_operations = 0;
  bool purge_by_index = false;
  for (const auto& sql : statements) {
    auto plan = db.prepare("EXPLAIN QUERY PLAN " + sql);
    std::string steps;
    while (plan.step())
      steps += std::string{plan.text(3)} + "\n";
    CAPTURE(sql, steps);
    CHECK(steps.find("SCAN operation") == std::string::npos);
    if (sql.find("operation WHERE id = ") != std::string::npos) {
      ++with_operations;
      CHECK(steps.find("SEARCH operation USING INDEX "
                       "sqlite_autoindex_operation_1 (id=?)")
            != std::string::npos);
    }
    if (sql.starts_with("DELETE FROM operation WHERE seq IN")) {
      purge_by_index = true;
      CHECK(steps.find("USING COVERING INDEX operation_finished (status=? AND "
                       "updated_at>? AND updated_at<?)")
            != std::string::npos);
      // In the index's order: nothing is sorted.
      CHECK(steps.find("TEMP B-TREE") == std::string::npos);
    }
  }
  CHECK(with_operations == 2);
  CHECK(purge_by_index);
}

TEST_CASE("a purge's statements get as many rows as take about their time") {
  using namespace std::chrono_literals;
  purge_lot lot{16};
  CHECK(lot.rows() == 1);
  for (int i = 0; i < 20; ++i)
    lot.fit(100us);
  CHECK(lot.rows() == 8'192 / 33); // histories count
  lot.fit(2ms);
  CHECK(lot.rows() == 8'192 / 33);
  lot.fit(5ms);
  CHECK(lot.rows() == 8'192 / 33 / 2);
  for (int i = 0; i < 20; ++i)
    lot.fit(1s);
  CHECK(lot.rows() == 1); // never none
}
