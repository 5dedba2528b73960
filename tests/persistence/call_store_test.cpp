// Calls that are kept: taken once, begun, repeated and ended, and what a crash
// and late reports make of them.

#include "support/calls.hpp"
#include "support/hostile.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

struct call_store_fixture : call_fixture {
  // As `Status retry_count error`, in order.
  lines history_of(std::uint64_t n) {
    lines all;
    for (const auto& x :
         store_reader{options.file}.get_history({id_of(n), {}}).transitions)
      all.push_back(to_string(x.status) + " " + std::to_string(x.retry_count)
                    + (x.last_error ? " " + *x.last_error : ""));
    return all;
  }

  // The process dies, and the next one opens the target.
  target_reply crash_and_open(timestamp now = at(5)) {
    restart();
    return open({}, now);
  }

  bool is_refused(std::uint64_t n) {
    return store.calls().take(take_of(n), at(3)).outcome
           == take_outcome::refused;
  }

  // What a store with the operation `n` and no call has of both.
  void check_only_operation(std::uint64_t n, tracking_status status) {
    CHECK(calls() == lines{"target plant 0 0 0 0"});
    CHECK(snapshot_of(n)->status == status);
    CHECK(count_of(status) == 1);
    CHECK(store_reader{options.file}.check()->faults.empty());
  }
};

} // namespace

// -- taking -------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "a call that is taken is there after a crash, with all that "
                 "was said of it",
                 "[calls]") {
  auto x = take_of(1, std::string{"a\0\xff"sv});
  x.call.due = at(30);
  x.call.expires = at(60);
  x.call.priority = 3;
  x.call.order_key = "line 7";
  x.root = id_of(9);
  x.codec = "aes";
  const auto reply = store.calls().take(x, at(1));
  CHECK(reply.outcome == take_outcome::taken);
  CHECK_FALSE(reply.begun);
  const lines expected{"1: attempt 1, due 30, expires 60, priority 3, key line "
                       "7, 3 bytes"};
  CHECK(texts_of({reply.head}) == expected);
  CHECK(snapshot_of(1) == fresh(1, at(1)));
  crash_and_open();
  CHECK(waiting(at(29)).empty());
  CHECK(waiting(at(30)) == expected);
  const auto begun = store.calls().begin(begin_of(reply.head), at(30));
  CHECK(begun.begun);
  CHECK(begun.call == x.call);
  CHECK(begun.root == x.root);
  CHECK(begun.codec == x.codec);
}

TEST_CASE_METHOD(call_store_fixture, "a payload may be empty", "[calls]") {
  const auto head = store.calls().take(take_of(1, ""), at(1)).head;
  CHECK(calls().size() == 3);
  const auto begun = store.calls().begin(begin_of(head), at(2));
  CHECK(begun.begun);
  CHECK(begun.call.payload.empty());
  store.calls().end(end_of(head), at(3));
  check_only_operation(1, tracking_status::delivered);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a call that is taken twice is kept once, and answered as it "
                 "stands",
                 "[calls]") {
  const auto head = take(1);
  const auto before = calls();
  auto again = take_of(1, "another payload");
  again.begin = true;
  auto reply = store.calls().take(again, at(2));
  CHECK(reply.outcome == take_outcome::known);
  CHECK_FALSE(reply.begun);
  CHECK(text_of(reply.head) == "1: attempt 1, 7 bytes");
  CHECK(calls() == before);
  store.calls().begin(begin_of(head), at(3));
  reply = store.calls().take(again, at(4));
  CHECK(reply.outcome == take_outcome::known);
  CHECK(reply.begun);
  store.calls().retry(retry_of(head, at(30)), at(5));
  reply = store.calls().take(again, at(6));
  CHECK(text_of(reply.head) == "1: attempt 2, due 30, 7 bytes");
  CHECK(total() == 1);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a call whose operation has finished is not taken again",
                 "[calls]") {
  const auto status = GENERATE(tracking_status::delivered,
                               tracking_status::parked, tracking_status::failed,
                               tracking_status::discarded);
  store.record_enqueue(enqueue(1), at(0));
  store.record_terminal(terminal(1, status), at(1));
  CHECK(store.calls().take(take_of(1), at(2)).outcome
        == take_outcome::already_terminal);
  check_only_operation(1, status);
  const auto head = take(2);
  store.calls().end(end_of(head, status), at(3));
  CHECK(store.calls().take(take_of(2), at(4)).outcome
        == take_outcome::already_terminal);
}

