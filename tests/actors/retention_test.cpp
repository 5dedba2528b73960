// Retention: what goes when, and what a jumping clock must not do.

#include <atomic>
#include <stdexcept>

#include "support/forwarding.hpp"
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

// What a purge_counter has seen; shared with the test.
struct purge_counts {
  std::atomic<std::size_t> asked{0};
  std::atomic<std::size_t> done{0};
  std::atomic<std::size_t> answered{0};
  // Whether answers are kept until `work_tick`.
  std::atomic<bool> held{false};
};

using purge_counter
  = caf::typed_actor<handles<purge_reply, purge_terminal>, hears<work_tick>>;

// Stands between retention and the tracker.
class purge_counter_impl : public purge_counter::base {
public:
  using super = purge_counter::base;

  purge_counter_impl(caf::actor_config& config, tracking_actor tracker,
                     std::shared_ptr<purge_counts> counts)
    : super{config}, tracker_{std::move(tracker)}, counts_{std::move(counts)} {}

  behavior_type make_behavior() override {
    return {
      [this](const purge_terminal& x) {
        ++counts_->asked;
        auto to = this->make_response_promise<purge_reply>();
        waybill::request(this, tracker_, 10s, x)
          .then([this, to](const purge_reply& reply) { keep(to, reply); },
                [](const caf::error&) { FAIL("a purge has failed"); });
        return to;
      },
      [this](const work_tick&) {
        for (auto& [to, reply] : std::exchange(kept_, {}))
          answer(to, reply);
      },
    };
  }

  // In CAF 0.17 an actor that holds a promise holds itself.
  void on_exit() override { kept_.clear(); }

private:
  using promise = caf::typed_response_promise<purge_reply>;

  void keep(promise to, const purge_reply& reply) {
    if (counts_->held)
      kept_.emplace_back(std::move(to), reply);
    else
      answer(to, reply);
    ++counts_->done;
  }

  // Whoever sees the count may send the next tick: it comes behind the answer.
  void answer(promise& to, const purge_reply& reply) {
    to.deliver(reply);
    ++counts_->answered;
  }

  tracking_actor tracker_;
  std::shared_ptr<purge_counts> counts_;
  std::vector<std::pair<promise, purge_reply>> kept_;
};

// Retention whose ticks come from the test alone.
class hand_driven {
public:
  hand_driven(retention_fixture& fixture, const tracking_actor& tracker,
              const options& x)
    : system_{fixture.system},
      counter_{system_.spawn<purge_counter_impl>(tracker, counts_)},
      actor_{
        spawn_retention_actor(system_, counter_, x, {}, clock_seen(x, {}))} {}

  hand_driven(retention_fixture& fixture, const tracking_actor& tracker)
    : hand_driven{fixture, tracker, fixture.without_ticks()} {}

  hand_driven(const hand_driven&) = delete;
  hand_driven& operator=(const hand_driven&) = delete;

  ~hand_driven() {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    caf::anon_send_exit(counter_, caf::exit_reason::kill);
  }

  void tick() {
    caf::scoped_actor self{system_};
    tell(self, actor_, work_tick{++ticks_});
  }

  // A tick, and all that it purges.
  void purge() {
    const auto before = answered();
    tick();
    // One for each terminal status.
    REQUIRE(eventually([&] { return answered() == before + 4; }));
  }

  [[nodiscard]] std::size_t asked() const { return counts_->asked; }
  [[nodiscard]] std::size_t done() const { return counts_->done; }
  [[nodiscard]] std::size_t answered() const { return counts_->answered; }

  void hold_answers() { counts_->held = true; }
  void release_answers() {
    caf::scoped_actor self{system_};
    tell(self, counter_, work_tick{});
  }

private:
  caf::actor_system& system_;
  std::shared_ptr<purge_counts> counts_ = std::make_shared<purge_counts>();
  purge_counter counter_;
  retention_actor actor_;
  std::int64_t ticks_ = 0;
};

} // namespace

TEST_CASE_METHOD(retention_fixture,
                 "finished operations go after their window, those in flight "
                 "stay",
                 "[contract][promise-9]") {
  auto running = start(system, without_ticks());
  hand_driven retention{*this, running.tracker()};
  finish(running, 1);
  get(running.tracker(), enqueue(2));
  clock.advance(7 * 24h - 1ms);
  retention.purge();
  CHECK_FALSE(gone(running, 1));
  clock.advance(2ms);
  retention.purge();
  CHECK(gone(running, 1));
  CHECK_FALSE(gone(running, 2));
}

