// Operations that are given up by the hundred, while the actor of their target
// is at work.

#include "support/answer_sink.hpp"
#include "support/forwarding.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

forward_call on_line_7(std::uint64_t n) {
  auto x = call(n);
  x.order_key = "line 7";
  return x;
}

discard_many given_up(const std::vector<std::uint64_t>& numbers) {
  discard_many x{.reason = "no longer wanted"};
  for (const auto n : numbers)
    x.ids.push_back(id_of(n));
  return x;
}

struct discard_fixture : forward_fixture {
  // One that has failed once, and waits.
  store_and_forward_actor spawn_with_waiting_call() {
    target.set(1, {busy});
    auto actor = spawn(by_clock(patient()));
    get(actor, call(1));
    REQUIRE(eventually([&] {
      return get(actor, get_backlog{}).backing_off == 1
             && script->status(1) == tracking_status::retrying;
    }));
    get(tracker, get_health{}); // it has answered the retry,
    settle(actor);              // and the actor has heard that
    return actor;
  }

  void hint(const store_and_forward_actor& actor) {
    tell_from_nobody(caf::actor_cast<caf::actor>(actor),
                     calls_discarded{{id_of(1), id_of(7)}});
  }
};

struct discard_service_fixture : actor_fixture {
  scripted_target target;
  options with = make_options();
  service running = start(system, with);

  bool is(std::uint64_t n, tracking_status status) {
    return eventually([&] {
      const auto found = get(running.tracker(), status_of(n)).snapshot;
      return found && found->status == status;
    });
  }
};

} // namespace

TEST_CASE_METHOD(discard_fixture,
                 "a call that somebody else discards is forgotten once that is "
                 "certain",
                 "[discard]") {
  const auto actor = spawn_with_waiting_call();
  get(tracker, given_up({1}));
  hint(actor);
  CHECK(eventually([&] { return get(actor, get_backlog{}).backing_off == 0; }));
  pass(actor, 2h);
  CHECK(target.attempts(1) == 1);
  CHECK(all_done(actor));
}

TEST_CASE_METHOD(
  discard_fixture,
  "a call goes on if the batch that was to discard it is undone, "
  "or nobody can tell",
  "[discard]") {
  const auto actor = spawn_with_waiting_call();
  if (GENERATE(false, true))
    script->next("status", {refusing(errc::store_corrupt)});
  hint(actor);
  CHECK(eventually([&] { return script->count("status 1") == 1; }));
  CHECK(eventually([&] { return get(actor, get_backlog{}).backing_off == 1; }));
  target.set(1, {taken});
  pass(actor, 2h);
  CHECK(ends_as(1, tracking_status::delivered));
  CHECK(script->count("status") == 1); // of others it does not ask
}

TEST_CASE_METHOD(discard_service_fixture,
                 "a later call of its key goes on at once when one that waits "
                 "is discarded by the tracker",
                 "[discard][promise-14]") {
  target.set(1, {busy});
  const auto actor = running.spawn_store_and_forward(patient(),
                                                     target.function());
  get(actor, on_line_7(1));
  REQUIRE(is(1, tracking_status::retrying));
  get(actor, on_line_7(2));
  const auto reply = get(running.tracker(), given_up({1}));
  CHECK(reply.results.front().outcome == discard_outcome::applied);
  CHECK(is(2, tracking_status::delivered));
  CHECK(target.attempts(1) == 1);
  CHECK(get(actor, get_backlog{}) == backlog_reply{});
}

TEST_CASE_METHOD(discard_service_fixture,
                 "a later call of its key goes on at once when one that waits "
                 "in the store alone is discarded by the tracker",
                 "[discard][promise-14]") {
  const auto actor = running.spawn_store_and_forward(patient(),
                                                     target.function());
  auto first = on_line_7(1);
  first.due = timestamp::now() + 3h;
  get(actor, first);
  get(actor, on_line_7(2));
  REQUIRE(eventually([&] { return get(actor, get_backlog{}).held_back == 0; }));
  get(running.tracker(), given_up({1}));
  CHECK(is(2, tracking_status::delivered));
  CHECK(target.attempts(1) == 0);
  CHECK(
    eventually([&] { return get(actor, get_backlog{}) == backlog_reply{}; }));
}

TEST_CASE_METHOD(discard_service_fixture,
                 "a parked call that keeps its key lets the others go on when "
                 "the tracker discards it",
                 "[discard][promise-14]") {
  target.set(1, {wrong});
  auto x = quick();
  x.on_park = after_end::block;
  const auto actor = running.spawn_store_and_forward(x, target.function());
  get(actor, on_line_7(1));
  REQUIRE(is(1, tracking_status::failed));
  get(actor, on_line_7(2));
  const auto reply = get(running.tracker(), given_up({1}));
  CHECK(reply.results.front().outcome == discard_outcome::payload_discarded);
  CHECK(is(2, tracking_status::delivered));
}

