// Store-and-forward against a tracker and a target that misbehave on command.

#include <random>
#include <stdexcept>

#include "support/answer_sink.hpp"
#include "support/forwarding.hpp"
#include "support/hostile.hpp"
#include "support/random_seed.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;

// -- the ways of a call -------------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "a call is recorded, delivered and reported, in this order") {
  const auto actor = spawn();
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(ends_as(1, tracking_status::delivered));
  CHECK(script->log() == lines{"enqueue 1", "terminal 1 Delivered 200"});
  REQUIRE(target.calls().size() == 1);
  CHECK(target.calls().front() == call(1));
  CHECK(all_done(actor));
}

TEST_CASE_METHOD(forward_fixture,
                 "what many calls ask of the tracker goes together, and is "
                 "repeated for each by itself") {
  script->next("open", {late});
  script->next("enqueue 33", {refusing(errc::not_stored), unknown});
  script->next("terminal 44", {unknown, refusing(errc::store_full)});
  const auto actor = spawn();
  const auto outcomes = send_all(system, actor, calls(200), [&] {
    settle(actor);
    say(tracker, work_tick{});
  });
  for (const auto& x : outcomes)
    CHECK(x.reply);
  REQUIRE(all_done(actor));
  REQUIRE_FALSE(script->bundles().empty());
  CHECK(script->bundles().front() == 200);
  CHECK(script->count("enqueue 33") == 3);
  // The tracker has it since the first one, which the actor cannot know.
  CHECK(eventually([&] { return script->count("terminal 44") >= 3; }));
  CHECK(script->count("terminal 44") == 3);
  for (std::uint64_t n = 1; n <= 200; ++n)
    CHECK(target.attempts(n) == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "each failed attempt is reported as Retrying with the number "
                 "of retries begun") {
  target.set(1, {busy, busy, taken});
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(ends_as(1, tracking_status::delivered));
  CHECK(script->log()
        == lines{"enqueue 1", R"(attempt 1 Retrying 1 "503" 503)",
                 R"(attempt 1 Retrying 2 "503" 503)",
                 "terminal 1 Delivered 200"});
  CHECK(target.attempts(1) == 3);
}

TEST_CASE_METHOD(forward_fixture,
                 "a permanent error is reported as Failed and not repeated") {
  target.set(1, {busy, wrong});
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(ends_as(1, tracking_status::failed));
  CHECK(script->log()
        == lines{"enqueue 1", R"(attempt 1 Retrying 1 "503" 503)",
                 R"(terminal 1 Failed "400" 400)"});
  CHECK(all_done(actor));
  CHECK(target.attempts(1) == 2);
}

TEST_CASE_METHOD(forward_fixture,
                 "a call is parked with its last error when its attempts are "
                 "used up") {
  target.set(1, {busy});
  auto x = quick();
  x.max_attempts = 3;
  const auto actor = spawn(x);
  get(actor, call(1));
  REQUIRE(ends_as(1, tracking_status::parked));
  CHECK(script->log()
        == lines{"enqueue 1", R"(attempt 1 Retrying 1 "503" 503)",
                 R"(attempt 1 Retrying 2 "503" 503)",
                 R"(terminal 1 Parked "503" 503)"});
  CHECK(all_done(actor));
  CHECK(target.attempts(1) == 3);
}

TEST_CASE_METHOD(forward_fixture, "a single attempt may be all there is") {
  target.set(1, {busy});
  auto x = quick();
  x.max_attempts = 1;
  get(spawn(x), call(1));
  REQUIRE(ends_as(1, tracking_status::parked));
  CHECK(script->log() == lines{"enqueue 1", R"(terminal 1 Parked "503" 503)"});
}

TEST_CASE_METHOD(forward_fixture,
                 "an exception is a transient failure with its text") {
  target.set(1, {[](const forward_call&) -> delivery_result {
                   throw std::runtime_error{"no route to host"};
                 },
                 [](const forward_call&) -> delivery_result { throw 42; },
                 [](const forward_call&) { return taken; }});
  get(spawn(), call(1));
  REQUIRE(ends_as(1, tracking_status::delivered));
  CHECK(reports_of(1)
        == lines{"enqueue 1", R"(attempt 1 Retrying 1 "no route to host")",
                 "attempt 1 Retrying 2 \"deliver threw what is no "
                 "std::exception\"",
                 "terminal 1 Delivered 200"});
}

TEST_CASE_METHOD(forward_fixture,
                 "whatever text a target answers, a valid one is reported") {
  using kind = delivery_result::kind;
  std::uint64_t n = 0;
  std::vector<std::string> texts{std::string(10'000'000, 'x'),
                                 std::string(5'000, '\xff'), ""};
  for (const auto& [text, reason] : bad_texts)
    texts.push_back(text);
  std::string euros;
  for (int i = 0; i < 2'000; ++i)
    euros += "€";
  texts.push_back(euros);
  texts.push_back("x" + euros);
  const auto actor = spawn();
  for (const auto& text : texts) {
    target.set(++n, {delivery_result{.what = kind::permanent, .error = text}});
    get(actor, call(n));
    REQUIRE(ends_as(n, tracking_status::failed));
    const auto error = script->find(id_of(n))->last_error;
    REQUIRE(error);
    CHECK(error->size() <= 4'096);
    CHECK(error->ends_with(truncation_mark) == (text.size() > 4'096));
    CHECK(find_fault(record_terminal{.id = id_of(n),
                                     .status = tracking_status::failed,
                                     .last_error = error,
                                     .http_status = std::nullopt,
                                     .deadline = std::nullopt})
          == std::nullopt);
  }
  CHECK(script->find(id_of(3))->last_error == "");
}

TEST_CASE_METHOD(forward_fixture,
                 "an HTTP status that is none is left out of the report") {
  std::uint64_t n = 0;
  const auto actor = spawn();
  for (const std::int32_t status :
       {INT32_MIN, -1, 0, 99, 100, 599, 600, INT32_MAX}) {
    target.set(++n, {delivery_result{.http_status = status}});
    get(actor, call(n));
    REQUIRE(ends_as(n, tracking_status::delivered));
    const auto recorded = script->find(id_of(n))->http_status;
    CHECK(recorded
          == (status >= 100 && status <= 599 ? std::optional{status}
                                             : std::nullopt));
  }
}

// -- timing and threads -------------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "the wait before an attempt is the backoff, or longer if the "
                 "target asks for it") {
  const auto asking = [](std::chrono::milliseconds wait) {
    auto x = busy;
    x.retry_after = wait;
    return x;
  };
  target.set(1, std::vector{busy, asking(120ms), asking(1h), asking(-1h),
                            asking(0ms), taken});
  forward_options x;
  x.first_delay = 40ms;
  x.max_delay = 40ms;
  x.max_retry_after = 160ms;
  x.backoff_factor = 1.0;
  x.jitter = 0.0;
  const auto actor = spawn(by_clock(x));
  get(actor, call(1));
  std::size_t attempts = 1;
  for (const auto wait : {40ms, 120ms, 160ms, 40ms, 40ms}) {
    CAPTURE(attempts);
    REQUIRE(eventually([&] { return script->count("attempt") == attempts; }));
    pass(actor, wait - 1us);
    CHECK(get(actor, get_backlog{}) == backlog_reply{1, 0, 1});
    CHECK(target.attempts(1) == attempts);
    pass(actor, 1us);
    CHECK(eventually([&] { return target.attempts(1) == attempts + 1; }));
    ++attempts;
  }
  CHECK(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(forward_fixture,
                 "no more than max_concurrency attempts run at a time") {
  auto x = quick();
  x.max_concurrency = 3;
  std::mt19937_64 random{seed_for("max_concurrency")};
  for (std::uint64_t n = 1; n <= 60; ++n) {
    const auto pause = std::chrono::microseconds{random() % 2'000};
    std::vector<scripted_target::behaviour> results;
    for (auto i = random() % 3; i > 0; --i)
      results.push_back([](const forward_call&) { return busy; });
    results.push_back([pause](const forward_call&) {
      std::this_thread::sleep_for(pause);
      return taken;
    });
    target.set(n, std::move(results));
  }
  target.close();
  const auto actor = spawn(x);
  send_all(system, actor, calls(60));
  REQUIRE(eventually([&] { return target.running() == 3; }));
  CHECK(get(actor, get_backlog{}) == backlog_reply{60, 3, 0});
  target.open();
  REQUIRE(all_done(actor));
  CHECK(target.most_at_a_time() == 3);
  CHECK(target.threads().size() == 3);
}

TEST_CASE_METHOD(forward_fixture,
                 "attempts that take long have a thread each, also after short "
                 "ones that have shared some") {
  auto x = quick();
  x.max_concurrency = 8;
  const auto actor = spawn(x);
  send_all(system, actor, calls(200));
  REQUIRE(all_done(actor));
  CHECK(target.threads().size() <= 8);
  target.close();
  std::vector<forward_call> others;
  for (std::uint64_t n = 201; n <= 220; ++n)
    others.push_back(call(n));
  send_all(system, actor, others);
  CHECK(eventually([&] { return target.running() == 8; }));
  target.open();
  REQUIRE(all_done(actor));
  CHECK(target.most_at_a_time() == 8);
  CHECK(target.threads().size() == 8);
}

TEST_CASE_METHOD(forward_fixture,
                 "calls that wait are first attempted in the order in which "
                 "they came") {
  auto x = quick();
  x.max_concurrency = 1;
  target.close();
  const auto actor = spawn(x);
  const auto sent = calls(100);
  for (const auto& each : sent)
    get(actor, each);
  target.open();
  REQUIRE(all_done(actor));
  CHECK(target.calls() == sent);
}

TEST_CASE("a delivery that blocks holds up no thread of the scheduler") {
  one_thread_config config;
  caf::actor_system system{config};
  const auto script = std::make_shared<tracker_script>();
  scripted_target target;
  target.close();
  const auto tracker = system.spawn<scripted_tracker_impl>(script);
  const auto actor = spawn_store_and_forward(system, tracker, quick(),
                                             target.function());
  for (const auto& x : calls(10))
    ask(system, actor, x);
  REQUIRE(eventually([&] { return target.running() == 4; }));
  // Both share the only thread, which must be free.
  CHECK(ask(system, actor, get_backlog{}).delivering == 4);
  CHECK_FALSE(ask(system, tracker, status_of(99)).snapshot);
  CHECK_FALSE(target.threads().contains(script->thread()));
  target.open();
  caf::scoped_actor self{system};
  tell(self, actor, shut_down{});
  CHECK(end_watch{actor}.ended_within(5s));
}

TEST_CASE_METHOD(forward_fixture, "two thousand calls that back off together "
                                  "come back and are delivered") {
  auto x = quick();
  x.first_delay = 50ms;
  x.max_delay = 50ms;
  const auto actor = spawn(x);
  for (std::uint64_t n = 1; n <= 2'000; ++n)
    target.set(n, {busy, taken});
  send_all(system, actor, calls(2'000));
  REQUIRE(all_done(actor, 20s));
  CHECK(target.calls().size() == 4'000);
  CHECK(script->count("terminal") == 2'000);
}

// -- the same call twice ------------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "a call that is in the buffer already is not taken again") {
  target.close();
  const auto actor = spawn();
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(eventually([&] { return target.running() == 1; }));
  CHECK(get(actor, call(1)).outcome == forward_outcome::already_accepted);
  target.open();
  REQUIRE(all_done(actor));
  CHECK(get(actor, call(1)).outcome == forward_outcome::already_terminal);
  CHECK(target.attempts(1) == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "whoever sends a call that is being recorded is answered when "
                 "it is durable") {
  script->next("enqueue", {late});
  const auto actor = spawn();
  answer_sink answers{system, 3};
  for (std::size_t i = 0; i < 3; ++i)
    answers.send(actor, i, call(1));
  REQUIRE(eventually([&] { return script->count("enqueue") == 1; }));
  settle(actor);
  CHECK(answers.answered() == 0);
  CHECK(target.calls().empty());
  say(tracker, work_tick{});
  REQUIRE(answers.await(3, 5s));
  CHECK(answers[0].says(forward_outcome::accepted));
  CHECK(answers[1].says(forward_outcome::already_accepted));
  CHECK(answers[2].says(forward_outcome::already_accepted));
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) == 1);
  CHECK(script->count("enqueue") == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "an operation that has finished before is not called again") {
  const auto actor = spawn();
  std::uint64_t n = 0;
  for (const auto status : terminal_statuses) {
    auto row = fresh(++n, t0);
    row.status = status;
    script->put(row);
    CHECK(get(actor, call(n)).outcome == forward_outcome::already_terminal);
  }
  CHECK(get(actor, get_backlog{}).calls == 0);
  CHECK(target.calls().empty());
  CHECK(script->count("attempt") == 0);
  CHECK(script->count("terminal") == 0);
}

TEST_CASE_METHOD(forward_fixture,
                 "an operation in flight goes on with the attempt where the "
                 "process before stopped") {
  auto row = fresh(1, t0);
  row.status = tracking_status::retrying;
  row.retry_count = 5;
  script->put(row);
  target.set(1, {busy});
  auto x = quick();
  x.max_attempts = 8;
  const auto actor = spawn(x);
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(ends_as(1, tracking_status::parked));
  CHECK(reports_of(1)
        == lines{"enqueue 1", R"(attempt 1 Retrying 6 "503" 503)",
                 R"(attempt 1 Retrying 7 "503" 503)",
                 R"(terminal 1 Parked "503" 503)"});
  CHECK(target.attempts(1) == 3);
}

TEST_CASE_METHOD(forward_fixture,
                 "an operation in flight whose attempts are used up is parked "
                 "and not called") {
  const auto actor = spawn();
  std::uint64_t n = 0;
  for (const std::int32_t retries : {8, 9, INT32_MAX}) {
    auto row = fresh(++n, t0);
    row.status = tracking_status::retrying;
    row.retry_count = retries;
    row.last_error = "still busy";
    row.http_status = 429;
    script->put(row);
    CHECK(get(actor, call(n)).outcome == forward_outcome::accepted);
    REQUIRE(ends_as(n, tracking_status::parked));
    CHECK(reports_of(n).back()
          == "terminal " + std::to_string(n)
               + R"( Parked "no attempt is left of 8")");
  }
  CHECK(target.calls().empty());
}

// -- a tracker in trouble -----------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "every report is repeated until the tracker's answer is "
                 "definite") {
  target.set(1, {busy, taken});
  const auto trouble
    = GENERATE(refusing(errc::overloaded), refusing(errc::not_stored),
               refusing(errc::store_full), refusing(errc::timed_out),
               refusing(errc::tracker_gone), refusing(errc::stopped),
               refusing(errc::deadline_passed), refusing(errc::outcome_unknown),
               unknown);
  CAPTURE(to_string(*trouble.error), trouble.apply);
  for (const auto* verb : {"enqueue", "attempt", "terminal"})
    script->next(verb, {trouble, trouble});
  const auto actor = spawn();
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(all_done(actor));
  CHECK(script->status(1) == tracking_status::delivered);
  CHECK(target.attempts(1) == 2);
  CHECK(script->count("enqueue") == 3);
  CHECK(script->count("attempt 1 Retrying 1") == 3);
  CHECK(script->count("attempt") == 3);
  CHECK(eventually([&] { return script->count("terminal 1 Delivered") == 3; }));
}

TEST_CASE_METHOD(forward_fixture,
                 "reports that are never answered are repeated after the "
                 "time-out") {
  target.set(1, {busy, taken});
  for (const auto* verb : {"enqueue", "begin", "attempt", "terminal"})
    script->next(verb, {late});
  auto x = quick();
  x.report_timeout = 30ms;
  const auto actor = spawn(x);
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(eventually([&] { return script->count("terminal") == 2; }));
  CHECK(reports_of(1)
        == lines{"enqueue 1", "enqueue 1", R"(attempt 1 Retrying 1 "503" 503)",
                 R"(attempt 1 Retrying 1 "503" 503)",
                 "terminal 1 Delivered 200", "terminal 1 Delivered 200"});
  say(tracker, work_tick{}); // answers that nobody waits for any more
  CHECK(get(actor, call(2)).outcome == forward_outcome::accepted);
  REQUIRE(all_done(actor));
  CHECK(script->status(2) == tracking_status::delivered);
}

TEST_CASE_METHOD(forward_fixture,
                 "no attempt begins before the report of the one before it is "
                 "stored") {
  target.set(1, {busy, taken});
  script->next("attempt", {late});
  const auto actor = spawn(by_clock(quick()));
  get(actor, call(1));
  REQUIRE(eventually([&] { return script->count("attempt") == 1; }));
  pass(actor, 1h); // the backoff is over
  CHECK(get(actor, get_backlog{}) == backlog_reply{1, 0, 1});
  CHECK(target.attempts(1) == 1);
  say(tracker, work_tick{});
  REQUIRE(ends_as(1, tracking_status::delivered));
  CHECK(target.attempts(1) == 2);
}

TEST_CASE_METHOD(forward_fixture,
                 "a tracker that is away for a while gets all reports in the "
                 "end, each attempt once") {
  std::mt19937_64 random{seed_for("a tracker that is away")};
  std::mutex mutex;
  script->always([&random, &mutex] {
    const std::lock_guard guard{mutex};
    switch (random() % 8) {
      case 0:
        return refusing(errc::overloaded);
      case 1:
        return refusing(errc::not_stored);
      case 2:
        return refusing(errc::outcome_unknown);
      case 3:
        return unknown;
      case 4:
        return random() % 4 == 0 ? late : honest;
      default:
        return honest;
    }
  });
  constexpr std::uint64_t count = 80;
  std::vector<std::size_t> attempts(count + 1);
  std::vector<tracking_status> ends(count + 1);
  for (std::uint64_t n = 1; n <= count; ++n) {
    std::vector<delivery_result> results(random() % 6, busy);
    attempts[n] = std::min<std::size_t>(results.size() + 1, 4);
    results.push_back(random() % 4 == 0 ? wrong : taken);
    ends[n] = results.size() > 4        ? tracking_status::parked
              : results.back() == wrong ? tracking_status::failed
                                        : tracking_status::delivered;
    target.set(n, results);
  }
  auto x = quick();
  x.max_attempts = 4;
  x.report_timeout = 50ms;
  const auto actor = spawn(x);
  const auto answers = send_all(system, actor, calls(count));
  for (const auto& answer : answers)
    CHECK(answer.reply == forward_reply{forward_outcome::accepted});
  REQUIRE(all_done(actor, 20s));
  for (std::uint64_t n = 1; n <= count; ++n) {
    CAPTURE(n);
    CHECK(script->status(n) == ends[n]);
    CHECK(target.attempts(n) == attempts[n]);
    // What was reported, repetitions left out, is the plain sequence.
    auto told = reports_of(n);
    std::erase_if(told, [](const auto& line) {
      return line.starts_with("status") || line.starts_with("enqueue");
    });
    told.erase(std::unique(told.begin(), told.end()), told.end());
    CHECK(told.size() == attempts[n]);
  }
}

TEST_CASE_METHOD(forward_fixture,
                 "a refusal that no repetition can change is the sender's "
                 "answer") {
  for (const auto code :
       {errc::invalid_request, errc::store_corrupt, errc::newer_schema}) {
    script->next("enqueue", {refusing(code)});
    const auto actor = spawn();
    CHECK(error_of(actor, call(1)) == code);
    CHECK(get(actor, get_backlog{}).calls == 0);
  }
  // Once a try may have been applied, the rest cannot take that back.
  script->next("enqueue", {refusing(errc::outcome_unknown),
                           refusing(errc::store_corrupt)});
  CHECK(error_of(spawn(), call(1)) == errc::outcome_unknown);
  CHECK(target.calls().empty());
}

TEST_CASE_METHOD(forward_fixture,
                 "a report that the store refuses for good is given up and "
                 "noticed") {
  script->next("terminal", {refusing(errc::store_corrupt)});
  const auto actor = spawn();
  get(actor, call(1));
  CHECK(eventually([&] {
    return heard.contain("store-and-forward to plant: the tracker refuses a "
                         "report about "
                         + to_string(id_of(1)));
  }));
  CHECK(script->status(1) == tracking_status::submitted);
}

TEST_CASE_METHOD(forward_fixture,
                 "a call that the tracker has lost is forgotten") {
  const auto lost = GENERATE("attempt", "terminal", "begin");
  target.set(1, {busy, taken});
  script->next(lost, {lying});
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(eventually([&] {
    return target.attempts(1) == (lost == std::string{"terminal"} ? 2 : 1);
  }));
  script->erase(1);
  CHECK(eventually([&] { // anew
    return get(actor, call(1)).outcome == forward_outcome::accepted;
  }));
}

TEST_CASE_METHOD(forward_fixture,
                 "an answer that only a newer version knows is unknown, and "
                 "its request is repeated") {
  target.set(1, {busy, taken});
  script->next("enqueue", {newer});
  script->next("attempt", {newer});
  script->next("terminal", {newer});
  const auto actor = spawn();
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  REQUIRE(all_done(actor));
  CHECK(reports_of(1)
        == lines{"enqueue 1", "enqueue 1", R"(attempt 1 Retrying 1 "503" 503)",
                 R"(attempt 1 Retrying 1 "503" 503)",
                 "terminal 1 Delivered 200", "terminal 1 Delivered 200"});
  CHECK(script->status(1) == tracking_status::delivered);
}

TEST_CASE_METHOD(forward_fixture,
                 "an operation that somebody else has finished is dropped") {
  target.set(1, {busy});
  target.close();
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  get(tracker, terminal(1, tracking_status::discarded));
  target.open();
  REQUIRE(all_done(actor));
  CHECK(script->status(1) == tracking_status::discarded);
  CHECK(target.attempts(1) == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "trouble with the tracker is noticed once, and its end too") {
  const auto trouble = refusing(errc::not_stored);
  script->next("enqueue", {trouble, trouble, trouble});
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(all_done(actor));
  const auto all = heard.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0]
        == "store-and-forward to plant: the tracker takes no requests; "
           "they are repeated: not_stored: as the test wants it");
  CHECK(all[1]
        == "store-and-forward to plant: the tracker takes requests again");
}

TEST_CASE_METHOD(forward_fixture,
                 "reports that the store refuses are noticed a few times, not "
                 "each") {
  script->always([n = 0]() mutable { // all that end a call
    return ++n % 2 == 0 ? refusing(errc::store_corrupt) : honest;
  });
  const auto actor = spawn();
  for (std::uint64_t n = 1; n <= 50; ++n) {
    get(actor, call(n));
    REQUIRE(eventually([&] { return script->count("terminal") == n; }));
    settle(actor);
  }
  CHECK_FALSE(heard.all().empty());
  CHECK(heard.all().size() <= 5); // unless this took more than 15 s
}

TEST_CASE_METHOD(forward_fixture,
                 "when the tracker ends, all who wait are answered and the "
                 "actor ends") {
  script->next("enqueue 1", {late});
  const auto actor = spawn(patient());
  target.set(2, {busy});
  get(actor, call(2)); // is backing off
  auto waiting = later(actor, call(1));
  REQUIRE(eventually([&] { return script->count("enqueue 1") == 1; }));
  script->next("terminal 2 Discarded", {late});
  auto discarding = later(actor, give_up(2));
  REQUIRE(eventually([&] { return script->count("terminal 2") == 1; }));
  script->always(refusing(errc::not_stored));
  auto refused = later(actor, call(3));
  REQUIRE(eventually([&] { return script->count("enqueue 3") >= 2; }));
  const end_watch watch{actor};
  const auto begin = std::chrono::steady_clock::now();
  kill(tracker);
  CHECK(waiting.get().error->code == errc::outcome_unknown);
  CHECK(discarding.get().error->code == errc::outcome_unknown);
  // Unless it was asked just then, it is certain that nothing is stored.
  const auto code = refused.get().error->code;
  CHECK((code == errc::stopped || code == errc::outcome_unknown));
  CHECK(watch.ended_within(1s));
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  CHECK(heard.contain("the tracker has ended"));
  CHECK(certainty_of(error_of(actor, call(4))) == certainty::refused);
}

TEST_CASE_METHOD(forward_fixture, "with a tracker that has ended already, the "
                                  "actor ends at once") {
  kill_and_wait(tracker);
  const auto actor = spawn();
  CHECK(end_watch{actor}.ended_within(1s));
  CHECK(error_of(actor, call(1)) == errc::stopped);
}

// -- discarding ---------------------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "an operation that waits for its next attempt can be "
                 "discarded") {
  target.set(1, {busy});
  const auto actor = spawn(patient());
  get(actor, call(1));
  REQUIRE(eventually([&] {
    return get(actor, get_backlog{}) == backlog_reply{1, 0, 1}
           && script->status(1) == tracking_status::retrying;
  }));
  CHECK(get(actor, give_up(1)).outcome == update_outcome::applied);
  CHECK(get(actor, get_backlog{}) == backlog_reply{});
  CHECK(script->find(id_of(1))->last_error == "no longer wanted");
  CHECK(reports_of(1)
        == lines{"enqueue 1", R"(attempt 1 Retrying 1 "503" 503)",
                 R"(terminal 1 Discarded "no longer wanted")"});
  CHECK(get(actor, call(1)).outcome == forward_outcome::already_terminal);
  CHECK(target.attempts(1) == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "an operation that waits for a free worker can be discarded") {
  target.close();
  auto x = quick();
  x.max_concurrency = 1;
  const auto actor = spawn(x);
  get(actor, call(1));
  get(actor, call(2));
  CHECK(get(actor, give_up(2)).outcome == update_outcome::applied);
  CHECK(get(actor, get_backlog{}).calls == 1);
  target.open();
  REQUIRE(all_done(actor));
  CHECK(target.attempts(2) == 0);
}

TEST_CASE_METHOD(forward_fixture,
                 "a running attempt is not interrupted by a discard, but its "
                 "end is not reported and none follows it") {
  const auto end = GENERATE(0, 1, 2);
  target.set(1, {end == 0 ? taken : end == 1 ? busy : wrong});
  target.close();
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  CHECK(get(actor, give_up(1)).outcome == update_outcome::applied);
  CHECK(target.running() == 1);
  CHECK(get(actor, get_backlog{}) == backlog_reply{0, 1, 0});
  CHECK(get(actor, call(1)).outcome == forward_outcome::already_terminal);
  target.open();
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) == 1);
  CHECK(reports_of(1)
        == lines{"enqueue 1", R"(terminal 1 Discarded "no longer wanted")"});
}

TEST_CASE_METHOD(forward_fixture,
                 "an operation whose failed attempt is being reported can be "
                 "discarded") {
  target.set(1, {busy});
  script->next("attempt", {late});
  const auto actor = spawn();
  get(actor, call(1));
  REQUIRE(eventually([&] { return script->count("attempt") == 1; }));
  CHECK(get(actor, give_up(1)).outcome == update_outcome::applied);
  say(tracker, work_tick{});
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) == 1);
  CHECK(script->status(1) == tracking_status::discarded);
}

TEST_CASE_METHOD(forward_fixture,
                 "a discard is passed on whatever the actor knows of the id") {
  const auto actor = spawn();
  CHECK(get(actor, give_up(1)).outcome == update_outcome::not_found);
  script->put(fresh(2, t0));
  CHECK(get(actor, give_up(2)).outcome == update_outcome::applied);
  CHECK(get(actor, give_up(2)).outcome == update_outcome::already_terminal);
  get(actor, call(3));
  REQUIRE(ends_as(3, tracking_status::delivered));
  CHECK(get(actor, give_up(3)).outcome == update_outcome::already_terminal);
  CHECK(script->status(3) == tracking_status::delivered);
  CHECK(get(actor, discard{id_of(2), std::nullopt}).outcome
        == update_outcome::already_terminal);
}

TEST_CASE_METHOD(forward_fixture,
                 "a discard waits for the recording of its operation") {
  script->next("enqueue", {late});
  const auto actor = spawn();
  answer_sink answers{system, 3};
  answers.send(actor, 0, call(1));
  answers.send(actor, 1, give_up(1));
  answers.send(actor, 2, give_up(1));
  REQUIRE(eventually([&] { return script->count("enqueue") == 1; }));
  settle(actor);
  CHECK(answers.answered() == 0);
  CHECK(script->count("terminal") == 0);
  say(tracker, work_tick{});
  REQUIRE(answers.await(3, 5s));
  CHECK(answers[0].says(forward_outcome::accepted));
  CHECK(answers[1].says(update_outcome::applied));
  CHECK(answers[2].says(update_outcome::already_terminal));
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) <= 1); // which had begun
}

TEST_CASE_METHOD(forward_fixture,
                 "a discard is repeated until it is definite, and no attempt "
                 "begins meanwhile") {
  target.set(1, {busy, taken});
  script->next("terminal 1 Discarded",
               {refusing(errc::overloaded), refusing(errc::not_stored), unknown,
                late});
  auto x = quick();
  x.report_timeout = 100ms;
  const auto actor = spawn(by_clock(x));
  get(actor, call(1));
  REQUIRE(eventually([&] { return script->count("attempt") == 1; }));
  auto answer = later(actor, give_up(1));
  REQUIRE(eventually([&] {
    pass(actor, 10ms);
    return answer.wait_for(0s) == std::future_status::ready;
  }));
  CHECK(answer.get().reply == update_reply{update_outcome::already_terminal});
  CHECK(all_done(actor));
  CHECK(script->count("terminal 1 Discarded") == 5);
  CHECK(target.attempts(1) == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "a call goes on if its discard is refused for good") {
  target.set(1, {busy, taken});
  const auto actor = spawn(by_clock(quick()));
  script->next("terminal 1 Discarded",
               {refusing(errc::overloaded), refusing(errc::store_corrupt)});
  get(actor, call(1));
  REQUIRE(eventually([&] { return script->count("attempt") == 1; }));
  auto answer = later(actor, give_up(1));
  CHECK(eventually([&] {
    pass(actor, 10ms);
    return answer.wait_for(0s) == std::future_status::ready;
  }));
  CHECK(answer.get().error->code == errc::store_corrupt);
  CHECK(all_done(actor));
  CHECK(script->status(1) == tracking_status::delivered);
}

TEST_CASE_METHOD(forward_fixture, "a discard's long reason is shortened") {
  const auto actor = spawn();
  script->put(fresh(1, t0));
  get(actor, discard{id_of(1), std::string(100'000, 'x')});
  CHECK(script->find(id_of(1))->last_error
        == truncate_utf8(std::string(100'000, 'x'), 4'096));
}

// -- bounds -------------------------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "past max_heads calls that are being taken the answer is "
                 "overloaded",
                 "[bounded]") {
  auto x = patient();
  x.max_heads = 10;
  script->always(late);
  const auto actor = spawn(x);
  answer_sink answers{system, 11};
  for (std::size_t i = 0; i < 11; ++i) {
    answers.send(actor, i, call(i + 1));
    settle(actor); // the mailbox is bounded as well
  }
  CHECK(answers.answered() == 1);
  CHECK(answers[10].error() == errc::overloaded);
  script->always(honest);
  say(tracker, work_tick{});
  REQUIRE(answers.await(11, 5s));
  CHECK_FALSE(script->status(11));
  REQUIRE(all_done(actor));
  CHECK(get(actor, call(11)).outcome == forward_outcome::accepted);
}

TEST_CASE_METHOD(forward_fixture,
                 "a call for which its target has no room is overloaded, and "
                 "the sender hears which bound it is",
                 "[bounded]") {
  script->next("enqueue", {no_room});
  const auto actor = spawn();
  try {
    get(actor, call(1));
    FAIL("there is no room");
  } catch (const request_error& e) {
    CHECK(e.code() == errc::overloaded);
    CHECK(std::string{e.what()}.find("the bound") != std::string::npos);
  }
  CHECK(target.calls().empty());
  CHECK(get(actor, call(1)).outcome == forward_outcome::accepted);
  CHECK(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(forward_fixture,
                 "however many calls wait, memory holds max_heads of them, and "
                 "all are delivered in order",
                 "[bounded]") {
  auto x = quick();
  x.max_heads = 8;
  x.max_concurrency = 1;
  const auto actor = spawn(x);
  target.close();
  for (std::uint64_t n = 1; n <= 200; ++n)
    CHECK(get(actor, call(n)).outcome == forward_outcome::accepted);
  CHECK(get(actor, get_backlog{}).calls == 200);
  CHECK(get(actor, get_backlog{}).held_back <= 8);
  target.open();
  REQUIRE(all_done(actor));
  CHECK(target.calls() == calls(200));
}

// -- another process before ---------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "promise 12, kept: what an actor before has left is delivered "
                 "without being sent again") {
  auto x = quick();
  x.max_concurrency = 1;
  target.close();
  const auto before = spawn(x);
  for (std::uint64_t n = 1; n <= 30; ++n)
    get(before, call(n));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  kill_and_wait(before);
  target.open();
  const auto actor = spawn(x);
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) == 2); // it had begun
  for (std::uint64_t n = 2; n <= 30; ++n)
    CHECK(target.attempts(n) == 1);
}

TEST_CASE_METHOD(forward_fixture,
                 "promise 13, once: an attempt that waits for a worker is on "
                 "disk before it begins") {
  auto x = quick();
  x.max_concurrency = 1;
  target.close();
  const auto actor = spawn(x);
  get(actor, call(1));
  get(actor, call(2));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  script->next("begin 2", {late});
  target.open();
  REQUIRE(ends_as(1, tracking_status::delivered));
  REQUIRE(eventually([&] { return script->steps("begin 2") == 1; }));
  settle(actor);
  CHECK(target.attempts(2) == 0);
  say(tracker, work_tick{});
  REQUIRE(ends_as(2, tracking_status::delivered));
  CHECK(target.calls().back() == call(2));
}

TEST_CASE_METHOD(forward_fixture,
                 "promise 13, once: no two calls that were interrupted are "
                 "delivered at a time") {
  auto x = quick();
  x.max_concurrency = 8;
  target.close();
  const auto before = spawn(x);
  for (std::uint64_t n = 1; n <= 8; ++n)
    get(before, call(n));
  REQUIRE(eventually([&] { return target.running() == 8; }));
  kill_and_wait(before);
  const auto actor = spawn(x);
  for (std::uint64_t n = 9; n <= 12; ++n)
    get(actor, call(n)); // others go on beside it
  REQUIRE(eventually([&] { return target.running() == 8 + 5; }));
  settle(actor);
  CHECK(target.running() == 8 + 5);
  CHECK(get(actor, get_backlog{}).delivering == 5); // nor will more
  target.open();
  REQUIRE(all_done(actor));
  for (std::uint64_t n = 1; n <= 8; ++n)
    CHECK(target.attempts(n) == 2);
}

TEST_CASE_METHOD(forward_fixture,
                 "a call whose time has not come waits, and one that has "
                 "expired is discarded") {
  auto later_one = call(1);
  later_one.due = clock.source().wall() + 1h;
  auto expiring = call(2);
  expiring.due = clock.source().wall() + 30min;
  expiring.expires = clock.source().wall() + 20min;
  const auto actor = spawn(by_clock(quick()));
  get(actor, later_one);
  get(actor, expiring);
  pass(actor, 59min);
  REQUIRE(ends_as(2, tracking_status::discarded));
  CHECK(target.calls().empty());
  pass(actor, 1min);
  REQUIRE(ends_as(1, tracking_status::delivered));
  CHECK(target.attempts(2) == 0);
}

TEST_CASE_METHOD(forward_fixture,
                 "a call that is due in hours waits in the store alone, and is "
                 "delivered in time") {
  auto x = call(1);
  x.due = clock.source().wall() + 3h;
  const auto actor = spawn(by_clock(quick()));
  get(actor, x);
  CHECK(get(actor, get_backlog{}) == backlog_reply{1, 0, 0});
  for (int hour = 1; hour < 3; ++hour) {
    pass(actor, 1h);
    settle(actor);
    CHECK(target.calls().empty());
  }
  pass(actor, 59min);
  CHECK(target.calls().empty());
  pass(actor, 1min);
  REQUIRE(ends_as(1, tracking_status::delivered));
}

TEST_CASE_METHOD(forward_fixture,
                 "senders of one call and discards are bounded too",
                 "[bounded]") {
  script->always(late);
  auto x = quick();
  x.max_heads = 5;
  const auto actor = spawn(x);
  answer_sink answers{system, 16};
  for (std::size_t i = 0; i < 16; ++i) {
    if (i < 8)
      answers.send(actor, i, call(1));
    else
      answers.send(actor, i, give_up(i));
    settle(actor); // the mailbox is bounded as well
  }
  // One that is recorded and five with it; five discards.
  for (const auto i : {6U, 7U, 13U, 14U, 15U})
    CHECK(answers[i].error() == errc::overloaded);
  CHECK(answers.answered() == 5);
  script->always(honest);
  say(tracker, work_tick{});
  REQUIRE(answers.await(16, 5s));
  for (const auto i : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 9U, 10U, 11U, 12U})
    CHECK(answers[i].done());
}

namespace {

// Keeps a thread of the scheduler busy until it may go on.
class thread_hog : public caf::typed_actor<hears<work_tick>>::base {
public:
  using super = caf::typed_actor<hears<work_tick>>::base;

  thread_hog(caf::actor_config& config, std::shared_ptr<std::promise<void>> on,
             std::shared_future<void> go)
    : super{config}, on_{std::move(on)}, go_{std::move(go)} {}

  behavior_type make_behavior() override {
    return {[this](const work_tick&) {
      on_->set_value();
      go_.wait();
      this->quit();
    }};
  }

private:
  std::shared_ptr<std::promise<void>> on_;
  std::shared_future<void> go_;
};

} // namespace

TEST_CASE("messages that wait for a store-and-forward actor are bounded",
          "[bounded]") {
  one_thread_config config;
  caf::actor_system system{config};
  const auto script = std::make_shared<tracker_script>();
  scripted_target target;
  auto x = quick();
  x.max_heads = 20;
  const auto tracker = system.spawn<scripted_tracker_impl>(script);
  const auto actor = spawn_store_and_forward(system, tracker, x,
                                             target.function());
  ask(system, actor, get_backlog{});
  std::promise<void> go;
  const auto on = std::make_shared<std::promise<void>>();
  const auto hog = system.spawn<thread_hog>(on, go.get_future().share());
  caf::scoped_actor self{system};
  tell(self, hog, work_tick{});
  on->get_future().wait();
  const auto answers = send_all(system, actor, calls(50),
                                [&] { go.set_value(); });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CAPTURE(i);
    if (i < 20)
      CHECK(answers[i].reply == forward_reply{forward_outcome::accepted});
    else
      CHECK((answers[i].error && answers[i].error->code == errc::overloaded));
  }
  tell(self, actor, shut_down{});
  CHECK(end_watch{actor}.ended_within(5s));
}

// -- ending -------------------------------------------------------------------

TEST_CASE_METHOD(
  forward_fixture,
  "an idle actor ends on shut_down and lets go of the function") {
  const auto used = GENERATE(false, true);
  const auto actor = spawn();
  if (used) {
    send_all(system, actor, calls(20));
    REQUIRE(all_done(actor));
  }
  const end_watch watch{actor};
  say(actor, shut_down{});
  REQUIRE(watch.ended_within(1s));
  CHECK(target.function_is_gone());
  CHECK(error_of(actor, call(1)) == errc::stopped);
  CHECK(error_of(actor, give_up(1)) == errc::stopped);
}

TEST_CASE_METHOD(forward_fixture,
                 "shut_down waits for running attempts and their reports, and "
                 "begins none") {
  target.set(1, {taken});
  target.set(2, {busy});
  target.close();
  auto x = quick();
  x.max_concurrency = 2;
  const auto actor = spawn(x);
  send_all(system, actor, calls(4)); // two run, two wait
  REQUIRE(eventually([&] { return target.running() == 2; }));
  script->next("terminal 1", {refusing(errc::overloaded), unknown});
  const end_watch watch{actor};
  say(actor, shut_down{});
  CHECK(error_of(actor, call(5)) == errc::stopped);
  CHECK(get(actor, get_backlog{}) == backlog_reply{4, 2, 0}); // it lives
  target.open();
  REQUIRE(watch.ended_within(5s));
  CHECK(target.function_is_gone());
  CHECK(target.calls().size() == 2);
  CHECK(script->status(1) == tracking_status::delivered);
  CHECK(script->status(2) == tracking_status::retrying);
  CHECK(script->status(3) == tracking_status::submitted);
  CHECK(script->status(4) == tracking_status::submitted);
}

TEST_CASE_METHOD(forward_fixture,
                 "shut_down answers all who wait, and says what it knows") {
  target.set(1, {busy});
  const auto actor = spawn(patient());
  get(actor, call(1));
  REQUIRE(eventually([&] { return script->count("attempt 1") == 1; }));
  script->next("enqueue 2", std::vector(1'000, refusing(errc::not_stored)));
  auto refused = later(actor, call(2));
  REQUIRE(eventually([&] { return script->count("enqueue 2") >= 3; }));
  script->always(refusing(errc::outcome_unknown));
  auto doubtful = later(actor, call(3));
  REQUIRE(eventually([&] { return script->count("enqueue 3") >= 3; }));
  auto discarding = later(actor, give_up(1));
  REQUIRE(eventually([&] { return script->count("terminal 1") >= 3; }));
  auto waiting = later(actor, give_up(2)); // for the recording
  script->next("enqueue 4", {late});
  answer_sink recorded{system, 1};
  recorded.send(actor, 0, call(4));
  REQUIRE(eventually([&] { return script->count("enqueue 4") == 1; }));
  const end_watch watch{actor};
  say(actor, shut_down{});
  CHECK(refused.get().error->code == errc::stopped);
  CHECK(doubtful.get().error->code == errc::outcome_unknown);
  CHECK(discarding.get().error->code == errc::outcome_unknown);
  CHECK(waiting.get().error->code == errc::stopped);
  // The one that is on its way is waited for.
  settle(actor);
  CHECK(recorded.answered() == 0);
  script->always(honest);
  say(tracker, work_tick{});
  REQUIRE(recorded.await(1, 5s));
  CHECK(recorded[0].says(forward_outcome::accepted));
  CHECK(watch.ended_within(1s));
  CHECK(script->status(1) == tracking_status::retrying);
  CHECK(script->status(4) == tracking_status::delivered); // it had begun
}

TEST_CASE_METHOD(forward_fixture,
                 "a killed actor answers all who wait within a second") {
  script->always(late);
  const auto actor = spawn(patient());
  std::vector<std::future<outcome_of<forward_reply>>> senders;
  for (std::uint64_t n = 1; n <= 5; ++n) {
    senders.push_back(later(actor, call(n)));
    senders.push_back(later(actor, call(n)));
  }
  REQUIRE(eventually([&] { return script->count("enqueue") == 5; }));
  auto discarding = later(actor, give_up(6));
  REQUIRE(eventually([&] { return script->count("terminal") == 1; }));
  auto waiting = later(actor, give_up(1));
  const end_watch watch{actor};
  const auto begin = std::chrono::steady_clock::now();
  kill(actor);
  for (auto& future : senders)
    CHECK(future.get().error->code == errc::outcome_unknown);
  CHECK(discarding.get().error->code == errc::outcome_unknown);
  CHECK(waiting.get().error->code == errc::stopped);
  CHECK(watch.ended_within(1s));
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  CHECK(error_of(actor, call(1)) == errc::stopped);
}

TEST_CASE_METHOD(forward_fixture,
                 "a killed actor's workers end when their attempts do") {
  target.close();
  const auto actor = spawn();
  send_all(system, actor, calls(10));
  REQUIRE(eventually([&] { return target.running() == 4; }));
  kill_and_wait(actor);
  CHECK_FALSE(target.function_is_gone());
  target.open();
  CHECK(eventually([&] { return target.function_is_gone(); }));
  CHECK(target.calls().size() == 4);
  CHECK(script->count("terminal") == 0);
}

TEST_CASE_METHOD(forward_fixture,
                 "an actor that nobody can reach any more ends and answers") {
  script->next("enqueue", {late});
  std::future<outcome_of<forward_reply>> sender;
  std::optional<end_watch> watch;
  {
    const auto actor = spawn_store_and_forward(system, tracker, quick(),
                                               target.function(),
                                               heard.function());
    watch.emplace(actor);
    sender = later(actor, call(1));
    REQUIRE(eventually([&] { return script->count("enqueue") == 1; }));
  }
  // Its answer is on its way, so it is reached by that.
  say(tracker, work_tick{});
  CHECK(sender.get().reply == forward_reply{forward_outcome::accepted});
  CHECK(watch->ended_within(30s));
}

TEST_CASE(
  "an actor system shuts down after store-and-forward without hanging") {
  const auto begin = std::chrono::steady_clock::now();
  {
    actor_config config;
    caf::actor_system system{config};
    const auto script = std::make_shared<tracker_script>();
    scripted_target target;
    target.set(1, {busy});
    const auto tracker = system.spawn<scripted_tracker_impl>(script);
    const auto actor = spawn_store_and_forward(system, tracker, patient(),
                                               target.function());
    ask(system, actor, call(1));
    REQUIRE(eventually([&] { return script->count("attempt") == 1; }));
    caf::scoped_actor self{system};
    tell(self, actor, shut_down{});
  }
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

// -- hostile calls ------------------------------------------------------------

TEST_CASE_METHOD(forward_fixture,
                 "a hostile call is refused, naming the field, before anything "
                 "is stored") {
  const auto actor = spawn();
  const auto refused = [&](const char* field, auto x) {
    CAPTURE(field);
    try {
      get(actor, x);
      FAIL("the call should have been refused");
    } catch (const request_error& e) {
      CHECK(e.code() == errc::invalid_request);
      CHECK(std::string{e.what()}.find(std::string{field} + ": ")
            != std::string::npos);
    }
  };
  const auto with = [](auto member, auto value) {
    auto x = call(1);
    x.*member = std::move(value);
    return x;
  };
  refused("id", with(&forward_call::id, tracked_operation_id{}));
  refused("kind", with(&forward_call::kind, std::string{}));
  refused("kind", with(&forward_call::kind, std::string(129, 'x')));
  refused("target_summary",
          with(&forward_call::target_summary, std::string(1'025, 'x')));
  refused("source_instance_id",
          with(&forward_call::source_instance_id, std::string(257, 'x')));
  refused("source_script",
          with(&forward_call::source_script, std::string(257, 'x')));
  refused("source_node",
          with(&forward_call::source_node, std::string(257, 'x')));
  refused("id", discard{tracked_operation_id{}, std::nullopt});
  refused("reason", discard{id_of(1), std::string(1'048'577, 'x')});
  for (const auto& [text, reason] : bad_texts) {
    refused("kind", with(&forward_call::kind, text));
    refused("target_summary", with(&forward_call::target_summary, text));
    refused("source_instance_id",
            with(&forward_call::source_instance_id, text));
    refused("source_script", with(&forward_call::source_script, text));
    refused("source_node", with(&forward_call::source_node, text));
    refused("reason", discard{id_of(1), text});
  }
  CHECK(script->log().empty());
  CHECK(get(actor, get_backlog{}) == backlog_reply{});
}

TEST_CASE_METHOD(forward_fixture,
                 "a payload may hold any bytes and arrives as it was") {
  const auto actor = spawn();
  auto x = call(1);
  for (int i = 0; i < 256; ++i)
    x.payload += static_cast<char>(i);
  x.payload += std::string(1'000'000, '\0');
  x.kind = odd_texts.front();
  get(actor, x);
  REQUIRE(ends_as(1, tracking_status::delivered));
  REQUIRE(target.calls().size() == 1);
  CHECK((target.calls().front() == x));
}