TEST_CASE_METHOD(retention_fixture,
                 "on a slow disk no purge is asked for while one is at work") {
  auto running = start(system, without_ticks());
  hand_driven retention{*this, running.tracker()};
  retention.hold_answers();
  for (int n = 1; n <= 50; ++n)
    retention.tick();
  REQUIRE(eventually([&] { return retention.done() == 4; }));
  retention.release_answers();
  REQUIRE(eventually([&] { return retention.answered() == 4; }));
  // All ticks have come before these answers; what is asked for now is a later
  // one's, and no answer comes any more.
  retention.tick();
  REQUIRE(eventually([&] { return retention.done() == 8; }));
  retention.tick();
  retention.release_answers();
  REQUIRE(eventually([&] { return retention.answered() == 8; }));
  CHECK(retention.asked() == 8);
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
                 "what still holds a payload has a window of its own, for ever "
                 "if none is set",
                 "[promise-15]") {
  scripted_target target;
  for (const auto window : {retention_window{3h}, retention_window{}}) {
    auto x = with_windows();
    x.file = dir / (window ? "window.db" : "for ever.db");
    x.retention_parked = x.retention_failed = 1h;
    x.retention_payloads = window;
    target.set(1, {wrong});
    auto running = start(system, x);
    const auto actor = running.spawn_store_and_forward(quick(),
                                                       target.function());
    get(actor, call(1));
    REQUIRE(eventually([&] {
      return get(running.tracker(), status_of(1)).snapshot->status
             == tracking_status::failed;
    }));
    finish(running, 2, tracking_status::failed);
    finish(running, 3, tracking_status::parked);
    clock.advance(2h);
    CHECK(eventually([&] { return gone(running, 2) && gone(running, 3); }));
    CHECK_FALSE(gone(running, 1));
    CHECK(get(running.tracker(), get_target{"target"}).kept_calls == 1);
    clock.advance(2h);
    finish(running, 4, tracking_status::failed);
    clock.advance(2h);
    CHECK(eventually([&] { return gone(running, 4); }));
    if (window) {
      CHECK(eventually([&] { return gone(running, 1); }));
      CHECK(get(running.tracker(), get_target{"target"}).kept_calls == 0);
      CHECK(eventually([&] { return heard.contain("still held a payload"); }));
    } else {
      CHECK_FALSE(gone(running, 1));
    }
    CHECK(running.stop());
  }
}

TEST_CASE_METHOD(retention_fixture,
                 "a clock that jumps a year ahead makes nothing due, at no "
                 "later tick either, and is reported",
                 "[promise-9]") {
  auto running = start(system, without_ticks());
  hand_driven retention{*this, running.tracker()};
  finish(running, 1);
  clock.jump(std::chrono::hours{365 * 24});
  retention.tick();
  CHECK(eventually([&] { return heard.contain("clock has jumped"); }));
  finish(running, 2);
  retention.purge();
  CHECK_FALSE(gone(running, 1));
  // The window has to pass first.
  clock.advance(6 * 24h);
  retention.purge();
  CHECK_FALSE(gone(running, 1));
  clock.advance(25h);
  retention.purge();
  CHECK(gone(running, 1));
}

TEST_CASE_METHOD(
  retention_fixture,
  "a tick that finds a jump of more than an hour purges nothing, "
  "the next one does",
  "[promise-9]") {
  auto x = without_ticks();
  x.retention_delivered = 30min;
  auto running = start(system, x);
  hand_driven retention{*this, running.tracker(), x};
  finish(running, 1);
  clock.advance(31min); // it is due whatever the clock shows
  clock.jump(2h);
  retention.tick();
  CHECK(eventually([&] {
    return heard.contain("the clock has jumped by 2h; this tick purges "
                         "nothing");
  }));
  CHECK_FALSE(gone(running, 1));
  retention.purge();
  CHECK(retention.asked() == 4); // and none by the tick before
  CHECK(gone(running, 1));
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
  auto x = without_ticks();
  x.retention_delivered = 30min;
  auto running = start(system, x);
  hand_driven retention{*this, running.tracker(), x};
  finish(running, 1);
  clock.jump(59min);
  retention.purge();
  CHECK_FALSE(gone(running, 1));
  CHECK_FALSE(heard.contain("jumped"));
  clock.advance(31min);
  retention.purge();
  CHECK(gone(running, 1));
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
  hand_driven retention{*this, running.tracker(), x};
  finish(running, 1);
  clock.advance(8 * 24h);
  *throws = true;
  retention.tick();
  CHECK(eventually([&] {
    return heard.contain(
      "retention: failed, the next tick tries again: no \\nclock");
  }));
  *throws = false;
  retention.purge();
  CHECK(gone(running, 1));
}

