// Turns: who comes when, and what goes with an asker.

#include "support/catch.hpp"
#include "waybill/fair_queue.hpp"

using namespace waybill;

TEST_CASE("askers take turns, each in its own order") {
  fair_queue<int> x;
  for (const auto n : {11, 12, 13, 14})
    x.push(1, n);
  x.push(2, 21);
  x.push(3, 31);
  x.push(3, 32);
  CHECK(x.askers() == 3);
  for (const auto n : {11, 21, 31, 12, 32, 13})
    CHECK(x.pop() == n);
  // Who asks during another's turn comes before that one's next.
  x.push(2, 22);
  x.push(1, 15);
  CHECK(x.pop() == 22);
  CHECK(x.pop() == 14);
  CHECK(x.pop() == 15);
  CHECK(x.is_empty());
  CHECK(x.pop() == std::nullopt);
}

TEST_CASE("an asker goes with all that it has asked for") {
  fair_queue<int> x;
  x.push(1, 11);
  x.push(2, 21);
  x.push(1, 12);
  CHECK(x.count(1) == 2);
  CHECK(x.drop(1) == std::deque{11, 12});
  CHECK(x.count(1) == 0);
  CHECK(x.drop(1).empty());
  CHECK(x.askers() == 1);
  CHECK(x.pop() == 21);
  x.push(1, 13);
  CHECK(x.pop() == 13);
  CHECK(x.is_empty());
}
