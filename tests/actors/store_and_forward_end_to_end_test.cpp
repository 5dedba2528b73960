// Store-and-forward with a real tracker on a real file.

#include <map>
#include <mutex>
#include <random>

#include "support/forwarding.hpp"
#include "support/random_seed.hpp"
#include "waybill/call_store.hpp"
#include "waybill/operation_tracking_store.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct end_to_end_fixture : actor_fixture {
  scripted_target target;

  store_and_forward_actor spawn(service& running, forward_options x = quick()) {
    return running.spawn_store_and_forward(x, target.function());
  }

  bool all_done(const store_and_forward_actor& actor) {
    return eventually([&] { return get(actor, get_backlog{}).calls == 0; },
                      20s);
  }

  std::optional<tracking_status_snapshot> row(service& running,
                                              std::uint64_t n) {
    return get(running.tracker(), status_of(n)).snapshot;
  }
};

// What must become of call `n`, and after how many attempts.
struct fate {
  tracking_status status;
  std::int32_t retries;
  std::optional<std::int32_t> http_status;
};

fate fate_of(std::uint64_t n) {
  switch (n % 5) {
    case 0:
      return {tracking_status::delivered, 0, 200};
    case 1:
      return {tracking_status::delivered, 2, 200};
    case 2:
      return {tracking_status::failed, 0, 400};
    case 3:
      return {tracking_status::failed, 1, 400};
    default: // the last attempt is no retry that follows
      return {tracking_status::parked, 3, 503};
  }
}

void set_fates(scripted_target& target, std::uint64_t count) {
  for (std::uint64_t n = 1; n <= count; ++n) {
    const auto x = fate_of(n);
    std::vector<delivery_result> results(static_cast<std::size_t>(x.retries),
                                         busy);
    results.push_back(x.status == tracking_status::delivered ? taken
                      : x.status == tracking_status::failed  ? wrong
                                                             : busy);
    target.set(n, results);
  }
}

} // namespace

