// What the store answers from memory is what the file says.

#include <random>

#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "waybill/recent_operations.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Opens the file anew, which knows nothing but the file.
void check_against_file(store_fixture& x, std::uint64_t last) {
  std::vector<std::optional<tracking_status_snapshot>> from_memory;
  for (std::uint64_t n = 1; n <= last; ++n)
    from_memory.push_back(x.snapshot_of(n));
  x.restart();
  for (std::uint64_t n = 1; n <= last; ++n)
    CHECK(from_memory[n - 1] == x.snapshot_of(n));
}

} // namespace

TEST_CASE_METHOD(store_fixture,
                 "recent operations are answered as the file has them") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_enqueue(enqueue(2), at(1));
  store.record_attempt(attempt(2, 4), at(2));
  store.record_enqueue({id_of(3), "bare", {}, {}, {}, {}, {}}, at(3));
  store.record_attempt(
    {id_of(3), tracking_status::submitted, 0, "", std::nullopt, {}}, at(4));
  store.record_enqueue(enqueue(4), at(5));
  store.record_attempt(
    {id_of(4), tracking_status::retrying, 1, std::string(5'000, 'x'), 500, {}},
    at(6));
  store.record_enqueue(enqueue(5), at(7));
  store.record_terminal(terminal(5, tracking_status::parked), at(8));
  store.record_terminal(terminal(5), at(9)); // too late
  check_against_file(*this, 6);
}

TEST_CASE_METHOD(store_fixture, "what is rolled back is not remembered") {
  store.record_enqueue(enqueue(1), at(0));
  store.begin();
  store.record_attempt(attempt(1, 2), at(1));
  store.record_enqueue(enqueue(2), at(1));
  REQUIRE(snapshot_of(1)->retry_count == 2);
  REQUIRE(snapshot_of(2));
  store.rollback();
  CHECK(snapshot_of(1)->retry_count == 0);
  CHECK_FALSE(snapshot_of(2));
  CHECK(store.record_attempt(attempt(2, 1), at(2)).outcome
        == update_outcome::not_found);
}

TEST_CASE_METHOD(store_fixture, "what is purged is not remembered") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_terminal(terminal(1), at(1));
  REQUIRE(snapshot_of(1));
  store.purge_terminal(purge_before(at(2)), at(3));
  CHECK_FALSE(snapshot_of(1));
  CHECK(store.record_terminal(terminal(1), at(4)).outcome
        == update_outcome::not_found);
  CHECK(store.record_enqueue(enqueue(1), at(5)).outcome
        == enqueue_outcome::inserted);
}

TEST_CASE("an operation that shares another's slot takes it over") {
  recent_operations recent;
  recent.put(id_of(1)).seq = 1;
  REQUIRE(recent.find(id_of(1))->seq == 1);
  std::uint64_t n = 1;
  while (recent.find(id_of(1)) != nullptr) {
    ++n;
    recent.put(id_of(n)).seq = static_cast<std::int64_t>(n);
  }
  CHECK(recent.find(id_of(n))->seq == static_cast<std::int64_t>(n));
  CHECK(n < 1'000'000);
}

TEST_CASE_METHOD(store_fixture,
                 "memory and file agree after random steps and rollbacks",
                 "[random]") {
  std::mt19937_64 random{seed_for("recent operations")};
  constexpr std::uint64_t last = 40;
  for (int round = 0; round < 200; ++round) {
    const auto now = at(round);
    store.begin();
    for (auto steps = random() % 8; steps > 0; --steps) {
      const auto n = random() % last + 1;
      switch (random() % 4) {
        case 0:
          store.record_enqueue(
            enqueue(n, "kind" + std::to_string(random() % 3)), now);
          break;
        case 1:
          store.record_attempt(
            attempt(n, static_cast<std::int32_t>(random() % 9)), now);
          break;
        case 2:
          store.record_terminal(terminal(n), now);
          break;
        default:
          store.purge_chunk(purge_before(at(round - 20)), now, 5,
                            std::chrono::seconds{1});
          break;
      }
    }
    if (random() % 4 == 0)
      store.rollback();
    else
      store.commit();
    if (round % 50 == 49)
      check_against_file(*this, last);
  }
}
