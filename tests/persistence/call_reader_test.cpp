// What a reader tells of calls and targets beside the store's owner, or after
// it.

#include "support/calls.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr target_bounds narrow{.max_calls = 4,
                               .max_bytes = 100,
                               .max_kept_calls = 2,
                               .max_kept_bytes = 50};

struct call_reader_fixture : call_fixture {
  std::vector<target_snapshot> targets(timestamp now = at(9)) {
    return store_reader{options.file}.list_targets({}, now).targets;
  }

  target_snapshot target(timestamp now = at(9)) {
    const auto all = targets(now);
    REQUIRE(all.size() == 1);
    return all.front();
  }

  call_reply call(std::uint64_t n) {
    return store_reader{options.file}.get_call({id_of(n), {}});
  }

  payload_reply payload(std::uint64_t n) {
    return store_reader{options.file}.get_payload({id_of(n), {}});
  }

  // Takes call n, due or with another target or payload.
  call_head take_other(std::uint64_t n, const std::string& target,
                       const std::string& bytes = "payload") {
    auto x = take_of(n, bytes);
    x.target = target;
    return store.calls().take(x, at(static_cast<std::int64_t>(n))).head;
  }

  call_head take_due(std::uint64_t n, timestamp due) {
    auto x = take_of(n);
    x.call.due = due;
    return store.calls().take(x, at(static_cast<std::int64_t>(n))).head;
  }

  void change(const std::string& sql) {
    store.close();
    auto db = open_writer(options.file);
    db.exec("PRAGMA ignore_check_constraints = ON");
    db.exec(sql.c_str());
  }
};

} // namespace

// -- targets ------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture,
                 "a store that has never kept a call has no targets",
                 "[calls][reader]") {
  store.record_enqueue(enqueue(1), at(1));
  CHECK(store_reader{options.file}.list_targets({}, at(9)).targets.empty());
}

TEST_CASE_METHOD(call_reader_fixture,
                 "a target without calls is told with its bounds",
                 "[calls][reader]") {
  open(narrow);
  CHECK(target()
        == target_snapshot{.name = "plant",
                           .max_calls = 4,
                           .max_bytes = 100,
                           .max_kept_calls = 2,
                           .max_kept_bytes = 50});
}

TEST_CASE_METHOD(call_reader_fixture,
                 "a reader tells of a target what is due, has begun, waits for "
                 "a time and is kept",
                 "[calls][reader]") {
  park(9, at(9));
  take_due(1, at(30));
  take_due(2, at(20));
  take(3);
  take(4, true);
  const auto x = target();
  CHECK(x.calls == 4);
  CHECK(x.due == 1);
  CHECK(x.scheduled == 2);
  CHECK(x.begun == 1);
  CHECK(x.bytes == 28);
  CHECK(x.kept_calls == 1);
  CHECK(x.kept_bytes == 7);
  CHECK(x.next_due == at(20));
  CHECK(x.oldest == at(1)); // not the one that is parked
  CHECK_FALSE(x.full);
  // A time that has come is due.
  CHECK(target(at(20)).due == 2);
  CHECK(target(at(20)).next_due == at(30));
  CHECK(target(at(30)).due == 3);
  CHECK(target(at(30)).next_due == std::nullopt);
  // No age is below zero.
  CHECK(target(at(0)).oldest == at(0));
  // The same after the owner has gone.
  store.close();
  CHECK(target() == x);
}

TEST_CASE_METHOD(call_reader_fixture,
                 "each target is told its own oldest, wherever it lies",
                 "[calls][reader]") {
  store.calls().open_target({"mill", {}, 3, {}}, at(0));
  store.calls().open_target({"store room", {}, 3, {}}, at(0));
  for (std::uint64_t n = 1; n <= 50; ++n)
    take_other(n, "plant");
  take_other(51, "mill");
  take_other(52, "plant");
  const auto x = targets(at(99));
  REQUIRE(x.size() == 3);
  CHECK(x[0].name == "plant");
  CHECK(x[0].calls == 51);
  CHECK(x[0].oldest == at(1));
  CHECK(x[1].name == "mill");
  CHECK(x[1].oldest == at(51));
  CHECK(x[2].name == "store room");
  CHECK(x[2].calls == 0);
  CHECK(x[2].oldest == std::nullopt);
}

