// Retention: what goes when, and what a jumping clock must not do.

#include "support/actors.hpp"
#include "waybill/retention_actor.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// A service whose retention ticks every 100 ms of real time, on a clock that
// moves only when a test moves it.
struct retention_fixture : actor_fixture {
  fake_clock clock;

  options with_windows() {
    auto x = make_options();
    x.clock = clock.source();
    x.retention_interval = 100ms;
    return x;
  }

  bool gone(const service& running, std::uint64_t n) {
    return !get(running.tracker(), status_of(n)).snapshot;
  }

  void finish(const service& running, std::uint64_t n,
              tracking_status status = tracking_status::delivered) {
    get(running.tracker(), enqueue(n));
    get(running.tracker(), terminal(n, status));
  }
};

} // namespace

TEST_CASE_METHOD(retention_fixture,
                 "finished operations go after their window, those in flight "
                 "stay",
                 "[contract][promise-9]") {
  auto running = start(system, with_windows());
  finish(running, 1);
  get(running.tracker(), enqueue(2));
  for (int hour = 0; hour < 7 * 24; ++hour)
    clock.advance(30min);
  std::this_thread::sleep_for(300ms);
  CHECK_FALSE(gone(running, 1));
  // Past seven days, in steps that no tick takes for a jump.
  CHECK(eventually(
    [&] {
      clock.advance(1h);
      return gone(running, 1);
    },
    20s));
  CHECK_FALSE(gone(running, 2));
}

TEST_CASE_METHOD(retention_fixture,
                 "each terminal status has a window of its own, also for ever",
                 "[contract]") {
  auto x = with_windows();
  x.retention_delivered = 1h;
  x.retention_parked = std::nullopt;
  x.retention_failed = 2h;
  x.retention_discarded = 30min;
  auto running = start(system, x);
  finish(running, 1, tracking_status::delivered);
  finish(running, 2, tracking_status::parked);
  finish(running, 3, tracking_status::failed);
  finish(running, 4, tracking_status::discarded);
  clock.advance(45min);
  CHECK(eventually([&] { return gone(running, 4); }));
  CHECK_FALSE(gone(running, 1));
  clock.advance(30min);
  CHECK(eventually([&] { return gone(running, 1); }));
  CHECK_FALSE(gone(running, 3));
  clock.advance(50min);
  CHECK(eventually([&] { return gone(running, 3); }));
  CHECK_FALSE(gone(running, 2));
}

TEST_CASE_METHOD(retention_fixture,
                 "a clock that jumps a year ahead makes nothing due, at no "
                 "later tick either, and is reported",
                 "[promise-9]") {
  auto running = start(system, with_windows());
  finish(running, 1);
  clock.jump(std::chrono::hours{365 * 24});
  CHECK(eventually([&] { return heard.contain("clock has jumped"); }));
  finish(running, 2);
  std::this_thread::sleep_for(500ms);
  CHECK_FALSE(gone(running, 1));
  // The window has to pass first.
  clock.advance(6 * 24h);
  std::this_thread::sleep_for(500ms);
  CHECK_FALSE(gone(running, 1));
  clock.advance(25h);
  CHECK(eventually([&] { return gone(running, 1); }));
}

TEST_CASE_METHOD(retention_fixture,
                 "a clock that jumps back a day purges nothing and says so",
                 "[promise-9]") {
  auto running = start(system, with_windows());
  finish(running, 1);
  clock.jump(-std::chrono::hours{24});
  CHECK(eventually([&] { return heard.contain("clock has jumped by -1d"); }));
  CHECK_FALSE(gone(running, 1));
}

TEST_CASE_METHOD(retention_fixture,
                 "a jump of less than an hour is not reported, and makes "
                 "nothing due either",
                 "[promise-9]") {
  auto x = with_windows();
  x.retention_delivered = 30min;
  auto running = start(system, x);
  finish(running, 1);
  clock.jump(59min);
  std::this_thread::sleep_for(500ms);
  CHECK_FALSE(gone(running, 1));
  CHECK_FALSE(heard.contain("jumped"));
  clock.advance(31min);
  CHECK(eventually([&] { return gone(running, 1); }));
}
