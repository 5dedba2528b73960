// How fast attempts may begin.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/random_seed.hpp"
#include "waybill/rate_limit.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

constexpr rate_limit::time_point t2000{2'000s};

forward_options limited(double rate, std::int64_t burst) {
  forward_options x;
  x.max_rate = rate;
  x.burst = burst;
  return x;
}

// How many attempts may begin from `now` until `end` if each ends at once.
int begin_all(rate_limit& x, rate_limit::time_point now,
              rate_limit::time_point end) {
  int count = 0;
  for (;; ++count) {
    now = std::max(now, x.next_attempt(0, now));
    if (now >= end)
      return count;
    x.begin(now);
  }
}

} // namespace

TEST_CASE("without a rate there is no limit") {
  rate_limit x{{}};
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE(x.next_attempt(i, t2000) <= t2000);
    x.begin(t2000);
  }
}

TEST_CASE("a full bucket lets a burst through, then an attempt each interval") {
  rate_limit x{limited(100, 5)};
  CHECK(begin_all(x, t2000, t2000 + 10ms) == 5);
  CHECK(x.next_attempt(0, t2000) == t2000 + 10ms);
  CHECK(x.next_attempt(0, t2000 + 3ms) == t2000 + 10ms);
  CHECK(begin_all(x, t2000 + 10ms, t2000 + 1s) == 99);
}

TEST_CASE("after a quiet time a bucket holds no more than a burst") {
  rate_limit x{limited(100, 5)};
  CHECK(begin_all(x, t2000, t2000 + 1ms) == 5);
  CHECK(begin_all(x, t2000 + 1h, t2000 + 1h + 1ms) == 5);
  CHECK(begin_all(x, t2000 + 1h + 30ms, t2000 + 1h + 31ms) == 3);
}

TEST_CASE("a bucket bears a clock that stands still") {
  rate_limit x{limited(1, 3)};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(x.next_attempt(0, t2000) <= t2000);
    x.begin(t2000);
  }
  for (int i = 0; i < 100; ++i)
    REQUIRE(x.next_attempt(0, t2000) == t2000 + 1s);
}

TEST_CASE("a target that works again gets a tenth of the rate, and twice as "
          "much each second") {
  rate_limit x{limited(1'000, 500)};
  CHECK(begin_all(x, t2000, t2000 + 1us) == 500);
  auto now = t2000 + 1h; // the bucket is full
  x.ramp_up(now);
  CHECK(x.next_attempt(0, now) == now + 10ms);
  for (const auto count : {100, 200, 400, 800, 1'000, 1'000, 1'000}) {
    const auto begun = begin_all(x, now, now + 1s);
    CAPTURE(count);
    CHECK(begun >= count - 1);
    CHECK(begun <= count + 1);
    now += 1s;
  }
}

TEST_CASE("a slow rate is not slowed down for longer than the ramp") {
  rate_limit x{limited(0.5, 1)};
  x.ramp_up(t2000);
  // 0.05, 0.1, 0.2 and 0.4 tokens in four seconds, then 0.5 a second.
  const auto next = x.next_attempt(0, t2000);
  CHECK(next >= t2000 + 4s + 500ms);
  CHECK(next <= t2000 + 4s + 500ms + 1us);
  x.begin(next);
  CHECK(x.next_attempt(0, next) - next >= 2s - 1us);
  CHECK(x.next_attempt(0, next) - next <= 2s + 1us);
}

TEST_CASE("a target that works again gets a tenth of the attempts at a time, "
          "and twice as many each second") {
  forward_options options;
  options.max_concurrency = 20;
  rate_limit x{options};
  CHECK(x.next_attempt(19, t2000) <= t2000);
  x.ramp_up(t2000);
  auto now = t2000;
  for (const auto most : {2, 4, 8, 16}) {
    CAPTURE(most);
    CHECK(x.next_attempt(most - 1, now) <= now);
    CHECK(x.next_attempt(most, now) == now + 1s);
    CHECK(x.next_attempt(most, now + 999ms) == now + 1s);
    now += 1s;
  }
  CHECK(x.next_attempt(19, now) <= now);
}

TEST_CASE("a target that works again gets one attempt at a time at least") {
  forward_options options;
  options.max_concurrency = 1;
  rate_limit x{options};
  x.ramp_up(t2000);
  for (int i = 0; i < 10; ++i)
    CHECK(x.next_attempt(0, t2000 + i * 500ms) <= t2000);
}

TEST_CASE("a ramp that is cut short by another one starts over") {
  rate_limit x{limited(100, 10)};
  x.ramp_up(t2000);
  CHECK(begin_all(x, t2000, t2000 + 3s) == 69); // the next one is due then
  x.ramp_up(t2000 + 3s);
  CHECK(x.next_attempt(0, t2000 + 3s) == t2000 + 3s + 100ms);
}

TEST_CASE("no rate is too small or too large for a bucket") {
  for (const auto rate :
       {std::numeric_limits<double>::denorm_min(), 1e-300, 1e-12, 1e-3, 1e6}) {
    for (const auto ramp : {false, true}) {
      CAPTURE(rate, ramp);
      rate_limit x{limited(rate, 1)};
      if (ramp)
        x.ramp_up(t2000);
      else
        x.begin(t2000);
      const auto next = x.next_attempt(0, t2000);
      CHECK(next > t2000);
      CHECK((rate > 1e-3 || next >= t2000 + 990s));
    }
  }
}

TEST_CASE("never do more attempts begin in any window than a bucket allows, "
          "and at the time that it names one may") {
  std::mt19937_64 random{test::seed_for("rate_limit")};
  for (int round = 0; round < 40; ++round) {
    const auto rate = std::ldexp(1.0 + static_cast<double>(random() % 1'000),
                                 static_cast<int>(random() % 8) - 6);
    const auto burst = static_cast<std::int64_t>(1 + random() % 50);
    rate_limit x{limited(rate, burst)};
    const std::chrono::nanoseconds mean{static_cast<std::int64_t>(1e9 / rate)};
    std::vector<rate_limit::time_point> begun;
    auto now = t2000;
    for (int i = 0; i < 1'000; ++i) {
      switch (random() % 8) {
        case 0:
          now += mean * static_cast<int>(random() % 20);
          break;
        case 1:
          now += std::chrono::nanoseconds{random() % 1'000};
          break;
        case 2:
          if (random() % 20 == 0)
            x.ramp_up(now);
          break;
        default:
          break;
      }
      const auto next = x.next_attempt(0, now);
      if (next > now && random() % 4 == 0) {
        now = next;
        REQUIRE(x.next_attempt(0, now) <= now);
      }
      if (x.next_attempt(0, now) > now)
        continue;
      x.begin(now);
      begun.push_back(now);
    }
    CAPTURE(round, rate, burst);
    REQUIRE(begun.size() > 50);
    for (std::size_t i = 0; i < begun.size(); ++i)
      for (std::size_t j = i; j < begun.size(); ++j) {
        const std::chrono::duration<double> window = begun[j] - begun[i];
        const auto most = static_cast<double>(burst) + rate * window.count();
        if (static_cast<double>(j - i + 1) > most + 1e-6)
          FAIL("too many: " << j - i + 1 << " in " << window.count() << " s");
      }
  }
}
