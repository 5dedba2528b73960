// Operation ids: text form, order, hash, and that generated ones are unique,
// of version 7 and ever increasing.

#include <algorithm>
#include <array>
#include <thread>
#include <unordered_set>
#include <vector>

#include <unistd.h>

#include "support/child_process.hpp"
#include "support/printing.hpp"
#include "support/requests.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr auto canonical = "01932c07-f2a1-7000-8000-0123456789ab";

std::uint64_t milliseconds_of(const tracked_operation_id& id) {
  return id.high() >> 16U;
}

} // namespace

TEST_CASE("an id is written and read as its canonical text") {
  const tracked_operation_id id{0x0193'2c07'f2a1'7000U, 0x8000'0123'4567'89abU};
  CHECK(to_string(id) == canonical);
  CHECK(tracked_operation_id::parse(canonical) == id);
  CHECK(tracked_operation_id::parse("01932C07-F2A1-7000-8000-0123456789AB")
        == id);
  CHECK(to_string(tracked_operation_id{})
        == "00000000-0000-0000-0000-000000000000");
  CHECK(to_string(tracked_operation_id{~0ULL, ~0ULL})
        == "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

TEST_CASE("a text that is not exactly an id is none") {
  const std::string_view text
    = GENERATE("", "0", "01932c07f2a1700080000123456789ab",
               "{01932c07-f2a1-7000-8000-0123456789ab}",
               " 01932c07-f2a1-7000-8000-0123456789ab",
               "01932c07-f2a1-7000-8000-0123456789ab ",
               "01932c07-f2a1-7000-8000-0123456789a",
               "01932c07-f2a1-7000-8000-0123456789abc",
               "01932c07-f2a1-7000-80000-123456789ab",
               "01932c07_f2a1_7000_8000_0123456789ab",
               "01932c07-f2a1-7000-8000-0123456789ag",
               "01932c07-f2a1-7000-8000--123456789ab",
               "0x932c07-f2a1-7000-8000-0123456789ab",
               "01932c07-f2a1-7000-8000-0123456789\xc3\xa9",
               "------------------------------------");
  CAPTURE(text);
  CHECK(tracked_operation_id::parse(text) == std::nullopt);
  CHECK(tracked_operation_id::parse(std::string(36, '\0')) == std::nullopt);
}

TEST_CASE("only the id of all zeros is nil") {
  CHECK(tracked_operation_id{}.is_nil());
  CHECK(tracked_operation_id{0, 0}.is_nil());
  CHECK_FALSE(tracked_operation_id{0, 1}.is_nil());
  CHECK_FALSE(tracked_operation_id{1, 0}.is_nil());
  CHECK(tracked_operation_id::parse("00000000-0000-0000-0000-000000000000")
          .value()
          .is_nil());
}

TEST_CASE("ids are ordered as their bytes are") {
  std::vector<tracked_operation_id> ids{{0, 0},        {0, 1}, {0, ~0ULL},
                                        {1, 0},        {1, 1}, {~0ULL, 0},
                                        {~0ULL, ~0ULL}};
  for (std::size_t i = 1; i < ids.size(); ++i) {
    CHECK(ids[i - 1] < ids[i]);
    CHECK(to_string(ids[i - 1]) < to_string(ids[i]));
  }
}

TEST_CASE("a generated id is a UUID of version 7 that holds the time") {
  const auto before = timestamp::now().us() / 1'000;
  const auto id = tracked_operation_id::generate();
  const auto after = timestamp::now().us() / 1'000;
  CHECK(((id.high() >> 12U) & 0xFU) == 7);
  CHECK((id.low() >> 62U) == 2);
  CHECK(milliseconds_of(id) >= static_cast<std::uint64_t>(before));
  // Earlier tests may have run ahead of the clock by a little.
  CHECK(milliseconds_of(id) <= static_cast<std::uint64_t>(after) + 1'000);
}

TEST_CASE("generated ids differ in their random part too") {
  std::unordered_set<std::uint64_t> random_parts;
  for (int i = 0; i < 1'000; ++i)
    random_parts.insert(tracked_operation_id::generate().low());
  CHECK(random_parts.size() == 1'000);
}

TEST_CASE("ids of eight threads at once are unique and increase in each",
          "[threads]") {
  constexpr std::size_t per_thread = 20'000;
  std::array<std::vector<tracked_operation_id>, 8> ids;
  {
    std::vector<std::jthread> threads;
    for (auto& mine : ids)
      threads.emplace_back([&mine] {
        mine.reserve(per_thread);
        for (std::size_t i = 0; i < per_thread; ++i)
          mine.push_back(tracked_operation_id::generate());
      });
  }
  std::vector<std::uint64_t> ticks;
  for (const auto& mine : ids) {
    CHECK(std::adjacent_find(mine.begin(), mine.end(), std::greater_equal<>{})
          == mine.end());
    for (const auto& id : mine)
      ticks.push_back(id.high());
  }
  // The time parts alone are unique: order over all threads is strict, and
  // does not rest on the random bits.
  std::ranges::sort(ticks);
  CHECK(std::ranges::adjacent_find(ticks) == ticks.end());
}

TEST_CASE("both sides of a fork generate different ids") {
  static_cast<void>(tracked_operation_id::generate());
  constexpr std::size_t count = 200;
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  const auto generate = [] {
    std::vector<std::uint64_t> low(count);
    for (auto& each : low)
      each = tracked_operation_id::generate().low();
    return low;
  };
  child_process child{[&](const child_process&) {
    const auto ids = generate();
    const auto bytes = ids.size() * sizeof ids[0];
    return ::write(ends[1], ids.data(), bytes) > 0 ? 0 : 1;
  }};
  auto all = generate();
  REQUIRE(child.wait() == 0);
  std::vector<std::uint64_t> theirs(count);
  REQUIRE(::read(ends[0], theirs.data(), count * sizeof theirs[0])
          == static_cast<ssize_t>(count * sizeof theirs[0]));
  ::close(ends[0]);
  ::close(ends[1]);
  all.insert(all.end(), theirs.begin(), theirs.end());
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
}

TEST_CASE("the hash spreads ids that differ in one bit or in time alone") {
  const std::hash<tracked_operation_id> hash;
  std::unordered_set<std::size_t> hashes;
  const auto base = id_of(0);
  for (unsigned bit = 0; bit < 64; ++bit) {
    hashes.insert(hash({base.high() ^ (1ULL << bit), base.low()}));
    hashes.insert(hash({base.high(), base.low() ^ (1ULL << bit)}));
  }
  CHECK(hashes.size() == 128);
  CHECK(hash(id_of(1)) == hash(id_of(1)));
}
