// Targets that an operator has paused: what their actors do meanwhile, and when
// they go on.

#include <atomic>
#include <memory>

#include "support/answer_sink.hpp"
#include "support/forwarding.hpp"
#include "waybill/lone_delivery.hpp"
#include "waybill/pause_watch.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

const pause_target annas_wish{"plant", "anna", "MES is updated"};
const target_pause annas_pause{t0, "anna", "MES is updated"};

struct paused_fixture : forward_fixture {
  [[nodiscard]] std::size_t attempts() const { return target.calls().size(); }

  bool attempts_come_to(std::size_t count) {
    return eventually([&] { return attempts() >= count; });
  }

  void pause(const store_and_forward_actor& actor) {
    CHECK(get(actor, annas_wish)
          == pause_reply{pause_outcome::applied, annas_pause});
  }

  void resume(const store_and_forward_actor& actor) {
    CHECK(get(actor, resume_target{"plant"})
          == pause_reply{pause_outcome::applied, annas_pause});
  }

  backlog_reply backlog(const store_and_forward_actor& actor) {
    return get(actor, get_backlog{});
  }

  // The actor asks the store again, and hears what it says.
  void look_again(const store_and_forward_actor& actor) {
    pass(actor, 1s);
    settle(actor);
  }
};

} // namespace

TEST_CASE_METHOD(paused_fixture,
                 "no attempt begins while a target is paused: calls are taken, "
                 "and wait until it is resumed") {
  const auto actor = spawn(by_clock(quick()));
  pause(actor);
  for (const auto& answer : send_all(system, actor, calls(50)))
    CHECK(answer.reply == forward_reply{forward_outcome::accepted});
  for (int i = 0; i < 5; ++i)
    pass(actor, 1h);
  CHECK(attempts() == 0);
  CHECK(script->steps("begin") == 0); // it does not even ask
  const auto x = backlog(actor);
  CHECK(x.calls == 50);
  CHECK(x.held_back == 50);
  CHECK(x.pause == annas_pause);
  resume(actor);
  REQUIRE(all_done(actor));
  CHECK(attempts() == 50);
  CHECK_FALSE(backlog(actor).pause);
  CHECK(heard.contain("is paused, since 2026-11-23T08:15:30.000000Z, by anna: "
                      "MES is updated"));
  CHECK(heard.contain("goes on; it was paused, since "));
}

TEST_CASE_METHOD(paused_fixture,
                 "attempts under way end when their target is paused, and are "
                 "not followed by others") {
  auto x = by_clock(quick());
  x.max_concurrency = 2;
  target.set(1, {busy, taken});
  target.close();
  const auto actor = spawn(x);
  send_all(system, actor, calls(5));
  REQUIRE(eventually([&] { return target.running() == 2; }));
  pause(actor); // is answered although they run on
  CHECK(backlog(actor).delivering == 2);
  target.open();
  REQUIRE(ends_as(2, tracking_status::delivered));
  REQUIRE(ends_as(1, tracking_status::retrying));
  pass(actor, 1h); // its backoff is over
  CHECK(attempts() == 2);
  CHECK(backlog(actor).held_back == 4);
  resume(actor);
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) == 2);
}

TEST_CASE_METHOD(paused_fixture,
                 "a pause is answered when no attempt is about to begin any "
                 "more") {
  const auto actor = spawn(by_clock(quick()));
  script->next("enqueue 1", {late});
  answer_sink answers{system, 2};
  answers.send(actor, 0, call(1)); // with its first attempt
  settle(actor);
  answers.send(actor, 1, annas_wish);
  REQUIRE(eventually([&] { return script->count("pause") == 1; }));
  get(tracker, get_health{}); // its answer is under way before this one
  settle(actor);              // it has heard that it is done
  CHECK(answers.answered() == 0);
  CHECK(attempts() == 0);
  say(tracker, work_tick{}); // the attempt has begun: it was asked for before
  REQUIRE(answers.await(2, 30s));
  CHECK(answers[0].says(forward_outcome::accepted));
  CHECK(answers[1].done());
  CHECK(attempts_come_to(1));
  REQUIRE(eventually([&] { return backlog(actor).delivering == 0; }));
  get(actor, call(2));
  CHECK(attempts() == 1);
}