TEST_CASE_METHOD(call_reader_fixture,
                 "a target at its bound says at which, until there is room",
                 "[calls][reader]") {
  open(narrow);
  for (std::uint64_t n = 1; n <= 3; ++n)
    take(n);
  CHECK_FALSE(target().full);
  const auto last = take(4);
  CHECK(target().full
        == "target plant: 4 calls with 28 bytes wait already; max_calls is 4, "
           "max_bytes 100");
  store.calls().end(end_of(last), at(5));
  CHECK_FALSE(target().full);
  take_other(5, "plant", std::string(79, 'x'));
  CHECK(target().full.has_value());
}

TEST_CASE_METHOD(call_reader_fixture,
                 "a target with too much that is parked says so",
                 "[calls][reader]") {
  open(narrow);
  park(1);
  CHECK_FALSE(target().full);
  park(2);
  CHECK(target().full
        == "target plant: 2 calls with 14 bytes are parked or failed; "
           "max_kept_calls is 2, max_kept_bytes 50");
}

TEST_CASE_METHOD(call_reader_fixture,
                 "the file has the bounds that a target was opened with last",
                 "[calls][reader]") {
  open(narrow);
  restart();
  CHECK(target().max_calls == 4);
  open();
  CHECK(target().max_calls == 1'000'000);
  // Opening it in the same way writes nothing.
  const auto bytes = store.wal_bytes();
  open();
  CHECK(store.wal_bytes() == bytes);
  store.begin();
  open(narrow);
  store.rollback();
  CHECK(target().max_calls == 1'000'000);
}

TEST_CASE_METHOD(call_reader_fixture,
                 "a reader tells of calls what is committed", "[calls]") {
  store.begin();
  take(1);
  CHECK(target().calls == 0);
  CHECK(payload(1).outcome == payload_outcome::not_found);
  store.commit();
  CHECK(target().calls == 1);
  CHECK(payload(1).payload == "payload");
}

// -- calls --------------------------------------------------------------------

TEST_CASE_METHOD(call_reader_fixture,
                 "a reader tells of a call where it stands", "[calls]") {
  auto x = take_of(1);
  x.call.due = at(30);
  x.call.expires = at(60);
  x.call.priority = 3;
  x.call.order_key = "line 7";
  x.root = id_of(9);
  auto head = store.calls().take(x, at(1)).head;
  auto told = call_snapshot{.target = "plant",
                            .state = call_state::waiting,
                            .attempt = 1,
                            .due = at(30),
                            .expires = at(60),
                            .priority = 3,
                            .order_key = "line 7",
                            .root = id_of(9),
                            .bytes = 7};
  CHECK(call(1).snapshot == snapshot_of(1));
  CHECK(call(1).call == told);
  store.calls().begin(begin_of(head), at(30));
  told.state = call_state::begun;
  told.due.reset();
  CHECK(call(1).call == told);
  restart();
  open({}, at(31));
  told.state = call_state::waiting;
  told.attempt = 2;
  told.interruptions = 1;
  CHECK(call(1).call == told);
  head.attempt = 2;
  store.calls().end(end_of(head, tracking_status::failed), at(32));
  told.state = call_state::kept;
  CHECK(call(1).call == told);
}

TEST_CASE_METHOD(call_reader_fixture,
                 "an operation without a call is told alone", "[calls]") {
  store.record_enqueue(enqueue(1), at(1));
  CHECK(call(1).snapshot == snapshot_of(1));
  CHECK_FALSE(call(1).call);
  CHECK(call(2) == call_reply{});
  const auto head = take(3);
  store.calls().end(end_of(head), at(2));
  CHECK(call(3).snapshot->status == tracking_status::delivered);
  CHECK_FALSE(call(3).call);
  const auto all
    = store_reader{options.file}.get_calls({id_of(3), id_of(2), id_of(1)});
  REQUIRE(all.size() == 3);
  CHECK(all[0] == call(3));
  CHECK(all[1] == call_reply{});
  CHECK(all[2] == call(1));
}

// -- payloads -----------------------------------------------------------------

