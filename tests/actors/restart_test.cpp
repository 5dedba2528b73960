// A tracking actor that dies: what its clients hear, and how it comes back.

#include <algorithm>
#include <atomic>

#include "support/fault_vfs.hpp"
#include "support/files.hpp"
#include "support/forwarding.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct mortal : actor_fixture {
  fault_vfs vfs;
  std::atomic<int> open_code{SQLITE_OK};
  std::atomic<bool> clock_throws{false};

  mortal() {
    vfs.before = [this](const io_call& call) -> int {
      return call.op == io_op::open ? open_code.load() : SQLITE_OK;
    };
  }

  options with_vfs() {
    auto x = make_options();
    x.vfs = vfs.name();
    return x;
  }

  // A clock that the tracking actor dies of.
  options with_clock() {
    auto x = make_options();
    x.clock.wall = [this] {
      if (clock_throws)
        throw std::runtime_error{"no time"};
      return timestamp::now();
    };
    return x;
  }

  // A question that a dying tracker leaves in its mailbox is asked again.
  health_reply health(const service& running) {
    for (;;)
      try {
        return get(running.tracker(), get_health{});
      } catch (const request_error& e) {
        if (certainty_of(e.code()) == certainty::refused)
          throw;
      }
  }

  bool healthy(const service& running) {
    return health(running).state == health_state::ok;
  }

  void kill(const service& running) {
    kill_tracker_behind(system, running.tracker());
  }

  bool restarted(const service& running, std::int64_t times = 1) {
    return eventually([&] {
      const auto x = health(running);
      return x.restarts == times && x.state == health_state::ok;
    });
  }
};

} // namespace

TEST_CASE_METHOD(mortal,
                 "a tracker that is killed is started again behind the "
                 "same handle, with all that it had stored",
                 "[promise-2]") {
  auto running = start(system, make_options());
  const auto tracker = running.tracker();
  get(tracker, enqueue(1));
  kill(running);
  REQUIRE(restarted(running));
  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::duplicate);
  CHECK(get(tracker, enqueue(2)).outcome == enqueue_outcome::inserted);
  CHECK(get(running.status_requests(), status_of(2)).snapshot);
  CHECK(eventually(
    [&] { return heard.contain("the tracker starts again in 20ms"); }));
  CHECK(eventually([&] { return heard.contain("the tracker runs again"); }));
  const auto last = health(running);
  CHECK(last.reason.empty());
  REQUIRE(last.last_error);
  CHECK(last.last_error->find("the tracking actor has ended")
        != std::string::npos);
  CHECK(running.stop());
}

