// Actors that are kept running, however they end.

#include <atomic>
#include <stdexcept>

#include "support/actors.hpp"
#include "support/silent_tracker.hpp"
#include "waybill/actor_supervisor.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct supervised : actor_fixture {
  // Shared: the supervisor's thread may be about to start one yet.
  std::shared_ptr<std::atomic<int>> spawned
    = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<std::atomic<int>> failures
    = std::make_shared<std::atomic<int>>(0);
  actor_supervisor supervisor{heard.function()};

  std::shared_ptr<const supervised_actor> keep_one() {
    return supervisor.keep("the actor", [this, n = spawned, fails = failures] {
      if (*fails > 0) {
        --*fails;
        throw std::runtime_error{"no \nluck"};
      }
      ++*n;
      return caf::actor_cast<caf::strong_actor_ptr>(
        system.spawn<silent_tracker>());
    });
  }

  static void end(const supervised_actor& x, caf::exit_reason why) {
    caf::anon_send_exit(caf::actor_cast<caf::actor>(x.current()), why);
  }
};

} // namespace

TEST_CASE_METHOD(supervised,
                 "an actor is started again however it ends, ever later, and "
                 "notices say so") {
  const auto kept = keep_one();
  int n = 1;
  for (const auto why :
       {caf::exit_reason::kill, caf::exit_reason::user_shutdown,
        caf::exit_reason::remote_link_unreachable}) {
    const auto before = kept->current();
    end(*kept, why);
    ++n;
    REQUIRE(eventually([&] { return kept->current() != before; }));
    CHECK(*spawned == n);
  }
  for (const auto* pause : {"20ms", "40ms", "80ms"})
    CHECK(heard.contain(std::string{"the actor starts again in "} + pause
                        + ": it has ended: "));
  CHECK(eventually([&] { return heard.all().size() == 6; }));
  CHECK(heard.all().back() == "the actor runs again");
}

TEST_CASE_METHOD(supervised,
                 "what cannot be started again is tried until it can") {
  const auto kept = keep_one();
  const auto first = kept->current();
  *failures = 2;
  end(*kept, caf::exit_reason::kill);
  REQUIRE(eventually([&] { return kept->current() != first; }));
  for (const auto* pause : {"40ms", "80ms"})
    CHECK(heard.contain(std::string{"the actor starts again in "} + pause
                        + ": it cannot be started again: no \\nluck"));
  CHECK(*spawned == 2);
}

TEST_CASE_METHOD(supervised, "what cannot be started is not kept") {
  *failures = 1;
  CHECK_THROWS_AS(keep_one(), std::runtime_error);
  CHECK(heard.all().empty());
  CHECK(*spawned == 0);
}

TEST_CASE_METHOD(supervised, "nobody is started again after a stop") {
  const auto kept = keep_one();
  CHECK(supervisor.stop(std::chrono::steady_clock::now()));
  std::atomic<bool> ended{false};
  caf::actor_cast<caf::actor>(kept->current())
    ->attach_functor([&ended](const caf::error&) { ended = true; });
  end(*kept, caf::exit_reason::kill);
  REQUIRE(eventually([&] { return ended.load(); }));
  CHECK(*spawned == 1);
  CHECK(heard.all().empty());
}

TEST_CASE_METHOD(supervised, "a supervisor takes its actors with it") {
  std::atomic<bool> ended{false};
  {
    actor_supervisor another{heard.function()};
    const auto kept = another.keep("it", [this] {
      return caf::actor_cast<caf::strong_actor_ptr>(
        system.spawn<silent_tracker>());
    });
    caf::actor_cast<caf::actor>(kept->current())
      ->attach_functor([&ended](const caf::error&) { ended = true; });
  }
  CHECK(eventually([&] { return ended.load(); }));
  CHECK(heard.all().empty());
}