TEST_CASE_METHOD(call_store_fixture,
                 "an operation in flight from before gets its call, and goes "
                 "on with its attempts",
                 "[calls]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, 4), at(1));
  auto x = take_of(1);
  x.begin = true;
  const auto reply = store.calls().take(x, at(2));
  CHECK(reply.outcome == take_outcome::attached);
  CHECK(reply.begun);
  CHECK(text_of(reply.head) == "1: attempt 5, 7 bytes");
  CHECK(total() == 1);
  CHECK(store.calls().retry(retry_of(reply.head), at(3)).outcome
        == update_outcome::applied);
  CHECK(snapshot_of(1)->retry_count == 5);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a call that is kept for one target is refused for another, "
                 "and the rest of its transaction stands",
                 "[calls]") {
  take(1);
  store.calls().open_target({"other", {}, 3, {}}, at(1));
  store.begin();
  take(2);
  auto x = take_of(1);
  x.target = "other";
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().take(x, at(2)); });
  store.commit();
  CHECK(waiting().size() == 2);
  CHECK(store.calls().find({"other"}, at(3)).heads.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "a call for a target that was not opened is refused",
                 "[calls]") {
  auto x = take_of(1);
  x.target = "other";
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().take(x, at(1)); });
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().find({"other"}, at(1)); });
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().find_due({"other"}, at(1)); });
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().get_target({"other"}); });
  restart(); // also if another process has opened it
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().take(take_of(1), at(1)); });
  CHECK(total() == 0);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a request about calls with a hostile field stores nothing "
                 "and names it",
                 "[calls]") {
  const auto head = take(1);
  const auto before = calls();
  const auto taking = [&](const char* field, auto change) {
    auto x = take_of(2);
    change(x);
    expect_error(errc::invalid_request, field,
                 [&] { store.calls().take(x, at(2)); });
  };
  taking("target", [](auto& x) { x.target.clear(); });
  taking("target", [](auto& x) { x.target = "a\xff"; });
  taking("id", [](auto& x) { x.call.id = {}; });
  taking("kind", [](auto& x) { x.call.kind.clear(); });
  taking("due", [](auto& x) { x.call.due = max_timestamp + 1us; });
  taking("due", [](auto& x) { x.call.due = min_timestamp - 1us; });
  taking("expires", [](auto& x) { x.call.expires = max_timestamp + 1us; });
  taking("priority", [](auto& x) { x.call.priority = 4; });
  taking("priority", [](auto& x) { x.call.priority = -1; });
  taking("order_key",
         [](auto& x) { x.call.order_key = std::string(257, 'x'); });
  for (const auto& bad : bad_texts) {
    taking("order_key", [&](auto& x) { x.call.order_key = bad.text; });
    taking("codec", [&](auto& x) { x.codec = bad.text; });
  }
  taking("root", [](auto& x) { x.root = tracked_operation_id{}; });
  taking("deadline", [](auto& x) { x.deadline = max_timestamp + 1us; });
  taking("payload",
         [](auto& x) { x.call.payload = std::string((1U << 20U) + 1, 'x'); });
  const auto reporting = [&](const char* field, auto change) {
    auto retry = retry_of(head);
    change(retry);
    expect_error(errc::invalid_request, field,
                 [&] { store.calls().retry(retry, at(2)); });
    auto end = end_of(head);
    change(end);
    expect_error(errc::invalid_request, field,
                 [&] { store.calls().end(end, at(2)); });
  };
  reporting("seq", [](auto& x) { x.seq = 0; });
  reporting("id", [](auto& x) { x.id = {}; });
  reporting("attempt", [](auto& x) { x.attempt = 0; });
  reporting("http_status", [](auto& x) { x.http_status = 600; });
  reporting("last_error", [](auto& x) { x.last_error = "\xff"; });
  auto end = end_of(head, tracking_status::retrying);
  expect_error(errc::invalid_request, "status",
               [&] { store.calls().end(end, at(2)); });
  expect_error(errc::invalid_request, "limit", [&] {
    store.calls().find({"plant", 0, 0}, at(2));
  });
  expect_error(errc::invalid_request, "max_scanned", [&] {
    store.calls().find({"plant", 0, 1, 0}, at(2));
  });
  expect_error(errc::invalid_request, "max_interruptions", [&] {
    store.calls().open_target({"plant", {}, 0, {}}, at(2));
  });
  expect_error(errc::invalid_request, "bounds.max_calls",
               [&] { open({.max_calls = 0}); });
  auto late = take_of(2);
  late.deadline = at(1);
  CHECK(error_of([&] { store.calls().take(late, at(2)); }).code
        == errc::deadline_passed);
  CHECK(calls() == before);
  CHECK(total() == 1);
}

