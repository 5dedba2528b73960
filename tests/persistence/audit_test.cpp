// What operators have done: a record of each act, in its transaction.

#include "support/calls.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_recovery.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct audit_fixture : call_fixture {
  // The newest first.
  std::vector<audit_record> audit(const list_audit& x = {}) {
    return store_reader{options.file}.list_audit(x).records;
  }

  // Like `discard by anna: 1 operations: ID: why`, with the numbers of ids.
  std::vector<std::string> texts(const list_audit& x = {}) {
    std::vector<std::string> all;
    for (const auto& each : audit(x))
      all.push_back(to_string(each.verb) + " by " + each.who.value_or("?")
                    + ": " + std::to_string(each.operations) + ": " + each.what
                    + ": " + each.reason.value_or("?"));
    return all;
  }

  discard_reply discard(const std::vector<std::uint64_t>& numbers,
                        std::optional<operator_act> act = std::nullopt,
                        timestamp now = at(10)) {
    discard_many x{.reason = "cancelled", .act = std::move(act)};
    for (const auto n : numbers)
      x.ids.push_back(id_of(n));
    return store.calls().discard(x, now);
  }

  discard_outcome discard_one(std::uint64_t n) {
    return discard({n}).results.front().outcome;
  }

  void check_is_sound() {
    CHECK(store_reader{options.file}.check()->faults
          == std::vector<std::string>{});
  }
};

std::string ids_text(const std::vector<std::uint64_t>& numbers) {
  std::string all;
  for (const auto n : numbers)
    all += (all.empty() ? "" : " ") + to_string(id_of(n));
  return all;
}

operator_act by(const std::string& who) {
  return {.who = who};
}

} // namespace

TEST_CASE_METHOD(
  audit_fixture,
  "each act of an operator is recorded: who has done what, when, "
  "to what and why",
  "[audit]") {
  park(1);
  park(2);
  take(3);
  store.calls().pause({"plant", "anna", "MES is updated"}, at(3));
  store.calls().resume({"plant", "bert", "it is back"}, at(4));
  store.calls().requeue(
    {.ids = {id_of(1)}, .as = id_of(11), .reason = "again", .act = by("carl")},
    at(5));
  discard({2, 3}, by("dora"), at(6));
  auto purge = purge_before(at(9));
  purge.act = by("emil");
  purge.status = tracking_status::discarded;
  CHECK(store.purge_terminal(purge, at(20)).deleted == 1);
  CHECK(texts()
        == std::vector<std::string>{
          "purge by emil: 1: finished before " + to_string(at(9))
            + ", Discarded: ?",
          "discard by dora: 2: " + ids_text({2, 3}) + ": cancelled",
          "requeue by carl: 1: " + ids_text({1}) + ": again",
          "resume by bert: 0: plant: it is back",
          "pause by anna: 0: plant: MES is updated"});
  const auto all = audit();
  CHECK(all[1].at == at(6));
  CHECK(all[1].last_at == at(6));
  CHECK(all[1].last == id_of(3));
  CHECK_FALSE(all[0].last);
  check_is_sound();
  restart();
  CHECK(audit() == all);
}

TEST_CASE_METHOD(audit_fixture,
                 "what changes nothing, or is no operator's, is not in the "
                 "audit",
                 "[audit]") {
  open();
  take(1);
  store.calls().resume({"plant", "anna"}, at(3));
  store.calls().pause({"mill", "anna", "x"}, at(3));
  store.calls().requeue({.ids = {id_of(1)}, .act = by("anna")}, at(3));
  discard({8, 9}, by("anna"));
  auto purge = purge_before(at(9));
  purge.act = by("anna");
  store.purge_terminal(purge, at(9));
  store.record_terminal(terminal(1, tracking_status::discarded), at(4));
  store.purge_terminal(purge_before(at(9)), at(9)); // as retention does
  CHECK(total() == 0);
  CHECK(texts().empty());
}

