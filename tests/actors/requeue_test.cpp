// Calls that are tried again while the actor of their target is at work.

#include "support/calls.hpp"
#include "support/forwarding.hpp"
#include "waybill/call_store.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

forward_call with_key(std::uint64_t n) {
  auto x = call(n);
  x.order_key = "line 7";
  return x;
}

struct requeue_actor_fixture : actor_fixture {
  scripted_target target;
  options with = make_options();
  service running = start(system, with);

  store_and_forward_actor spawn(const forward_options& x) {
    return running.spawn_store_and_forward(x, target.function());
  }

  bool is(std::uint64_t n, tracking_status status) {
    return eventually([&] {
      const auto found = get(running.tracker(), status_of(n)).snapshot;
      return found && found->status == status;
    });
  }

  // Call 1 of the key has failed, and call 2 is to be tried twice.
  store_and_forward_actor spawn_with_failed_call() {
    target.set(1, {wrong});
    target.set(2, {busy});
    const auto actor = spawn(patient());
    get(actor, with_key(1));
    REQUIRE(is(1, tracking_status::failed));
    return actor;
  }

  requeue_result again(std::uint64_t n, std::uint64_t as) {
    return get(running.tracker(), requeue{.ids = {id_of(n)}, .as = id_of(as)})
      .results.front();
  }

  std::vector<std::uint64_t> delivered() {
    std::vector<std::uint64_t> all;
    for (const auto& x : target.calls())
      all.push_back(x.id.low() - id_of(0).low());
    return all;
  }
};

