// The client side: bundles are nothing but a cheaper way for single requests.

#include <atomic>
#include <future>
#include <map>
#include <stdexcept>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "support/scripted_tracker.hpp"
#include "support/silent_tracker.hpp"
#include "waybill/tracking_client.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

template <class Reply>
using outcomes = std::vector<outcome<Reply>>;

template <class Reply>
auto keep(outcomes<Reply>& all) {
  return [&all](outcome<Reply> x) { all.push_back(std::move(x)); };
}

// An actor that records operations 1 to n, each step of one after the other's
// answer.
using pusher_actor = caf::typed_actor<handles<std::string, std::string>>;

class pusher : public pusher_actor::base {
public:
  pusher(caf::actor_config& config, const tracking_actor& tracker,
         std::uint64_t n)
    : pusher_actor::base{config}, tracker_{this, tracker}, n_{n} {}

  behavior_type make_behavior() override {
    return {[this](const std::string&) {
      to_ = this->make_response_promise<std::string>();
      for (std::uint64_t i = 1; i <= n_; ++i)
        tracker_.ask(waybill::test::enqueue(i), [this,
                                                 i](outcome<enqueue_reply> x) {
          if (!x.reply || x.reply->outcome != enqueue_outcome::inserted)
            ++wrong_;
          tracker_.ask(waybill::test::attempt(i, 1),
                       [this, i](outcome<update_reply> y) {
                         if (!y.reply
                             || y.reply->outcome != update_outcome::applied)
                           ++wrong_;
                         finish(i);
                       });
        });
      return to_;
    }};
  }

private:
  void finish(std::uint64_t i) {
    tracker_.ask(waybill::test::terminal(i), [this](outcome<update_reply> x) {
      if (!x.reply || x.reply->outcome != update_outcome::applied)
        ++wrong_;
      if (++finished_ == n_)
        to_.deliver(std::to_string(wrong_) + " wrong, "
                    + std::to_string(tracker_.num_open()) + " open");
    });
  }

  tracking_client<pusher> tracker_;
  std::uint64_t n_;
  std::uint64_t finished_ = 0;
  std::uint64_t wrong_ = 0;
  caf::typed_response_promise<std::string> to_;
};

// An actor that corks `n` enqueues when it is told to, counts their outcomes,
// and throws at the one of number `thrown`.
class careless_actor : public pusher_actor::base {
public:
  careless_actor(caf::actor_config& config, const tracking_actor& tracker,
                 std::uint64_t n, tracking_client_options x,
                 std::shared_ptr<std::atomic<std::uint64_t>> heard,
                 std::uint64_t thrown = 0)
    : pusher_actor::base{config},
      tracker_{this, tracker, x},
      n_{n},
      heard_{std::move(heard)},
      thrown_{thrown} {
    set_exception_handler([](std::exception_ptr&) {
      return to_error(errc::invalid_request, "thrown by a handler");
    });
  }

  behavior_type make_behavior() override {
    return {[this](const std::string&) -> std::string {
      const auto together = tracker_.hold();
      for (std::uint64_t i = 1; i <= n_; ++i)
        tracker_.ask(waybill::test::enqueue(i),
                     [this, i](const outcome<enqueue_reply>&) {
                       ++*heard_;
                       if (i == thrown_)
                         throw std::runtime_error{"as the test wants it"};
                     });
      return std::to_string(tracker_.num_open());
    }};
  }

private:
  tracking_client<careless_actor> tracker_;
  const std::uint64_t n_;
  const std::shared_ptr<std::atomic<std::uint64_t>> heard_;
  const std::uint64_t thrown_;
};

std::string say(caf::actor_system& system, const pusher_actor& to,
                const std::string& what) {
  caf::scoped_actor self{system};
  std::string said;
  waybill::request(self, to, 30s, what)
    .receive([&](std::string& x) { said = std::move(x); },
             [&](const caf::error& e) { said = to_failure(e).text; });
  return said;
}

} // namespace

