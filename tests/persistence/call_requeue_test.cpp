// Calls that are tried again: what a successor is, what is refused, and what
// becomes of both later.

#include <filesystem>

#include "support/calls.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_recovery.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct requeue_fixture : call_fixture {
  requeue_result again(std::uint64_t n,
                       std::optional<std::uint64_t> as = std::nullopt,
                       timestamp now = at(10)) {
    requeue x{.ids = {id_of(n)}};
    if (as)
      x.as = id_of(*as);
    return store.calls().requeue(x, now).results.front();
  }

  // Parked under an order key.
  call_head park_keyed(std::uint64_t n, const std::string& key) {
    const auto head = take_keyed(n, key);
    store.calls().end(end_of(head, tracking_status::parked), at(2));
    return head;
  }

  call_head take_keyed(std::uint64_t n, const std::string& key) {
    auto x = take_of(n);
    x.call.order_key = key;
    return store.calls().take(x, at(1)).head;
  }

  call_head head_of(std::uint64_t n) {
    for (auto& each : store.calls().find({"plant"}, at(99)).heads)
      if (each.id == id_of(n))
        return each;
    FAIL("call " << n << " does not wait");
    return {};
  }

  begin_reply begin(const call_head& x) {
    return store.calls().begin(begin_of(x), at(11));
  }

  void end(std::uint64_t n, tracking_status status = tracking_status::parked) {
    const auto head = head_of(n);
    REQUIRE(begin(head).begun);
    store.calls().end(end_of(head, status), at(12));
  }

  std::uint64_t next_of(const std::string& key) {
    const auto found = store.calls().find_keyed({"plant", key}).heads;
    return found.empty() ? 0 : found.front().id.low() - id_of(0).low();
  }

  call_reply told(std::uint64_t n) {
    return store_reader{options.file}.get_call({id_of(n), std::nullopt});
  }

  void check_is_sound() {
    CHECK(store_reader{options.file}.check()->faults
          == std::vector<std::string>{});
  }

  std::int64_t payloads() {
    return open_reader(options.file).query_int("SELECT count(*) FROM payload");
  }
};

} // namespace