TEST_CASE_METHOD(audit_fixture,
                 "promise 3: an act and its record are one transaction",
                 "[audit][promise-3]") {
  take(1);
  store.begin();
  discard({1}, by("anna"));
  store.rollback();
  CHECK(texts().empty());
  CHECK(snapshot_of(1)->status == tracking_status::submitted);
  store.begin();
  discard({1}, by("anna"));
  CHECK(texts().empty());
  store.commit();
  CHECK(texts().size() == 1);
}

TEST_CASE_METHOD(audit_fixture,
                 "an act in steps has one record, which grows with each of "
                 "them",
                 "[audit]") {
  for (std::uint64_t n = 1; n <= 4; ++n)
    take(n);
  const operator_act act{id_of(99), "anna", "--status in-flight"};
  discard({1, 2}, act, at(5));
  discard({7}, act, at(6)); // which is not there
  CHECK(audit().front().last_at == at(5));
  discard({2, 3}, act, at(7));
  REQUIRE(texts()
          == std::vector<std::string>{
            "discard by anna: 3: --status in-flight: cancelled"});
  const auto record = audit().front();
  CHECK(record.id == id_of(99));
  CHECK(record.at == at(5));
  CHECK(record.last_at == at(7));
  CHECK(record.last == id_of(3));
  SECTION("by ids it names those of all steps") {
    const operator_act ids{id_of(98), "bert", std::nullopt};
    take(5);
    discard({4}, ids, at(8));
    discard({5}, ids, at(9));
    CHECK(audit().front().what == ids_text({4, 5}));
  }
  SECTION("another verb with its id is another act") {
    park(6);
    store.calls().requeue({.ids = {id_of(6)}, .act = act}, at(8));
    REQUIRE(texts().size() == 2);
    CHECK(audit().front().verb == audit_verb::requeue);
    CHECK(audit().back() == record);
  }
  SECTION("what another does with its id is another act") {
    take(6);
    discard({6}, operator_act{id_of(99), "bert", std::nullopt}, at(8));
    REQUIRE(texts().size() == 2);
    CHECK(texts().front()
          == "discard by bert: 1: " + ids_text({6}) + ": cancelled");
    CHECK(audit().front().id != id_of(99));
    CHECK(audit().back() == record);
  }
  SECTION("a purge deletes in steps, too") {
    auto purge = purge_before(at(99));
    purge.act = operator_act{id_of(97), "carl", "--older-than 7d", "full"};
    auto step = store.purge_chunk(purge, at(100), 2, std::chrono::hours{1});
    CHECK_FALSE(step.finished);
    CHECK(texts().front() == "purge by carl: 2: --older-than 7d: full");
    step = store.purge_chunk(purge, at(101), 2, std::chrono::hours{1});
    CHECK(texts().front() == "purge by carl: 3: --older-than 7d: full");
    CHECK(texts().size() == 2);
  }
  SECTION("also if nobody has given it an id") {
    store.begin();
    for (std::uint64_t n = 1'001; n <= 1'600; ++n) {
      store.record_enqueue(enqueue(n), at(1));
      store.record_terminal(terminal(n), at(2));
    }
    store.commit();
    auto purge = purge_before(at(5));
    purge.act = by("carl");
    CHECK(store.purge_terminal(purge, at(100)).deleted == 600);
    CHECK(texts().size() == 2);
    CHECK(audit().front().operations == 600);
  }
  check_is_sound();
}

