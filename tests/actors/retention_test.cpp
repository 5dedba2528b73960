// Retention: what goes when, and what a jumping clock must not do.

#include <atomic>
#include <stdexcept>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "waybill/retention_actor.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// A service on a clock that moves only when a test moves it. Its retention
// ticks every 100 ms of real time, or not within any test.
struct retention_fixture : actor_fixture {
  fake_clock clock;

  options without_ticks() {
    auto x = make_options();
    x.clock = clock.source();
    x.retention_interval = 1h;
    return x;
  }

  options with_windows() {
    auto x = without_ticks();
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

// Retention whose ticks come from the test alone.
class hand_driven {
public:
  hand_driven(retention_fixture& fixture, const tracking_actor& tracker,
              const options& x)
    : system_{fixture.system},
      actor_{spawn_retention_actor(system_, tracker, x)} {}

  hand_driven(retention_fixture& fixture, const tracking_actor& tracker)
    : hand_driven{fixture, tracker, fixture.without_ticks()} {}

  hand_driven(const hand_driven&) = delete;
  hand_driven& operator=(const hand_driven&) = delete;

  ~hand_driven() { caf::anon_send_exit(actor_, caf::exit_reason::kill); }

  // The ticks are numbered from 1.
  void tick(std::int64_t serial) const {
    caf::scoped_actor self{system_};
    tell(self, actor_, work_tick{serial});
  }

private:
  caf::actor_system& system_;
  retention_actor actor_;
};

} // namespace

TEST_CASE_METHOD(retention_fixture,
                 "finished operations go after their window, those in flight "
                 "stay",
                 "[contract][promise-9]") {
  auto running = start(system, without_ticks());
  const hand_driven retention{*this, running.tracker()};
  finish(running, 1);
  get(running.tracker(), enqueue(2));
  clock.advance(7 * 24h - 1ms);
  retention.tick(1);
  std::this_thread::sleep_for(200ms);
  CHECK_FALSE(gone(running, 1));
  clock.advance(2ms);
  retention.tick(2);
  CHECK(eventually([&] { return gone(running, 1); }));
  CHECK_FALSE(gone(running, 2));
}

TEST_CASE_METHOD(retention_fixture,
                 "on a slow disk no purge is asked for while one is at work") {
  std::atomic<bool> held{false};
  fault_vfs vfs;
  vfs.before = [&held](const io_call& call) {
    while (call.op == io_op::sync && held)
      std::this_thread::sleep_for(1ms);
    return SQLITE_OK;
  };
  auto x = without_ticks();
  x.vfs = vfs.name();
  auto running = start(system, x);
  const hand_driven retention{*this, running.tracker()};
  const auto purges = [&] {
    return get(running.tracker(), get_health{}).batched_requests;
  };
  // There is something to delete: a COMMIT of nothing syncs nothing.
  finish(running, 1);
  clock.advance(8 * 24h);
  const auto before = purges();
  held = true;
  for (std::int64_t n = 1; n <= 50; ++n)
    retention.tick(n);
  std::this_thread::sleep_for(500ms); // all of them have come by then
  held = false;
  // One tick's, one for each terminal status; and no more behind them.
  CHECK(eventually([&] { return purges() >= before + 4; }));
  std::this_thread::sleep_for(200ms);
  CHECK(purges() == before + 4);
  retention.tick(51);
  CHECK(eventually([&] { return purges() == before + 8; }));
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

TEST_CASE_METHOD(
  retention_fixture,
  "a tick that finds a jump of more than an hour purges nothing, "
  "the next one does",
  "[promise-9]") {
  auto x = without_ticks();
  x.retention_delivered = 30min;
  auto running = start(system, x);
  const hand_driven retention{*this, running.tracker(), x};
  finish(running, 1);
  clock.advance(31min); // it is due whatever the clock shows
  clock.jump(2h);
  retention.tick(1);
  CHECK(eventually([&] {
    return heard.contain("the clock has jumped by 2h; this tick purges "
                         "nothing");
  }));
  std::this_thread::sleep_for(200ms);
  CHECK_FALSE(gone(running, 1));
  retention.tick(2);
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

TEST_CASE_METHOD(retention_fixture,
                 "retention goes on after the host's clock has thrown") {
  auto running = start(system, without_ticks());
  auto x = without_ticks();
  const auto throws = std::make_shared<std::atomic<bool>>(false);
  x.clock.wall = [throws, wall = x.clock.wall] {
    if (*throws)
      throw std::runtime_error{"no \nclock"};
    return wall();
  };
  const hand_driven retention{*this, running.tracker(), x};
  finish(running, 1);
  clock.advance(8 * 24h);
  *throws = true;
  retention.tick(1);
  CHECK(eventually([&] {
    return heard.contain(
      "retention: failed, the next tick tries again: no \\nclock");
  }));
  *throws = false;
  retention.tick(2);
  CHECK(eventually([&] { return gone(running, 1); }));
}
