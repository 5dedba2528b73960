// What both CAFs are to do alike.

#include <atomic>
#include <vector>

#include "support/actors.hpp"
#include "waybill/internal_protocol.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct timer_counts {
  std::atomic<int> alive{0};
  std::atomic<int> heard{0};
};

using timed_actor = caf::typed_actor<hears<work_tick>>;

// Sends itself a message that comes later.
class timed_actor_impl : public timed_actor::base {
public:
  using super = timed_actor::base;

  timed_actor_impl(caf::actor_config& config,
                   std::shared_ptr<timer_counts> counts,
                   std::chrono::microseconds delay)
    : super{config}, counts_{std::move(counts)}, delay_{delay} {
    ++counts_->alive;
  }

  timed_actor_impl(const timed_actor_impl&) = delete;
  timed_actor_impl& operator=(const timed_actor_impl&) = delete;

  ~timed_actor_impl() override { --counts_->alive; }

  behavior_type make_behavior() override {
    tell_later(this, timed_actor{this}, delay_, work_tick{1});
    return {
      [this](const work_tick&) { ++counts_->heard; },
    };
  }

private:
  const std::shared_ptr<timer_counts> counts_;
  const std::chrono::microseconds delay_;
};

struct timer_fixture : actor_fixture {
  std::shared_ptr<timer_counts> counts = std::make_shared<timer_counts>();

  timed_actor spawn_timed(std::chrono::microseconds delay) {
    return system.spawn<timed_actor_impl>(counts, delay);
  }
};

} // namespace

TEST_CASE_METHOD(timer_fixture,
                 "a message that is to come later comes to who is there") {
  const auto actor = spawn_timed(1ms);
  CHECK(eventually([&] { return counts->heard == 1; }));
}

TEST_CASE_METHOD(timer_fixture,
                 "a message that is to come later keeps no actor alive") {
  {
    const auto actor = spawn_timed(1h);
    CHECK(counts->alive == 1);
  }
  CHECK(eventually([&] { return counts->alive == 0; }));
  CHECK(counts->heard == 0);
}

TEST_CASE_METHOD(timer_fixture,
                 "a message whose receiver has gone is dropped") {
  const auto after = spawn_timed(100ms); // behind all others
  for (int n = 0; n < 1'000; ++n)
    spawn_timed(std::chrono::microseconds{n % 20 * 100});
  CHECK(eventually([&] { return counts->alive == 1; }));
  const auto before = counts->heard.load();
  CHECK(before <= 1'001);
  CHECK(eventually([&] { return counts->heard > 0; }));
}