TEST_CASE_METHOD(retention_fixture,
                 "retention that ends is started again, and remembers what the "
                 "clock has shown",
                 "[promise-9]") {
  auto x = with_windows();
  x.retention_discarded = 0ms;
  const auto throws = std::make_shared<std::atomic<bool>>(false);
  x.clock.wall = [throws, wall = x.clock.wall] {
    if (*throws)
      throw 7; // NOLINT(hicpp-exception-baseclass): hosts may
    return wall();
  };
  auto running = start(system, x);
  finish(running, 1);
  clock.jump(std::chrono::hours{365 * 24});
  REQUIRE(eventually([&] { return heard.contain("clock has jumped"); }));
  *throws = true;
  REQUIRE(eventually([&] {
    return heard.contain("retention starts again in 20ms: it has ended: an "
                         "exception of no known type");
  }));
  *throws = false;
  REQUIRE(eventually([&] { return heard.contain("retention runs again"); }));
  finish(running, 2, tracking_status::discarded);
  clock.advance(1s);
  // Delivered ones come first in each tick.
  REQUIRE(eventually([&] { return gone(running, 2); }));
  CHECK_FALSE(gone(running, 1));
  CHECK(running.stop());
}

TEST_CASE_METHOD(retention_fixture,
                 "a process that runs for less than an interval purges what is "
                 "due") {
  const auto x = without_ticks(); // each hour
  {
    auto running = start(system, x);
    finish(running, 1);
    clock.advance(6 * 24h);
    finish(running, 2);
  }
  clock.advance(25h);
  auto running = start(system, x);
  CHECK(eventually([&] { return gone(running, 1); }));
  CHECK_FALSE(gone(running, 2));
}

TEST_CASE_METHOD(retention_fixture,
                 "a device whose clock starts at its epoch purges what is old "
                 "once the clock is set, and nothing that it has recorded "
                 "before",
                 "[promise-9]") {
  auto x = without_ticks();
  {
    auto running = start(system, x);
    finish(running, 1); // long ago
    clock.advance(365 * 24h);
    finish(running, 2); // yesterday
    clock.advance(24h);
  }
  const auto behind = clock.source().wall() - timestamp{0};
  clock.jump(-behind);
  x.retention_interval = 100ms;
  auto running = start(system, x);
  finish(running, 3);
  clock.advance(30s);
  CHECK_FALSE(gone(running, 1));
  clock.jump(behind);
  CHECK(eventually([&] { return gone(running, 1); }));
  CHECK_FALSE(gone(running, 2));
  CHECK_FALSE(gone(running, 3));
  clock.advance(6 * 24h + 1h);
  CHECK(eventually([&] { return gone(running, 2); }));
  CHECK_FALSE(gone(running, 3));
  clock.advance(24h);
  CHECK(eventually([&] { return gone(running, 3); }));
}

TEST_CASE_METHOD(retention_fixture,
                 "a clock that is a little behind at the start keeps nothing "
                 "back",
                 "[promise-9]") {
  auto x = without_ticks();
  {
    auto running = start(system, x);
    finish(running, 1);
    clock.advance(8 * 24h);
    finish(running, 2);
  }
  clock.jump(-5s);
  x.retention_interval = 100ms;
  auto running = start(system, x);
  finish(running, 3);
  SECTION("and catches up") {
    clock.advance(6s);
  }
  SECTION("and is set") {
    clock.jump(6s);
  }
  CHECK(eventually([&] { return gone(running, 1); }));
  CHECK_FALSE(gone(running, 2));
  CHECK_FALSE(gone(running, 3));
}

TEST_CASE_METHOD(retention_fixture,
                 "retention tells how many parked and failed operations it has "
                 "deleted") {
  auto running = start(system, without_ticks());
  hand_driven retention{*this, running.tracker()};
  finish(running, 1, tracking_status::delivered);
  finish(running, 2, tracking_status::parked);
  finish(running, 3, tracking_status::failed);
  finish(running, 4, tracking_status::parked);
  finish(running, 5, tracking_status::discarded);
  clock.advance(8 * 24h);
  retention.purge();
  CHECK(eventually([&] {
    return heard.contain("has deleted 2 operations that were Parked before ")
           && heard.contain("has deleted 1 operation that was Failed before");
  }));
  retention.purge();
  CHECK(heard.all().size() == 2);
}