TEST_CASE_METHOD(discard_service_fixture,
                 "a call that a host reports as discarded is given up as if an "
                 "operator had discarded it",
                 "[discard][promise-14]") {
  auto x = patient();
  x.on_park = after_end::block;
  auto first = on_line_7(1);
  const auto report = terminal(1, tracking_status::discarded);
  SECTION("while it waits for its next attempt") {
    target.set(1, {busy});
    const auto actor = running.spawn_store_and_forward(x, target.function());
    get(actor, first);
    REQUIRE(is(1, tracking_status::retrying));
    get(actor, on_line_7(2));
    CHECK(get(running.tracker(), report).outcome == update_outcome::applied);
    CHECK(is(2, tracking_status::delivered));
    CHECK(get(actor, get_backlog{}) == backlog_reply{});
  }
  SECTION("in the store alone") {
    const auto actor = running.spawn_store_and_forward(x, target.function());
    first.due = timestamp::now() + 3h;
    get(actor, first);
    get(actor, on_line_7(2));
    REQUIRE(
      eventually([&] { return get(actor, get_backlog{}).held_back == 0; }));
    CHECK(get(running.tracker(), report).outcome == update_outcome::applied);
    CHECK(is(2, tracking_status::delivered));
    CHECK(target.attempts(1) == 0);
  }
  SECTION("when it has failed and keeps its key") {
    target.set(1, {wrong});
    const auto actor = running.spawn_store_and_forward(x, target.function());
    get(actor, first);
    REQUIRE(is(1, tracking_status::failed));
    get(actor, on_line_7(2));
    CHECK(get(running.tracker(), report).outcome
          == update_outcome::already_terminal);
    CHECK(is(2, tracking_status::delivered));
  }
}

TEST_CASE_METHOD(discard_service_fixture,
                 "an attempt that runs ends when its call is discarded by the "
                 "tracker, and none follows it",
                 "[discard]") {
  target.set(1, {busy});
  target.close();
  const auto actor = running.spawn_store_and_forward(quick(),
                                                     target.function());
  get(actor, call(1));
  REQUIRE(eventually([&] { return target.running() == 1; }));
  get(running.tracker(), given_up({1}));
  CHECK(target.running() == 1);
  target.open();
  REQUIRE(
    eventually([&] { return get(actor, get_backlog{}).delivering == 0; }));
  CHECK(
    eventually([&] { return get(actor, get_backlog{}) == backlog_reply{}; }));
  CHECK(target.attempts(1) == 1);
  CHECK(is(1, tracking_status::discarded));
}

TEST_CASE_METHOD(discard_service_fixture,
                 "who waits for operations hears that they are discarded, and "
                 "statistics count them",
                 "[discard]") {
  for (std::uint64_t n = 1; n <= 3; ++n)
    get(running.tracker(), enqueue(n));
  get(running.tracker(), terminal(3));
  answer_sink answers{system, 1};
  answers.send(running.tracker(), 0,
               await_terminal{.ids = {id_of(1), id_of(2)},
                              .mode = wait_mode::all_of,
                              .deadline = timestamp::now() + 1min});
  get(running.tracker(), given_up({1, 2, 3, 9}));
  CHECK(answers.await(1, 10s));
  const auto stats = get(running.tracker(), get_stats{});
  CHECK(stats.discarded == 2);
  CHECK(stats.already_terminal == 1);
  CHECK(stats.not_found == 1);
}

TEST_CASE_METHOD(discard_service_fixture,
                 "a host's discard is in the audit, under the name that it "
                 "gives or none",
                 "[discard][audit]") {
  const auto actor = running.spawn_store_and_forward(quick(),
                                                     target.function());
  get(running.tracker(), enqueue(1));
  get(running.tracker(), enqueue(2));
  get(actor, discard{id_of(1), "cancelled", "anna"});
  get(actor, discard{id_of(2), std::nullopt});
  const auto audit = store_reader{with.file}.list_audit({}).records;
  REQUIRE(audit.size() == 2);
  CHECK(audit[0].who == std::nullopt);
  CHECK(audit[0].reason == std::nullopt);
  CHECK(audit[1].who == "anna");
  CHECK(audit[1].verb == audit_verb::discard);
  CHECK(audit[1].what == to_string(id_of(1)));
  CHECK(audit[1].reason == "cancelled");
}