// -- attempts -----------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "a call that is delivered or given up leaves nothing but its "
                 "operation",
                 "[calls]") {
  const auto status = GENERATE(tracking_status::delivered,
                               tracking_status::discarded);
  const auto head = take(1, true);
  CHECK(store.calls().end(end_of(head, status), at(2)).outcome
        == update_outcome::applied);
  check_only_operation(1, status);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a call that is parked or fails keeps its payload",
                 "[calls]") {
  const auto status = GENERATE(tracking_status::parked,
                               tracking_status::failed);
  const auto head = take(1, GENERATE(false, true));
  store.calls().end(end_of(head, status), at(2));
  CHECK(snapshot_of(1)->status == status);
  CHECK(calls()
        == lines{"call 1 1 2 1 0 NULL NULL 1 NULL NULL 7",
                 "payload 1 NULL X'7061796C6F6164'", "target plant 0 0 1 7"});
  CHECK(waiting().empty());
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "an attempt that begins says so in the file, once",
                 "[calls]") {
  const auto head = take(1);
  CHECK(store.calls().begin(begin_of(head), at(2)).begun);
  CHECK(waiting().empty());
  CHECK_FALSE(store.calls().begin(begin_of(head), at(3)).begun);
  CHECK(history_of(1) == lines{"Submitted 0"});
  store.calls().retry(retry_of(head), at(4));
  // Late, and with another operation's id or number.
  CHECK_FALSE(store.calls().begin(begin_of(head), at(5)).begun);
  auto next = begin_of(head);
  next.attempt = 2;
  next.id = id_of(2);
  CHECK_FALSE(store.calls().begin(next, at(5)).begun);
  next.id = id_of(1);
  next.seq = 77;
  CHECK_FALSE(store.calls().begin(next, at(5)).begun);
  next.seq = head.seq;
  CHECK(store.calls().begin(next, at(5)).begun);
}

TEST_CASE_METHOD(call_store_fixture,
                 "an attempt that has failed is a transition, and the next one "
                 "waits for its time",
                 "[calls]") {
  const auto head = take(1, true);
  CHECK(store.calls().retry(retry_of(head, at(30)), at(2)).outcome
        == update_outcome::applied);
  CHECK(history_of(1)
        == lines{"Submitted 0", "Retrying 1 503 Service Unavailable"});
  CHECK(waiting(at(29)).empty());
  const lines expected{"1: attempt 2, due 30, 7 bytes"};
  CHECK(waiting(at(30)) == expected);
  CHECK(texts_of(store.calls().find_due({"plant"}, at(0)).heads) == expected);
  // It survives, and is not interrupted.
  CHECK(crash_and_open().interrupted.empty());
  CHECK(waiting(at(30)) == expected);
}

TEST_CASE_METHOD(call_store_fixture,
                 "promise 4, idempotency: a report about an attempt that comes "
                 "late or twice changes nothing",
                 "[calls][promise-4]") {
  const auto first = take(1, true);
  store.calls().retry(retry_of(first), at(2));
  auto second = first;
  second.attempt = 2;
  store.calls().begin(begin_of(second), at(3));
  const auto before = calls();
  const auto history = history_of(1);
  const auto unchanged = [&] {
    CHECK(calls() == before);
    CHECK(history_of(1) == history);
  };
  CHECK(store.calls().retry(retry_of(first, at(99)), at(4)).outcome
        == update_outcome::applied);
  unchanged();
  CHECK(store.calls().end(end_of(first), at(4)).outcome
        == update_outcome::not_found);
  unchanged();
  auto third = first;
  third.attempt = 3;
  CHECK(store.calls().retry(retry_of(third), at(4)).outcome
        == update_outcome::not_found);
  CHECK(store.calls().end(end_of(third), at(4)).outcome
        == update_outcome::not_found);
  auto other = second;
  other.seq = 2;
  CHECK(store.calls().retry(retry_of(other), at(4)).outcome
        == update_outcome::not_found);
  CHECK(store.calls().end(end_of(other), at(4)).outcome
        == update_outcome::not_found);
  unchanged();
  store.calls().end(end_of(second, tracking_status::failed), at(5));
  const auto end = calls();
  CHECK(store.calls().end(end_of(second), at(6)).outcome
        == update_outcome::already_terminal);
  CHECK(store.calls().retry(retry_of(second), at(6)).outcome
        == update_outcome::already_terminal);
  CHECK(calls() == end);
  CHECK(snapshot_of(1)->status == tracking_status::failed);
}

