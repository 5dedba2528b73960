// When a batch is committed.

#include "support/catch.hpp"
#include "waybill/commit_policy.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

using situation = commit_policy::situation;

// A policy whose open batch is that old.
commit_policy with_batch(std::chrono::milliseconds age, bool may_overlap,
                         std::int64_t max_batch = 100) {
  commit_policy policy{max_batch, may_overlap};
  policy.begin_batch(commit_policy::clock::now() - age);
  return policy;
}

} // namespace

TEST_CASE("a full batch is committed at once") {
  const auto policy = with_batch(0ms, true);
  CHECK(policy.after_request({.held = 99, .waiting = 99})
        == commit_when::again);
  CHECK(policy.after_request({.held = 100, .waiting = 250})
        == commit_when::now);
  CHECK(policy.is_full(100));
}

TEST_CASE("a batch is committed ahead when about half of what waits is done") {
  const auto policy = with_batch(0ms, true);
  const auto after = [&](std::int64_t held, std::int64_t waiting) {
    return policy.after_request({.held = held, .waiting = waiting});
  };
  CHECK(after(39, 100) == commit_when::again);
  CHECK(after(40, 100) == commit_when::ahead);
  CHECK(after(50, 100) == commit_when::ahead);
  CHECK(after(51, 100) == commit_when::again);
  CHECK(after(0, 0) == commit_when::again);
}

TEST_CASE("a batch is not committed ahead if that would not pay") {
  const situation half{.held = 50, .waiting = 100};
  REQUIRE(with_batch(0ms, true).after_request(half) == commit_when::ahead);
  SECTION("because it is not wanted") {
    CHECK(with_batch(0ms, false).after_request(half) == commit_when::again);
  }
  SECTION("because the one before is synced yet") {
    auto x = half;
    x.syncing = true;
    CHECK(with_batch(0ms, true).after_request(x) == commit_when::again);
  }
  SECTION("because someone waits for its end") {
    auto x = half;
    x.end_is_awaited = true;
    CHECK(with_batch(0ms, true).after_request(x) == commit_when::again);
  }
  SECTION("because it took less time than a COMMIT takes") {
    auto policy = with_batch(1s, true);
    policy.committed(1h); // a quarter of which counts
    CHECK(policy.after_request(half) == commit_when::again);
    policy.begin_batch(commit_policy::clock::now() - 16min);
    CHECK(policy.after_request(half) == commit_when::ahead);
  }
}

TEST_CASE("the commit message goes round again while requests arrive") {
  auto policy = with_batch(0ms, true);
  policy.begin_batch(commit_policy::clock::now() + 1h); // it stays young
  policy.arrive();
  CHECK(policy.at_commit_message({.held = 1, .waiting = 9})
        == commit_when::again);
  CHECK(policy.at_commit_message({.held = 1, .waiting = 9})
        == commit_when::now); // none has come since
  policy.arrive();
  policy.begin_batch(commit_policy::clock::now() - 5ms);
  policy.arrive();
  CHECK(policy.at_commit_message({.held = 1, .waiting = 9})
        == commit_when::now); // for 5 ms at most
}

TEST_CASE("a batch that nobody waits for is committed ahead") {
  CHECK(with_batch(0ms, true).at_commit_message({}) == commit_when::ahead);
  CHECK(with_batch(0ms, false).at_commit_message({}) == commit_when::now);
  CHECK(with_batch(0ms, true).at_commit_message({.end_is_awaited = true})
        == commit_when::now);
}
