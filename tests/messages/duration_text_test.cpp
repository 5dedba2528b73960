// Durations as text.

#include "support/catch.hpp"
#include "waybill/duration_text.hpp"

using namespace std::chrono_literals;
using namespace waybill;

TEST_CASE("durations are read and written") {
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("10min") == 10min);
  CHECK(parse_duration("10m") == 10min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("36500d") == 36'500 * 24h);
  CHECK(parse_duration("106751991d") == 106'751'991 * 24h);
  for (const auto* bad :
       {"", "1", "s", "-1s", "1 s", "1.5s", "1w", "1S", "9999999999999999s",
        "999999999999999d", "1ss", "10 min", "106751992d"})
    CHECK_FALSE(parse_duration(bad));
  CHECK(to_text(0ms) == "0s");
  CHECK(to_text(1'500ms) == "1500ms");
  CHECK(to_text(90s) == "90s");
  CHECK(to_text(120s) == "2min");
  CHECK(to_text(168h) == "7d");
}