TEST_CASE_METHOD(requeue_fixture,
                 "a parked call that is requeued is a new operation with the "
                 "old payload, and the old one stays as it was",
                 "[calls][promise-4]") {
  auto x = take_of(1, "what is sent");
  x.codec = "zip";
  x.call.priority = 3;
  const auto old = store.calls().take(x, at(1)).head;
  const auto status = GENERATE(tracking_status::parked,
                               tracking_status::failed);
  store.calls().end(end_of(old, status), at(2));
  const auto before = snapshot_of(1);
  const auto done = again(1, 2);
  CHECK(done.outcome == requeue_outcome::requeued);
  CHECK(done.successor == id_of(2));
  CHECK(done.target == "plant");
  CHECK(snapshot_of(1) == before);
  const auto successor = snapshot_of(2);
  REQUIRE(successor);
  CHECK(successor->status == tracking_status::submitted);
  CHECK(successor->retry_count == 0);
  CHECK(successor->kind == before->kind);
  CHECK(successor->target_summary == before->target_summary);
  CHECK(successor->source_node == before->source_node);
  CHECK(successor->created_at == at(10));
  CHECK(waiting()
        == std::vector<std::string>{"2: attempt 1, priority 3, 12 bytes"});
  check_is_sound();
  restart();
  open();
  CHECK(head_of(2).requeued);
  const auto begun = begin(head_of(2));
  REQUIRE(begun.begun);
  CHECK(begun.call.payload == "what is sent");
  CHECK(begun.codec == "zip");
  CHECK(begun.root == id_of(1)); // its idempotency key
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "a payload is not written again when its call is requeued",
                 "[calls]") {
  store.calls().take(take_of(1, std::string(900'000, 'p')), at(1));
  end(1);
  store.maintain();
  const auto before = store.wal_bytes();
  again(1, 2);
  CHECK(store.wal_bytes() - before < 200'000);
}

TEST_CASE_METHOD(requeue_fixture,
                 "what is requeued twice has one successor, and the second "
                 "answer names it",
                 "[calls]") {
  park(1);
  const auto first = again(1);
  REQUIRE(first.successor);
  CHECK((first.successor->high() >> 12U & 0xFU) == 7);
  const auto content_then = content();
  const auto second = again(1, 9);
  CHECK(second.outcome == requeue_outcome::already_requeued);
  CHECK(second.successor == first.successor);
  CHECK(content() == content_then);
  SECTION("also in one request") {
    park(3);
    const auto both
      = store.calls().requeue({.ids = {id_of(3), id_of(3)}}, at(11)).results;
    CHECK(both[0].outcome == requeue_outcome::requeued);
    CHECK(both[1].outcome == requeue_outcome::already_requeued);
    CHECK(both[1].successor == both[0].successor);
  }
  SECTION("also in another process, when that has been delivered") {
    restart();
    open();
    const auto head = store.calls().find({"plant"}, at(20)).heads.front();
    store.calls().begin(begin_of(head), at(20));
    store.calls().end(end_of(head), at(21));
    const auto third = again(1);
    CHECK(third.outcome == requeue_outcome::already_requeued);
    CHECK(third.successor == first.successor);
  }
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "only what is parked or failed and has its payload is "
                 "requeued, and all else is told why not",
                 "[calls]") {
  take(1);
  store.calls().end(end_of(take(2, true)), at(2));
  park(3);
  store.record_terminal(terminal(3, tracking_status::discarded), at(3));
  store.record_enqueue(enqueue(4), at(1));
  store.record_terminal(terminal(4, tracking_status::parked), at(2));
  store.record_enqueue(enqueue(5), at(1));
  store.record_terminal(terminal(5, tracking_status::discarded), at(2));
  auto mortal = take_of(6);
  mortal.call.expires = at(9);
  const auto head = store.calls().take(mortal, at(1)).head;
  store.calls().end(end_of(head, tracking_status::parked), at(2));
  park(7);
  const auto before = calls();
  CHECK(again(1).outcome == requeue_outcome::in_flight);
  CHECK(again(2).outcome == requeue_outcome::delivered);
  CHECK(again(3).outcome == requeue_outcome::no_payload);
  CHECK(again(4).outcome == requeue_outcome::no_payload);
  CHECK(again(5).outcome == requeue_outcome::discarded);
  CHECK(again(6).outcome == requeue_outcome::expired);
  CHECK(again(7, 1).outcome == requeue_outcome::id_is_taken);
  CHECK(again(8).outcome == requeue_outcome::not_found);
  CHECK(calls() == before);
  CHECK(again(6, std::nullopt, at(8)).outcome == requeue_outcome::requeued);
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "the bounds of a target hold for what is requeued",
                 "[calls]") {
  park(1);
  park(2);
  target_bounds bounds;
  bounds.max_calls = 1;
  bounds.max_kept_calls = 1; // of which there are more already
  open(bounds);
  SECTION("while its actor is at work") {}
  SECTION("as it was last opened, when nobody works for it") {
    restart();
  }
  CHECK(again(1, 11).outcome == requeue_outcome::requeued);
  const auto refused = again(2);
  CHECK(refused.outcome == requeue_outcome::overloaded);
  REQUIRE(refused.reason);
  CHECK(refused.reason->find("max_calls is 1") != std::string::npos);
  CHECK(told(2).call);
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "promise 14, order: a call that blocks its key is tried again "
                 "although those behind it fill its target",
                 "[calls][promise-14]") {
  park_keyed(1, "k");
  target_bounds bounds;
  bounds.max_calls = 1;
  bounds.kept_block = true;
  open(bounds);
  take_keyed(2, "k");
  CHECK(again(1, 11).outcome == requeue_outcome::requeued);
  CHECK(next_of("k") == 11);
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "a call can be requeued again and again, and its target knows "
                 "it by the first id",
                 "[calls]") {
  park(1);
  again(1, 2);
  end(2);
  again(2, 3);
  end(3);
  again(3, 4);
  CHECK(payloads() == 1);
  const auto link = told(3).requeue.value();
  CHECK(link.requeue_of == id_of(2));
  CHECK(link.requeued_as == id_of(4));
  CHECK(link.root == id_of(1));
  CHECK(link.generation == 2);
  const auto first = told(1).requeue.value();
  CHECK_FALSE(first.requeue_of);
  CHECK(first.requeued_as == id_of(2));
  CHECK(first.generation == 0);
  CHECK(told(4).requeue.value().generation == 3);
  const auto begun = begin(head_of(4));
  CHECK(begun.root == id_of(1));
  CHECK(begun.call.payload == "payload");
  CHECK_FALSE(told(9).requeue);
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "the payload of a requeued call goes when that is delivered "
                 "or given up",
                 "[calls]") {
  park(1);
  again(1, 2);
  const auto status = GENERATE(tracking_status::delivered,
                               tracking_status::discarded);
  end(2, status);
  CHECK(payloads() == 0);
  CHECK(told(2).requeue.value().requeue_of == id_of(1));
  CHECK(again(2).outcome
        == (status == tracking_status::delivered ? requeue_outcome::delivered
                                                 : requeue_outcome::discarded));
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "a history says that a call was requeued, when and as what",
                 "[calls]") {
  park(1);
  store.calls().requeue(
    {.ids = {id_of(1)}, .as = id_of(2), .reason = "plant is back"}, at(10));
  store_reader reader{options.file};
  const auto told_of = reader.get_history({id_of(1), std::nullopt});
  REQUIRE(told_of.payload_discarded);
  CHECK(told_of.payload_discarded->at == at(10));
  CHECK(told_of.payload_discarded->reason
        == "requeued as " + to_string(id_of(2)) + ": plant is back");
  CHECK(reader.get_payload({id_of(1), std::nullopt}).outcome
        == payload_outcome::requeued);
  CHECK(reader.get_payload({id_of(2), std::nullopt}).payload == "payload");
}

TEST_CASE_METHOD(requeue_fixture,
                 "a purge of the old operation leaves the payload that its "
                 "successor sends",
                 "[calls][promise-12]") {
  park(1);
  again(1, 2);
  CHECK(store.purge_terminal(purge_before(at(20)), at(20)).deleted == 1);
  CHECK_FALSE(snapshot_of(1));
  check_is_sound();
  const auto link = told(2).requeue.value();
  CHECK_FALSE(link.requeue_of);
  CHECK(link.root == id_of(1));
  CHECK(link.generation == 1);
  const auto begun = begin(head_of(2));
  CHECK(begun.call.payload == "payload");
  CHECK(begun.root == id_of(1));
  SECTION("and one of the successor leaves nothing") {
    store.record_terminal(terminal(2, tracking_status::failed), at(13));
    auto purge = purge_before(at(30));
    purge.with_payload = true;
    CHECK(store.purge_terminal(purge, at(30)).deleted == 1);
    CHECK(payloads() == 0);
    auto db = open_reader(options.file);
    CHECK(db.query_int("SELECT count(*) FROM requeue") == 0);
    check_is_sound();
  }
}

TEST_CASE_METHOD(requeue_fixture,
                 "promise 14, order: a requeued call comes before later ones "
                 "of its key that still wait",
                 "[calls][promise-14]") {
  park_keyed(1, "k");
  park_keyed(2, "k");
  const auto third = take_keyed(3, "k");
  take_keyed(4, "other");
  SECTION("in the order of those before, whichever is requeued first") {
    again(2, 12);
    CHECK(next_of("k") == 12);
    again(1, 11);
    CHECK(next_of("k") == 11);
    CHECK(begin(head_of(12)).blocked);
    CHECK(begin(third).blocked);
    end(11, tracking_status::delivered);
    CHECK(next_of("k") == 12);
    end(12, tracking_status::delivered);
    CHECK(next_of("k") == 3);
  }
  SECTION("but not before one that has begun has ended") {
    REQUIRE(begin(third).begun);
    again(1, 11);
    CHECK(next_of("k") == 0);
    CHECK(begin(head_of(11)).blocked);
    store.calls().retry(retry_of(third, at(60)), at(12));
    CHECK(next_of("k") == 11);
    CHECK(begin(head_of(11)).begun);
    CHECK(store.calls().find_keyed({"plant", "k"}).heads.empty());
  }
  SECTION("also when it is requeued for the second time") {
    again(1, 11);
    end(11);
    again(11, 21);
    CHECK(next_of("k") == 21);
    CHECK(begin(third).blocked);
  }
  SECTION("and lets them go on when it is parked once more") {
    again(1, 11);
    end(11);
    CHECK(next_of("k") == 3);
    CHECK(begin(third).begun);
  }
  SECTION("also when parked ones keep their key") {
    target_bounds bounds;
    bounds.kept_block = true;
    open(bounds);
    CHECK(next_of("k") == 0); // the first is parked
    again(1, 11);
    CHECK(next_of("k") == 11);
    end(11);
    CHECK(next_of("k") == 0);
    again(11, 21);
    end(21, tracking_status::delivered);
    CHECK(next_of("k") == 0); // the second is
    again(2, 12);
    end(12, tracking_status::discarded);
    CHECK(next_of("k") == 3);
  }
  restart();
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture,
                 "what is requeued in a batch that is rolled "
                 "back is as it was",
                 "[calls]") {
  park_keyed(1, "k");
  park(2);
  const auto before = calls();
  const auto content_then = content();
  store.begin();
  CHECK(again(1, 11).outcome == requeue_outcome::requeued);
  CHECK(again(2, 12).outcome == requeue_outcome::requeued);
  store.rollback();
  CHECK(calls() == before);
  CHECK(content() == content_then);
  CHECK(waiting().empty());
  CHECK(again(1, 11).outcome == requeue_outcome::requeued);
  check_is_sound();
}

TEST_CASE_METHOD(requeue_fixture, "a request to requeue is bounded",
                 "[calls]") {
  const auto refused = [&](requeue x) {
    return error_of([&] { store.calls().requeue(x, at(1)); });
  };
  CHECK(refused({}).code == errc::invalid_request);
  requeue many;
  many.ids.assign(257, id_of(1));
  CHECK(refused(many).code == errc::invalid_request);
  CHECK(refused({.ids = {id_of(1), id_of(2)}, .as = id_of(3)}).code
        == errc::invalid_request);
  CHECK(refused({.ids = {id_of(1)}, .deadline = at(0)}).code
        == errc::deadline_passed);
  many.ids.pop_back();
  CHECK(store.calls().requeue(many, at(1)).results.size() == 256);
}

TEST_CASE_METHOD(requeue_fixture,
                 "a check of many requeued calls can be interrupted",
                 "[calls]") {
  store.close();
  const auto until_calls = [](std::int64_t done, std::int64_t total) {
    return done < total;
  };
  CHECK(store_reader{options.file}.check(until_calls)); // there are none
  const auto* const rows
    = GENERATE("requeue SELECT x, NULL, 1, zeroblob(16), 1, 1",
               "requeued_key SELECT 1, 'k', 0, x, x");
  {
    auto db = open_writer(options.file);
    db.exec((std::string{"WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL "
                         "SELECT x + 1 FROM n WHERE x < 5000) INSERT INTO "}
             + rows + " FROM n")
              .c_str());
  }
  CHECK_FALSE(store_reader{options.file}.check(until_calls));
}

TEST_CASE_METHOD(requeue_fixture,
                 "a check finds what is wrong with requeued "
                 "calls",
                 "[calls]") {
  park_keyed(1, "k");
  again(1, 2);
  store.close();
  const auto [sql, fault] = GENERATE(table<const char*, const char*>({
    {"DELETE FROM requeue", "has no payload"},
    {"DELETE FROM requeued_key", "the places of requeued calls"},
    {"UPDATE requeued_key SET place = place + 1",
     "the places of requeued calls"},
    {"UPDATE requeue SET predecessor = 4711", "comes before"},
    {"UPDATE requeue SET payload = 4711", "has no payload"},
    {"INSERT INTO requeue VALUES (4711, 4710, 1, zeroblob(16), 1, 1)",
     "has no operation"},
  }));
  CAPTURE(sql);
  {
    auto db = open_writer(options.file);
    db.exec(sql);
  }
  std::string all;
  const auto report = store_reader{options.file}.check().value();
  for (const auto& each : report.faults)
    all += each + "\n";
  CHECK(all.find(fault) != std::string::npos);
}

TEST_CASE_METHOD(requeue_fixture,
                 "a recovery keeps a requeued call, and says so, when it is "
                 "lost of which other one it is the successor",
                 "[calls]") {
  park_keyed(1, "k");
  again(1, 2);
  take_keyed(3, "k");
  store.calls().end(end_of(take(4), tracking_status::failed), at(3));
  again(4, 5);
  end(5);
  again(5, 6); // its payload is where number 4 was recorded
  store.close();
  {
    auto db = open_writer(options.file);
    db.exec("DELETE FROM requeue");
  }
  const auto copy = dir / "copy.db";
  const auto report
    = recover_store(options.file, copy, unproven_rows::copy).value();
  CHECK_FALSE(report.is_whole);
  CHECK(report.calls == 3);
  std::string said;
  for (const auto& each : report.remarks)
    said += each + "\n";
  CHECK(said.find("2 calls were tried again, and it is lost of which")
        != std::string::npos);
  CHECK(said.find("payloads are lost") == std::string::npos);
  store = operation_tracking_store{options_for(copy)};
  open();
  CHECK(store_reader{copy}.check()->faults == std::vector<std::string>{});
  CHECK(next_of("k") == 2);
  for (const auto& [n, root] : {std::pair{2U, 1U}, std::pair{6U, 4U}}) {
    const auto begun = begin(head_of(n));
    CHECK(begun.call.payload == "payload");
    CHECK(begun.root == id_of(root));
  }
}

TEST_CASE_METHOD(requeue_fixture,
                 "of two calls that their target knows as one a recovery keeps "
                 "the later one",
                 "[calls]") {
  take(1);
  take(2);
  take(3);
  store.close();
  open_writer(options.file)
    .exec("UPDATE call SET root = x'00000000000070008000000000000077' "
          "WHERE seq IN (SELECT seq FROM call ORDER BY seq LIMIT 2)");
  const auto copy = dir / "copy.db";
  CHECK(recover_store(options.file, copy).value().calls == 2);
  CHECK(store_reader{copy}.check().value().faults.empty());
  auto db = open_reader(copy);
  CHECK(db.query_int("SELECT count(*) FROM call WHERE root IS NULL") == 1);
  CHECK(
    db.query_int("SELECT max(seq) = (SELECT seq FROM operation ORDER BY seq "
                 "LIMIT 1 OFFSET 1) FROM call WHERE root IS NOT NULL")
    == 1);
}

TEST_CASE_METHOD(requeue_fixture,
                 "requeued calls are in backups and recoveries with their "
                 "payloads and places",
                 "[calls]") {
  park_keyed(1, "k");
  again(1, 2);
  take_keyed(3, "k");
  park(4);
  again(4, 5);
  store.purge_terminal(purge_before(at(20)), at(20));
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
  store = operation_tracking_store{options_for(copy)};
  open();
  CHECK(store_reader{copy}.check()->faults == std::vector<std::string>{});
  CHECK(next_of("k") == 2);
  CHECK(begin(head_of(5)).call.payload == "payload");
  CHECK(begin(head_of(2)).root == id_of(1));
}
