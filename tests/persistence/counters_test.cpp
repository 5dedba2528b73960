// The counters agree with the rows, whatever happens.

#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct counters_fixture : store_fixture {
  // What the counters should say, counted row by row.
  std::vector<status_count> counted() {
    std::vector<status_count> counts;
    auto db = open_reader(options.file);
    auto stmt = db.prepare(
      "SELECT coalesce(text, '(other)') AS k, status, count(*) FROM operation "
      "LEFT JOIN name ON name.id = operation.kind GROUP BY k, status "
      "ORDER BY k, status");
    while (stmt.step())
      counts.push_back({std::string{stmt.text(0)},
                        static_cast<tracking_status>(stmt.integer(1)),
                        stmt.integer(2)});
    return counts;
  }

  void check() { CHECK(store.get_counts().counts == counted()); }
};

} // namespace

TEST_CASE_METHOD(counters_fixture,
                 "counts follow each transition, by kind and status",
                 "[contract]") {
  CHECK(store.get_counts().counts.empty());
  store.record_enqueue(enqueue(1, "a"), at(0));
  store.record_enqueue(enqueue(2, "b"), at(0));
  store.record_enqueue(enqueue(3, "b"), at(0));
  CHECK(store.get_counts().counts
        == std::vector<status_count>{{"a", tracking_status::submitted, 1},
                                     {"b", tracking_status::submitted, 2}});
  store.record_attempt(attempt(2, 1), at(1));
  store.record_attempt(attempt(2, 2), at(2));
  store.record_terminal(terminal(3, tracking_status::parked), at(2));
  CHECK(store.get_counts().counts
        == std::vector<status_count>{{"a", tracking_status::submitted, 1},
                                     {"b", tracking_status::retrying, 1},
                                     {"b", tracking_status::parked, 1}});
  check();
  restart();
  check();
  store.purge_terminal(purge_before(at(3)), at(3));
  check();
  CHECK(total() == 2);
}

TEST_CASE_METHOD(counters_fixture, "what changes nothing is not counted") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_terminal(terminal(1), at(1));
  const auto before = store.get_counts();
  store.record_enqueue(enqueue(1), at(2));
  store.record_attempt(attempt(1, 1), at(2));
  store.record_terminal(terminal(1, tracking_status::failed), at(2));
  store.record_attempt(attempt(2, 1), at(2));
  error_of([&] { store.record_enqueue(enqueue(3, ""), at(2)); });
  CHECK(store.get_counts() == before);
  check();
}

TEST_CASE_METHOD(counters_fixture, "a rollback takes its counts back") {
  store.record_enqueue(enqueue(1, "a"), at(0));
  store.record_enqueue(enqueue(2, "a"), at(0));
  store.record_terminal(terminal(2), at(1));
  const auto before = store.get_counts();
  store.begin();
  store.record_enqueue(enqueue(3, "a"), at(2));
  store.record_enqueue(enqueue(4, "new kind"), at(2));
  store.record_terminal(terminal(1), at(2));
  store.purge_chunk(purge_before(at(2)), at(2), 10, std::chrono::seconds{1});
  CHECK(store.get_counts() != before);
  store.rollback();
  CHECK(store.get_counts() == before);
  check();
  store.record_enqueue(enqueue(5, "another kind"), at(3));
  check();
  restart();
  check();
}

TEST_CASE_METHOD(counters_fixture,
                 "the oldest in flight is known before its transaction ends") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_enqueue(enqueue(2), at(2));
  store.begin();
  store.record_attempt(attempt(1, 1), at(3));
  CHECK(store.get_counts().oldest_in_flight == at(1));
  store.record_terminal(terminal(1), at(4));
  CHECK(store.get_counts().oldest_in_flight == at(2));
  store.record_terminal(terminal(2), at(4));
  CHECK(store.get_counts().oldest_in_flight == std::nullopt);
  store.record_enqueue(enqueue(3), at(5));
  CHECK(store.get_counts().oldest_in_flight == at(5));
  store.commit();
  CHECK(store.get_counts().oldest_in_flight == at(5));
}

TEST_CASE_METHOD(
  counters_fixture,
  "a row that comes and goes in one transaction leaves no count") {
  store.begin();
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, 1), at(0));
  store.record_terminal(terminal(1), at(0));
  store.purge_chunk(purge_before(at(1)), at(1), 10, std::chrono::seconds{1});
  store.commit();
  CHECK(store.get_counts().counts.empty());
  restart();
  CHECK(store.get_counts().counts.empty());
}

TEST_CASE_METHOD(counters_fixture, "asking for counts reads no rows") {
  // Taken away behind the store's back: the counters cannot know.
  for (std::uint64_t n = 1; n <= 10; ++n)
    store.record_enqueue(enqueue(n), at(0));
  store.close();
  open_writer(options.file).exec("DELETE FROM operation WHERE seq > 5");
  store = operation_tracking_store{options};
  CHECK(total() == 10);
}