TEST_CASE_METHOD(end_to_end_fixture,
                 "every call ends in the store as its target decided") {
  constexpr std::uint64_t count = 200;
  auto running = start(system, make_options());
  set_fates(target, count);
  auto x = quick();
  x.max_attempts = 4;
  const auto actor = spawn(running, x);
  for (const auto& answer : send_all(system, actor, calls(count)))
    CHECK(answer.reply == forward_reply{forward_outcome::accepted});
  REQUIRE(all_done(actor));
  for (std::uint64_t n = 1; n <= count; ++n) {
    CAPTURE(n);
    const auto found = row(running, n);
    REQUIRE(found);
    const auto wanted = fate_of(n);
    CHECK(found->status == wanted.status);
    CHECK(found->retry_count == wanted.retries);
    CHECK(found->http_status == wanted.http_status);
    CHECK(found->terminal_at);
    CHECK(target.attempts(n) == static_cast<std::size_t>(wanted.retries) + 1);
  }
  for (const auto& answer : send_all(system, actor, calls(count)))
    CHECK(answer.reply == forward_reply{forward_outcome::already_terminal});
  CHECK(running.stop());
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "a tracker that takes hardly any requests at a time gets all "
                 "reports in the end") {
  constexpr std::uint64_t count = 50;
  auto small = make_options();
  small.max_waiting_requests = 2;
  auto running = start(system, small);
  set_fates(target, count);
  auto x = quick();
  x.max_attempts = 4;
  const auto actor = spawn(running, x);
  for (const auto& answer : send_all(system, actor, calls(count)))
    CHECK(answer.reply == forward_reply{forward_outcome::accepted});
  REQUIRE(all_done(actor));
  CHECK(running.stop());
  auto again = start(system, make_options());
  for (std::uint64_t n = 1; n <= count; ++n) {
    CAPTURE(n);
    CHECK(row(again, n)->status == fate_of(n).status);
    CHECK(target.attempts(n)
          == static_cast<std::size_t>(fate_of(n).retries) + 1);
  }
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "after a stop, finished calls are not made again and "
                 "unfinished ones go on where they were") {
  constexpr std::uint64_t count = 60;
  std::mt19937_64 random{seed_for("after a stop")};
  set_fates(target, count);
  auto x = quick();
  x.max_attempts = 4;
  x.max_concurrency = 2;
  // Each round is stopped somewhere in the middle, the last one is not.
  for (int round = 0;; ++round) {
    CAPTURE(round);
    REQUIRE(round < 200);
    auto running = start(system, make_options());
    const auto actor = spawn(running, x);
    send_all(system, actor, calls(count));
    if (round < 8) {
      std::this_thread::sleep_for(std::chrono::milliseconds{random() % 15});
      CHECK(running.stop());
      CHECK(target.function_is_gone());
      continue;
    }
    REQUIRE(all_done(actor));
    for (std::uint64_t n = 1; n <= count; ++n) {
      CAPTURE(n);
      const auto wanted = fate_of(n);
      CHECK(row(running, n)->status == wanted.status);
      CHECK(row(running, n)->retry_count == wanted.retries);
      // An orderly stop reports what ran: no attempt is made twice.
      CHECK(target.attempts(n) == static_cast<std::size_t>(wanted.retries) + 1);
    }
    break;
  }
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "a stop that cannot wait for a delivery still answers and "
                 "ends in time") {
  auto impatient = make_options();
  impatient.stop_timeout = 100ms;
  auto running = start(system, impatient);
  target.close();
  const auto actor = spawn(running);
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(eventually([&] { return target.running() == 1; }));
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(running.stop());
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(error_of(actor, call(2)) == errc::stopped);
  target.open();
  REQUIRE(eventually([&] { return target.function_is_gone(); }));
  auto again = start(system, make_options());
  CHECK(row(again, 1)->status == tracking_status::submitted);
  CHECK(get(spawn(again), call(1)).outcome == forward_outcome::accepted);
  CHECK(eventually(
    [&] { return row(again, 1)->status == tracking_status::delivered; }));
  CHECK(target.attempts(1) == 2);
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "a discarded operation ends as Discarded in the store, with "
                 "the reason") {
  auto running = start(system, make_options());
  target.set(1, {busy});
  const auto actor = spawn(running, patient());
  get(actor, call(1));
  REQUIRE(eventually(
    [&] { return row(running, 1)->status == tracking_status::retrying; }));
  CHECK(get(actor, give_up(1)).outcome == update_outcome::applied);
  CHECK(row(running, 1)->status == tracking_status::discarded);
  CHECK(row(running, 1)->last_error == "no longer wanted");
  CHECK(row(running, 1)->retry_count == 1);
  CHECK(get(actor, give_up(1)).outcome == update_outcome::already_terminal);
  CHECK(get(actor, give_up(2)).outcome == update_outcome::not_found);
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "calls to several targets are tracked in one store") {
  auto running = start(system, make_options());
  std::vector<store_and_forward_actor> actors;
  for (int i = 0; i < 4; ++i) {
    auto x = quick();
    x.target = "plant " + std::to_string(i);
    actors.push_back(spawn(running, x));
  }
  for (std::uint64_t n = 1; n <= 100; ++n)
    get(actors[n % 4], call(n));
  for (const auto& actor : actors)
    REQUIRE(all_done(actor));
  const auto counts = get(running.tracker(), get_counts{}).counts;
  REQUIRE(counts.size() == 1);
  CHECK(counts.front().status == tracking_status::delivered);
  CHECK(counts.front().operations == 100);
  CHECK(running.stop());
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "a target has one actor at a time, until that one has ended") {
  auto running = start(system, make_options());
  const auto first = spawn(running);
  CHECK(get(first, call(1)).outcome == forward_outcome::accepted);
  const auto second = spawn(running);
  try {
    get(second, call(2));
    FAIL("there are two");
  } catch (const request_error& e) {
    CHECK(e.code() == errc::invalid_request);
    CHECK(std::string{e.what()}.find("another actor works for target")
          != std::string::npos);
  }
  const end_watch watch{first};
  caf::scoped_actor self{system};
  self->send_exit(first, caf::exit_reason::kill);
  REQUIRE(running.stop());
  REQUIRE(watch.ended_within(5s));
}