TEST_CASE_METHOD(mortal,
                 "an exception in the tracker is answered as unknown, "
                 "and its text is the reason of the restart",
                 "[promise-2]") {
  auto running = start(system, with_clock());
  get(running.tracker(), enqueue(1));
  clock_throws = true;
  CHECK(error_of(running.tracker(), enqueue(2)) == errc::outcome_unknown);
  CHECK(eventually([&] { return !healthy(running); }));
  clock_throws = false;
  REQUIRE(eventually([&] { return healthy(running); }));
  CHECK(eventually([&] { return heard.contain("no time"); }));
  CHECK(health(running).last_error->find("no time") != std::string::npos);
  CHECK(get(running.tracker(), enqueue(3)).outcome
        == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(mortal,
                 "while no tracker runs, requests are refused at once "
                 "and health says why",
                 "[promise-2]") {
  auto running = start(system, with_vfs());
  get(running.tracker(), enqueue(1));
  open_code = SQLITE_CANTOPEN;
  kill(running);
  REQUIRE(eventually(
    [&] { return heard.contain("the store cannot be opened again"); }));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(error_of(running.tracker(), enqueue(2)) == errc::not_stored);
  CHECK(error_of(running.tracker(), status_of(1)) == errc::not_stored);
  CHECK(error_of(running.status_requests(), status_of(1)) == errc::not_stored);
  const auto x = health(running);
  CHECK(x.state == health_state::degraded);
  CHECK(x.reason.find("the store cannot be opened again") == 0);
  CHECK(x.restarts == 0);
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  open_code = SQLITE_OK;
  REQUIRE(restarted(running));
  CHECK_FALSE(get(running.tracker(), status_of(2)).snapshot);
  CHECK(get(running.tracker(), status_of(1)).snapshot);
}

TEST_CASE_METHOD(mortal,
                 "a service whose tracker cannot be restarted stops at once") {
  auto running = start(system, with_vfs());
  open_code = SQLITE_CANTOPEN;
  kill(running);
  REQUIRE(eventually([&] { return !healthy(running); }));
  const auto tracker = running.tracker();
  const auto begin = std::chrono::steady_clock::now();
  CHECK(running.stop());
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  CHECK(error_of(tracker, enqueue(1)) == errc::stopped);
  CHECK(error_of(tracker, get_health{}) == errc::stopped);
}

TEST_CASE_METHOD(mortal,
                 "promise 11, corruption: a tracker whose file turns out to be "
                 "no store is not started again, and the file stays",
                 "[promise-11]") {
  auto x = make_options();
  const std::string text(4'096, 'x');
  x.on_notice = [file = x.file, text,
                 keep = heard.function()](severity level,
                                          const std::string& notice) {
    // Told when the file is closed, before it is opened again.
    if (notice.find("starts again") != std::string::npos)
      write_file(file, text);
    keep(level, notice);
  };
  auto running = start(system, x);
  get(running.tracker(), enqueue(1));
  kill(running);
  REQUIRE(
    eventually([&] { return health(running).state == health_state::failed; }));
  CHECK(eventually(
    [&] { return heard.contain("the tracker has failed for good"); }));
  CHECK(error_of(running.tracker(), enqueue(2)) == errc::not_a_store);
  CHECK(health(running).reason.find("cannot be opened again")
        != std::string::npos);
  std::this_thread::sleep_for(100ms);
  CHECK(health(running).state == health_state::failed);
  CHECK(running.stop());
  CHECK(read_file(x.file) == text);
}

TEST_CASE_METHOD(mortal, "a tracker that dies again and again is restarted "
                         "with growing pauses, and not for ever at once") {
  auto running = start(system, make_options());
  for (int n = 1; n <= 4; ++n) {
    kill(running);
    REQUIRE(restarted(running, n));
  }
  for (const auto* pause : {"20ms", "40ms", "80ms", "160ms"})
    CHECK(eventually([&] {
      return heard.contain(std::string{"the tracker starts again in "} + pause);
    }));
}

TEST_CASE_METHOD(mortal,
                 "a status request actor that is killed is started again "
                 "behind the same handle",
                 "[promise-2]") {
  auto running = start(system, make_options());
  const auto handle = running.status_requests();
  get(running.tracker(), enqueue(1));
  const auto answers = [&] {
    try {
      return get(handle, status_of(1)).snapshot.has_value();
    } catch (const request_error& e) {
      CHECK(e.code() == errc::tracker_gone);
      return false;
    }
  };
  for (const auto* pause : {"20ms", "40ms", "80ms"}) {
    REQUIRE(eventually(answers));
    caf::anon_send_exit(actor_behind(system, handle, status_of(1)),
                        caf::exit_reason::kill);
    CHECK(eventually([&] {
      return heard.contain(
        std::string{"the status request actor starts again in "} + pause);
    }));
  }
  REQUIRE(eventually(answers));
  CHECK(eventually(
    [&] { return heard.contain("status request actor runs again"); }));
  CHECK(health(running).restarts == 0);
  CHECK(running.stop());
  CHECK(error_of(handle, status_of(1)) == errc::tracker_gone);
}

TEST_CASE_METHOD(mortal,
                 "all requests in flight are answered when the tracker "
                 "is killed, and those that were done are kept",
                 "[promise-1][promise-2]") {
  auto running = start(system, make_options());
  std::vector<record_enqueue> requests;
  for (std::uint64_t n = 1; n <= 5'000; ++n)
    requests.push_back(enqueue(n));
  const auto answers = send_all(system, running.tracker(), requests,
                                [&] { kill(running); });
  REQUIRE(restarted(running));
  for (std::size_t n = 0; n < answers.size(); ++n) {
    REQUIRE((answers[n].reply || answers[n].error));
    const auto stored
      = get(running.tracker(), status_of(n + 1)).snapshot.has_value();
    if (answers[n].reply)
      REQUIRE(stored);
    else if (certainty_of(answers[n].error->code) == certainty::refused)
      REQUIRE_FALSE(stored);
  }
}

TEST_CASE_METHOD(mortal, "store-and-forward sees a restart of the tracker "
                         "through") {
  auto running = start(system, make_options());
  std::atomic<int> deliveries{0};
  auto actor = running.spawn_store_and_forward(quick(),
                                               [&](const forward_call&) {
                                                 ++deliveries;
                                                 return delivery_result{};
                                               });
  kill(running);
  for (std::uint64_t n = 1; n <= 50; ++n) {
    if (n == 25)
      kill(running);
    get(actor, call(n));
  }
  REQUIRE(
    eventually([&] { return get(actor, get_backlog{}) == backlog_reply{}; }));
  CHECK(deliveries == 50);
  for (std::uint64_t n = 1; n <= 50; ++n)
    CHECK(get(running.tracker(), status_of(n)).snapshot->status
          == tracking_status::delivered);
  CHECK(running.stop());
}

TEST_CASE_METHOD(mortal, "several services restart their trackers on their "
                         "own") {
  std::vector<service> all;
  for (const auto* name : {"a.db", "b.db", "c.db"}) {
    auto x = make_options();
    x.file = dir / name;
    all.push_back(start(system, x));
  }
  kill(all[1]);
  REQUIRE(restarted(all[1]));
  CHECK(health(all[0]).restarts == 0);
  CHECK(health(all[2]).restarts == 0);
  for (auto& each : all)
    CHECK(get(each.tracker(), enqueue(1)).outcome == enqueue_outcome::inserted);
}
