// Many calls for a store-and-forward actor in one message.

#include <algorithm>

#include "support/answer_sink.hpp"
#include "support/forwarding.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr std::uint64_t many = 1'000;

// Call number `n` with a payload of 1 KiB.
forward_call large_call(std::uint64_t n) {
  auto x = call(n);
  x.payload.resize(1'024, 'x');
  return x;
}

forward_bundle large_bundle(std::uint64_t count = many) {
  forward_bundle x;
  for (std::uint64_t n = 1; n <= count; ++n)
    x.calls.push_back(large_call(n));
  return x;
}

std::size_t count_of(const forward_bundle_reply& x, forward_outcome outcome) {
  return static_cast<std::size_t>(
    std::ranges::count(x.outcomes, static_cast<std::uint8_t>(outcome)));
}

std::size_t count_refused(const forward_bundle_reply& x) {
  const auto refused = static_cast<std::size_t>(
    std::ranges::count(x.outcomes, forward_bundle_reply::failed));
  CHECK(refused == x.failures.size());
  return refused;
}

// A service on a real file beside a target that does as it is told.
struct bundle_fixture : actor_fixture {
  scripted_target target;

  store_and_forward_actor spawn(service& running, forward_options x = quick()) {
    return running.spawn_store_and_forward(x, target.function());
  }

  bool all_done(const store_and_forward_actor& actor) {
    return eventually([&] { return get(actor, get_backlog{}).calls == 0; });
  }
};

} // namespace

TEST_CASE_METHOD(bundle_fixture,
                 "a thousand calls of 1 KiB are one message, and are delivered "
                 "in its order",
                 "[promise-12]") {
  auto running = start(system, make_options());
  auto x = quick();
  x.max_concurrency = 1;
  target.close();
  const auto actor = spawn(running, x);
  const auto sent = large_bundle();
  const auto reply = get(actor, sent);
  CHECK(reply.outcomes.size() == many);
  CHECK(count_of(reply, forward_outcome::accepted) == many);
  CHECK(reply.failures.empty());
  // Whoever reads the file by another connection sees what is committed.
  store_reader reader{make_options().file};
  for (std::uint64_t n = 1; n <= many; ++n)
    REQUIRE(
      reader.get_payload({.id = id_of(n), .deadline = std::nullopt}).payload
      == sent.calls[n - 1].payload);
  target.open();
  REQUIRE(all_done(actor));
  const auto seen = target.calls();
  REQUIRE(seen.size() == many);
  for (std::size_t i = 0; i < many; ++i) {
    REQUIRE(seen[i].id == sent.calls[i].id);
    REQUIRE(seen[i].payload == sent.calls[i].payload);
  }
  CHECK(running.stop());
}

TEST_CASE_METHOD(bundle_fixture,
                 "a bad call in a bundle is refused alone, with its place and "
                 "the field") {
  auto running = start(system, make_options());
  const auto actor = spawn(running);
  auto sent = large_bundle(20);
  sent.calls[3].kind.clear();
  sent.calls[11].payload.resize(std::size_t{1} << 21U); // past max_payload
  sent.calls[12] = sent.calls[0];
  const auto reply = get(actor, sent);
  CHECK(count_of(reply, forward_outcome::accepted) == 17);
  CHECK(count_of(reply, forward_outcome::already_accepted) == 1);
  CHECK(reply.outcomes.at(12)
        == static_cast<std::uint8_t>(forward_outcome::already_accepted));
  REQUIRE(count_refused(reply) == 2);
  CHECK(reply.failures[0].place == 3);
  CHECK(reply.failures[0].code == errc::invalid_request);
  CHECK(reply.failures[0].text.starts_with("kind: "));
  CHECK(reply.failures[1].place == 11);
  CHECK(reply.failures[1].code == errc::invalid_request);
  CHECK(reply.failures[1].text.starts_with("payload: "));
  REQUIRE(all_done(actor));
  CHECK(target.calls().size() == 17);
  CHECK(running.stop());
}

TEST_CASE_METHOD(bundle_fixture,
                 "past a target's bound each call of a bundle is refused as "
                 "overloaded, and those before it are taken",
                 "[promise-15]") {
  auto running = start(system, make_options());
  target.close();
  auto x = quick();
  x.max_calls = 10;
  const auto actor = spawn(running, x);
  const auto reply = get(actor, large_bundle(15));
  CHECK(count_of(reply, forward_outcome::accepted) == 10);
  REQUIRE(count_refused(reply) == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(reply.failures[i].place == 10 + i);
    CHECK(reply.failures[i].code == errc::overloaded);
  }
  target.open();
  REQUIRE(all_done(actor));
  CHECK(running.stop());
}

TEST_CASE_METHOD(forward_fixture,
                 "a bundle of more than may wait for the actor is refused "
                 "whole, by calls or by bytes") {
  auto x = quick();
  x.max_heads = 100;
  x.max_waiting_bytes = 65'536;
  const auto actor = spawn(x);
  forward_bundle sent;
  for (std::uint64_t n = 1; n <= 101; ++n)
    sent.calls.push_back(call(n));
  CHECK(error_of(actor, sent) == errc::overloaded);
  sent.calls.pop_back();
  CHECK(count_of(get(actor, sent), forward_outcome::accepted) == 100);
  CHECK(error_of(actor, large_bundle(80)) == errc::overloaded);
  REQUIRE(all_done(actor));
  CHECK(target.calls().size() == 100);
  CHECK(count_of(get(actor, sent), forward_outcome::already_terminal) == 100);
}

