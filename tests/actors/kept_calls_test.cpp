// Which calls are in memory, and when the store is asked for others.

#include <catch2/catch.hpp>

#include "waybill/kept_calls.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

constexpr timer_queue::time_point start_time{1h};

find_reply found_to(std::int64_t cursor, bool complete) {
  return {.heads = {}, .cursor = cursor, .complete = complete};
}

} // namespace

TEST_CASE("the store is read from its beginning until it has no more") {
  kept_calls x;
  CHECK_FALSE(x.are_all_here());
  CHECK(x.should_ask(start_time));
  CHECK(x.ask() == 0);
  CHECK_FALSE(x.should_ask(start_time));
  x.found(found_to(70, false));
  CHECK(x.should_ask(start_time));
  CHECK(x.ask() == 70);
  x.found(found_to(90, true));
  CHECK(x.are_all_here());
  CHECK_FALSE(x.should_ask(start_time));
}

TEST_CASE("a call that is left behind while the store is asked is asked for "
          "once more") {
  kept_calls x;
  static_cast<void>(x.ask());
  x.left_behind();
  x.found(found_to(5, true));
  CHECK_FALSE(x.are_all_here());
  CHECK(x.ask() == 5);
  x.found(found_to(6, true));
  CHECK(x.are_all_here());
}

TEST_CASE("a call behind which the store has been read must stay in memory") {
  kept_calls x;
  static_cast<void>(x.ask());
  x.found(found_to(5, false));
  CHECK_FALSE(x.may_be_left(5));
  CHECK(x.may_be_left(6));
}

TEST_CASE("a store that has not answered is asked again after a while") {
  kept_calls x;
  static_cast<void>(x.ask());
  x.ask_due();
  x.found_due(std::nullopt);
  x.not_found(start_time + 1s);
  CHECK_FALSE(x.should_ask(start_time));
  CHECK(x.next(start_time) == start_time + 1s);
  CHECK(x.should_ask(start_time + 1s));
}

TEST_CASE("the store is asked for calls that wait when the first of them is "
          "due") {
  kept_calls x;
  CHECK(x.should_ask_due(start_time));
  x.ask_due();
  CHECK_FALSE(x.should_ask_due(start_time));
  x.left_until(start_time + 3s); // meanwhile
  x.found_due(start_time + 5s);
  CHECK_FALSE(x.should_ask_due(start_time));
  CHECK(x.next(start_time) == start_time + 3s);
  CHECK(x.should_ask_due(start_time + 3s));
  x.ask_due();
  x.found_due(std::nullopt);
  CHECK(x.next(start_time) == timer_queue::time_point::max());
}

TEST_CASE("of an empty store nothing is asked") {
  kept_calls x;
  x.none_are_kept();
  CHECK(x.are_all_here());
  CHECK_FALSE(x.should_ask(start_time));
  CHECK_FALSE(x.should_ask_due(start_time));
  CHECK(x.next(start_time) == timer_queue::time_point::max());
}
