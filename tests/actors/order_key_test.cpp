// Order among the calls of a target: order keys and priorities.

#include <mutex>
#include <random>

#include "support/forwarding.hpp"
#include "support/random_seed.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

forward_call keyed(std::uint64_t n, const std::string& key) {
  auto x = call(n);
  x.order_key = key;
  return x;
}

std::vector<std::uint64_t> numbers_of(const std::vector<forward_call>& all) {
  std::vector<std::uint64_t> numbers;
  for (const auto& x : all)
    numbers.push_back(x.id.low() - id_of(0).low());
  return numbers;
}

using numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE_METHOD(forward_fixture,
                 "promise 14, order: calls with one key are delivered one at a "
                 "time, in the order in which they were taken",
                 "[order]") {
  auto x = quick();
  x.max_concurrency = 8;
  x.max_heads = GENERATE(3, 100);
  const auto actor = spawn(x);
  numbers expected;
  for (std::uint64_t n = 1; n <= 40; ++n) {
    get(actor, keyed(n, "line 7"));
    expected.push_back(n);
  }
  REQUIRE(all_done(actor));
  CHECK(target.most_at_a_time() == 1);
  CHECK(numbers_of(target.calls()) == expected);
}

TEST_CASE_METHOD(forward_fixture,
                 "promise 14, order: a call that waits for its next attempt "
                 "holds its key, and nothing else",
                 "[order]") {
  target.set(1, {busy, taken});
  const auto actor = spawn(by_clock(patient()));
  get(actor, keyed(1, "line 7"));
  REQUIRE(eventually([&] { return target.attempts(1) == 1; }));
  for (std::uint64_t n = 2; n <= 4; ++n)
    get(actor, keyed(n, "line 7"));
  for (std::uint64_t n = 5; n <= 7; ++n)
    get(actor, keyed(n, "line 8"));
  get(actor, call(8));
  REQUIRE(ends_as(7, tracking_status::delivered));
  REQUIRE(ends_as(8, tracking_status::delivered));
  settle(actor);
  for (std::uint64_t n = 2; n <= 4; ++n)
    CHECK(target.attempts(n) == 0);
  pass(actor, 1h);
  REQUIRE(all_done(actor));
  const auto order = numbers_of(target.calls());
  CHECK(numbers(order.end() - 4, order.end()) == numbers{1, 2, 3, 4});
}