TEST_CASE_METHOD(actor_fixture,
                 "an actor's client sees each request's own outcome",
                 "[client]") {
  auto running = start(system, make_options());
  const auto actor = system.spawn<pusher>(running.tracker(), 2'000U);
  caf::scoped_actor self{system};
  std::string said;
  waybill::request(self, actor, 30s, std::string{"go"})
    .receive([&](std::string& x) { said = std::move(x); },
             [&](const caf::error& e) { said = to_failure(e).text; });
  CHECK(said == "0 wrong, 0 open");
  const auto counts = get(running.tracker(), get_counts{}).counts;
  REQUIRE(counts.size() == 1);
  CHECK(counts[0].status == tracking_status::delivered);
  CHECK(counts[0].operations == 2'000);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

TEST_CASE_METHOD(actor_fixture,
                 "requests of a bundle fail and succeed for themselves",
                 "[client]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  outcomes<enqueue_reply> enqueued;
  outcomes<update_reply> updated;
  outcomes<status_reply> answered;
  {
    const auto together = client.hold();
    auto nameless = enqueue(2);
    nameless.kind.clear();
    auto late = enqueue(3);
    late.deadline = timestamp{1};
    client.ask(enqueue(1), keep(enqueued));
    client.ask(nameless, keep(enqueued));
    client.ask(late, keep(enqueued));
    client.ask(enqueue(1), keep(enqueued));
    client.ask(status_of(1), keep(answered));
    client.ask(status_of(2), keep(answered));
    client.ask(get_status{{}, std::nullopt}, keep(answered));
    client.ask(attempt(1, 3), keep(updated));
    client.ask(attempt(9, 1), keep(updated));
    client.ask(terminal(1), keep(updated));
    client.ask(terminal(1, tracking_status::failed), keep(updated));
    client.ask(status_of(1), keep(answered));
    CHECK(client.num_open() == 12);
  }
  client.wait_all();
  REQUIRE(enqueued.size() == 4);
  CHECK(enqueued[0].reply->outcome == enqueue_outcome::inserted);
  CHECK(enqueued[1].why.code == errc::invalid_request);
  CHECK(enqueued[1].why.text.find("kind") != std::string::npos);
  CHECK(enqueued[2].why.code == errc::deadline_passed);
  CHECK(enqueued[3].reply->outcome == enqueue_outcome::duplicate);
  REQUIRE(updated.size() == 4);
  CHECK(updated[0].reply->outcome == update_outcome::applied);
  CHECK(updated[1].reply->outcome == update_outcome::not_found);
  CHECK(updated[2].reply->outcome == update_outcome::applied);
  CHECK(updated[3].reply->outcome == update_outcome::already_terminal);
  REQUIRE(answered.size() == 4);
  CHECK(answered[0].reply->snapshot->status == tracking_status::submitted);
  CHECK_FALSE(answered[1].reply->snapshot);
  CHECK(answered[2].why.code == errc::invalid_request);
  CHECK(answered[3].reply->snapshot->status == tracking_status::delivered);
  CHECK(answered[3].reply->snapshot->retry_count == 3);
  // All were in one transaction but the three refused ones, and the question
  // about an operation that it does not touch.
  CHECK(get(running.tracker(), get_health{}).batched_requests == 8);
  CHECK(get(running.tracker(), get_health{}).waiting_requests == 0);
}

TEST_CASE_METHOD(actor_fixture, "a batch ends in the middle of a bundle",
                 "[client]") {
  auto x = make_options();
  x.max_batch = 3;
  auto running = start(system, x);
  blocking_tracking_client client{system, running.tracker()};
  outcomes<enqueue_reply> enqueued;
  {
    const auto together = client.hold();
    for (std::uint64_t n = 1; n <= 10; ++n)
      client.ask(enqueue(n), keep(enqueued));
  }
  client.wait_all();
  REQUIRE(enqueued.size() == 10);
  for (const auto& each : enqueued)
    CHECK(each.reply);
  const auto health = get(running.tracker(), get_health{});
  CHECK(health.batches == 4);
  CHECK(health.waiting_requests == 0);
  CHECK(health.waiting_bytes == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "each request of a bundle counts in what may wait",
                 "[client][overload]") {
  auto x = make_options();
  x.max_waiting_requests = 8;
  auto running = start(system, x);
  blocking_tracking_client client{system, running.tracker()};
  // Repeated until they get in: the client's bundles become smaller.
  std::uint64_t stored = 0;
  std::uint64_t refused = 0;
  std::function<void(std::uint64_t)> record = [&](std::uint64_t n) {
    client.ask(enqueue(n), [&, n](outcome<enqueue_reply> y) {
      if (y.reply) {
        ++stored;
      } else {
        REQUIRE(y.why.code == errc::overloaded);
        ++refused;
        record(n);
      }
    });
  };
  {
    const auto together = client.hold();
    for (std::uint64_t n = 1; n <= 100; ++n)
      record(n);
  }
  client.wait_all();
  CHECK(stored == 100);
  CHECK(refused >= 100);
  CHECK(get(running.tracker(), get_health{}).waiting_requests == 0);
}

TEST_CASE_METHOD(actor_fixture, "answered bundles count no more",
                 "[client][overload]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  std::uint64_t answered = 0;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    {
      const auto together = client.hold();
      for (std::uint64_t i = 0; i < 4; ++i)
        client.ask(status_of(i + 1),
                   [&](const auto& x) { answered += x.reply ? 1U : 0U; });
      if (n % 2 == 0)
        client.ask(enqueue(n),
                   [&](const auto& x) { answered += x.reply ? 1U : 0U; });
    }
    client.wait_all();
    CHECK(get(running.tracker(), get_health{}).waiting_requests == 0);
  }
  CHECK(answered == 90);
}

TEST_CASE_METHOD(actor_fixture,
                 "a lone request goes at once, later ones go together",
                 "[client]") {
  auto script = std::make_shared<tracker_script>();
  const auto tracker = system.spawn<scripted_tracker_impl>(script);
  blocking_tracking_client client{system, tracking_actor{tracker}};
  outcomes<enqueue_reply> enqueued;
  for (std::uint64_t n = 1; n <= 100; ++n)
    client.ask(enqueue(n), keep(enqueued));
  client.wait_all();
  REQUIRE(enqueued.size() == 100);
  for (const auto& each : enqueued)
    CHECK(each.reply);
  // Two at once, as many as may be open; then the rest.
  CHECK(script->bundles() == std::vector<std::size_t>{1, 1, 98});
  caf::scoped_actor self{system};
  self->send_exit(tracker, caf::exit_reason::user_shutdown);
}

TEST_CASE_METHOD(actor_fixture,
                 "a client is told of all that a stopped tracker did not do",
                 "[client][outcomes]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  outcomes<enqueue_reply> before;
  client.ask(enqueue(1), keep(before));
  client.wait_all();
  running.stop();
  outcomes<enqueue_reply> after;
  for (std::uint64_t n = 2; n <= 20; ++n)
    client.ask(enqueue(n), keep(after));
  client.wait_all();
  CHECK(before.at(0).reply);
  REQUIRE(after.size() == 19);
  for (const auto& each : after) {
    CHECK_FALSE(each.reply);
    CHECK(
      (each.why.code == errc::stopped || each.why.code == errc::tracker_gone));
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 6: questions of a bundle whose writes are undone are "
                 "answered with what is committed",
                 "[client][promise-2][promise-6]") {
  fault_vfs vfs;
  std::atomic<int> wal_write{SQLITE_OK};
  vfs.before = [&](const io_call& call) {
    return call.op == io_op::write && call.file == io_file::wal
             ? wal_write.load()
             : SQLITE_OK;
  };
  auto x = make_options();
  x.vfs = vfs.name();
  auto running = start(system, x);
  get(running.tracker(), enqueue(1));
  wal_write = SQLITE_FULL;
  blocking_tracking_client client{system, running.tracker()};
  outcomes<enqueue_reply> enqueued;
  outcomes<status_reply> answered;
  {
    const auto together = client.hold();
    client.ask(status_of(1), keep(answered));
    client.ask(enqueue(2), keep(enqueued));
    client.ask(status_of(2), keep(answered));
    client.ask(status_of(1), keep(answered));
  }
  client.wait_all();
  REQUIRE(enqueued.size() == 1);
  CHECK(enqueued[0].why.code == errc::store_full);
  REQUIRE(answered.size() == 3);
  CHECK(answered[0].reply.value().snapshot);
  CHECK_FALSE(answered[1].reply.value().snapshot);
  CHECK(answered[2].reply.value().snapshot);
  wal_write = SQLITE_OK;
  CHECK(get(running.tracker(), get_health{}).waiting_requests == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 2, outcomes: all requests of a bundle are answered "
                 "when the tracker is killed",
                 "[client][promise-2]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  const auto behind = tracker_behind(system, running.tracker());
  std::map<std::uint64_t, outcome<enqueue_reply>> outcomes_by_id;
  {
    const auto together = client.hold();
    for (std::uint64_t n = 1; n <= 2'000; ++n)
      client.ask(enqueue(n), [&, n](outcome<enqueue_reply> y) {
        outcomes_by_id.emplace(n, std::move(y));
      });
  }
  caf::anon_send_exit(behind, caf::exit_reason::kill);
  client.wait_all();
  REQUIRE(outcomes_by_id.size() == 2'000);
  REQUIRE(eventually([&] {
    const auto health = get(running.tracker(), get_health{});
    return health.restarts == 1 && health.state == health_state::ok;
  }));
  for (const auto& [n, y] : outcomes_by_id) {
    const auto stored
      = get(running.tracker(), status_of(n)).snapshot.has_value();
    if (y.reply)
      CHECK(stored);
    else if (certainty_of(y.why.code) == certainty::refused)
      CHECK_FALSE(stored);
  }
}

TEST_CASE_METHOD(actor_fixture, "a bundle that contradicts itself is refused",
                 "[client]") {
  auto running = start(system, make_options());
  request_bundle x;
  x.add(enqueue(1));
  x.verbs.push_back(7);
  CHECK(error_of(running.tracker(), x) == errc::invalid_request);
  CHECK_FALSE(get(running.tracker(), status_of(1)).snapshot);
  CHECK(get(running.tracker(), get_health{}).waiting_requests == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "thousands of requests to a tracker that hangs end when the "
                 "time of each is up",
                 "[client][outcomes]") {
  const auto tracker = system.spawn<silent_tracker>();
  blocking_tracking_client client{system, tracker, {.timeout = 300ms}};
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t timed_out = 0;
  for (std::uint64_t n = 1; n <= 2'000; ++n)
    client.ask(enqueue(n), [&](const outcome<enqueue_reply>& x) {
      timed_out += x.why.code == errc::timed_out ? 1U : 0U;
    });
  client.wait_all();
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(timed_out == 2'000);
  CHECK(took >= 300ms);
  CHECK(took < 550ms); // two timeouts would be 600
  caf::anon_send_exit(tracker, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "an actor's requests to a tracker that hangs end when the "
                 "time of each is up",
                 "[client][outcomes]") {
  const auto tracker = system.spawn<silent_tracker>();
  const auto heard = std::make_shared<std::atomic<std::uint64_t>>();
  const auto actor = system.spawn<careless_actor>(
    tracker, 2'000U, tracking_client_options{.timeout = 300ms}, heard);
  const auto begun = std::chrono::steady_clock::now();
  CHECK(say(system, actor, "go") == "2000");
  CHECK(eventually([&] { return *heard == 2'000; }));
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took >= 300ms);
  CHECK(took < 550ms);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  caf::anon_send_exit(tracker, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "a handler that throws ends its actor when the others have "
                 "been called",
                 "[client][outcomes]") {
  auto running = start(system, make_options());
  const auto heard = std::make_shared<std::atomic<std::uint64_t>>();
  const auto actor = system.spawn<careless_actor>(running.tracker(), 10U,
                                                  tracking_client_options{},
                                                  heard, 4U);
  std::promise<errc> ended;
  actor->attach_functor(
    [&](const caf::error& why) { ended.set_value(to_failure(why).code); });
  CHECK(say(system, actor, "go") == "10");
  CHECK(ended.get_future().get() == errc::invalid_request);
  CHECK(*heard == 10);
}

TEST_CASE_METHOD(actor_fixture,
                 "what a handler throws comes out of the wait, which can go on",
                 "[client][outcomes]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  std::uint64_t heard = 0;
  {
    const auto together = client.hold();
    for (std::uint64_t n = 1; n <= 10; ++n)
      client.ask(enqueue(n), [&, n](const outcome<enqueue_reply>&) {
        ++heard;
        if (n == 4)
          throw std::runtime_error{"the fourth"};
      });
  }
  client.ask(enqueue(11), [&](const outcome<enqueue_reply>&) { ++heard; });
  CHECK_THROWS_WITH(client.wait_all(), "the fourth");
  CHECK(heard == 10);
  CHECK(client.num_open() == 1);
  client.wait_all();
  CHECK(heard == 11);
  CHECK(client.num_open() == 0);
}

TEST_CASE_METHOD(actor_fixture, "a wait ends also while requests are held",
                 "[client]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  outcomes<enqueue_reply> all;
  const auto together = client.hold();
  for (std::uint64_t n = 1; n <= 3; ++n)
    client.ask(enqueue(n), keep(all));
  client.wait_all();
  CHECK(all.size() == 3);
}

TEST_CASE_METHOD(actor_fixture, "a handler may wait for what it asks",
                 "[client]") {
  auto running = start(system, make_options());
  blocking_tracking_client client{system, running.tracker()};
  outcomes<status_reply> found;
  std::uint64_t heard = 0;
  {
    const auto together = client.hold();
    for (std::uint64_t n = 1; n <= 3; ++n)
      client.ask(enqueue(n), [&, n](const outcome<enqueue_reply>&) {
        ++heard;
        client.ask(status_of(n), keep(found));
        client.wait_all();
        CHECK(found.size() == n);
      });
  }
  client.wait_all();
  CHECK(heard == 3);
  CHECK(client.num_open() == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 2, outcomes: an error of a newer tracker is unknown",
                 "[client][promise-2]") {
  constexpr auto of_a_newer_version = static_cast<errc>(200);
  auto script = std::make_shared<tracker_script>();
  const auto tracker = system.spawn<scripted_tracker_impl>(script);
  script->always({.apply = false, .error = of_a_newer_version});
  const auto code = error_of(tracking_actor{tracker}, enqueue(1));
  CHECK(code == of_a_newer_version);
  CHECK(certainty_of(code) == certainty::unknown);
  caf::anon_send_exit(tracker, caf::exit_reason::user_shutdown);
}