TEST_CASE_METHOD(call_store_fixture,
                 "an attempt that has not begun cannot fail, but its call can "
                 "be ended",
                 "[calls]") {
  const auto head = take(1);
  CHECK(store.calls().retry(retry_of(head), at(2)).outcome
        == update_outcome::not_found);
  CHECK(waiting() == lines{"1: attempt 1, 7 bytes"});
  CHECK(
    store.calls().end(end_of(head, tracking_status::discarded), at(2)).outcome
    == update_outcome::applied); // expired, say
  check_only_operation(1, tracking_status::discarded);
}

TEST_CASE_METHOD(call_store_fixture, "there may be any number of attempts",
                 "[calls]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_attempt(attempt(1, INT32_MAX), at(1));
  const auto head = take(1, true);
  CHECK(head.attempt == INT32_MAX);
  for (int i = 0; i < 3; ++i) {
    CHECK(store.calls().retry(retry_of(head), at(2)).outcome
          == update_outcome::applied);
    CHECK(store.calls().begin(begin_of(head), at(3)).begun);
  }
  CHECK(snapshot_of(1)->retry_count == INT32_MAX);
}

// -- others -------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "what others report settles a call, too, and a delivery that "
                 "ends after that changes nothing",
                 "[calls]") {
  const auto status = GENERATE(tracking_status::delivered,
                               tracking_status::parked, tracking_status::failed,
                               tracking_status::discarded);
  const auto head = take(1, true);
  store.record_terminal(terminal(1, status), at(2));
  CHECK(calls().size() == (call_table::keeps(status) ? 3 : 1));
  CHECK(store_reader{options.file}.check()->faults.empty());
  const auto before = calls();
  CHECK(store.calls().end(end_of(head), at(3)).outcome
        == update_outcome::already_terminal);
  CHECK(calls() == before);
  CHECK(crash_and_open().interrupted.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "attempts that others report do not count as the call's",
                 "[calls]") {
  const auto head = take(1, true);
  store.record_attempt(attempt(1, 7), at(2));
  CHECK(store.calls().retry(retry_of(head), at(3)).outcome
        == update_outcome::applied);
  CHECK(snapshot_of(1)->retry_count == 7);
  CHECK(waiting() == lines{"1: attempt 2, 7 bytes"});
}

// -- crashes ------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "a crash uses up the attempt that had begun, and the history "
                 "says so",
                 "[calls]") {
  take(1, true);
  take(2);
  const auto reply = crash_and_open();
  const lines expected{"1: attempt 2, interrupted 1, 7 bytes"};
  CHECK(texts_of(reply.interrupted) == expected);
  CHECK(reply.calls == 2);
  CHECK(reply.bytes == 14);
  CHECK(reply.parked == 0);
  CHECK(history_of(1) == lines{"Submitted 0", "Retrying 1 interrupted"});
  CHECK(history_of(2) == lines{"Submitted 0"});
  CHECK(waiting().size() == 2);
  // Again, because nobody has heard the answer.
  const auto before = calls();
  CHECK(open().interrupted.empty());
  CHECK(crash_and_open().interrupted.empty());
  CHECK(calls() == before);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a call that was interrupted once too often is parked, with "
                 "its payload",
                 "[calls]") {
  auto head = take(1, true);
  for (int i = 1; i <= 2; ++i) {
    const auto reply = crash_and_open();
    REQUIRE(reply.interrupted.size() == 1);
    head = reply.interrupted[0];
    CHECK(head.interruptions == i);
    CHECK(store.calls().begin(begin_of(head), at(6)).begun);
  }
  const auto reply = crash_and_open(at(7));
  CHECK(reply.interrupted.empty());
  CHECK(reply.parked == 1);
  CHECK(reply.calls == 0);
  CHECK(reply.kept_calls == 1);
  CHECK(reply.kept_bytes == 7);
  CHECK(history_of(1)
        == lines{"Submitted 0", "Retrying 1 interrupted",
                 "Retrying 2 interrupted", "Retrying 3 interrupted",
                 "Parked 3 interrupted 3 times"});
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "an attempt that goes on while only the tracker has died is "
                 "not interrupted",
                 "[calls]") {
  const auto head = take(1, true);
  take(2, true);
  restart();
  const auto reply = store.calls().open_target({"plant", {}, 3, {head.seq}},
                                               at(5));
  CHECK(texts_of(reply.interrupted)
        == lines{"2: attempt 2, interrupted 1, 7 bytes"});
  CHECK(store.calls().end(end_of(head), at(6)).outcome
        == update_outcome::applied);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a target that is opened interrupts no call of another one",
                 "[calls]") {
  take(1, true);
  restart();
  const auto reply = store.calls().open_target({"other", {}, 3, {}}, at(5));
  CHECK(reply.number == 2);
  CHECK(reply.interrupted.empty());
  CHECK(open().interrupted.size() == 1);
}

