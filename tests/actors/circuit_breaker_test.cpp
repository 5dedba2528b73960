// When a target is left alone, and when it is tried_breaker again.

#include <algorithm>
#include <deque>
#include <random>
#include <utility>

#include "support/catch.hpp"
#include "support/random_seed.hpp"
#include "waybill/circuit_breaker.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

using result_kind = delivery_result::kind;
using breaker_change = circuit_breaker::change;

constexpr circuit_breaker::time_point t1000{1'000s};
constexpr auto end_of_time = circuit_breaker::time_point::max();

// A breaker, and attempts that end when they begin.
struct tried_breaker : circuit_breaker {
  explicit tried_breaker(const forward_options& x = {}) : circuit_breaker{x} {}

  breaker_change attempt(result_kind how, time_point now = t1000) {
    REQUIRE(next_attempt() <= now);
    return end(begin(), how, now);
  }

  /// All but the last change nothing.
  breaker_change attempts(int count, result_kind how, time_point now = t1000) {
    for (; count > 1; --count)
      REQUIRE(attempt(how, now) == breaker_change::none);
    return attempt(how, now);
  }
};

// One that has just opened for the first time.
struct opened_breaker : tried_breaker {
  explicit opened_breaker(const forward_options& x = {}) : tried_breaker{x} {
    REQUIRE(attempts(10, result_kind::transient) == breaker_change::opened);
  }
};

} // namespace

TEST_CASE("a breaker opens when half of ten attempts have failed") {
  tried_breaker x;
  CHECK(x.attempts(5, result_kind::delivered) == breaker_change::none);
  CHECK(x.attempts(4, result_kind::transient) == breaker_change::none);
  CHECK(x.state(t1000) == breaker_state::closed);
  CHECK(x.next_attempt() <= t1000);
  CHECK(x.attempt(result_kind::transient) == breaker_change::opened);
  CHECK(x.state(t1000) == breaker_state::open);
  CHECK(x.next_attempt() == t1000 + 5s);
  CHECK(x.open_until() == t1000 + 5s);
  CHECK(x.pause() == 5s);
}

TEST_CASE("a breaker stays closed while less than half of the attempts fail") {
  tried_breaker x;
  CHECK(x.attempts(6, result_kind::delivered) == breaker_change::none);
  CHECK(x.attempts(5, result_kind::transient)
        == breaker_change::none);                                     // 5 of 11
  CHECK(x.attempt(result_kind::transient) == breaker_change::opened); // 6 of 12
}

TEST_CASE("a breaker stays closed while there are few attempts") {
  tried_breaker x;
  CHECK(x.attempts(9, result_kind::transient) == breaker_change::none);
  CHECK(x.attempt(result_kind::transient) == breaker_change::opened);
}

TEST_CASE("an attempt that succeeds opens no breaker, whatever came before") {
  tried_breaker x;
  CHECK(x.attempts(9, result_kind::transient) == breaker_change::none);
  CHECK(x.attempt(result_kind::delivered) == breaker_change::none); // 9 of 10
  CHECK(x.attempt(result_kind::transient) == breaker_change::opened);
}