TEST_CASE_METHOD(forward_fixture,
                 "promise 14, order: an actor that comes after another one "
                 "goes on in the order of taking",
                 "[order]") {
  auto x = patient();
  target.set(1, {busy, taken});
  const auto before = spawn(by_clock(x));
  for (std::uint64_t n = 1; n <= 10; ++n)
    get(before, keyed(n, "k"));
  REQUIRE(eventually([&] { return script->count("attempt 1") == 1; }));
  settle(before);
  kill_and_wait(before);
  const auto actor = spawn(by_clock(x));
  settle(actor);
  for (std::uint64_t n = 2; n <= 10; ++n)
    CHECK(target.attempts(n) == 0);
  pass(actor, 1h);
  REQUIRE(all_done(actor));
  CHECK(numbers_of(target.calls())
        == numbers{1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

TEST_CASE_METHOD(forward_fixture,
                 "promise 14, order: of many keys one that is blocked holds up "
                 "no other",
                 "[order]") {
  auto x = patient();
  x.max_heads = 10;
  target.set(1, {busy});
  const auto actor = spawn(by_clock(x));
  get(actor, keyed(1, "blocked"));
  for (std::uint64_t n = 2; n <= 100; ++n)
    get(actor, keyed(n, "blocked"));
  for (std::uint64_t n = 101; n <= 300; ++n)
    get(actor, keyed(n, "key " + std::to_string(n % 50)));
  for (std::uint64_t n = 101; n <= 300; ++n) {
    CAPTURE(n);
    REQUIRE(ends_as(n, tracking_status::delivered));
  }
  CHECK(get(actor, get_backlog{}).calls == 100);
}

TEST_CASE_METHOD(forward_fixture,
                 "of those that wait for a worker the most urgent is next, and "
                 "every eighth time the oldest",
                 "[order]") {
  auto x = quick();
  x.max_concurrency = 1;
  target.close();
  const auto actor = spawn(x);
  get(actor, call(1));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  for (std::uint64_t n = 2; n <= 21; ++n) {
    auto each = call(n);
    each.priority = n <= 5 ? 0 : 3;
    get(actor, each);
  }
  target.open();
  REQUIRE(all_done(actor));
  const auto order = numbers_of(target.calls());
  REQUIRE(order.size() == 21);
  CHECK(numbers(order.begin(), order.begin() + 8)
        == numbers{1, 6, 7, 8, 9, 10, 11, 12});
  CHECK(order[8] == 2);
  CHECK(numbers(order.begin() + 9, order.begin() + 16)
        == numbers{13, 14, 15, 16, 17, 18, 19});
  CHECK(order[16] == 3);
  CHECK(numbers(order.begin() + 17, order.end()) == numbers{20, 21, 4, 5});
}

TEST_CASE_METHOD(forward_fixture,
                 "an attempt of which nobody knows the end is repeated, or its "
                 "call is parked for a target that must not see it twice",
                 "[order]") {
  auto x = quick();
  const delivery_result no_answer{.what = delivery_result::kind::unknown,
                                  .error = "no answer"};
  target.set(1, {no_answer, taken});
  target.set(2, {[](const forward_call&) -> delivery_result {
                   throw std::runtime_error{"connection reset"};
                 },
                 [](const forward_call&) { return taken; }});
  SECTION("retry") {
    const auto actor = spawn(x);
    get(actor, call(1));
    get(actor, call(2));
    REQUIRE(ends_as(1, tracking_status::delivered));
    REQUIRE(ends_as(2, tracking_status::delivered));
  }
  SECTION("park") {
    x.on_unknown = after_doubt::park;
    target.set(3, {busy, taken}); // the target has said no
    const auto actor = spawn(x);
    for (std::uint64_t n = 1; n <= 3; ++n)
      get(actor, call(n));
    REQUIRE(ends_as(1, tracking_status::parked));
    REQUIRE(ends_as(2, tracking_status::parked));
    REQUIRE(ends_as(3, tracking_status::delivered));
    CHECK(script->find(id_of(2))->last_error == "connection reset");
    CHECK(target.attempts(1) == 1);
    CHECK(target.attempts(2) == 1);
  }
}

// -- with a real tracker ------------------------------------------------------

namespace {

// A target that notes which calls of a key are under way, and which have ended.
struct ordered_target {
  std::mutex mutex;
  std::map<std::string, int> running;
  std::map<std::string, numbers> ended;
  bool overlapped = false;
  std::mt19937_64 random;

  delivery_result deliver(const forward_call& x) {
    const std::lock_guard guard{mutex};
    if (++running[*x.order_key] > 1)
      overlapped = true;
    --running[*x.order_key];
    if (random() % 4 == 0)
      return busy;
    ended[*x.order_key].push_back(x.id.low() - id_of(0).low());
    return taken;
  }
};

} // namespace

TEST_CASE_METHOD(actor_fixture,
                 "promise 14, order: keys keep their order whatever fails, is "
                 "left in the store, or is stopped meanwhile",
                 "[order]") {
  constexpr std::uint64_t count = 300;
  std::mt19937_64 random{seed_for("order keys")};
  const auto seen = std::make_shared<ordered_target>();
  seen->random.seed(random());
  auto x = quick();
  x.max_attempts = 100;
  x.max_heads = 7;
  x.max_concurrency = 5;
  std::uint64_t sent = 0;
  for (int round = 0; round < 6; ++round) {
    auto running = start(system, make_options());
    const auto actor = running.spawn_store_and_forward(
      x, [seen](const forward_call& c) { return seen->deliver(c); });
    for (const auto end = sent + count / 6; sent < end;) {
      ++sent;
      get(actor,
          keyed(sent, std::string(1, static_cast<char>('a' + random() % 9))));
    }
    if (round == 5)
      REQUIRE(eventually([&] { return get(actor, get_backlog{}).calls == 0; }));
    REQUIRE(running.stop());
  }
  const std::lock_guard guard{seen->mutex};
  CHECK_FALSE(seen->overlapped);
  std::size_t all = 0;
  for (const auto& [key, ended] : seen->ended) {
    CAPTURE(key);
    CHECK(std::ranges::is_sorted(ended));
    all += ended.size();
  }
  CHECK(all == count);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 14, order: a parked call blocks its key if that is "
                 "wanted, until it is discarded",
                 "[order]") {
  auto running = start(system, make_options());
  scripted_target target;
  target.set(1, {wrong});
  auto x = quick();
  x.on_park = after_end::block;
  const auto actor = running.spawn_store_and_forward(x, target.function());
  for (std::uint64_t n = 1; n <= 5; ++n)
    get(actor, keyed(n, "k"));
  get(actor, keyed(6, "other"));
  const auto status = [&](std::uint64_t n) {
    return get(running.tracker(), status_of(n)).snapshot->status;
  };
  REQUIRE(eventually([&] { return status(1) == tracking_status::failed; }));
  REQUIRE(eventually([&] { return status(6) == tracking_status::delivered; }));
  CHECK(target.attempts(2) == 0);
  CHECK(get(actor, give_up(1)).outcome == update_outcome::already_terminal);
  REQUIRE(eventually([&] { return status(5) == tracking_status::delivered; }));
  CHECK(numbers_of(target.calls()).back() == 5);
  CHECK(status(1) == tracking_status::failed);
  CHECK(running.stop());
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 15, bounded: health is degraded while a target has "
                 "nearly as much as may be kept, and parking needs no room",
                 "[order]") {
  auto running = start(system, make_options());
  scripted_target target;
  for (std::uint64_t n = 1; n <= 5; ++n)
    target.set(n, {wrong});
  auto x = quick();
  x.target = "plant";
  x.max_kept_calls = 3;
  x.max_concurrency = 1;
  target.close();
  const auto actor = running.spawn_store_and_forward(x, target.function());
  for (std::uint64_t n = 1; n <= 5; ++n)
    get(actor, call(n));
  target.open();
  const auto health = [&] { return get(running.tracker(), get_health{}); };
  REQUIRE(eventually([&] { return get(actor, get_backlog{}).calls == 0; }));
  for (std::uint64_t n = 1; n <= 5; ++n)
    CHECK(get(running.tracker(), status_of(n)).snapshot->status
          == tracking_status::failed);
  CHECK(health().state == health_state::degraded);
  CHECK(health().reason.find("target plant has used four fifths of "
                             "max_kept_calls")
        != std::string::npos);
  CHECK(error_of(actor, call(6)) == errc::overloaded);
  for (std::uint64_t n = 1; n <= 4; ++n)
    get(actor, give_up(n));
  CHECK(eventually([&] { return health().state == health_state::ok; }));
  CHECK(get(actor, call(6)).outcome == forward_outcome::accepted);
  CHECK(running.stop());
}
