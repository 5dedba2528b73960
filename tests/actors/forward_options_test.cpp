// The options of store-and-forward, and the backoff they give.

#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "support/actors.hpp"
#include "support/errors.hpp"
#include "support/random_seed.hpp"
#include "waybill/attempt_rules.hpp"
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

const delivery_result busy_again{.what = delivery_result::kind::transient};

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

TEST_CASE("no attempt's number is too high for a wait or a report") {
  std::mt19937_64 random{seed_for("high attempts")};
  std::uniform_real_distribution<double> from_0_to_1;
  for (const std::int64_t attempt :
       {std::int64_t{1'000}, std::int64_t{1'000'000},
        std::int64_t{INT32_MAX} - 1, std::int64_t{INT32_MAX}}) {
    for (const auto factor : {1.0, 1.000001, 2.0, 10.0}) {
      for (const auto max : {1s, 60s, 168 * 3'600s}) {
        auto x = exact(200ms, max, factor);
        x.jitter = from_0_to_1(random);
        CAPTURE(attempt, factor, x.jitter);
        const auto r = from_0_to_1(random);
        const auto wait = wait_after(x, attempt, busy_again, r);
        CHECK(wait >= 0ms);
        CHECK(wait <= max);
        CHECK(wait >= backoff(x, 1, r)); // it does not start over
        CHECK(wait >= backoff(x, attempt - 1, r) - 1ms);
      }
    }
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
  least.max_bytes = least.max_kept_bytes = least.max_waiting_bytes = 1'024;
  least.max_kept_calls = least.max_heads = least.max_interruptions = 1;
  least.max_payload = 0;
  least.first_delay = least.max_delay = least.report_timeout = 1ms;
  least.backoff_factor = 1.0;
  least.jitter = 0.0;
  least.last_error_cap = 64;
  least.breaker_failure_ratio = least.max_rate = 0;
  least.breaker_min_attempts = least.burst = 1;
  least.breaker_window = 1s;
  least.breaker_first_pause = least.breaker_max_pause = 1ms;
  CHECK_NOTHROW(validate(least));
  forward_options most;
  most.target = std::string(limits::max_target, 'x');
  most.max_concurrency = 256;
  most.max_calls = most.max_attempts = 1'000'000;
  most.max_bytes = most.max_kept_bytes = 1'099'511'627'776;
  most.max_waiting_bytes = 17'179'869'184;
  most.max_kept_calls = 1'000'000'000;
  most.max_heads = 1'000'000;
  most.max_interruptions = 1'000;
  most.max_payload = 67'108'864;
  most.first_delay = std::chrono::hours{24};
  most.max_delay = std::chrono::hours{7 * 24};
  most.report_timeout = std::chrono::hours{1};
  most.backoff_factor = 10.0;
  most.jitter = 1.0;
  most.last_error_cap = 1'048'576;
  most.breaker_failure_ratio = 1;
  most.breaker_min_attempts = most.burst = 1'000'000;
  most.breaker_window = most.breaker_first_pause = 1h;
  most.breaker_max_pause = 24h;
  most.max_rate = 1e6;
  CHECK_NOTHROW(validate(most));
}

TEST_CASE("a forward option out of its range is named, with the range") {
  using o = forward_options;
  expect_invalid("target", [](o& x) { x.target = std::string(1'025, 'x'); });
  expect_invalid("target", [](o& x) { x.target = "\xff"; });
  expect_invalid("target", [](o& x) { x.target.clear(); });
  for (const std::int64_t n : {INT64_MIN, std::int64_t{-1}, std::int64_t{0},
                               std::int64_t{1'099'511'627'777}, INT64_MAX}) {
    expect_invalid("max_kept_calls", [&](o& x) { x.max_kept_calls = n; });
    expect_invalid("max_kept_bytes", [&](o& x) { x.max_kept_bytes = n; });
    expect_invalid("max_heads", [&](o& x) { x.max_heads = n; });
    expect_invalid("max_interruptions", [&](o& x) { x.max_interruptions = n; });
    expect_invalid("max_waiting_bytes", [&](o& x) { x.max_waiting_bytes = n; });
    expect_invalid("max_concurrency", [&](o& x) { x.max_concurrency = n; });
    expect_invalid("max_calls", [&](o& x) { x.max_calls = n; });
    expect_invalid("max_bytes", [&](o& x) { x.max_bytes = n; });
    expect_invalid("max_attempts", [&](o& x) { x.max_attempts = n; });
    expect_invalid("last_error_cap", [&](o& x) { x.last_error_cap = n; });
    expect_invalid("breaker_min_attempts",
                   [&](o& x) { x.breaker_min_attempts = n; });
    expect_invalid("burst", [&](o& x) { x.burst = n; });
  }
  using std::chrono::milliseconds;
  for (const auto d : {milliseconds::min(), -1ms, 0ms,
                       milliseconds{8 * 86'400'000}, milliseconds::max()}) {
    expect_invalid("first_delay", [&](o& x) { x.first_delay = d; });
    expect_invalid("max_delay", [&](o& x) { x.max_delay = d; });
    expect_invalid("report_timeout", [&](o& x) { x.report_timeout = d; });
    expect_invalid("breaker_window", [&](o& x) { x.breaker_window = d; });
    expect_invalid("breaker_first_pause",
                   [&](o& x) { x.breaker_first_pause = d; });
    expect_invalid("breaker_max_pause", [&](o& x) { x.breaker_max_pause = d; });
  }
  expect_invalid("breaker_window", [](o& x) { x.breaker_window = 999ms; });
  expect_invalid("breaker_max_pause", [](o& x) {
    x.breaker_max_pause = x.breaker_first_pause - 1ms;
  });
  expect_invalid("max_delay", [](o& x) { x.max_delay = x.first_delay - 1ms; });
  for (const auto v :
       {-1.0, 10.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_invalid("backoff_factor", [&](o& x) { x.backoff_factor = v; });
    expect_invalid("jitter", [&](o& x) { x.jitter = v; });
    expect_invalid("breaker_failure_ratio",
                   [&](o& x) { x.breaker_failure_ratio = v; });
    expect_invalid("max_rate", [&](o& x) { x.max_rate = v * 1e6; });
  }
  const auto e = error_of([] {
    forward_options x;
    x.max_concurrency = 257;
    validate(x);
  });
  CHECK(e.text == "max_concurrency: must be 1 to 256 attempts, but is 257");
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

TEST_CASE("a target may ask for a longer wait than any backoff, up to a cap") {
  const auto x = exact(100ms, 1s, 2.0);
  CHECK(x.max_retry_after == 1h);
  const auto wait = [](const forward_options& options, std::int64_t attempt,
                       std::optional<std::chrono::milliseconds> asked) {
    return wait_after(options, attempt, {.retry_after = asked}, 1.0);
  };
  CHECK(wait(x, 1, std::nullopt) == 100ms);
  CHECK(wait(x, 1, 50ms) == 100ms);
  CHECK(wait(x, 1, -1s) == 100ms);
  CHECK(wait(x, 1, 2min) == 2min);
  CHECK(wait(x, 1, 2h) == 1h);
  auto short_cap = x;
  short_cap.max_retry_after = 0ms;
  CHECK(wait(short_cap, 9, 2h) == 1s);
}

TEST_CASE("forward options come from JSON, CAF's config and the command line") {
  const auto check = [](const forward_options& x) {
    CHECK(x.target == "mes");
    CHECK(x.max_concurrency == 9);
    CHECK(x.first_delay == 5ms);
    CHECK(x.max_retry_after == 2h);
    CHECK(x.backoff_factor == 1.5);
    CHECK(x.jitter == 0);
    CHECK(x.seed == 7U);
    CHECK(x.breaker_failure_ratio == 0.25);
    CHECK(x.breaker_max_pause == 10min);
    CHECK(x.max_rate == 2.5);
    CHECK(x.burst == 3);
    CHECK(x.max_attempts == forward_options{}.max_attempts);
  };
  check(forward_options_from_json(
    R"({"target": "mes", "max_concurrency": 9, "first_delay": "5ms",
        "max_retry_after": "2h", "backoff_factor": 1.5, "jitter": 0,
        "seed": 7, "breaker_failure_ratio": 0.25, "breaker_max_pause": "10min",
        "max_rate": 2.5, "burst": 3})"));
  for (const std::string section : {"mes", "targets.mes"}) {
    actor_config config;
    const std::string values
      = "mes {\n target = \"mes\"\n max-concurrency = 9\n"
        " first-delay = 5ms\n max_retry_after = 2h\n"
        " backoff-factor = 1.5\n jitter = 0\n seed = 7\n"
        " breaker-failure-ratio = 0.25\n breaker-max-pause = 10min\n"
        " max-rate = 2.5\n burst = 3\n}\n";
    read_config(config,
                section == "mes" ? values : "targets {\n" + values + "}\n");
    check(forward_options_from_config(config, section));
  }
  struct host : actor_config {
    host() { add_forward_options(custom_options_, "mes"); }
  } config;
  std::vector<std::string> words{"host",
                                 "--mes.target=mes",
                                 "--mes.max-concurrency=9",
                                 "--mes.first_delay=5ms",
                                 "--mes.max-retry-after=2h",
                                 "--mes.backoff-factor=1.5",
                                 "--mes.jitter=0",
                                 "--mes.seed=7",
                                 "--mes.breaker-failure-ratio=0.25",
                                 "--mes.breaker-max-pause=10min",
                                 "--mes.max-rate=2.5",
                                 "--mes.burst=3"};
  std::vector<char*> pointers;
  for (auto& word : words)
    pointers.push_back(word.data());
  std::istringstream no_file;
  REQUIRE_FALSE(
    config.parse(static_cast<int>(pointers.size()), pointers.data(), no_file));
  check(forward_options_from_config(config, "mes"));
  CHECK(forward_options_from_config(config, "nobody").target == "target");
}

TEST_CASE("a wrong forward option is refused by its name") {
  const auto objection = [](const std::string& text) -> std::string {
    try {
      forward_options_from_json(text);
    } catch (const store_error& e) {
      CHECK(e.code() == errc::invalid_options);
      return e.what();
    }
    return "(accepted)";
  };
  CHECK(objection(R"({"max_call": 1})") == "max_call: is no option of waybill");
  CHECK(objection(R"({"jitter": "x"})")
        == R"(jitter: must be a number, 0 to 1, but is "x")");
  CHECK(objection(R"({"jitter": 2})") == "jitter: must be 0 to 1, but is 2");
  CHECK(objection(R"({"seed": -1})").starts_with("seed: must be a whole"));
  CHECK(objection(R"({"seed": 1.5})").starts_with("seed: must be a whole"));
  CHECK(objection(R"({"first_delay": "1h", "max_delay": "1s"})")
        == "max_delay: must be at least first_delay (1h), but is 1s");
  CHECK(objection(R"({"target": "a", "target": "b"})")
        == "target: is there twice");
}

TEST_CASE("the header says what the list of forward options says") {
  std::ifstream in{WAYBILL_SOURCE_DIR "/actors/waybill/forward_options.hpp"};
  std::ostringstream header;
  header << in.rdbuf();
  for (const auto& x : describe_forward_options()) {
    CAPTURE(x.name);
    CHECK(header.str().find(" " + x.name) != std::string::npos);
  }
}