TEST_CASE("permanent failures do not count against a target") {
  tried_breaker x;
  CHECK(x.attempts(1'000, result_kind::permanent) == breaker_change::none);
  tried_breaker y;
  CHECK(y.attempts(6, result_kind::permanent) == breaker_change::none);
  CHECK(y.attempts(5, result_kind::transient)
        == breaker_change::none); // 5 of 11
  CHECK(y.attempt(result_kind::transient) == breaker_change::opened);
}

TEST_CASE("a result of a newer version counts as a transient failure") {
  tried_breaker x;
  CHECK(x.attempts(10, static_cast<result_kind>(9)) == breaker_change::opened);
}

TEST_CASE("a breaker forgets what is older than its window") {
  tried_breaker x;
  CHECK(x.attempts(9, result_kind::transient) == breaker_change::none);
  SECTION("and nothing before") {
    CHECK(x.attempt(result_kind::transient, t1000 + 29s)
          == breaker_change::opened);
  }
  SECTION("all at once if nothing has come since") {
    CHECK(x.attempts(9, result_kind::transient, t1000 + 30s)
          == breaker_change::none);
    CHECK(x.attempt(result_kind::transient, t1000 + 30s)
          == breaker_change::opened);
  }
  SECTION("little by little if attempts go on") {
    auto now = t1000;
    for (int i = 0; i < 100; ++i) // in 30 s never ten
      CHECK(x.attempt(result_kind::transient, now += 30s)
            == breaker_change::none);
    for (int i = 0; i < 8; ++i)
      CHECK(x.attempt(result_kind::transient, now += 3s)
            == breaker_change::none);
    CHECK(x.attempt(result_kind::transient, now += 3s)
          == breaker_change::opened);
  }
  SECTION("also what was good") {
    CHECK(x.attempts(20, result_kind::delivered) == breaker_change::none);
    CHECK(x.attempts(9, result_kind::transient, t1000 + 31s)
          == breaker_change::none);
    CHECK(x.attempt(result_kind::transient, t1000 + 31s)
          == breaker_change::opened);
  }
}

TEST_CASE("a breaker that is open lets one attempt through after its pause") {
  opened_breaker x;
  CHECK(x.state(t1000 + 5s - 1us) == breaker_state::open);
  CHECK(x.state(t1000 + 5s) == breaker_state::half_open);
  CHECK(x.next_attempt() == t1000 + 5s);
  const auto probe = x.begin();
  CHECK(x.next_attempt() == end_of_time);
  CHECK(x.state(t1000 + 1h) == breaker_state::half_open);
  SECTION("which closes it if the target takes the call") {
    CHECK(x.end(probe, result_kind::delivered, t1000 + 6s)
          == breaker_change::closed);
  }
  SECTION("or refuses it for good") {
    CHECK(x.end(probe, result_kind::permanent, t1000 + 6s)
          == breaker_change::closed);
  }
  CHECK(x.state(t1000 + 6s) == breaker_state::closed);
  CHECK(x.next_attempt() <= t1000);
  // It starts over, with the first pause.
  CHECK(x.attempts(9, result_kind::transient, t1000 + 6s)
        == breaker_change::none);
  CHECK(x.attempt(result_kind::transient, t1000 + 6s)
        == breaker_change::opened);
  CHECK(x.next_attempt() == t1000 + 11s);
}

TEST_CASE("each attempt that fails keeps a breaker open for twice as long, up "
          "to a bound") {
  opened_breaker x;
  auto now = t1000 + 5s;
  for (const auto pause : {10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s, 300s}) {
    CHECK(x.attempt(result_kind::transient, now) == breaker_change::opened);
    CHECK(x.pause() == pause);
    CHECK(x.next_attempt() == now + pause);
    now += pause;
  }
  CHECK(x.attempt(result_kind::delivered, now) == breaker_change::closed);
  CHECK(x.attempts(10, result_kind::transient, now) == breaker_change::opened);
  CHECK(x.pause() == 5s);
}

TEST_CASE("the longest pauses do not overflow") {
  forward_options options;
  options.breaker_first_pause = 1h;
  options.breaker_max_pause = 24h;
  opened_breaker x{options};
  auto now = t1000;
  for (int i = 0; i < 10'000; ++i) {
    now = x.next_attempt();
    REQUIRE(x.attempt(result_kind::transient, now) == breaker_change::opened);
    REQUIRE(x.next_attempt() <= now + 24h);
    REQUIRE(x.next_attempt() > now);
  }
}

TEST_CASE("an attempt from before the last change tells a breaker nothing") {
  tried_breaker x;
  const auto early = x.begin();
  CHECK(x.attempts(10, result_kind::transient) == breaker_change::opened);
  CHECK(x.end(early, result_kind::delivered, t1000) == breaker_change::none);
  CHECK(x.state(t1000) == breaker_state::open);
  const auto probe = x.begin();
  SECTION("while the probe runs") {
    for (const auto how : {result_kind::delivered, result_kind::permanent,
                           result_kind::transient})
      CHECK(x.end(early, how, t1000 + 5s) == breaker_change::none);
    CHECK(x.next_attempt() == end_of_time);
    CHECK(x.end(probe, result_kind::delivered, t1000 + 5s)
          == breaker_change::closed);
  }
  SECTION("and when it is closed again") {
    CHECK(x.end(probe, result_kind::delivered, t1000 + 5s)
          == breaker_change::closed);
    for (int i = 0; i < 100; ++i)
      CHECK(x.end(early, result_kind::transient, t1000 + 5s)
            == breaker_change::none);
  }
  SECTION("nor does the last probe") {
    CHECK(x.end(probe, result_kind::transient, t1000 + 5s)
          == breaker_change::opened);
    CHECK(x.end(probe, result_kind::delivered, t1000 + 5s)
          == breaker_change::none);
    CHECK(x.state(t1000 + 5s) == breaker_state::open);
  }
}

TEST_CASE("a breaker bears a clock that stands still") {
  tried_breaker x;
  CHECK(x.attempts(100'000, result_kind::delivered) == breaker_change::none);
  CHECK(x.attempts(100'000, result_kind::transient) == breaker_change::opened);
  CHECK(x.state(t1000) == breaker_state::open);
  CHECK(x.next_attempt() > t1000);
}

TEST_CASE("a breaker may be set to any ratio, and off") {
  forward_options options;
  SECTION("1 is all of them") {
    options.breaker_failure_ratio = 1;
    tried_breaker x{options};
    CHECK(x.attempt(result_kind::delivered) == breaker_change::none);
    CHECK(x.attempts(1'000, result_kind::transient) == breaker_change::none);
    CHECK(x.attempts(10, result_kind::transient, t1000 + 30s)
          == breaker_change::opened);
  }
  SECTION("what is no binary fraction counts as it is written") {
    options.breaker_failure_ratio = 0.55;
    options.breaker_min_attempts = 20;
    tried_breaker x{options};
    CHECK(x.attempts(9, result_kind::delivered) == breaker_change::none);
    CHECK(x.attempts(10, result_kind::transient) == breaker_change::none);
    CHECK(x.attempt(result_kind::transient)
          == breaker_change::opened); // 11 of 20
  }
  SECTION("1 attempt may be enough") {
    options.breaker_min_attempts = 1;
    tried_breaker x{options};
    CHECK(x.attempt(result_kind::transient) == breaker_change::opened);
  }
  SECTION("0 is off") {
    options.breaker_failure_ratio = 0;
    tried_breaker x{options};
    CHECK(x.attempts(1'000, result_kind::transient) == breaker_change::none);
  }
}

TEST_CASE("a breaker agrees with a model over random attempts") {
  std::mt19937_64 random{test::seed_for("circuit_breaker")};
  forward_options options;
  options.breaker_window = 3s; // in parts of 100 ms
  options.breaker_first_pause = 1s;
  options.breaker_max_pause = 3s;
  circuit_breaker x{options};
  // The model: what has ended since it was closed, by parts.
  std::deque<std::pair<std::int64_t, bool>> ended;
  std::chrono::milliseconds pause{0};
  int changes = 0;
  auto now = t1000;
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::milliseconds{random() % 200};
    if (x.next_attempt() > now) {
      REQUIRE(x.state(now) == breaker_state::open);
      continue;
    }
    const auto was_closed = x.state(now) == breaker_state::closed;
    const auto failed = random() % 5 < (i / 1'000 % 2 == 0 ? 1U : 3U);
    const auto what = x.end(
      x.begin(), failed ? result_kind::transient : result_kind::delivered, now);
    auto wanted = breaker_change::none;
    if (was_closed) {
      const auto part = now.time_since_epoch() / 100ms;
      ended.emplace_back(part, failed);
      while (ended.front().first <= part - 30)
        ended.pop_front();
      std::size_t failures = 0;
      for (const auto& each : ended)
        failures += each.second ? 1U : 0U;
      if (failed && ended.size() >= 10 && failures * 2 >= ended.size()) {
        wanted = breaker_change::opened;
        pause = 1s;
      }
    } else {
      wanted = failed ? breaker_change::opened : breaker_change::closed;
      pause = std::min<std::chrono::milliseconds>(pause * 2, 3s);
    }
    CAPTURE(i);
    REQUIRE(what == wanted);
    if (what == breaker_change::opened)
      REQUIRE(x.next_attempt() == now + pause);
    if (what != breaker_change::none) {
      ended.clear();
      ++changes;
    }
  }
  CHECK(changes > 100);
}