// -- what is remembered of calls that are purged ------------------------------

namespace {

struct remembering_fixture : retention_fixture {
  scripted_target target;
  options with = without_ticks();
  service running = start(system, with);
  hand_driven retention{*this, running.tracker(), with};
  store_and_forward_actor actor
    = running.spawn_store_and_forward(quick(), target.function());

  forward_reply send() { return get(actor, call(1)); }

  // A call that is delivered, and purged.
  void bury() {
    REQUIRE(send() == forward_reply{forward_outcome::accepted});
    REQUIRE(eventually([&] {
      const auto x = get(running.tracker(), status_of(1)).snapshot;
      return x && x->terminal_at;
    }));
    clock.advance(8 * 24h);
    retention.purge();
    REQUIRE(gone(running, 1));
  }
};

} // namespace

TEST_CASE_METHOD(remembering_fixture,
                 "promise 4, idempotency: a call that is sent again when it "
                 "has long been purged is not made again, until its window has "
                 "ended",
                 "[promise-4][promise-12]") {
  bury();
  const auto was = get(running.tracker(), status_of(1)).purged;
  REQUIRE(was);
  CHECK(was->status == tracking_status::delivered);
  CHECK(was->purged_at - was->finished_at == 8 * 24h);
  CHECK(send() == forward_reply{forward_outcome::duplicate, was});
  clock.advance(30 * 24h - 1min);
  retention.purge();
  CHECK(send() == forward_reply{forward_outcome::duplicate, was});
  CHECK(target.attempts(1) == 1);
  clock.advance(2min);
  retention.purge();
  CHECK(send() == forward_reply{forward_outcome::accepted});
  CHECK(eventually([&] { return target.attempts(1) == 2; }));
}

TEST_CASE_METHOD(remembering_fixture,
                 "promise 4, idempotency: a clock that jumps by a year forgets "
                 "no call, whichever way it jumps",
                 "[promise-4][promise-12]") {
  bury();
  const auto year = GENERATE(365, -365) * 24h;
  for (const auto jump : {year, -year}) {
    clock.jump(jump);
    const auto sign = jump.count() < 0 ? "-" : "";
    retention.tick();
    REQUIRE(eventually([&] {
      return heard.contain(std::string{"clock has jumped by "} + sign + "365d");
    }));
    retention.purge();
    CHECK(send().outcome == forward_outcome::duplicate);
  }
  clock.advance(31 * 24h);
  retention.purge();
  CHECK(send().outcome == forward_outcome::accepted);
}

TEST_CASE_METHOD(retention_fixture,
                 "what was purged is forgotten although nothing is to be "
                 "purged any more") {
  auto x = without_ticks();
  x.duplicate_window_for = duplicate_scope::all;
  auto running = start(system, x);
  finish(running, 1);
  CHECK(get(running.tracker(), purge_before(max_timestamp)).deleted == 1);
  const auto outcome = [&] {
    return get(running.tracker(), enqueue(1)).outcome;
  };
  CHECK(outcome() == enqueue_outcome::duplicate);
  clock.advance(30 * 24h + 1min);
  x.retention_delivered.reset();
  x.retention_parked.reset();
  x.retention_failed.reset();
  x.retention_discarded.reset();
  hand_driven retention{*this, running.tracker(), x};
  retention.tick();
  REQUIRE(eventually([&] { return retention.answered() == 1; }));
  CHECK(outcome() == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(retention_fixture,
                 "a process that runs for less than an interval forgets what "
                 "is due") {
  auto x = without_ticks(); // each hour
  x.duplicate_window_for = duplicate_scope::all;
  {
    auto running = start(system, x);
    finish(running, 1);
    CHECK(get(running.tracker(), purge_before(max_timestamp)).deleted == 1);
    CHECK(get(running.tracker(), enqueue(1)).outcome
          == enqueue_outcome::duplicate);
  }
  clock.advance(30 * 24h + 1min);
  auto running = start(system, x);
  CHECK(eventually([&] {
    return get(running.tracker(), enqueue(1)).outcome
           == enqueue_outcome::inserted;
  }));
}
