// How a store-and-forward actor spares a target that is in trouble, and one
// that takes only so much.

#include <atomic>
#include <future>
#include <memory>

#include "support/forwarding.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct pacing_fixture : forward_fixture {
  /// Whether the target works; all calls share it.
  std::shared_ptr<std::atomic<bool>> works
    = std::make_shared<std::atomic<bool>>(false);

  /// Short backoffs, the breaker as it is by default, by the clock.
  [[nodiscard]] forward_options paced() const {
    auto x = by_clock(quick());
    x.breaker_failure_ratio = forward_options{}.breaker_failure_ratio;
    x.max_attempts = 3;
    return x;
  }

  /// Calls 1 to `count`, each taken if the target works then.
  std::vector<forward_call> depending(std::uint64_t count) {
    for (std::uint64_t n = 1; n <= count; ++n)
      target.set(n, {[works = works](const forward_call&) {
                   return *works ? taken : busy;
                 }});
    return calls(count);
  }

  backlog_reply backlog(const store_and_forward_actor& actor) {
    return get(actor, get_backlog{});
  }

  /// Waits until the breaker is open and no attempt is under way or about to
  /// begin, and each failed one has been reported, so that its call backs off.
  backlog_reply await_open(const store_and_forward_actor& actor) {
    backlog_reply x;
    REQUIRE(eventually([&] {
      x = backlog(actor);
      return x.breaker == breaker_state::open
             && x.backing_off + x.held_back == x.calls;
    }));
    get(tracker, get_health{});
    settle(actor);
    return x;
  }

  [[nodiscard]] std::size_t attempts() const { return target.calls().size(); }

  bool attempts_become(std::size_t count) {
    return eventually([&] { return attempts() >= count; });
  }
};

} // namespace

TEST_CASE_METHOD(pacing_fixture,
                 "a target that fails gets no more attempts than the breaker "
                 "lets through, and no call is parked for that") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(100));
  auto x = await_open(actor);
  // Ten decide; up to three more had begun by then.
  auto made = attempts();
  CHECK(made >= 10);
  CHECK(made <= 13);
  CHECK(x.calls == 100);
  CHECK(x.open_until == timestamp{t0.us() + 5'000'000});
  // As long as it is open, and one attempt whenever its pause is over.
  auto pause = 5s;
  for (int probes = 0; probes < 9; ++probes) {
    pass(actor, pause - 1us);
    CHECK(attempts() == made);
    x = backlog(actor);
    CHECK(x.held_back == 100);
    CHECK(x.backing_off == 0);
    pass(actor, 1us);
    REQUIRE(attempts_become(++made));
    pause = std::min(2 * pause, std::chrono::seconds{300});
    await_open(actor);
    CHECK(attempts() == made);
  }
  CHECK(script->count("terminal") == 0);
  std::size_t untouched = 0;
  for (std::uint64_t n = 1; n <= 100; ++n)
    untouched += script->status(n) == tracking_status::submitted ? 1U : 0U;
  CHECK(untouched == 100 - made); // each attempt was another call's
}

TEST_CASE_METHOD(pacing_fixture,
                 "after a target works again all calls are delivered, and the "
                 "operator has heard both") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(100));
  await_open(actor);
  *works = true;
  pass(actor, 5s);
  REQUIRE(all_done(actor));
  CHECK(backlog(actor) == backlog_reply{});
  for (std::uint64_t n = 1; n <= 100; ++n)
    CHECK(script->status(n) == tracking_status::delivered);
  const auto all = heard.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0]
        == "store-and-forward to plant: too many attempts fail; none begins "
           "for 5s, then one to try: 503");
  CHECK(all[1] == "store-and-forward to plant: the target works again");
}

TEST_CASE_METHOD(pacing_fixture,
                 "when a pause is over the next attempt begins by itself") {
  auto x = quick(); // by the machine's clock
  x.breaker_failure_ratio = 0.5;
  x.breaker_first_pause = 10ms;
  x.breaker_max_pause = 20ms;
  x.max_rate = 1'000;
  const auto served = std::make_shared<std::atomic<int>>(0);
  for (std::uint64_t n = 1; n <= 50; ++n)
    target.set(n, {[served](const forward_call&) {
                 return ++*served <= 20 ? busy : taken;
               }});
  const auto actor = spawn(x);
  send_all(system, actor, calls(50));
  CHECK(all_done(actor));
  CHECK(heard.contain("too many attempts fail"));
  CHECK(heard.contain("the target works again"));
}