// -- finding ------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "calls that wait are found in the order of taking, in parts",
                 "[calls]") {
  store.calls().open_target({"other", {}, 3, {}}, at(0));
  for (std::uint64_t n = 1; n <= 20; ++n) {
    auto x = take_of(n);
    x.target = n % 2 == 0 ? "plant" : "other";
    x.begin = n == 4;
    if (n == 6)
      x.call.due = at(100);
    store.calls().take(x, at(1));
  }
  park(21);
  const auto ids = [](const find_reply& reply) {
    lines all;
    for (const auto& x : reply.heads)
      all.push_back(text_of(x).substr(0, text_of(x).find(':')));
    return all;
  };
  auto reply = store.calls().find({"plant", 0, 3}, at(2));
  CHECK(ids(reply) == lines{"2", "8", "10"});
  CHECK_FALSE(reply.complete);
  reply = store.calls().find({"plant", reply.cursor, 100}, at(2));
  CHECK(ids(reply) == lines{"12", "14", "16", "18", "20"});
  CHECK(reply.complete);
  // What is looked at is bounded, also if nothing is found.
  find_calls few{"other", 0, 100, 3};
  lines found;
  int parts = 0;
  do {
    reply = store.calls().find(few, at(2));
    few.after = reply.cursor;
    const auto part = ids(reply);
    CHECK(part.size() <= 3);
    found.insert(found.end(), part.begin(), part.end());
    ++parts;
  } while (!reply.complete);
  CHECK(found.size() == 10);
  CHECK(parts == 8);
  // Its time has come.
  CHECK(ids(store.calls().find({"plant", 0, 3}, at(100)))
        == lines{"2", "6", "8"});
}

TEST_CASE_METHOD(call_store_fixture,
                 "calls that wait for a time are found in its order, first "
                 "those that were taken first",
                 "[calls]") {
  for (const auto& [n, due] :
       {std::pair{1, 50}, {2, 30}, {3, 0}, {4, 30}, {5, 40}}) {
    auto x = take_of(static_cast<std::uint64_t>(n));
    if (due != 0)
      x.call.due = at(due);
    store.calls().take(x, at(1));
  }
  auto reply = store.calls().find_due({"plant", 3}, at(2));
  CHECK(texts_of(reply.heads)
        == lines{"2: attempt 1, due 30, 7 bytes",
                 "4: attempt 1, due 30, 7 bytes",
                 "5: attempt 1, due 40, 7 bytes"});
  CHECK_FALSE(reply.complete);
  store.calls().begin(begin_of(reply.heads[0]), at(31));
  reply = store.calls().find_due({"plant", 10}, at(2));
  CHECK(reply.heads.size() == 3);
  CHECK(reply.complete);
}

// -- bounds -------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "a target that is full refuses calls, and says what is full",
                 "[calls]") {
  const auto refused = [&](std::uint64_t n, std::string_view part) {
    const auto reply = store.calls().take(take_of(n), at(3));
    CAPTURE(reply.reason);
    CHECK(reply.outcome == take_outcome::refused);
    CHECK(reply.reason.find(part) != std::string::npos);
    CHECK(reply.reason.starts_with("target plant: "));
    CHECK_FALSE(snapshot_of(n));
  };
  open({.max_calls = 2});
  const auto head = take(1);
  take(2);
  refused(3, "max_calls is 2");
  // What is there already is no more.
  CHECK(store.calls().take(take_of(1), at(3)).outcome == take_outcome::known);
  // And what others have recorded neither.
  store.record_enqueue(enqueue(4), at(3));
  CHECK(is_refused(4));
  open({.max_bytes = 20});
  refused(3, "max_bytes 20");
  store.calls().end(end_of(head), at(4));
  take(3);
  open({.max_kept_calls = 2});
  park(5);
  CHECK(open({.max_kept_calls = 2}).kept_calls == 1);
  park(6);
  refused(7, "max_kept_calls is 2");
  open({.max_kept_bytes = 14});
  refused(7, "max_kept_bytes 14");
  open();
  take(7);
  const auto reply = store.calls().get_target({"plant"});
  CHECK(reply.calls == 3);
  CHECK(reply.bytes == 21);
  CHECK(reply.kept_calls == 2);
  CHECK(reply.kept_bytes == 14);
}

TEST_CASE_METHOD(call_store_fixture,
                 "parking succeeds past the bound of what is kept", "[calls]") {
  open({.max_kept_calls = 1});
  const auto first = take(1);
  const auto second = take(2);
  for (const auto& head : {first, second})
    CHECK(
      store.calls().end(end_of(head, tracking_status::parked), at(2)).outcome
      == update_outcome::applied);
  CHECK(open().kept_calls == 2);
}

