// Calls with the same order key: one at a time, in the order of taking.

#include "support/calls.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct order_key_fixture : call_fixture {
  call_head take_keyed(std::uint64_t n, const std::string& key,
                       std::optional<timestamp> due = std::nullopt) {
    auto x = take_of(n);
    x.call.order_key = key;
    x.call.due = due;
    return store.calls().take(x, at(1)).head;
  }

  begin_reply begin(const call_head& x) {
    return store.calls().begin(begin_of(x), at(3));
  }

  // The operation whose turn it is with a key; 0 if it cannot begin.
  std::uint64_t next_of(const std::string& key) {
    const auto found = store.calls().find_keyed({"plant", key}).heads;
    return found.empty() ? 0 : found.front().id.low() - id_of(0).low();
  }

  void check_is_sound() {
    CHECK(store_reader{options.file}.check()->faults.empty());
  }
};

} // namespace

TEST_CASE_METHOD(order_key_fixture,
                 "promise 14, order: a call does not begin while an earlier "
                 "one with its key has not finished",
                 "[calls]") {
  const auto first = take_keyed(1, "line 7");
  const auto second = take_keyed(2, "line 7");
  const auto other = take_keyed(3, "line 8");
  CHECK(next_of("line 7") == 1);
  CHECK(begin(second).blocked);
  CHECK_FALSE(begin(second).begun);
  CHECK(begin(other).begun);
  CHECK(begin(first).begun);
  CHECK(next_of("line 7") == 0); // the first has begun
  CHECK(begin(second).blocked);
  SECTION("also while that one waits for its next attempt") {
    store.calls().retry(retry_of(first, at(60)), at(4));
    CHECK(next_of("line 7") == 1);
    CHECK(begin(second).blocked);
  }
  SECTION("until that one is delivered or given up") {
    const auto status
      = GENERATE(tracking_status::delivered, tracking_status::discarded,
                 tracking_status::parked, tracking_status::failed);
    store.calls().end(end_of(first, status), at(4));
    CHECK(next_of("line 7") == 2);
    CHECK(begin(second).begun);
  }
  SECTION("also after a crash") {
    restart();
    open();
    CHECK(next_of("line 7") == 1);
    CHECK(begin(second).blocked);
  }
  check_is_sound();
}

TEST_CASE_METHOD(order_key_fixture,
                 "promise 14, order: a call that waits for a time has its key "
                 "before later ones",
                 "[calls]") {
  take_keyed(1, "k", at(60));
  CHECK(begin(take_keyed(2, "k")).blocked);
  CHECK(next_of("k") == 1);
}

TEST_CASE_METHOD(order_key_fixture,
                 "promise 14, order: an attempt that begins with the taking "
                 "waits for its key like others",
                 "[calls]") {
  auto x = take_of(1);
  x.call.order_key = "k";
  x.begin = true;
  CHECK(store.calls().take(x, at(1)).begun);
  x.call.id = id_of(2);
  x.call.due = at(1);
  const auto reply = store.calls().take(x, at(2));
  CHECK(reply.outcome == take_outcome::taken);
  CHECK_FALSE(reply.begun);
  CHECK(reply.head.due == at(1));
  x.call.id = id_of(3);
  x.call.order_key = "another";
  CHECK(store.calls().take(x, at(2)).begun);
}

TEST_CASE_METHOD(order_key_fixture,
                 "promise 14, order: a call that is parked blocks its key if "
                 "that is wanted, until it is discarded",
                 "[calls]") {
  target_bounds bounds;
  bounds.kept_block = true;
  open(bounds);
  const auto status = GENERATE(tracking_status::parked,
                               tracking_status::failed);
  const auto first = take_keyed(1, "k");
  const auto second = take_keyed(2, "k");
  store.calls().end(end_of(first, status), at(4));
  CHECK(next_of("k") == 0);
  CHECK(begin(second).blocked);
  CHECK(store.record_terminal(terminal(1, tracking_status::discarded), at(5))
          .outcome
        == update_outcome::already_terminal);
  CHECK(snapshot_of(1)->status == status); // the first end stands
  CHECK(next_of("k") == 2);
  CHECK(begin(second).begun);
  check_is_sound();
}

TEST_CASE_METHOD(order_key_fixture,
                 "discarding a call that is parked lets go of its payload, and "
                 "of nothing else",
                 "[calls]") {
  park(1);
  park(2);
  store.record_terminal(terminal(1, tracking_status::failed), at(5));
  CHECK(store.calls().get_target({"plant"}).kept_calls == 2);
  store.record_terminal(terminal(1, tracking_status::discarded), at(5));
  store.record_terminal(terminal(1, tracking_status::discarded), at(6));
  const auto reply = store.calls().get_target({"plant"});
  CHECK(reply.kept_calls == 1);
  CHECK(reply.kept_bytes == 7);
  CHECK(snapshot_of(1)->status == tracking_status::parked);
  check_is_sound();
}

TEST_CASE_METHOD(order_key_fixture,
                 "promise 14, order: a history tells when the payload of a "
                 "parked call was discarded, and why, and nothing else changes",
                 "[calls][promise-14]") {
  const auto history = [this](std::uint64_t n) {
    return store_reader{options.file}.get_history({id_of(n), std::nullopt});
  };
  park(1);
  park(2);
  const auto before = history(1);
  CHECK(before.payload_discarded == std::nullopt);
  auto wish = terminal(1, tracking_status::discarded);
  wish.last_error = "no longer wanted";
  store.begin();
  store.record_terminal(wish, at(5));
  store.rollback();
  CHECK(history(1) == before);
  CHECK(store.record_terminal(wish, at(5)).outcome
        == update_outcome::already_terminal);
  store.record_terminal(wish, at(6)); // there is nothing left
  auto after = history(1);
  CHECK(after.payload_discarded == payload_discard{at(5), "no longer wanted"});
  after.payload_discarded.reset();
  CHECK(after == before);
  CHECK(history(2).payload_discarded == std::nullopt);
  // Whoever follows the store hears of transitions alone.
  store_reader reader{options.file};
  watch_transitions all;
  all.after = reader.cursor_of(0);
  const auto seen = reader.read_transitions(all);
  CHECK(seen.transitions.size() == 4);
  CHECK_FALSE(seen.gap);
  store.close();
  store = operation_tracking_store{options};
  CHECK(history(1).payload_discarded
        == payload_discard{at(5), "no longer wanted"});
  check_is_sound();
  CHECK(store.purge_terminal(purge_before(at(9)), at(9)).deleted == 1);
  check_is_sound();
}

TEST_CASE_METHOD(order_key_fixture,
                 "of ten thousand keys each has a turn of its own, however "
                 "many calls wait behind one of them",
                 "[calls]") {
  store.begin();
  take_keyed(1, "busy");
  for (std::uint64_t n = 2; n <= 1'000; ++n)
    take_keyed(n, "busy");
  const auto last = std::uint64_t{1'000 + 10'000};
  for (std::uint64_t n = 1'001; n <= last; ++n)
    take_keyed(n, "key " + std::to_string(n));
  CHECK(next_of("busy") == 1);
  CHECK(next_of("key " + std::to_string(last)) == last);
  store.commit();
}