TEST_CASE_METHOD(pacing_fixture,
                 "only one attempt tries a target whose breaker was open") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(100));
  await_open(actor);
  const auto made = attempts();
  target.close();
  pass(actor, 5s);
  REQUIRE(eventually([&] { return target.running() == 1; }));
  for (int i = 0; i < 10; ++i) {
    pass(actor, 1h);
    CHECK(backlog(actor).breaker == breaker_state::half_open);
    CHECK(backlog(actor).delivering == 1);
    CHECK(backlog(actor).held_back == 99);
    CHECK_FALSE(backlog(actor).open_until);
  }
  CHECK(attempts() == made + 1);
  *works = true;
  target.open();
  CHECK(all_done(actor));
}

TEST_CASE_METHOD(pacing_fixture,
                 "a target that refuses calls for good is not spared") {
  const auto actor = spawn(paced());
  for (std::uint64_t n = 1; n <= 100; ++n)
    target.set(n, {wrong});
  send_all(system, actor, calls(100));
  REQUIRE(all_done(actor));
  CHECK(attempts() == 100);
  CHECK(heard.all().empty());
}

TEST_CASE_METHOD(pacing_fixture,
                 "after a target works again the attempts at a time grow from "
                 "a tenth to all") {
  auto x = paced();
  x.max_concurrency = 20;
  const auto actor = spawn(x);
  // The first call that is taken ends at once, the others when they may.
  std::promise<void> release;
  const auto gate = release.get_future().share();
  const auto served = std::make_shared<std::atomic<int>>(0);
  for (std::uint64_t n = 1; n <= 200; ++n)
    target.set(n, {[works = works, served, gate](const forward_call&) {
                 if (!*works)
                   return busy;
                 if (++*served > 1)
                   gate.wait();
                 return taken;
               }});
  send_all(system, actor, calls(200));
  await_open(actor);
  *works = true;
  pass(actor, 5s);
  for (const auto running : {2, 4, 8, 16, 20}) {
    CAPTURE(running);
    CHECK(eventually([&] { return *served == 1 + running; }));
    CHECK(backlog(actor).delivering == running);
    pass(actor, 999ms);
    CHECK(backlog(actor).delivering == running);
    pass(actor, 1ms);
  }
  release.set_value();
  CHECK(all_done(actor));
}

TEST_CASE_METHOD(pacing_fixture,
                 "after a target works again its rate grows from a tenth to "
                 "all") {
  auto x = paced();
  x.max_rate = 100;
  x.burst = 50;
  const auto actor = spawn(x);
  send_all(system, actor, depending(500));
  await_open(actor);
  auto made = attempts();
  *works = true;
  pass(actor, 5s);
  REQUIRE(attempts_become(++made)); // the probe
  REQUIRE(eventually(
    [&] { return backlog(actor).breaker == breaker_state::closed; }));
  for (const auto in_a_step : {1U, 2U, 4U, 8U, 10U}) // of 100 ms
    for (int step = 0; step < 10; ++step) {
      CAPTURE(in_a_step, step);
      CHECK(attempts() == made);
      pass(actor, 100ms);
      REQUIRE(attempts_become(made += in_a_step));
      REQUIRE(eventually([&] { return backlog(actor).delivering == 0; }));
    }
  CHECK(attempts() == made);
}

TEST_CASE_METHOD(pacing_fixture,
                 "a thousand calls that are due at a start do not stampede") {
  constexpr std::uint64_t count = 1'000;
  *works = true;
  const auto all = depending(count);
  for (std::uint64_t n = 1; n <= count; ++n) {
    auto row = fresh(n, t0);
    row.status = tracking_status::retrying;
    row.retry_count = 1;
    script->put(row);
  }
  auto x = paced();
  x.max_rate = 200;
  x.burst = 20;
  const auto actor = spawn(x);
  for (const auto& answer : send_all(system, actor, all))
    REQUIRE(answer.reply == forward_reply{forward_outcome::accepted});
  std::size_t made = 20;
  REQUIRE(attempts_become(made));
  for (int i = 0; i < 20; ++i) {
    REQUIRE(eventually([&] { return backlog(actor).delivering == 0; }));
    CHECK(attempts() == made);
    pass(actor, 50ms);
    REQUIRE(attempts_become(made += 10));
  }
  CHECK(backlog(actor).held_back == 0); // by no breaker
  pass(actor, 1h);
  CHECK(attempts_become(made + 20));
}