TEST_CASE_METHOD(call_store_fixture,
                 "bounds hold at once when the store is opened again",
                 "[calls]") {
  open({.max_calls = 2, .max_kept_calls = 1});
  take(1);
  take(2);
  restart();
  CHECK(open({.max_calls = 2, .max_kept_calls = 1}).bytes == 14);
  CHECK(is_refused(9));
  store.recover(); // the same owner still knows them
  CHECK(is_refused(9));
  store.record_terminal(terminal(1, tracking_status::parked), at(4));
  restart();
  CHECK(open({.max_calls = 2, .max_kept_calls = 1}).kept_bytes == 7);
  CHECK(is_refused(9));
}

TEST_CASE_METHOD(call_store_fixture,
                 "what is rolled back takes no room, and opens no target",
                 "[calls]") {
  open({.max_calls = 1});
  store.begin();
  take(1);
  CHECK(is_refused(2));
  store.calls().open_target({"other", {}, 3, {}}, at(1));
  store.rollback();
  CHECK(total() == 0);
  CHECK(calls() == lines{"target plant 0 0 0 0"});
  expect_error(errc::invalid_request, "target",
               [&] { store.calls().find({"other"}, at(1)); });
  const auto head = take(2, true);
  store.begin();
  store.calls().end(end_of(head), at(2));
  take(3);
  store.rollback();
  CHECK(is_refused(3));
  CHECK(store.calls().end(end_of(head), at(4)).outcome
        == update_outcome::applied);
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "an attempt whose beginning or end is rolled back has not "
                 "begun or ended",
                 "[calls]") {
  open();
  const auto head = take(1);
  store.begin();
  CHECK(store.calls().begin(begin_of(head), at(2)).begun);
  store.rollback();
  CHECK(store.calls().begin(begin_of(head), at(3)).begun);
  CHECK_FALSE(store.calls().begin(begin_of(head), at(4)).begun);
  store.begin();
  CHECK(store.calls().end(end_of(head), at(5)).outcome
        == update_outcome::applied);
  store.rollback();
  CHECK_FALSE(store.calls().begin(begin_of(head), at(6)).begun);
  CHECK(store.calls().end(end_of(head), at(7)).outcome
        == update_outcome::applied);
  CHECK(total() == 1);
  CHECK(calls() == lines{"target plant 0 0 0 0"});
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "a target with the number of one that was rolled back has "
                 "bounds of its own",
                 "[calls]") {
  const auto open_other = [&](const target_bounds& bounds) {
    return store.calls().open_target({"other", bounds, 3, {}}, at(1));
  };
  const auto outcome = [&](const std::string& target, std::uint64_t n) {
    auto x = take_of(n);
    x.target = target;
    return store.calls().take(x, at(2)).outcome;
  };
  store.begin();
  const auto number = open_other({.max_calls = 1}).number;
  store.rollback();
  CHECK(store.calls().open_target({"third", {}, 3, {}}, at(1)).number
        == number);
  CHECK(outcome("third", 1) == take_outcome::taken);
  CHECK(outcome("third", 2) == take_outcome::taken);
  open_other({.max_calls = 2});
  CHECK(outcome("other", 3) == take_outcome::taken);
  store.recover();
  CHECK(outcome("other", 4) == take_outcome::taken);
  CHECK(outcome("other", 5) == take_outcome::refused);
  CHECK(outcome("third", 6) == take_outcome::taken);
}

TEST_CASE_METHOD(call_store_fixture,
                 "verbs about calls share a transaction with the others",
                 "[calls]") {
  store.begin();
  const auto head = take(1);
  store.record_enqueue(enqueue(2), at(1));
  CHECK(store.calls().begin(begin_of(head), at(1)).begun);
  store.calls().retry(retry_of(head), at(2));
  CHECK(waiting() == lines{"1: attempt 2, 7 bytes"});
  CHECK(calls() == lines{"target plant 0 0 0 0"}); // others see nothing yet
  store.commit();
  CHECK(calls().size() == 3);
  CHECK(total() == 2);
}

