// The options of store-and-forward, and the backoff they give.

#include <cmath>
#include <limits>
#include <random>

#include "support/actors.hpp"
#include "support/errors.hpp"
#include "support/random_seed.hpp"
#include "waybill/store_and_forward.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

forward_options exact(std::chrono::milliseconds first,
                      std::chrono::milliseconds max, double factor) {
  forward_options x;
  x.first_delay = first;
  x.max_delay = max;
  x.backoff_factor = factor;
  x.jitter = 0;
  return x;
}

template <class F>
void expect_invalid(const char* option, F&& set) {
  forward_options x;
  set(x);
  CAPTURE(option);
  expect_error(errc::invalid_options, option, [&] { validate(x); });
}

} // namespace

TEST_CASE("the backoff doubles from the first delay up to the longest") {
  const auto x = exact(200ms, 3s, 2.0);
  CHECK(backoff(x, 1, 0.0) == 200ms);
  CHECK(backoff(x, 2, 0.3) == 400ms);
  CHECK(backoff(x, 3, 0.7) == 800ms);
  CHECK(backoff(x, 4, 1.0) == 1600ms);
  CHECK(backoff(x, 5, 1.0) == 3s);
  CHECK(backoff(x, 6, 0.0) == 3s);
}

TEST_CASE("the backoff is rounded to milliseconds") {
  const auto x = exact(10ms, 1s, 1.5);
  CHECK(backoff(x, 2, 0.0) == 15ms);
  CHECK(backoff(x, 3, 0.0) == 23ms); // 22.5
  CHECK(backoff(x, 4, 0.0) == 34ms); // 33.75
}

TEST_CASE("a backoff factor of 1 gives the same wait each time") {
  const auto x = exact(50ms, 1s, 1.0);
  CHECK(backoff(x, 1, 0.0) == 50ms);
  CHECK(backoff(x, 1'000'000, 0.0) == 50ms);
}

TEST_CASE("the backoff of a late attempt is the longest wait") {
  const auto week = std::chrono::hours{7 * 24};
  for (const auto factor : {1.1, 2.0, 10.0}) {
    const auto x = exact(1ms, week, factor);
    CHECK(backoff(x, 1'000'000, 1.0) == week);
    CHECK(backoff(x, std::numeric_limits<std::int64_t>::max(), 1.0) == week);
  }
}

TEST_CASE("jitter takes at most its part off the wait") {
  std::mt19937_64 random{seed_for("jitter")};
  std::uniform_real_distribution<double> from_0_to_1;
  for (int i = 0; i < 10'000; ++i) {
    forward_options x;
    x.jitter = from_0_to_1(random);
    const auto attempt = static_cast<std::int64_t>(1 + random() % 20);
    const auto r = from_0_to_1(random);
    auto whole = x;
    whole.jitter = 0;
    const auto longest = backoff(whole, attempt, 0);
    const auto wait = backoff(x, attempt, r);
    CAPTURE(attempt, x.jitter, r);
    REQUIRE(wait <= longest);
    REQUIRE(static_cast<double>(wait.count()) + 0.5
            >= static_cast<double>(longest.count()) * (1.0 - x.jitter));
    REQUIRE(backoff(x, attempt, 1.0) == longest);
  }
}

TEST_CASE("the default forward options are valid") {
  CHECK_NOTHROW(validate(forward_options{}));
}

TEST_CASE("forward options at the ends of their ranges are valid") {
  forward_options least;
  least.max_concurrency = least.max_calls = least.max_attempts = 1;
  least.max_bytes = 1'024;
  least.first_delay = least.max_delay = least.report_timeout = 1ms;
  least.backoff_factor = 1.0;
  least.jitter = 0.0;
  least.last_error_cap = 64;
  CHECK_NOTHROW(validate(least));
  forward_options most;
  most.target = std::string(limits::max_target, 'x');
  most.max_concurrency = 256;
  most.max_calls = most.max_attempts = 1'000'000;
  most.max_bytes = 17'179'869'184;
  most.first_delay = std::chrono::hours{24};
  most.max_delay = std::chrono::hours{7 * 24};
  most.report_timeout = std::chrono::hours{1};
  most.backoff_factor = 10.0;
  most.jitter = 1.0;
  most.last_error_cap = 1'048'576;
  CHECK_NOTHROW(validate(most));
}

TEST_CASE("a forward option out of its range is named, with the range") {
  using o = forward_options;
  expect_invalid("target", [](o& x) { x.target = std::string(1'025, 'x'); });
  expect_invalid("target", [](o& x) { x.target = "\xff"; });
  for (const std::int64_t n : {INT64_MIN, std::int64_t{-1}, std::int64_t{0},
                               std::int64_t{17'179'869'185}, INT64_MAX}) {
    expect_invalid("max_concurrency", [&](o& x) { x.max_concurrency = n; });
    expect_invalid("max_calls", [&](o& x) { x.max_calls = n; });
    expect_invalid("max_bytes", [&](o& x) { x.max_bytes = n; });
    expect_invalid("max_attempts", [&](o& x) { x.max_attempts = n; });
    expect_invalid("last_error_cap", [&](o& x) { x.last_error_cap = n; });
  }
  using std::chrono::milliseconds;
  for (const auto d : {milliseconds::min(), -1ms, 0ms,
                       milliseconds{8 * 86'400'000}, milliseconds::max()}) {
    expect_invalid("first_delay", [&](o& x) { x.first_delay = d; });
    expect_invalid("max_delay", [&](o& x) { x.max_delay = d; });
    expect_invalid("report_timeout", [&](o& x) { x.report_timeout = d; });
  }
  expect_invalid("max_delay", [](o& x) { x.max_delay = x.first_delay - 1ms; });
  for (const auto v :
       {-1.0, 10.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_invalid("backoff_factor", [&](o& x) { x.backoff_factor = v; });
    expect_invalid("jitter", [&](o& x) { x.jitter = v; });
  }
  const auto e = error_of([] {
    forward_options x;
    x.max_concurrency = 257;
    validate(x);
  });
  CHECK(e.text == "max_concurrency: must be 1 to 256, but is 257");
}

TEST_CASE_METHOD(actor_fixture,
                 "store-and-forward needs a tracker and a function") {
  auto running = start(system, make_options());
  const auto deliver = [](const forward_call&) { return delivery_result{}; };
  expect_error(errc::invalid_options, "tracker", [&] {
    spawn_store_and_forward(system, tracking_actor{}, {}, deliver);
  });
  expect_error(errc::invalid_options, "deliver", [&] {
    spawn_store_and_forward(system, running.tracker(), {}, nullptr);
  });
  expect_error(errc::invalid_options, "max_calls", [&] {
    forward_options x;
    x.max_calls = 0;
    running.spawn_store_and_forward(x, deliver);
  });
}