TEST_CASE_METHOD(
  pacing_fixture,
  "shut_down ends an actor whose breaker is open, and leaves its "
  "calls in flight") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(50));
  await_open(actor);
  const auto made = attempts();
  const end_watch watch{actor};
  say(actor, shut_down{});
  CHECK(watch.ended_within(5s));
  CHECK(target.function_is_gone());
  CHECK(attempts() == made);
  CHECK(script->count("terminal") == 0);
}

TEST_CASE_METHOD(pacing_fixture,
                 "shut_down waits for the attempt that tries a target") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(50));
  await_open(actor);
  target.close();
  pass(actor, 5s);
  REQUIRE(eventually([&] { return target.running() == 1; }));
  const end_watch watch{actor};
  say(actor, shut_down{});
  CHECK(backlog(actor).delivering == 1); // it lives
  target.open();
  CHECK(watch.ended_within(5s));
}

TEST_CASE_METHOD(pacing_fixture,
                 "a call that an open breaker holds back can be discarded") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(50));
  await_open(actor);
  pass(actor, 1s); // the backoffs are over
  const auto made = attempts();
  REQUIRE(backlog(actor).held_back == 50);
  CHECK(get(actor, give_up(1)).outcome == update_outcome::applied);
  CHECK(get(actor, give_up(50)).outcome == update_outcome::applied);
  CHECK(backlog(actor).held_back == 48);
  CHECK(script->status(50) == tracking_status::discarded);
  *works = true;
  pass(actor, 5s);
  REQUIRE(all_done(actor));
  CHECK(attempts() == made + 48);
  CHECK(target.attempts(50) == 0);
}

TEST_CASE_METHOD(pacing_fixture,
                 "the attempt that tries a target counts also if its call is "
                 "discarded meanwhile") {
  const auto actor = spawn(paced());
  send_all(system, actor, depending(50));
  await_open(actor);
  target.close();
  pass(actor, 5s);
  REQUIRE(eventually([&] { return target.running() == 1; }));
  const auto tried = target.calls().back().id;
  CHECK(get(actor, discard{tried, std::nullopt}).outcome
        == update_outcome::applied);
  *works = true;
  target.open();
  CHECK(all_done(actor));
}

TEST_CASE_METHOD(pacing_fixture,
                 "a target that works and fails by turns is told a few times, "
                 "not each") {
  auto x = paced();
  x.max_concurrency = 1;
  x.max_attempts = 1'000;
  const auto actor = spawn(x);
  // Ten fail, then one is taken, and so on.
  const auto served = std::make_shared<std::atomic<int>>(0);
  for (std::uint64_t n = 1; n <= 20; ++n)
    target.set(n, {[served](const forward_call&) {
                 return ++*served % 11 == 0 ? taken : busy;
               }});
  send_all(system, actor, calls(20));
  for (int i = 0; i < 500 && backlog(actor).calls > 0; ++i) {
    pass(actor, 5s);
    REQUIRE(eventually([&] { return backlog(actor).delivering == 0; }));
  }
  REQUIRE(all_done(actor));
  CHECK(*served == 220);
  std::size_t told = 0;
  for (const auto& text : heard.all())
    told += text.find("too many attempts fail") != std::string::npos ? 1U : 0U;
  CHECK(told >= 2);
  CHECK(told <= 9); // 1, 2, 4, … s apart
  CHECK(heard.contain("times more since that was last told"));
}

TEST_CASE_METHOD(pacing_fixture,
                 "an attempt with a high number is followed by the next one") {
  auto x = paced();
  x.max_attempts = 1'000'000;
  const auto actor = spawn(x);
  auto row = fresh(1, t0);
  row.status = tracking_status::retrying;
  row.retry_count = 999'997;
  script->put(row);
  target.set(1, {busy});
  get(actor, call(1));
  REQUIRE(eventually([&] {
    pass(actor, 4ms);
    return script->status(1) == tracking_status::parked;
  }));
  CHECK(reports_of(1)
        == lines{"enqueue 1", R"(attempt 1 Retrying 999998 "503" 503)",
                 R"(attempt 1 Retrying 999999 "503" 503)",
                 R"(terminal 1 Parked "503" 503)"});
}
