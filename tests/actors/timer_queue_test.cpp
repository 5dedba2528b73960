// Many things to do later behind one timer.

#include <map>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/random_seed.hpp"
#include "waybill/timer_queue.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

constexpr timer_queue::time_point origin{1h};

} // namespace

TEST_CASE("a timer queue does what is due in order of time, and no more") {
  timer_queue queue;
  std::vector<int> done;
  CHECK_FALSE(queue.next());
  queue.add(origin + 3ms, [&] { done.push_back(3); });
  queue.add(origin + 1ms, [&] { done.push_back(1); });
  queue.add(origin + 2ms, [&] { done.push_back(2); });
  queue.add(origin + 2ms, [&] { done.push_back(22); });
  CHECK(queue.next() == origin + 1ms);
  queue.run(origin);
  CHECK(done.empty());
  queue.run(origin + 2ms);
  CHECK(done == std::vector{1, 2, 22});
  CHECK(queue.next() == origin + 3ms);
  queue.run(origin + 1h);
  CHECK(done == std::vector{1, 2, 22, 3});
  CHECK_FALSE(queue.next());
}

TEST_CASE("an action of a timer queue may add and cancel others") {
  timer_queue queue;
  std::vector<int> done;
  const auto cancelled = queue.add(origin + 1ms, [&] { done.push_back(-1); });
  queue.add(origin, [&] {
    done.push_back(1);
    queue.cancel(cancelled);
    queue.add(origin, [&] { done.push_back(2); });
    queue.add(origin + 1s, [&] { done.push_back(3); });
  });
  queue.run(origin + 1ms);
  CHECK(done == std::vector{1, 2});
  CHECK(queue.next() == origin + 1s);
}

TEST_CASE("a timer queue agrees with a model over random steps") {
  std::mt19937_64 random{waybill::test::seed_for("timer_queue")};
  timer_queue queue;
  std::map<int, std::pair<timer_queue::time_point, timer_queue::entry>> model;
  auto now = origin;
  for (int i = 0; i < 5'000; ++i) {
    switch (random() % 3) {
      case 0: {
        const auto due = now + std::chrono::milliseconds{random() % 50};
        model[i] = {due, queue.add(due, [&model, i] {
                      REQUIRE(model.erase(i) == 1);
                    })};
        break;
      }
      case 1:
        if (!model.empty()) {
          queue.cancel(model.begin()->second.second);
          model.erase(model.begin());
        }
        break;
      default:
        now += std::chrono::milliseconds{random() % 20};
        queue.run(now);
        for (const auto& [number, x] : model)
          REQUIRE(x.first > now);
    }
  }
}

TEST_CASE("an actor is woken once for the first action, and earlier if one "
          "comes that is earlier") {
  timer_queue queue;
  wake_up timer;
  CHECK_FALSE(timer.arm(queue, origin)); // nothing to do
  queue.add(origin + 5s, [] {});
  const auto late = timer.arm(queue, origin);
  REQUIRE(late);
  CHECK(late->delay == 5s);
  CHECK(late->serial > 0);
  CHECK_FALSE(timer.arm(queue, origin + 1s)); // it is on its way
  queue.add(origin + 3s, [] {});
  const auto early = timer.arm(queue, origin + 1s);
  REQUIRE(early);
  CHECK(early->delay == 2s);
  CHECK(timer.is_for(early->serial));
  queue.run(origin + 3s);
  const auto again = timer.arm(queue, origin + 3s);
  REQUIRE(again);
  CHECK(again->delay == 2s);
  // The first message is one too many: if it woke as well, there would be one
  // more for ever.
  CHECK_FALSE(timer.is_for(late->serial));
  CHECK_FALSE(timer.arm(queue, origin + 4s));
  CHECK(timer.is_for(again->serial));
}

TEST_CASE("an actor is woken at once for what is late, and now and then for "
          "what is far ahead") {
  timer_queue queue;
  wake_up timer;
  const auto far = queue.add(timer_queue::time_point::max(), [] {});
  const auto first = timer.arm(queue, origin);
  REQUIRE(first);
  CHECK(first->delay == 10s);
  REQUIRE(timer.is_for(first->serial));
  REQUIRE(timer.arm(queue, origin + 10s));
  queue.cancel(far);
  queue.add(origin, [] {});
  const auto late = timer.arm(queue, origin + 11s);
  REQUIRE(late);
  CHECK(late->delay == 0s);
}