TEST_CASE_METHOD(
  end_to_end_fixture,
  "promise 12, kept: what is unfinished when the service ends is "
  "delivered by the next one, unasked",
  "[promise-12]") {
  auto x = quick();
  x.max_concurrency = 2;
  target.close();
  {
    auto short_stop = make_options();
    short_stop.stop_timeout = 50ms;
    auto running = start(system, short_stop);
    const auto actor = spawn(running, x);
    for (const auto& each : calls(20))
      CHECK(get(actor, each).outcome == forward_outcome::accepted);
    REQUIRE(eventually([&] { return target.running() == 2; }));
    CHECK_FALSE(running.stop()); // two attempts hang
  }
  target.open();
  REQUIRE(eventually([&] { return target.running() == 0; }));
  auto running = start(system, make_options());
  const auto actor = spawn(running, x);
  REQUIRE(all_done(actor));
  for (std::uint64_t n = 1; n <= 20; ++n) {
    CAPTURE(n);
    CHECK(row(running, n)->status == tracking_status::delivered);
    CHECK(target.attempts(n) == (n <= 2 ? 2 : 1));
    CHECK(row(running, n)->retry_count == (n <= 2 ? 1 : 0));
  }
  CHECK(running.stop());
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "promise 13, once: a call that is interrupted too often is "
                 "parked, and keeps its payload",
                 "[promise-13]") {
  auto x = quick();
  x.max_interruptions = 2;
  for (int i = 0; i < 2; ++i) {
    target.close();
    auto short_stop = make_options();
    short_stop.stop_timeout = 50ms;
    auto running = start(system, short_stop);
    const auto actor = spawn(running, x);
    if (i == 0)
      get(actor, call(1));
    REQUIRE(eventually([&] { return target.running() == 1; }));
    CHECK_FALSE(running.stop());
    target.open();
    REQUIRE(eventually([&] { return target.running() == 0; }));
  }
  auto running = start(system, make_options());
  const auto actor = spawn(running, x);
  REQUIRE(all_done(actor));
  CHECK(row(running, 1)->status == tracking_status::parked);
  CHECK(target.attempts(1) == 2);
  const auto kept = get(running.tracker(), get_target{x.target});
  CHECK(kept.kept_calls == 1);
  CHECK(running.stop());
}

TEST_CASE_METHOD(end_to_end_fixture,
                 "promise 13, once: a call has the same idempotency key in all "
                 "attempts, also after a restart: the id of the operation that "
                 "was handed over first",
                 "[promise-13]") {
  const auto x = make_options();
  {
    // Call 2 goes on with what was handed over as operation 7.
    operation_tracking_store store{{.file = x.file}};
    auto kept = store.calls();
    kept.open_target({.target = quick().target,
                      .bounds = {},
                      .max_interruptions = 3,
                      .under_way = {}},
                     t0);
    for (std::uint64_t n = 1; n <= 2; ++n)
      kept.take({.target = quick().target,
                 .call = call(n),
                 .root = n == 2 ? std::optional{id_of(7)} : std::nullopt,
                 .codec = std::nullopt,
                 .deadline = std::nullopt},
                t0);
    REQUIRE_FALSE(store.close());
  }
  struct {
    std::mutex mutex;
    std::map<tracked_operation_id, std::vector<tracked_operation_id>> keys;
  } seen;
  auto running = start(system, x);
  const auto actor = running.spawn_store_and_forward(
    quick(), [&seen](const delivery& call) -> delivery_result {
      const std::lock_guard guard{seen.mutex};
      auto& keys = seen.keys[call.id];
      keys.push_back(call.idempotency_key);
      return keys.size() < 3 ? busy : taken;
    });
  get(actor, call(3));
  REQUIRE(all_done(actor));
  CHECK(running.stop());
  const std::lock_guard guard{seen.mutex};
  CHECK(seen.keys[id_of(1)] == std::vector(3, id_of(1)));
  CHECK(seen.keys[id_of(2)] == std::vector(3, id_of(7)));
  CHECK(seen.keys[id_of(3)] == std::vector(3, id_of(3)));
}