TEST_CASE_METHOD(call_reader_fixture,
                 "a payload is told byte for byte while it is kept",
                 "[calls][reader]") {
  const std::string bytes{"a\0\xff\x1b", 4};
  auto x = take_of(1, bytes);
  x.codec = "aes";
  const auto head = store.calls().take(x, at(1)).head;
  const payload_reply told{.outcome = payload_outcome::found,
                           .codec = "aes",
                           .payload = bytes};
  CHECK(payload(1) == told);
  store.calls().end(end_of(head, tracking_status::parked), at(2));
  CHECK(payload(1) == told);
  take_other(2, "plant", "");
  CHECK(payload(2)
        == payload_reply{.outcome = payload_outcome::found,
                         .codec = std::nullopt,
                         .payload = ""});
}

TEST_CASE_METHOD(call_reader_fixture, "a payload that is not there is told why",
                 "[calls]") {
  store.calls().end(end_of(take(1)), at(2));
  store.calls().end(end_of(take(2), tracking_status::discarded), at(2));
  store.record_enqueue(enqueue(3), at(1));
  store.record_enqueue(enqueue(4), at(1));
  store.record_terminal(terminal(4, tracking_status::parked), at(2));
  const auto why = [&](std::uint64_t n) {
    const auto x = payload(n);
    CHECK_FALSE(x.payload);
    return x.outcome;
  };
  CHECK(why(1) == payload_outcome::delivered);
  CHECK(why(2) == payload_outcome::discarded);
  CHECK(why(3) == payload_outcome::never_kept);
  CHECK(why(4) == payload_outcome::never_kept);
  CHECK(why(5) == payload_outcome::not_found);
  CHECK(error_of([&] {
          store_reader{options.file}.get_payload({{}, {}});
        }).code
        == errc::invalid_request);
}

// -- damage -------------------------------------------------------------------

TEST_CASE_METHOD(call_reader_fixture,
                 "promise 11: a reader takes no damaged row for a target",
                 "[calls][reader][promise-11]") {
  take(1);
  take_due(2, at(30));
  const auto row = GENERATE(table<std::string, std::string>(
    {{"UPDATE target SET calls = -1", "target 1 has -1 calls"},
     {"UPDATE target SET number = 2", "should have number 1"},
     {"UPDATE target SET kept_bytes = 1", "0 calls with 1 bytes kept"},
     {"UPDATE target_bounds SET max_bytes = 0", "the bound 0"},
     {"UPDATE call SET target = 2 WHERE seq = 1",
      "a call for target 2, which there is not"},
     {"UPDATE call SET due = 9223372036854775807 WHERE seq = 2",
      "the due time 9223372036854775807"},
     {"UPDATE call SET state = 1; UPDATE target SET calls = 1",
      "1 calls on their way to target plant, of which more have begun"},
     {"DELETE FROM operation WHERE seq = 1", "a call without an operation"}}));
  const auto& [sql, part] = row;
  CAPTURE(sql);
  change(sql);
  const auto e = error_of([&] { targets(); });
  CAPTURE(e.text);
  CHECK(e.code == errc::store_corrupt);
  CHECK(e.mentions(part));
}

TEST_CASE_METHOD(call_reader_fixture,
                 "promise 11: a reader takes no damaged row for a call or its "
                 "payload",
                 "[calls][reader][promise-11]") {
  take(1);
  const auto row = GENERATE(table<std::string, std::string, std::string>(
    {{"UPDATE call SET state = 3", "the state of a call 3",
      "the state of a call 3"},
     {"UPDATE call SET target = 9", "a call for target 9", ""},
     {"UPDATE call SET attempt = 0", "the attempt 0", "the attempt 0"},
     {"DELETE FROM payload", "", "a call without a payload"},
     {"UPDATE payload SET bytes = x'00'", "",
      "a payload of 1 bytes, which should have 7"}}));
  const auto& [sql, of_call, of_payload] = row;
  CAPTURE(sql);
  change(sql);
  const auto check = [](const caught_error& e, const std::string& part) {
    CHECK(e.code.has_value() != part.empty());
    if (!part.empty()) {
      CHECK(e.code == errc::store_corrupt);
      CHECK(e.mentions(part));
    }
  };
  check(error_of([&] { call(1); }), of_call);
  check(error_of([&] { payload(1); }), of_payload);
}
