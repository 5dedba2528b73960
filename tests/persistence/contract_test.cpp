// The contract's verbs, line by line (docs: the store's header).

#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

// -- record_enqueue -----------------------------------------------------------

TEST_CASE_METHOD(store_fixture,
                 "enqueue inserts a row in Submitted with no retries",
                 "[contract]") {
  CHECK(store.record_enqueue(enqueue(1), at(0)).outcome
        == enqueue_outcome::inserted);
  CHECK(snapshot_of(1) == fresh(1, at(0)));
}

TEST_CASE_METHOD(store_fixture, "a duplicate enqueue leaves the row untouched",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  const record_enqueue other{id_of(1),         "another kind",
                             "another target", "another instance",
                             "another script", "another node",
                             std::nullopt};
  CHECK(store.record_enqueue(other, at(1)).outcome
        == enqueue_outcome::duplicate);
  CHECK(snapshot_of(1) == fresh(1, at(0)));
  CHECK(total() == 1);
}

TEST_CASE_METHOD(store_fixture,
                 "a duplicate enqueue resets neither retries nor a terminal "
                 "state",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, 4), at(1));
  const auto retrying = snapshot_of(1);
  CHECK(store.record_enqueue(enqueue(1), at(2)).outcome
        == enqueue_outcome::duplicate);
  CHECK(snapshot_of(1) == retrying);
  store.record_terminal(terminal(1), at(3));
  const auto delivered = snapshot_of(1);
  CHECK(store.record_enqueue(enqueue(1), at(4)).outcome
        == enqueue_outcome::duplicate);
  CHECK(snapshot_of(1) == delivered);
}

// -- record_attempt -----------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "an attempt updates a row in flight",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  CHECK(store.record_attempt(attempt(1, 2), at(5)).outcome
        == update_outcome::applied);
  auto expected = fresh(1, at(0));
  expected.status = tracking_status::retrying;
  expected.retry_count = 2;
  expected.last_error = "503 Service Unavailable";
  expected.http_status = 503;
  expected.updated_at = at(5);
  CHECK(snapshot_of(1) == expected);
}

TEST_CASE_METHOD(store_fixture,
                 "an attempt replaces error and HTTP status, also with none",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, 1), at(1));
  store.record_attempt({id_of(1), tracking_status::retrying, 2, std::nullopt,
                        std::nullopt, std::nullopt},
                       at(2));
  const auto x = snapshot_of(1).value();
  CHECK(x.retry_count == 2);
  CHECK(x.last_error == std::nullopt);
  CHECK(x.http_status == std::nullopt);
}

TEST_CASE_METHOD(store_fixture,
                 "promise 4, idempotency: a late repeat of an earlier attempt "
                 "changes nothing, and the retry count never goes down",
                 "[contract][promise-4]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, 1), at(1));
  store.record_attempt({id_of(1), tracking_status::retrying, 2, "the second",
                        std::nullopt, std::nullopt},
                       at(2));
  const auto before = snapshot_of(1);
  REQUIRE(before->retry_count == 2);
  CHECK(store.record_attempt(attempt(1, 1), at(3)).outcome
        == update_outcome::applied);
  CHECK(snapshot_of(1) == before);
  CHECK(store
          .record_attempt({id_of(1), tracking_status::submitted, 0,
                           std::nullopt, std::nullopt, std::nullopt},
                          at(4))
          .outcome
        == update_outcome::applied);
  CHECK(snapshot_of(1) == before);
  restart();
  CHECK(store.record_attempt(attempt(1, 1), at(5)).outcome
        == update_outcome::applied);
  CHECK(snapshot_of(1) == before);
}

TEST_CASE_METHOD(store_fixture,
                 "an attempt in Submitted leaves the row in Submitted",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  auto x = attempt(1, 1);
  x.status = tracking_status::submitted;
  CHECK(store.record_attempt(x, at(1)).outcome == update_outcome::applied);
  CHECK(snapshot_of(1).value().status == tracking_status::submitted);
  CHECK(snapshot_of(1).value().retry_count == 1);
}

TEST_CASE_METHOD(store_fixture, "Retrying never goes back to Submitted",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, 1), at(1));
  auto x = attempt(1, 2);
  x.status = tracking_status::submitted;
  CHECK(store.record_attempt(x, at(2)).outcome == update_outcome::applied);
  CHECK(snapshot_of(1).value().status == tracking_status::retrying);
  CHECK(snapshot_of(1).value().retry_count == 2);
  CHECK(count_of(tracking_status::submitted) == 0);
  CHECK(count_of(tracking_status::retrying) == 1);
}

TEST_CASE_METHOD(store_fixture,
                 "promise 5, first write wins: a late attempt leaves a "
                 "terminal row untouched",
                 "[contract][promise-5]") {
  for (const auto status : terminal_statuses) {
    const auto n = static_cast<std::uint64_t>(status);
    store.record_enqueue(enqueue(n), at(0));
    store.record_terminal(terminal(n, status), at(1));
    const auto before = content();
    CHECK(store.record_attempt(attempt(n, 9), at(2)).outcome
          == update_outcome::already_terminal);
    CHECK(content() == before);
    CHECK(snapshot_of(n).value().status == status);
  }
}

TEST_CASE_METHOD(store_fixture, "an attempt of an unknown id finds nothing",
                 "[contract]") {
  CHECK(store.record_attempt(attempt(1, 1), at(0)).outcome
        == update_outcome::not_found);
  CHECK(snapshot_of(1) == std::nullopt);
  CHECK(total() == 0);
}