// -- purges -------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "a purge leaves operations that still hold a payload, and "
                 "finds all others among them",
                 "[calls]") {
  for (std::uint64_t n = 1; n <= 40; ++n) {
    const auto now = at(static_cast<std::int64_t>(n));
    if (n % 4 == 0) {
      store.record_enqueue(enqueue(n), now);
      store.record_terminal(terminal(n, tracking_status::parked), now);
    } else {
      park(n, now);
    }
  }
  store.record_enqueue(enqueue(41), at(0));
  store.record_terminal(terminal(41), at(1)); // another status
  const auto purge = [&](timestamp before) {
    std::int64_t deleted = 0;
    for (bool finished = false; !finished;) {
      const auto step = store.purge_chunk(purge_before(before), at(50), 2,
                                          std::chrono::hours{1});
      CHECK(step.deleted <= 2);
      deleted += step.deleted;
      finished = step.finished;
    }
    return deleted;
  };
  CHECK(purge(at(21)) == 6);
  CHECK(purge(at(21)) == 0);
  CHECK(purge(at(99)) == 5);
  CHECK(total() == 30);
  CHECK(calls().size() == 61);
  for (std::uint64_t n = 1; n <= 40; ++n)
    CHECK(snapshot_of(n).has_value() == (n % 4 != 0));
  CHECK(store_reader{options.file}.check()->faults.empty());
  CHECK(store.purge_terminal(purge_before(at(99)), at(99)).deleted == 0);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a purge of what holds a payload takes that with it, and "
                 "nothing else",
                 "[calls]") {
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const auto now = at(static_cast<std::int64_t>(n));
    if (n % 4 == 0) {
      store.record_enqueue(enqueue(n), now);
      store.record_terminal(terminal(n, tracking_status::parked), now);
    } else {
      park(n, now);
    }
  }
  take(21);
  auto request = purge_before(at(11));
  request.with_payload = true;
  request.status = tracking_status::failed;
  CHECK(store.purge_terminal(request, at(50)).deleted == 0);
  request.status.reset();
  store.begin();
  CHECK(store.purge_chunk(request, at(50), 3, std::chrono::hours{1}).deleted
        == 3);
  store.rollback();
  CHECK(store.purge_terminal(request, at(50)).deleted == 8);
  for (std::uint64_t n = 1; n <= 21; ++n)
    CHECK(snapshot_of(n).has_value() == (n > 10 || n % 4 == 0));
  CHECK(store.calls().get_target({"plant"}).kept_calls == 7);
  CHECK(store.calls().get_target({"plant"}).kept_bytes == 49);
  CHECK(store_reader{options.file}.check()->faults.empty());
  // The two kinds of purge do not take each other's place.
  CHECK(store.purge_terminal(purge_before(at(99)), at(99)).deleted == 5);
  request.older_than = at(99);
  CHECK(store.purge_terminal(request, at(99)).deleted == 7);
  CHECK(total() == 1);
  CHECK(calls().size() == 3);
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(call_store_fixture,
                 "a purge leaves a call that keeps its order key from others",
                 "[calls]") {
  target_bounds bounds;
  bounds.kept_block = true;
  open(bounds);
  auto request = take_of(1);
  request.call.order_key = "key";
  const auto head = store.calls().take(request, at(1)).head;
  store.calls().end(end_of(head, tracking_status::parked), at(2));
  park(2);
  auto purge = purge_before(at(9));
  purge.with_payload = true;
  CHECK(store.purge_terminal(purge, at(9)).deleted == 1);
  CHECK(snapshot_of(1));
  open({}); // nobody waits for it any more
  CHECK(store.purge_terminal(purge, at(9)).deleted == 1);
  CHECK(total() == 0);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a purge that is rolled back finds the same operations again",
                 "[calls]") {
  park(1, at(2));
  for (std::uint64_t n = 2; n <= 5; ++n) {
    store.record_enqueue(enqueue(n), at(1));
    store.record_terminal(terminal(n, tracking_status::parked), at(2));
  }
  store.begin();
  CHECK(store.purge_chunk(purge_before(at(9)), at(9), 2, std::chrono::hours{1})
          .deleted
        == 2);
  store.rollback();
  CHECK(store.purge_terminal(purge_before(at(9)), at(9)).deleted == 4);
  CHECK(total() == 1);
}

// -- statistics ---------------------------------------------------------------

TEST_CASE_METHOD(
  call_store_fixture,
  "statistics tell of targets what waits, has begun and is kept, "
  "as of the last commit, and after an opening too",
  "[calls]") {
  const auto told = [this] {
    stats_reply x;
    store.calls().describe(x);
    REQUIRE(x.targets.size() == 1);
    return x.targets.front();
  };
  take(1);
  take(2, true);
  const auto third = take(3, true);
  store.calls().retry(retry_of(third, at(60)), at(2));
  auto later = take_of(4);
  later.call.due = at(90);
  store.calls().take(later, at(2));
  park(5);
  const target_total wanted{.name = "plant",
                            .ready = 1,
                            .scheduled = 2,
                            .begun = 1,
                            .bytes = 28,
                            .kept_calls = 1,
                            .kept_bytes = 7};
  CHECK(told() == wanted);
  store.begin();
  const auto sixth = take(6, true);
  take(7);
  store.calls().end(end_of(sixth), at(3));
  CHECK(told() == wanted);
  store.rollback();
  CHECK(told() == wanted);
  store.close();
  store = operation_tracking_store{options};
  CHECK(told() == wanted);
  open(); // what had begun waits again
  auto after = wanted;
  after.ready = 2;
  after.begun = 0;
  CHECK(told() == after);
  store.record_terminal(terminal(4, tracking_status::discarded), at(4));
  after.scheduled = 1;
  after.bytes = 21;
  CHECK(told() == after);
}