using call_numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE_METHOD(requeue_actor_fixture,
                 "a call that is requeued is delivered by the actor that runs, "
                 "under the id that the target knows",
                 "[requeue][promise-13]") {
  auto x = quick();
  x.max_attempts = 1;
  target.set(1, {busy});
  const auto actor = spawn(x);
  get(actor, call(1));
  REQUIRE(is(1, tracking_status::parked));
  CHECK(again(1, 101).outcome == requeue_outcome::requeued);
  REQUIRE(is(101, tracking_status::delivered));
  CHECK(is(1, tracking_status::parked));
  CHECK(delivered() == call_numbers{1, 101});
  CHECK(target.calls().back().payload == "payload 1");
  const auto repeated = again(1, 102);
  CHECK(repeated.outcome == requeue_outcome::already_requeued);
  CHECK(repeated.successor == id_of(101));
  CHECK(get(actor, get_backlog{}).calls == 0);
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "promise 14, order: a requeued call comes before a later one "
                 "of its key that waits for its next attempt in memory",
                 "[requeue][promise-14]") {
  const auto actor = spawn_with_failed_call();
  get(actor, with_key(2));
  REQUIRE(is(2, tracking_status::retrying));
  get(actor, with_key(3));
  CHECK(again(1, 101).outcome == requeue_outcome::requeued);
  REQUIRE(is(101, tracking_status::delivered));
  CHECK(delivered() == call_numbers{1, 2, 101});
  CHECK(get(actor, get_backlog{}).calls == 2);
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "promise 14, order: a requeued call waits for the end of an "
                 "attempt with its key, and comes before the next one",
                 "[requeue][promise-14]") {
  const auto actor = spawn_with_failed_call();
  target.close();
  get(actor, with_key(2));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  get(actor, with_key(3));
  CHECK(again(1, 101).outcome == requeue_outcome::requeued);
  get(actor, get_backlog{});
  CHECK(target.running() == 1);
  target.open();
  REQUIRE(is(101, tracking_status::delivered));
  CHECK(delivered() == call_numbers{1, 2, 101});
  CHECK(target.most_at_a_time() == 1);
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "a call that somebody else parks while its attempt runs, and "
                 "that is requeued, is not made again before that has ended",
                 "[requeue][promise-13]") {
  target.close();
  const auto actor = spawn(quick());
  get(actor, call(1));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  get(running.tracker(), terminal(1, tracking_status::parked));
  CHECK(again(1, 101).outcome == requeue_outcome::requeued);
  // Longer than it would take: it is found, it is to begin, it has begun.
  for (int i = 0; i < 8; ++i)
    CHECK(get(actor, get_backlog{}).delivering == 1);
  target.open();
  REQUIRE(is(101, tracking_status::delivered));
  CHECK(delivered() == call_numbers{1, 101});
  CHECK(target.most_at_a_time() == 1);
  CHECK(is(1, tracking_status::parked));
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "promise 14, order: a call that is parked and keeps its key "
                 "lets the others go on when it is requeued and delivered",
                 "[requeue][promise-14]") {
  target.set(1, {wrong});
  auto x = quick();
  x.on_park = after_end::block;
  const auto actor = spawn(x);
  get(actor, with_key(1));
  REQUIRE(is(1, tracking_status::failed));
  get(actor, with_key(2));
  get(actor, with_key(3));
  get(actor, get_backlog{});
  CHECK(delivered() == call_numbers{1});
  again(1, 101);
  REQUIRE(is(3, tracking_status::delivered));
  CHECK(delivered() == call_numbers{1, 101, 2, 3});
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "of hundreds of calls that two operators requeue at a time "
                 "each is delivered once more",
                 "[requeue][promise-5]") {
  constexpr std::uint64_t count = 300;
  auto x = quick();
  x.max_attempts = 1;
  x.max_heads = GENERATE(5, 1'000);
  for (std::uint64_t n = 1; n <= count; ++n)
    target.set(n, {busy});
  const auto actor = spawn(x);
  for (const auto& each : calls(count))
    get(actor, each); // one after the other, for the sake of `max_heads`
  for (std::uint64_t n = 1; n <= count; ++n)
    REQUIRE(is(n, tracking_status::parked));
  std::vector<requeue> wishes;
  for (std::uint64_t n = 1; n <= count; ++n)
    for (int times = 0; times < 2; ++times)
      wishes.push_back({.ids = {id_of(n)}});
  std::int64_t done = 0;
  for (const auto& answer : send_all(system, running.tracker(), wishes)) {
    REQUIRE(answer.reply);
    const auto outcome = answer.reply->results.front().outcome;
    done += outcome == requeue_outcome::requeued ? 1 : 0;
    CHECK((outcome == requeue_outcome::requeued
           || outcome == requeue_outcome::already_requeued));
  }
  CHECK(done == count);
  REQUIRE(
    eventually([&] { return get(actor, get_backlog{}).calls == 0; }, 20s));
  CHECK(target.calls().size() == 2 * count);
  CHECK(store_reader{with.file}.check()->faults.empty());
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "a call that was requeued before its actor starts is read "
                 "like the others",
                 "[requeue]") {
  auto x = quick();
  x.max_attempts = 1;
  target.set(1, {busy});
  {
    const auto before = spawn(x);
    get(before, call(1));
    REQUIRE(is(1, tracking_status::parked));
  }
  running.stop();
  {
    store_options of_store;
    of_store.file = with.file;
    operation_tracking_store store{of_store};
    store.calls().requeue({.ids = {id_of(1)}, .as = id_of(101)},
                          timestamp::now());
  }
  running = start(system, with);
  spawn(x);
  CHECK(is(101, tracking_status::delivered));
}

TEST_CASE_METHOD(requeue_actor_fixture,
                 "calls that come while parked ones are requeued at a rate are "
                 "not kept waiting by these",
                 "[requeue]") {
  constexpr std::uint64_t steps = 5;
  constexpr std::uint64_t requeued = 12; // in each step of 250 ms
  constexpr std::uint64_t added = 5;
  running.stop();
  {
    store_options of_store;
    of_store.file = with.file;
    operation_tracking_store store{of_store};
    store.calls().open_target({"plant", {}, 3, {}}, t0);
    for (std::uint64_t n = 1; n <= steps * requeued; ++n) {
      const auto head = store.calls().take(take_of(n), t0).head;
      store.calls().end(end_of(head, tracking_status::parked), t0);
    }
  }
  running = start(system, with);
  fake_clock clock;
  auto x = quick();
  x.target = "plant";
  x.clock = clock.source();
  x.max_rate = 80; // 20 a step, where 17 come
  x.burst = 20;
  x.max_heads = GENERATE(16, 1'000);
  const auto actor = spawn(x);
  std::uint64_t last = 0;
  for (std::uint64_t step = 0; step < steps; ++step) {
    CAPTURE(step);
    requeue wish;
    for (std::uint64_t n = 1; n <= requeued; ++n)
      wish.ids.push_back(id_of(step * requeued + n));
    get(running.tracker(), wish);
    for (std::uint64_t n = 0; n < added; ++n)
      get(actor, call(1'001 + last++));
    clock.advance(250ms);
    REQUIRE(eventually([&] {
      return get(actor, get_backlog{}).calls == 0; // as it looks at the clock
    }));
    for (std::uint64_t n = 0; n < last; ++n)
      CHECK(target.attempts(1'001 + n) == 1);
  }
  CHECK(target.calls().size() == steps * (requeued + added));
}