TEST_CASE_METHOD(forward_fixture, "an empty bundle is answered") {
  CHECK(get(spawn(), forward_bundle{}) == forward_bundle_reply{});
}

TEST_CASE_METHOD(forward_fixture,
                 "a bundle is answered when its last call is durable") {
  script->next("enqueue 2003", {late});
  {
    const auto actor = spawn();
    answer_sink answers{system, 1};
    forward_bundle few; // each goes to the tracker by itself
    for (std::uint64_t n = 2'001; n <= 2'003; ++n)
      few.calls.push_back(call(n));
    answers.send(actor, 0, few);
    REQUIRE(ends_as(2'002, tracking_status::delivered));
    settle(actor);
    CHECK(answers.answered() == 0);
    say(tracker, work_tick{});
    REQUIRE(answers.await(1, 10s));
    CHECK(answers[0].done());
    REQUIRE(all_done(actor));
  }
  script->next("enqueue 700", {late});
  const auto actor = spawn();
  answer_sink answers{system, 1};
  answers.send(actor, 0, large_bundle());
  REQUIRE(eventually([&] { return script->count("enqueue") == 3 + many; }));
  settle(actor);
  CHECK(answers.answered() == 0);
  say(tracker, work_tick{});
  REQUIRE(answers.await(1, 10s));
  CHECK(answers[0].done());
  REQUIRE(all_done(actor));
  for (const auto bundle : script->bundles())
    CHECK(bundle <= 512);
}

TEST_CASE_METHOD(forward_fixture,
                 "a tracker that ends in the middle of a bundle answers for "
                 "each of its calls") {
  script->next("enqueue 600", {late});
  target.close();
  const auto actor = spawn();
  auto reply = later(actor, large_bundle());
  REQUIRE(eventually([&] { return script->count("enqueue") == many; }));
  kill(tracker);
  const auto x = reply.get();
  target.open();
  REQUIRE(x.reply);
  REQUIRE(x.reply->outcomes.size() == many);
  const auto refused = count_refused(*x.reply);
  CHECK(refused > 0);
  CHECK(count_of(*x.reply, forward_outcome::accepted) + refused == many);
  for (std::size_t i = 1; i < x.reply->failures.size(); ++i)
    REQUIRE(x.reply->failures[i - 1].place < x.reply->failures[i].place);
  for (const auto& each : x.reply->failures)
    REQUIRE(certainty_of(each.code) == certainty::unknown);
}

TEST_CASE_METHOD(bundle_fixture,
                 "a tracking actor that dies while a bundle is taken is asked "
                 "again, and each call is taken once",
                 "[promise-12]") {
  auto running = start(system, make_options());
  const auto actor = spawn(running);
  for (std::uint64_t round = 0; round < 3; ++round) {
    forward_bundle sent;
    for (std::uint64_t n = 1; n <= many; ++n)
      sent.calls.push_back(large_call(round * many + n));
    const auto answers
      = send_all(system, actor, std::vector{std::move(sent)}, [&] {
          caf::anon_send_exit(tracker_behind(system, running.tracker()),
                              caf::exit_reason::kill);
        });
    REQUIRE(answers.front().reply);
    CHECK(count_of(*answers.front().reply, forward_outcome::accepted) == many);
  }
  REQUIRE(all_done(actor));
  const auto counts = get(running.tracker(), get_counts{}).counts;
  REQUIRE(counts.size() == 1);
  CHECK(counts.front().status == tracking_status::delivered);
  CHECK(counts.front().operations == 3 * many);
  CHECK(running.stop());
}

TEST_CASE_METHOD(bundle_fixture,
                 "calls of a bundle that were purged are not made again, and "
                 "each is told what it was",
                 "[promise-4][promise-12]") {
  auto running = start(system, make_options());
  const auto actor = spawn(running);
  get(actor, forward_bundle{{call(1), call(2)}});
  REQUIRE(all_done(actor));
  CHECK(get(running.tracker(), purge_before(max_timestamp)).deleted == 2);
  const auto reply = get(actor, forward_bundle{{call(2), call(3), call(1)}});
  CHECK(reply.failures.empty());
  CHECK(count_of(reply, forward_outcome::accepted) == 1);
  CHECK(count_of(reply, forward_outcome::duplicate) == 2);
  REQUIRE(reply.duplicates.size() == 2);
  CHECK(reply.duplicates[0].place == 0);
  CHECK(reply.duplicates[1].place == 2);
  for (const auto& each : reply.duplicates)
    CHECK(each.purged.status == tracking_status::delivered);
  REQUIRE(all_done(actor));
  CHECK(target.attempts(1) == 1);
  CHECK(target.attempts(2) == 1);
  CHECK(target.attempts(3) == 1);
}
