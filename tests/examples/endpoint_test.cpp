// The fate that examples/site_runtime's endpoint gives to calls.

#include "site_runtime/endpoint.hpp"

#include <map>

#include "support/catch.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"

namespace {

using site_runtime::answer_to;
using site_runtime::endpoint_answer;
using waybill::test::id_of;
using kind = endpoint_answer::kind;

constexpr std::uint64_t num_ids = 2'000;

bool is_final(const endpoint_answer& x) {
  return x.what == kind::respond && x.status < 500 && x.status != 429;
}

// The first attempt that is answered for good, or 0.
std::int64_t final_attempt(std::uint64_t seed, std::uint64_t n) {
  for (std::int64_t attempt = 1; attempt <= 100; ++attempt)
    if (is_final(answer_to(seed, id_of(n), attempt)))
      return attempt;
  return 0;
}

} // namespace

TEST_CASE("an attempt is always answered in the same way") {
  for (std::uint64_t n = 0; n < num_ids; ++n) {
    const auto a = answer_to(7, id_of(n), 2);
    const auto b = answer_to(7, id_of(n), 2);
    CHECK(
      (a.what == b.what && a.status == b.status && a.slowness == b.slowness));
  }
}

TEST_CASE("what was answered for good stays so in later attempts") {
  for (std::uint64_t n = 0; n < num_ids; ++n) {
    const auto attempt = final_attempt(1, n);
    if (attempt == 0)
      continue;
    CHECK(attempt <= 4);
    const auto first = answer_to(1, id_of(n), attempt);
    for (auto later = attempt + 1; later < attempt + 10; ++later)
      CHECK(answer_to(1, id_of(n), later).status == first.status);
  }
}

TEST_CASE("the endpoint misbehaves in every way that it has") {
  std::map<int, int> statuses;
  std::map<kind, int> kinds;
  int never = 0;
  int slow = 0;
  int told_to_wait = 0;
  for (std::uint64_t n = 0; n < num_ids; ++n) {
    for (std::int64_t attempt = 1; attempt <= 3; ++attempt) {
      const auto x = answer_to(1, id_of(n), attempt);
      ++kinds[x.what];
      if (x.what == kind::respond)
        ++statuses[x.status];
      slow += x.slowness > 1 ? 1 : 0;
      told_to_wait += x.retry_after > 0 ? 1 : 0;
    }
    never += final_attempt(1, n) == 0 ? 1 : 0;
  }
  for (const auto status : {201, 400, 404, 409, 429, 500, 503})
    CHECK(statuses[status] > 0);
  CHECK(kinds[kind::drop] > 0);
  CHECK(kinds[kind::stall] > 0);
  CHECK(never > 0);
  CHECK(slow > 0);
  CHECK(told_to_wait > 0);
  CHECK(statuses[201] > 4'000);
}

TEST_CASE("another seed gives other fates") {
  int others = 0;
  for (std::uint64_t n = 0; n < num_ids; ++n)
    others += final_attempt(1, n) != final_attempt(2, n) ? 1 : 0;
  CHECK(others > 400);
}
