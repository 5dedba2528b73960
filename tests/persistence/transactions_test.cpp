// Transactions: begin, commit, rollback, and verbs that fail between them.

#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

TEST_CASE_METHOD(store_fixture,
                 "promise 3, atomicity: a batch is there as a whole after its "
                 "commit, and not before",
                 "[promise-3]") {
  store.begin();
  CHECK(store.in_transaction());
  for (std::uint64_t n = 1; n <= 10; ++n)
    store.record_enqueue(enqueue(n), at(0));
  // Its own writes show, others' readers see none of them.
  CHECK(snapshot_of(10).has_value());
  CHECK(content().empty());
  store.commit();
  CHECK_FALSE(store.in_transaction());
  auto db = open_reader(options.file);
  CHECK(db.query_int("SELECT count(*) FROM operation") == 10);
}

TEST_CASE_METHOD(store_fixture,
                 "promise 6, linearizability: what was rolled back never shows "
                 "again",
                 "[promise-6]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = content();
  store.begin();
  store.record_enqueue(enqueue(2), at(1));
  store.record_terminal(terminal(1), at(1));
  store.rollback();
  CHECK_FALSE(store.in_transaction());
  CHECK(content() == before);
  CHECK(snapshot_of(1) == fresh(1, at(0)));
  CHECK(snapshot_of(2) == std::nullopt);
  restart();
  CHECK(content() == before);
  // And a repeated request finds what is there, not what was undone.
  CHECK(store.record_enqueue(enqueue(2), at(2)).outcome
        == enqueue_outcome::inserted);
  CHECK(store.record_terminal(terminal(1), at(2)).outcome
        == update_outcome::applied);
}

TEST_CASE_METHOD(store_fixture,
                 "promise 3, atomicity: a refused request in a batch leaves "
                 "the others",
                 "[promise-3]") {
  store.begin();
  store.record_enqueue(enqueue(1), at(0));
  expect_error(errc::invalid_request, "kind",
               [&] { store.record_enqueue(enqueue(2, ""), at(0)); });
  CHECK(store.in_transaction());
  expect_error(errc::invalid_request, "retry_count",
               [&] { store.record_attempt(attempt(1, -1), at(0)); });
  store.record_attempt(attempt(1, 1), at(1));
  store.commit();
  restart();
  CHECK(snapshot_of(1).value().retry_count == 1);
  CHECK(snapshot_of(2) == std::nullopt);
}

TEST_CASE_METHOD(store_fixture,
                 "within a batch each verb sees those before it") {
  store.begin();
  CHECK(store.record_enqueue(enqueue(1), at(0)).outcome
        == enqueue_outcome::inserted);
  CHECK(store.record_enqueue(enqueue(1), at(0)).outcome
        == enqueue_outcome::duplicate);
  CHECK(store.record_terminal(terminal(1), at(1)).outcome
        == update_outcome::applied);
  CHECK(store.record_terminal(terminal(1), at(2)).outcome
        == update_outcome::already_terminal);
  CHECK(store.record_attempt(attempt(2, 1), at(2)).outcome
        == update_outcome::not_found);
  store.commit();
  CHECK(snapshot_of(1).value().terminal_at == at(1));
}

TEST_CASE_METHOD(store_fixture,
                 "what may be undone is known for each operation",
                 "[promise-6]") {
  const auto may_be_undone = [&](std::uint64_t n) {
    return store.may_be_undone(id_of(n));
  };
  for (std::uint64_t n = 1; n <= 3; ++n)
    store.record_enqueue(enqueue(n), at(0));
  CHECK_FALSE(may_be_undone(1)); // no transaction is open
  store.begin();
  store.record_attempt(attempt(1, 1), at(1));
  store.record_enqueue(enqueue(4), at(1));
  CHECK(may_be_undone(1));
  CHECK_FALSE(may_be_undone(2));
  CHECK(may_be_undone(4));
  CHECK_FALSE(may_be_undone(5)); // nor is there such an operation
  store.rollback();
  CHECK_FALSE(may_be_undone(1));
  CHECK_FALSE(may_be_undone(4));

  restart(); // and nothing is in memory
  store.begin();
  store.record_terminal(terminal(1), at(2));
  CHECK(may_be_undone(1));
  CHECK_FALSE(may_be_undone(2));
  store.purge_chunk(purge_before(at(3)), at(3), 10, std::chrono::seconds{10});
  CHECK(may_be_undone(1));
  CHECK_FALSE(may_be_undone(3));
  store.restore({fresh(6, at(0)), {}});
  CHECK(may_be_undone(6));
  store.commit();
  store.begin();
  CHECK_FALSE(may_be_undone(1));
  CHECK_FALSE(may_be_undone(6));
  store.rollback();

  // More than is remembered.
  store.begin();
  for (std::uint64_t n = 100; n < 40'000; ++n)
    store.record_enqueue(enqueue(n), at(4));
  std::uint64_t overlooked = 0;
  for (std::uint64_t n = 100; n < 40'000; ++n)
    overlooked += may_be_undone(n) ? 0U : 1U;
  CHECK(overlooked == 0);
}

TEST_CASE_METHOD(store_fixture,
                 "a store knows whether its last commit has written anything") {
  store.record_enqueue(enqueue(1), t0);
  CHECK(store.has_written());
  store.record_enqueue(enqueue(1), t0);
  CHECK_FALSE(store.has_written());
  store.begin();
  store.record_attempt(attempt(2, 1), t0);
  store.commit();
  CHECK_FALSE(store.has_written());
  store.probe_write();
  CHECK(store.has_written());
}

TEST_CASE_METHOD(store_fixture, "an empty transaction can be committed") {
  store.begin();
  store.commit();
  store.begin();
  store.rollback();
  CHECK(content().empty());
}

TEST_CASE_METHOD(store_fixture,
                 "begin and commit out of order are refused and harmless") {
  CHECK(error_of([&] { store.commit(); }).code == errc::not_stored);
  store.rollback(); // does nothing
  store.begin();
  store.record_enqueue(enqueue(1), at(0));
  CHECK(error_of([&] { store.begin(); }).code == errc::not_stored);
  CHECK(store.in_transaction());
  store.commit();
  CHECK(error_of([&] { store.commit(); }).code == errc::not_stored);
  CHECK(snapshot_of(1).has_value());
}

TEST_CASE_METHOD(store_fixture,
                 "a transaction that is open at the end is rolled back") {
  store.begin();
  store.record_enqueue(enqueue(1), at(0));
  SECTION("by close") {
    store.close();
  }
  SECTION("by the destructor") {
    const auto gone = std::move(store);
  }
  store = operation_tracking_store{options};
  CHECK(snapshot_of(1) == std::nullopt);
  CHECK(total() == 0);
}

TEST_CASE_METHOD(store_fixture, "a closed store refuses every verb") {
  store.record_enqueue(enqueue(1), at(0));
  store.close();
  store.close(); // twice is once
  const auto refused = [](const auto& verb) {
    CHECK(error_of(verb).code == errc::not_stored);
  };
  refused([&] { store.record_enqueue(enqueue(2), at(0)); });
  refused([&] { store.record_attempt(attempt(1, 1), at(0)); });
  refused([&] { store.record_terminal(terminal(1), at(0)); });
  refused([&] { store.get_status(status_of(1), at(0)); });
  refused([&] { store.purge_terminal(purge_before(at(1)), at(0)); });
  refused([&] { store.begin(); });
  refused([&] { store.commit(); });
  refused([&] { store.give_back_space(1); });
  store.rollback();
  store.maintain();
  CHECK_FALSE(store.in_transaction());
  const operation_tracking_store next{options};
}