TEST_CASE_METHOD(
  audit_fixture,
  "what is done to many is named as far as there is room, and so "
  "is a long reason",
  "[audit]") {
  store.begin();
  for (std::uint64_t n = 1; n <= 300; ++n)
    take(n);
  store.commit();
  discard_many x{.reason = std::string(10'000, 'r'),
                 .act = operator_act{id_of(999), "anna", std::nullopt}};
  for (std::uint64_t n = 1; n <= 256; ++n)
    x.ids.push_back(id_of(n));
  store.calls().discard(x, at(5));
  x.ids = {id_of(300)};
  store.calls().discard(x, at(6));
  const auto record = audit().front();
  CHECK(record.operations == 257);
  CHECK(record.what.size() <= limits::max_audit_text);
  CHECK(record.what.starts_with(to_string(id_of(1)) + " "));
  CHECK(record.what.ends_with(truncation_mark));
  CHECK(record.last == id_of(300));
  CHECK(record.reason == truncate_utf8(*x.reason, limits::max_audit_text));
  check_is_sound();
}

TEST_CASE_METHOD(audit_fixture,
                 "promise 8, bounded: the audit keeps so many records, and "
                 "those recorded first go",
                 "[audit][promise-8]") {
  const auto act_times = [this](int times) {
    for (int i = 0; i < times; ++i) {
      store.calls().pause({"plant", "anna", "x"}, at(i));
      store.calls().resume({"plant", "bert"}, at(i));
    }
  };
  const auto open_with = [this](std::int64_t records) {
    store.close();
    options.audit_records = records;
    store = operation_tracking_store{options};
  };
  open_with(5);
  act_times(10);
  CHECK(audit().size() == 5);
  CHECK(audit().back().at == at(7));
  SECTION("it shrinks when the bound does") {
    open_with(100);
    act_times(45);
    CHECK(audit().size() == 95);
    open_with(1);
    act_times(1);
    CHECK(audit().size() == 1);
  }
  SECTION("with 0 it keeps none, and takes none away") {
    open_with(0);
    act_times(1);
    CHECK(audit().size() == 5);
  }
  check_is_sound();
}

TEST_CASE_METHOD(audit_fixture, "the audit is read by pages, verbs and times",
                 "[audit]") {
  for (int i = 0; i < 5; ++i) {
    store.calls().pause({"plant", "anna", "x"}, at(10 * i));
    store.calls().resume({"plant", "anna"}, at(10 * i));
  }
  list_audit pauses{.verbs = {audit_verb::pause, audit_verb::purge},
                    .from = at(10),
                    .until = at(40)};
  const auto times = [&](const list_audit& x) {
    std::vector<timestamp> all;
    for (const auto& each : audit(x))
      all.push_back(each.at);
    return all;
  };
  CHECK(times(pauses) == std::vector{at(30), at(20), at(10)});
  pauses.order = list_order::oldest_first;
  CHECK(times(pauses) == std::vector{at(10), at(20), at(30)});
  for (const auto order :
       {list_order::newest_first, list_order::oldest_first}) {
    list_audit page{.order = order, .page_size = 3};
    std::vector<audit_record> all;
    store_reader reader{options.file};
    do {
      const auto reply = reader.list_audit(page);
      all.insert(all.end(), reply.records.begin(), reply.records.end());
      page.after = reply.next;
    } while (page.after);
    list_audit whole{.order = order};
    CHECK(all == audit(whole));
    CHECK(all.size() == 10);
  }
  CHECK(error_of([&] { audit({.page_size = 0}); }).code
        == errc::invalid_request);
}

TEST_CASE_METHOD(audit_fixture,
                 "backups and recoveries have the audit, and exports' records "
                 "come back once",
                 "[audit]") {
  take(1);
  discard({1}, by("anna"));
  store.calls().pause({"plant", "bert", "x"}, at(11));
  const auto all = audit();
  SECTION("a backup") {
    const auto copy = dir / "copy.db";
    store_reader{options.file}.backup(copy);
    CHECK(store_reader{copy}.list_audit({}).records == all);
  }
  SECTION("a recovery") {
    store.close();
    const auto copy = dir / "copy.db";
    const auto report = recover_store(options.file, copy).value();
    CHECK(report.is_whole);
    CHECK(store_reader{copy}.list_audit({}).records == all);
    CHECK(store_reader{copy}.check()->faults.empty());
  }
  SECTION("another store") {
    auto x = options_for(dir / "other.db");
    operation_tracking_store other{x};
    for (int times = 0; times < 2; ++times)
      for (const auto& each : all)
        CHECK(other.calls().restore(each) == (times == 0));
    CHECK(store_reader{x.file}.list_audit({}).records == all);
    auto wrong = all.front();
    wrong.who = "";
    CHECK(error_of([&] { other.calls().restore(wrong); }).text
          == "who: must not be empty");
  }
}

TEST_CASE_METHOD(audit_fixture,
                 "promise 11: a check finds records that nobody can have "
                 "stored",
                 "[audit][promise-11]") {
  take(1);
  discard({1}, by("anna"));
  store.close();
  for (const auto* const change :
       {"who = ''", "what = ''", "reason = CAST(x'FF' AS TEXT)",
        "at = 9223372036854775807", "id = zeroblob(16)",
        "what = printf('%.*c', 5000, 'x')",
        "operations = 9223372036854775807"}) {
    CAPTURE(change);
    auto db = open_writer(options.file);
    db.exec("BEGIN");
    db.exec(("UPDATE audit SET " + std::string{change}).c_str());
    db.exec("COMMIT");
    const auto faults = store_reader{options.file}.check()->faults;
    REQUIRE(faults.size() == 1);
    CHECK(faults.front().starts_with("audit: "));
    db.exec("UPDATE audit SET who = 'a', what = 'b', reason = NULL, at = 5, "
            "id = x'01932c07f2a170008000000000000001', operations = 1");
  }
  check_is_sound();
}

// -- the verb that discards ---------------------------------------------------

TEST_CASE_METHOD(audit_fixture,
                 "of many that are discarded, each is done or left alone for "
                 "itself",
                 "[calls][promise-5]") {
  take(1);
  store.record_enqueue(enqueue(2), at(1)); // without a call
  park(3);
  store.record_enqueue(enqueue(4), at(1));
  store.record_terminal(terminal(4, tracking_status::failed), at(2));
  store.calls().end(end_of(take(5)), at(2));
  const auto reply = discard({1, 2, 3, 4, 5, 9, 1});
  using enum discard_outcome;
  const std::vector<discard_result> expected{
    {id_of(1), applied, {}, "plant"},
    {id_of(2), applied, {}, {}},
    {id_of(3), payload_discarded, tracking_status::parked, "plant"},
    {id_of(4), already_terminal, tracking_status::failed, {}},
    {id_of(5), already_terminal, tracking_status::delivered, {}},
    {id_of(9), not_found, {}, {}},
    {id_of(1), already_terminal, tracking_status::discarded, {}}};
  CHECK(reply.results == expected);
  CHECK(snapshot_of(1)->status == tracking_status::discarded);
  CHECK(snapshot_of(1)->last_error == "cancelled");
  CHECK(snapshot_of(3)->status == tracking_status::parked);
  CHECK(waiting().empty());
  CHECK(store.calls().get_target({"plant"}).kept_calls == 0);
  const auto history
    = store_reader{options.file}.get_history({id_of(3), std::nullopt});
  CHECK(history.payload_discarded == payload_discard{at(10), "cancelled"});
  CHECK(discard_one(3) == already_terminal); // there is nothing left
  check_is_sound();
}

TEST_CASE_METHOD(audit_fixture, "a request to discard is bounded", "[calls]") {
  const auto refused = [&](const discard_many& x) {
    return error_of([&] { store.calls().discard(x, at(1)); });
  };
  CHECK(refused({}).code == errc::invalid_request);
  CHECK(refused({.ids = {id_of(1), id_of(2)}}).text
        == "reason: must be there for several ids");
  CHECK(refused({.ids = {id_of(1)}, .deadline = at(0)}).code
        == errc::deadline_passed);
  discard_many many{.reason = "x"};
  many.ids.assign(257, id_of(1));
  CHECK(refused(many).code == errc::invalid_request);
  many.ids.pop_back();
  CHECK(store.calls().discard(many, at(1)).results.size() == 256);
}