TEST_CASE_METHOD(store_fixture, "an attempt takes no terminal status",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = content();
  for (const auto status : terminal_statuses) {
    auto x = attempt(1, 1);
    x.status = status;
    expect_error(errc::invalid_request, "status",
                 [&] { store.record_attempt(x, at(1)); });
  }
  CHECK(content() == before);
}

// -- record_terminal ----------------------------------------------------------

TEST_CASE_METHOD(store_fixture,
                 "a terminal report flips a row in flight and notes when",
                 "[contract]") {
  for (const auto status : terminal_statuses) {
    const auto n = static_cast<std::uint64_t>(status);
    store.record_enqueue(enqueue(n), at(0));
    if (n % 2 == 0) // both from Submitted and from Retrying
      store.record_attempt(attempt(n, 3), at(1));
    const record_terminal report{id_of(n), status, "the end", 599,
                                 std::nullopt};
    CHECK(store.record_terminal(report, at(2)).outcome
          == update_outcome::applied);
    auto expected = fresh(n, at(0));
    expected.status = status;
    expected.retry_count = n % 2 == 0 ? 3 : 0;
    expected.last_error = "the end";
    expected.http_status = 599;
    expected.updated_at = at(2);
    expected.terminal_at = at(2);
    CHECK(snapshot_of(n) == expected);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "promise 5, first write wins: a second terminal report "
                 "changes nothing",
                 "[contract][promise-5]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_terminal(
    {id_of(1), tracking_status::parked, "first", 503, std::nullopt}, at(1));
  const auto before = content();
  for (const auto status : terminal_statuses)
    CHECK(
      store
        .record_terminal({id_of(1), status, "second", 400, std::nullopt}, at(2))
        .outcome
      == update_outcome::already_terminal);
  CHECK(content() == before);
  restart();
  CHECK(snapshot_of(1).value().last_error == "first");
  CHECK(snapshot_of(1).value().terminal_at == at(1));
}

TEST_CASE_METHOD(store_fixture,
                 "a terminal report of an unknown id finds nothing",
                 "[contract]") {
  CHECK(store.record_terminal(terminal(1), at(0)).outcome
        == update_outcome::not_found);
  CHECK(snapshot_of(1) == std::nullopt);
}

TEST_CASE_METHOD(store_fixture, "a terminal report takes no in-flight status",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = content();
  for (const auto status :
       {tracking_status::submitted, tracking_status::retrying})
    expect_error(errc::invalid_request, "status",
                 [&] { store.record_terminal(terminal(1, status), at(1)); });
  CHECK(content() == before);
}

// -- get_status ---------------------------------------------------------------

TEST_CASE_METHOD(store_fixture,
                 "the status of an id never recorded or purged is none",
                 "[contract]") {
  CHECK(snapshot_of(1) == std::nullopt);
  store.record_enqueue(enqueue(1), at(0));
  store.record_terminal(terminal(1), at(1));
  CHECK(snapshot_of(1).has_value());
  store.purge_terminal(purge_before(at(2)), at(2));
  CHECK(snapshot_of(1) == std::nullopt);
}

TEST_CASE_METHOD(store_fixture, "the status is the latest, of that id alone",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_enqueue(enqueue(2), at(1));
  store.record_attempt(attempt(2, 1), at(2));
  CHECK(snapshot_of(1) == fresh(1, at(0)));
  CHECK(snapshot_of(2).value().retry_count == 1);
}

// -- any verb -----------------------------------------------------------------

TEST_CASE_METHOD(store_fixture,
                 "promise 4, idempotency: repeating any request "
                 "leaves what its first run left",
                 "[promise-4]") {
  const auto twice = [&](const auto& verb) {
    verb();
    const auto once = content();
    verb();
    CHECK(content() == once);
  };
  twice([&] { store.record_enqueue(enqueue(1), at(0)); });
  twice([&] { store.record_attempt(attempt(1, 1), at(1)); });
  twice([&] { store.record_terminal(terminal(1), at(2)); });
  twice([&] { store.purge_terminal(purge_before(at(3)), at(3)); });
}

TEST_CASE_METHOD(store_fixture,
                 "promise 6, linearizability: every answer shows the writes "
                 "before it",
                 "[promise-6]") {
  for (std::uint64_t n = 1; n <= 50; ++n) {
    store.record_enqueue(enqueue(n), at(0));
    CHECK(snapshot_of(n).value().status == tracking_status::submitted);
    store.record_attempt(attempt(n, 1), at(1));
    CHECK(snapshot_of(n).value().status == tracking_status::retrying);
    store.record_terminal(terminal(n), at(2));
    CHECK(snapshot_of(n).value().status == tracking_status::delivered);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "the times of one operation never go back, whatever the clock "
                 "does") {
  store.record_enqueue(enqueue(1), at(100));
  store.record_attempt(attempt(1, 1), at(50));
  CHECK(snapshot_of(1).value().created_at == at(100));
  CHECK(snapshot_of(1).value().updated_at == at(100));
  store.record_attempt(attempt(1, 2), at(120));
  store.record_terminal(terminal(1), at(10));
  CHECK(snapshot_of(1).value().updated_at == at(120));
  CHECK(snapshot_of(1).value().terminal_at == at(120));
  // Another operation has times of its own.
  store.record_enqueue(enqueue(2), timestamp{-1});
  CHECK(snapshot_of(2).value().created_at == timestamp{-1});
  // Retention goes by the terminal time.
  CHECK(store.purge_terminal(purge_before(at(120)), at(0)).deleted == 0);
  CHECK(store.purge_terminal(purge_before(at(121)), at(0)).deleted == 1);
}
