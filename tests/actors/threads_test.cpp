// What happens when a thread is not to be had, which may pass.

#include <atomic>
#include <system_error>
#include <thread>

#include "support/forwarding.hpp"
#include "support/no_threads.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct thread_fixture : actor_fixture {
  std::atomic<int> begun{0};
  std::atomic<int> delivered{0};
  std::atomic<bool> open{true};

  store_and_forward_actor forward_by(service& running) {
    return running.spawn_store_and_forward(
      {}, [this](const forward_call&) -> delivery_result {
        ++begun;
        while (!open)
          std::this_thread::sleep_for(1ms);
        ++delivered;
        return {};
      });
  }

  [[nodiscard]] bool deliver(int n) const {
    return eventually([&] { return delivered == n; });
  }

  [[nodiscard]] std::size_t notices_with(const char* part) const {
    std::size_t n = 0;
    for (const auto& each : heard.all())
      n += each.find(part) != std::string::npos ? 1U : 0U;
    return n;
  }
};

} // namespace

TEST_CASE_METHOD(thread_fixture,
                 "calls wait while there is no thread for a worker, and are "
                 "delivered when there is one") {
  auto running = start(system, make_options());
  const auto to = forward_by(running);
  {
    const no_threads none;
    for (std::uint64_t n = 1; n <= 3; ++n)
      CHECK(get(to, call(n)).outcome == forward_outcome::accepted);
    CHECK(eventually([&] { return notices_with("no thread") == 1; }));
    CHECK(get(to, get_backlog{}).calls == 3);
    CHECK(begun == 0);
  }
  CHECK(deliver(3));
  CHECK(notices_with("no thread") == 1);
  CHECK(running.stop());
}

TEST_CASE_METHOD(thread_fixture,
                 "workers that are there go on while there is no thread for "
                 "another") {
  auto running = start(system, make_options());
  const auto to = forward_by(running);
  open = false;
  get(to, call(1));
  REQUIRE(eventually([&] { return begun == 1; }));
  const no_threads none;
  get(to, call(2));
  get(to, call(3));
  CHECK(eventually([&] { return notices_with("no thread") == 1; }));
  open = true;
  CHECK(deliver(3));
  CHECK(running.stop());
}

TEST_CASE_METHOD(thread_fixture,
                 "store-and-forward ends although there is no thread for its "
                 "calls") {
  auto running = start(system, make_options());
  const auto to = forward_by(running);
  const no_threads none;
  get(to, call(1));
  CHECK(eventually([&] { return notices_with("no thread") == 1; }));
  CHECK(running.stop());
  CHECK(begun == 0);
}

TEST_CASE_METHOD(thread_fixture,
                 "a tracker that dies when there is no thread for the next one "
                 "is started again when there is") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  const auto tracker = tracker_behind(system, running.tracker());
  {
    const no_threads none;
    caf::anon_send_exit(tracker, caf::exit_reason::kill);
    REQUIRE(eventually(
      [&] { return heard.contain("the tracker cannot be started again"); }));
    CHECK(get(running.tracker(), get_health{}).state == health_state::degraded);
    CHECK(error_of(running.tracker(), enqueue(2)) == errc::not_stored);
  }
  CHECK(eventually([&] {
    return get(running.tracker(), get_health{}).state == health_state::ok;
  }));
  CHECK(get(running.tracker(), status_of(1)).snapshot);
  CHECK(get(running.tracker(), enqueue(2)).outcome
        == enqueue_outcome::inserted);
  CHECK(running.stop());
}

TEST_CASE_METHOD(thread_fixture,
                 "questions are refused at once while there is no thread for "
                 "the next status request actor",
                 "[promise-2]") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  const auto& handle = running.status_requests();
  const auto actor = actor_behind(system, handle, status_of(1));
  {
    const no_threads none;
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    REQUIRE(eventually([&] {
      return heard.contain("the status request actor starts again in 40ms: it "
                           "cannot be started again");
    }));
    CHECK(error_of(handle, status_of(1)) == errc::tracker_gone);
  }
  CHECK(eventually([&] {
    try {
      return get(handle, status_of(1)).snapshot.has_value();
    } catch (const request_error&) {
      return false;
    }
  }));
  CHECK(running.stop());
}

TEST_CASE_METHOD(thread_fixture,
                 "a service without threads does not start, and leaves nothing "
                 "behind") {
  {
    const no_threads none;
    CHECK_THROWS_AS(start(system, make_options()), std::system_error);
  }
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  CHECK(running.stop());
}

TEST_CASE_METHOD(thread_fixture,
                 "batches are committed while there is no thread to sync the "
                 "log",
                 "[promise-1]") {
  auto running = start(system, make_options());
  const no_threads none;
  std::vector<record_enqueue> all;
  for (std::uint64_t n = 1; n <= 2'000; ++n)
    all.push_back(enqueue(n));
  for (const auto& each : send_all(system, running.tracker(), all))
    REQUIRE(each.reply);
}

TEST_CASE("status requests are in time while the host keeps all workers of CAF "
          "busy") {
  const temp_dir dir;
  one_thread_config config;
  caf::actor_system system{config};
  options x;
  x.file = dir / "track.db";
  auto running = start(system, x);
  ask(system, running.tracker(), enqueue(1), 10s);
  const auto busy = std::make_shared<std::atomic<bool>>(true);
  const auto host = system.spawn([busy](caf::event_based_actor*) {
    return caf::behavior{[busy](std::int64_t) {
      while (*busy)
        std::this_thread::sleep_for(1ms);
    }};
  });
  tell_from_nobody(host, std::int64_t{1});
  CHECK(ask(system, running.status_requests(), status_of(1), 5s).snapshot);
  *busy = false;
  CHECK(running.stop());
}
