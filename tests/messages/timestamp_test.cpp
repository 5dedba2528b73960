// Times: their text form, both ways, and arithmetic at the ends of the range.

#include <cstdint>
#include <limits>

#include "support/printing.hpp"
#include "support/requests.hpp"

using namespace waybill;
using namespace waybill::test;
using std::chrono::microseconds;

namespace {

constexpr auto earliest = std::numeric_limits<std::int64_t>::min();
constexpr auto latest = std::numeric_limits<std::int64_t>::max();

} // namespace

TEST_CASE("a time is written as ISO-8601 in UTC with six fractional digits",
          "[contract]") {
  CHECK(to_string(timestamp{0}) == "1970-01-01T00:00:00.000000Z");
  CHECK(to_string(t0) == "2026-11-23T08:15:30.000000Z");
  CHECK(to_string(timestamp{t0.us() + 250}) == "2026-11-23T08:15:30.000250Z");
  CHECK(to_string(timestamp{-1}) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_string(timestamp{951'782'400'000'000})
        == "2000-02-29T00:00:00.000000Z");
  CHECK(to_string(min_timestamp) == "0000-01-01T00:00:00.000000Z");
  CHECK(to_string(max_timestamp) == "9999-12-31T23:59:59.999999Z");
}

TEST_CASE("a time beyond the text form's range is written as the nearer end") {
  CHECK(to_string(timestamp{earliest}) == to_string(min_timestamp));
  CHECK(to_string(timestamp{min_timestamp.us() - 1})
        == to_string(min_timestamp));
  CHECK(to_string(timestamp{max_timestamp.us() + 1})
        == to_string(max_timestamp));
  CHECK(to_string(timestamp{latest}) == to_string(max_timestamp));
}

TEST_CASE("a time is read with no to six fractional digits") {
  CHECK(parse_timestamp("2026-11-23T08:15:30Z") == t0);
  CHECK(parse_timestamp("2026-11-23T08:15:30.5Z")
        == timestamp{t0.us() + 500'000});
  CHECK(parse_timestamp("2026-11-23T08:15:30.000250Z")
        == timestamp{t0.us() + 250});
  CHECK(parse_timestamp("2024-02-29T23:59:59.999999Z").has_value());
}

TEST_CASE("every time that has a text form comes back from it") {
  const auto us = GENERATE(std::int64_t{0}, std::int64_t{-1}, std::int64_t{1},
                           t0.us() + 123'456, min_timestamp.us(),
                           min_timestamp.us() + 1, max_timestamp.us() - 1,
                           max_timestamp.us());
  CHECK(parse_timestamp(to_string(timestamp{us})) == timestamp{us});
}

TEST_CASE("a text that is no exact UTC time is no time") {
  const auto* const text = GENERATE(
    "", "Z", "2026-11-23", "2026-11-23T08:15:30", "2026-11-23T08:15:30z",
    "2026-11-23t08:15:30Z", "2026-11-23 08:15:30Z", "2026-11-23T08:15Z",
    "2026-11-23T08:15:30+00:00", "2026-11-23T08:15:30.Z",
    "2026-11-23T08:15:30,5Z", "2026-11-23T08:15:30.1234567Z",
    "2026-11-23T08:15:30.12345 Z", "2026-11-23T08:15:30.-1Z",
    "2026-11-23T24:00:00Z", "2026-11-23T08:60:00Z", "2026-11-23T08:15:60Z",
    "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-11-00T00:00:00Z",
    "2026-11-31T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    "+026-11-23T08:15:30Z", "-001-11-23T08:15:30Z", "2026-1-023T08:15:30Z",
    " 2026-11-23T08:15:30Z", "2026-11-23T08:15:30Z ", "20261-1-23T08:15:30Z",
    "2026/11/23T08:15:30Z", "2026-11-23T0x:15:30Z", "2026-11-23T08-15-30Z",
    "\xff\xff\xff\xff-11-23T08:15:30Z");
  CAPTURE(text);
  CHECK(parse_timestamp(text) == std::nullopt);
}

TEST_CASE("adding to a time saturates instead of overflowing") {
  CHECK(t0 + microseconds{1} == timestamp{t0.us() + 1});
  CHECK(t0 - microseconds{1} == timestamp{t0.us() - 1});
  CHECK(timestamp{latest} + microseconds{1} == timestamp{latest});
  CHECK(timestamp{earliest} + microseconds{-1} == timestamp{earliest});
  CHECK(timestamp{earliest} - microseconds{1} == timestamp{earliest});
  CHECK(timestamp{0} - microseconds{earliest} == timestamp{latest});
  CHECK(timestamp{latest} - microseconds{-1} == timestamp{latest});
  CHECK(at(1) - at(0) == std::chrono::seconds{1});
  CHECK(timestamp{latest} - timestamp{-1} == microseconds{latest});
  CHECK(timestamp{earliest} - timestamp{1} == microseconds{earliest});
}

TEST_CASE("times are ordered as time goes") {
  CHECK(timestamp{-1} < timestamp{0});
  CHECK(at(0) < at(1));
  CHECK(min_timestamp < max_timestamp);
  CHECK(timestamp::now() > timestamp{1'600'000'000'000'000});
}