TEST_CASE_METHOD(call_store_fixture,
                 "statistics tell of the targets with the most calls, and how "
                 "many others there are",
                 "[calls]") {
  store.begin();
  constexpr auto targets = limits::max_told_targets + 10;
  for (std::uint64_t n = 0; n < targets; ++n) {
    const auto name = "target " + std::to_string(n);
    store.calls().open_target({name, {}, 3, {}}, at(0));
    for (std::uint64_t i = 0; i < n % 7; ++i) {
      auto x = take_of(10 * n + i + 1);
      x.target = name;
      store.calls().take(x, at(1));
    }
  }
  store.commit();
  stats_reply x;
  store.calls().describe(x);
  REQUIRE(x.targets.size() == limits::max_told_targets);
  CHECK(x.other_targets == 11); // with the fixture's own
  CHECK(x.targets.front().ready == 6);
  for (std::size_t i = 1; i < x.targets.size(); ++i)
    CHECK(x.targets[i - 1].ready >= x.targets[i].ready);
}

// -- copies -------------------------------------------------------------------

TEST_CASE_METHOD(call_store_fixture,
                 "a backup has the calls, and goes on with them", "[calls]") {
  take(1, true);
  take(2);
  park(3);
  store_reader{options.file}.backup(dir / "backup.db");
  CHECK(calls_in(dir / "backup.db") == calls());
  operation_tracking_store copy{options_for(dir / "backup.db")};
  const auto reply = copy.calls().open_target({"plant", {}, 3, {}}, at(9));
  CHECK(texts_of(reply.interrupted)
        == lines{"1: attempt 2, interrupted 1, 7 bytes"});
  CHECK(reply.calls == 2);
  CHECK(reply.kept_calls == 1);
}

TEST_CASE_METHOD(call_store_fixture,
                 "a target of which four fifths of a bound are used is named "
                 "until less is",
                 "[calls]") {
  const auto bound = GENERATE(0, 1, 2, 3);
  target_bounds bounds;
  if (bound == 0)
    bounds.max_calls = 10;
  else if (bound == 1)
    bounds.max_bytes = 70;
  else if (bound == 2)
    bounds.max_kept_calls = 10;
  else
    bounds.max_kept_bytes = 70;
  open(bounds);
  const auto name = std::vector<std::string>{
    "max_calls", "max_bytes", "max_kept_calls",
    "max_kept_bytes"}[static_cast<std::size_t>(bound)];
  std::vector<call_head> heads;
  for (std::uint64_t n = 1; n <= 8; ++n) {
    CHECK_FALSE(store.calls().crowding());
    CHECK(store.calls().troubles().empty());
    heads.push_back(bound < 2 ? take(n) : park(n));
  }
  CHECK(store.calls().crowding()
        == "target plant has used four fifths of " + name
             + " or more; past that it takes no calls");
  target_health crowded{.name = "plant", .crowded = name};
  CHECK(store.calls().troubles() == std::vector{crowded});
  store.calls().pause({"plant", "anna", "MES is updated"}, at(2));
  crowded.paused_since = at(2);
  CHECK(store.calls().troubles() == std::vector{crowded});
  store.calls().resume({"plant"}, at(3));
  SECTION("also in another process") {
    restart();
    CHECK_FALSE(store.calls().crowding()); // the bounds are not known yet
    open(bounds);
    CHECK(store.calls().crowding());
  }
  SECTION("what is rolled back does not count") {
    store.begin();
    if (bound < 2)
      store.calls().end(end_of(heads[0]), at(3));
    else
      store.record_terminal(terminal(1, tracking_status::discarded), at(3));
    store.rollback();
    CHECK(store.calls().crowding());
  }
  if (bound < 2)
    store.calls().end(end_of(heads[0]), at(3));
  else
    store.record_terminal(terminal(1, tracking_status::discarded), at(3));
  CHECK_FALSE(store.calls().crowding());
  CHECK(store.calls().troubles().empty());
}
