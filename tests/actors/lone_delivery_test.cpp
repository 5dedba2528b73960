// Calls that were interrupted are delivered one at a time.

#include <catch2/catch.hpp>

#include "waybill/lone_delivery.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

constexpr lone_delivery::time_point begin_at{1h};

} // namespace

TEST_CASE(
  "promise 13, once: a lone delivery keeps others waiting until it ends",
  "[promise-13]") {
  lone_delivery x;
  const auto first = x.begin(begin_at);
  REQUIRE(first);
  CHECK_FALSE(x.begin(begin_at + 1s));
  x.end(*first);
  CHECK(x.begin(begin_at + 1s));
}

TEST_CASE(
  "promise 13, once: a lone delivery keeps others waiting for no longer "
  "than a minute",
  "[promise-13]") {
  lone_delivery x;
  const auto first = x.begin(begin_at);
  REQUIRE(first);
  CHECK_FALSE(x.begin(begin_at + 60s - 1ns));
  const auto second = x.begin(begin_at + 60s);
  REQUIRE(second);
  x.end(*first); // late: the second one goes on
  CHECK_FALSE(x.begin(begin_at + 61s));
  x.end(*second);
  CHECK(x.begin(begin_at + 61s));
}