TEST_CASE_METHOD(paused_fixture, "a call whose time to live ends while its "
                                 "target is paused is discarded after it") {
  const auto actor = spawn(by_clock(quick()));
  pause(actor);
  auto x = call(1);
  x.expires = at(60);
  get(actor, x);
  pass(actor, 2min);
  CHECK(script->status(1) == tracking_status::submitted);
  resume(actor);
  CHECK(ends_as(1, tracking_status::discarded));
  CHECK(attempts() == 0);
}

TEST_CASE_METHOD(paused_fixture, "a call of a paused target can be discarded") {
  const auto actor = spawn(by_clock(quick()));
  pause(actor);
  send_all(system, actor, calls(3));
  CHECK(get(actor, give_up(2)).outcome == update_outcome::applied);
  CHECK(backlog(actor).held_back == 2);
  resume(actor);
  REQUIRE(all_done(actor));
  CHECK(target.attempts(2) == 0);
  CHECK(attempts() == 2);
}

TEST_CASE_METHOD(paused_fixture,
                 "who pauses a target twice, or resumes one that is not "
                 "paused, is told how it is") {
  const auto actor = spawn(by_clock(quick()));
  pause(actor);
  CHECK(get(actor, pause_target{"plant", "bert", "holiday"})
        == pause_reply{pause_outcome::unchanged, annas_pause});
  CHECK(backlog(actor).pause == annas_pause);
  resume(actor);
  CHECK(get(actor, resume_target{"plant"})
        == pause_reply{pause_outcome::unchanged, std::nullopt});
  get(actor, call(1));
  CHECK(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(paused_fixture, "an actor pauses its own target only, and "
                                 "refuses what says nothing") {
  const auto actor = spawn(by_clock(quick()));
  CHECK(error_of(actor, pause_target{"mill", "anna", "x"})
        == errc::invalid_request);
  CHECK(error_of(actor, resume_target{"mill"}) == errc::invalid_request);
  CHECK(error_of(actor, pause_target{"plant", "", "x"})
        == errc::invalid_request);
  CHECK(error_of(actor, pause_target{"plant", "anna", ""})
        == errc::invalid_request);
  CHECK(script->count("pause") == 0);
  get(actor, call(1));
  CHECK(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(paused_fixture,
                 "a pause that the tracker may have taken is asked for again") {
  const auto actor = spawn(by_clock(quick()));
  script->next("pause", {unknown, refusing(errc::not_stored)});
  auto pausing = later(actor, annas_wish);
  REQUIRE(eventually([&] {
    pass(actor, 10s);
    return pausing.wait_for(0s) == std::future_status::ready;
  }));
  // By its first try.
  CHECK(pausing.get().reply
        == pause_reply{pause_outcome::unchanged, annas_pause});
  CHECK(script->count("pause") == 3);
  get(actor, call(1));
  pass(actor, 1h);
  CHECK(attempts() == 0);
}

TEST_CASE_METHOD(paused_fixture,
                 "a pause whose answer was lost is not asked for again behind "
                 "a later resumption") {
  const auto actor = spawn(by_clock(quick()));
  script->next("pause", {unknown});
  auto pausing = later(actor, annas_wish);
  REQUIRE(eventually([&] { return script->count("pause") == 1; }));
  auto resuming = later(actor, resume_target{"plant"});
  settle(actor);
  CHECK(script->count("resume") == 0); // its turn has not come
  REQUIRE(eventually([&] {
    pass(actor, 10s);
    return resuming.wait_for(0s) == std::future_status::ready;
  }));
  CHECK(pausing.get().reply
        == pause_reply{pause_outcome::unchanged, annas_pause});
  CHECK(resuming.get().reply
        == pause_reply{pause_outcome::applied, annas_pause});
  CHECK(script->count("pause") == 2);
  CHECK_FALSE(backlog(actor).pause);
  get(actor, call(1));
  CHECK(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(paused_fixture, "an actor that is started for a paused target "
                                 "begins no attempt, and says so") {
  script->set_pause(annas_pause);
  const auto actor = spawn(by_clock(quick()));
  get(actor, call(1));
  pass(actor, 1h);
  CHECK(attempts() == 0);
  CHECK(script->steps("begin") == 0);
  CHECK(heard.contain("is paused, since 2026-11-23T08:15:30.000000Z, by anna: "
                      "MES is updated; no attempt begins until it is "
                      "resumed"));
  resume(actor);
  CHECK(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(paused_fixture,
                 "a target that is paused behind its actor's back gets no "
                 "attempt, and is called again within a second once it is "
                 "resumed") {
  const auto actor = spawn(by_clock(quick()));
  settle(actor);
  script->set_pause(annas_pause);
  get(actor, call(1)); // the first attempt would begin with that
  get(actor, call(2));
  REQUIRE(eventually([&] { return backlog(actor).held_back == 2; }));
  CHECK(attempts() == 0);
  const auto asked = script->steps("begin");
  CHECK(asked <= 2);
  pass(actor, 999ms);
  pass(actor, 1h);
  CHECK(attempts() == 0);
  CHECK(script->steps("begin") == asked); // in vain but once
  script->set_pause(std::nullopt);
  look_again(actor);
  CHECK(all_done(actor));
  CHECK(attempts() == 2);
  // And it looks no more.
  const auto looks = script->steps("target");
  clock.advance(1h);
  error_of(actor, forward_call{});
  get(tracker, get_health{});
  CHECK(script->steps("target") == looks);
}

TEST_CASE("what was asked of the store before a target was paused does not let "
          "it go on") {
  const pause_watch::time_point now{1h};
  const pause_reply done{pause_outcome::applied, annas_pause};
  pause_watch x;
  auto sent = x.asked();
  x.begin(annas_wish, {});
  CHECK(x.holds()); // before it is certain
  CHECK_FALSE(x.heed(std::nullopt, sent, now));
  CHECK(x.holds());
  CHECK_FALSE(x.end(annas_wish, done, now));
  CHECK_FALSE(x.heed(std::nullopt, sent, now));
  CHECK(x.holds());
  CHECK(x.next_look() == now + 1s);
  // Nor does what was asked before it was resumed stop it again.
  sent = x.asked();
  x.begin(resume_target{"plant"}, {});
  CHECK(x.holds());
  CHECK(x.end(resume_target{"plant"}, done, now)); // it goes on
  CHECK_FALSE(x.heed(annas_pause, sent, now));
  CHECK_FALSE(x.holds());
  CHECK(x.next_look() == pause_watch::time_point::max());
}

TEST_CASE("an attempt that the store has not let begin is asked for again when "
          "the store says why not") {
  const pause_watch::time_point now{1h};
  pause_watch x;
  x.doubt();
  CHECK(x.holds());
  CHECK(x.next_look() <= now);
  x.begin_look();
  CHECK(x.next_look() == pause_watch::time_point::max());
  x.not_seen(now);
  CHECK(x.next_look() == now + 1s);
  x.begin_look();
  CHECK(x.heed(std::nullopt, x.asked(), now + 1s)); // it had been resumed
  CHECK_FALSE(x.holds());
}

TEST_CASE("so many may wait to pause a target, and no more") {
  pause_watch x;
  for (std::size_t n = 0; n < pause_watch::max_requests; ++n) {
    CHECK_FALSE(x.refusal_of(annas_wish, "plant", false));
    x.begin(annas_wish, {});
  }
  CHECK(x.refusal_of(annas_wish, "plant", false)->code == errc::overloaded);
  x.give_up(annas_wish);
  CHECK_FALSE(x.refusal_of(annas_wish, "plant", false));
  CHECK(x.refusal_of(annas_wish, "plant", true)->code == errc::stopped);
}

TEST_CASE_METHOD(paused_fixture, "the probe of a breaker does not begin while "
                                 "its target is paused, and begins alone "
                                 "after it") {
  auto x = by_clock(quick());
  x.breaker_failure_ratio = forward_options{}.breaker_failure_ratio;
  x.max_attempts = 3;
  const auto works = std::make_shared<std::atomic<bool>>(false);
  for (std::uint64_t n = 1; n <= 100; ++n)
    target.set(n, {[works](const forward_call&) {
                 return *works ? taken : busy;
               }});
  const auto actor = spawn(x);
  send_all(system, actor, calls(100));
  REQUIRE(eventually([&] {
    const auto now = backlog(actor);
    return now.breaker == breaker_state::open && now.delivering == 0;
  }));
  get(tracker, get_health{});
  settle(actor);
  pause(actor);
  const auto made = attempts();
  for (int i = 0; i < 3; ++i) {
    pass(actor, 1h); // far more than its pause
    CHECK(backlog(actor).breaker == breaker_state::half_open);
    CHECK(attempts() == made);
  }
  target.close();
  resume(actor);
  REQUIRE(eventually([&] { return target.running() == 1; }));
  pass(actor, 1min);
  CHECK(attempts() == made + 1);
  CHECK(backlog(actor).delivering == 1);
  *works = true;
  target.open();
  CHECK(all_done(actor));
}

TEST_CASE_METHOD(paused_fixture,
                 "a call that was interrupted waits for the resumption, and "
                 "keeps no other one waiting") {
  // It is known to have begun in a process before.
  auto first = spawn(by_clock(patient()));
  target.close();
  get(first, call(1));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  kill_and_wait(first);
  script->set_pause(annas_pause);
  const auto actor = spawn(by_clock(patient()));
  pass(actor, 1h);
  CHECK(attempts() == 1);
  auto alone = lone_delivery::of_process().begin();
  REQUIRE(alone); // nobody has it meanwhile
  lone_delivery::of_process().end(*alone);
  target.open();
  resume(actor);
  CHECK(ends_as(1, tracking_status::delivered));
  CHECK(attempts() == 2);
}

TEST_CASE_METHOD(paused_fixture,
                 "a target with a thousand due calls is not overrun when it is "
                 "resumed: the attempts at a time grow from a tenth to all") {
  auto x = by_clock(quick());
  x.max_concurrency = 20;
  const auto actor = spawn(x);
  pause(actor);
  send_all(system, actor, calls(1'000));
  pass(actor, 1h);
  target.close();
  resume(actor);
  for (const auto running : {2, 4, 8, 16, 20}) {
    CAPTURE(running);
    REQUIRE(eventually([&] { return target.running() == running; }));
    CHECK(backlog(actor).delivering == running);
    pass(actor, 999ms);
    CHECK(backlog(actor).delivering == running);
    pass(actor, 1ms);
  }
  target.open();
  CHECK(all_done(actor, 30s));
}

TEST_CASE_METHOD(paused_fixture,
                 "after a resumption the rate grows from a tenth to all, also "
                 "if somebody else has resumed the target") {
  auto x = by_clock(quick());
  x.max_rate = 100;
  x.burst = 50;
  const auto actor = spawn(x);
  pause(actor);
  send_all(system, actor, calls(300));
  pass(actor, 1h); // the bucket is full
  CHECK(backlog(actor).max_a_minute == 6'000);
  SECTION("by its actor") {
    resume(actor);
  }
  SECTION("by somebody else") {
    script->set_pause(std::nullopt);
    look_again(actor);
  }
  std::size_t made = 0;
  for (int step = 0; step < 10; ++step) {
    CAPTURE(step);
    CHECK(attempts() == made);
    pass(actor, 100ms);
    REQUIRE(attempts_come_to(++made));
    REQUIRE(eventually([&] { return backlog(actor).delivering == 0; }));
  }
  CHECK(attempts() == made);
}

TEST_CASE_METHOD(paused_fixture,
                 "shut_down ends an actor whose target is paused, and leaves "
                 "its calls in flight") {
  const auto actor = spawn(by_clock(quick()));
  pause(actor);
  send_all(system, actor, calls(20));
  const end_watch watch{actor};
  say(actor, shut_down{});
  CHECK(watch.ended_within(10s));
  CHECK(target.function_is_gone());
  CHECK(attempts() == 0);
  CHECK(script->count("terminal") == 0);
}

TEST_CASE_METHOD(paused_fixture, "who waits for a pause is answered when the "
                                 "actor is killed or stops") {
  const auto actor = spawn(by_clock(quick()));
  settle(actor);
  script->next("pause", {late});
  auto pausing = later(actor, annas_wish);
  auto resuming = later(actor, resume_target{"plant"}); // its turn is to come
  SECTION("killed") {
    kill(actor);
  }
  SECTION("stopped") {
    say(actor, shut_down{});
    say(tracker, work_tick{});
  }
  for (auto* const each : {&pausing, &resuming}) {
    const auto x = each->get();
    CHECK((x.error || x.reply));
  }
}
