// Times, ages, durations and sizes for people.

#include "waybill/times.hpp"

#include "support/printing.hpp"
#include "support/requests.hpp"
#include "tools/time_zone.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::cli;
using waybill::test::berlin;
using waybill::test::t0;
using waybill::test::time_zone;

namespace {

std::optional<timestamp> utc(const char* text) {
  return parse_time(text, t0, zone::utc);
}

std::optional<timestamp> local(const char* text) {
  return parse_time(text, t0, zone::local);
}

} // namespace

TEST_CASE("a time is shown in UTC or with the local offset") {
  CHECK(time_text(t0, zone::utc) == "2026-11-23 08:15:30Z");
  CHECK(time_text(t0 + 250'999us, zone::utc, precision::milliseconds)
        == "2026-11-23 08:15:30.250Z");
  {
    const time_zone tz{berlin};
    CHECK(time_text(t0, zone::local) == "2026-11-23 09:15:30 +01:00");
    CHECK(time_text(t0 - 150 * 24h, zone::local)
          == "2026-06-26 10:15:30 +02:00");
    CHECK(time_text(t0, zone::local, precision::milliseconds)
          == "2026-11-23 09:15:30.000 +01:00");
  }
  {
    const time_zone tz{"EST5"};
    CHECK(time_text(t0, zone::local) == "2026-11-23 03:15:30 -05:00");
  }
  {
    const time_zone tz{"IST-5:30"};
    CHECK(time_text(t0, zone::local) == "2026-11-23 13:45:30 +05:30");
  }
}

TEST_CASE("times at the ends of the range and before 1970 are shown") {
  CHECK(time_text(timestamp{-1}, zone::utc, precision::milliseconds)
        == "1969-12-31 23:59:59.999Z");
  CHECK(time_text(min_timestamp, zone::utc) == "0000-01-01 00:00:00Z");
  CHECK(time_text(timestamp{INT64_MIN}, zone::utc) == "0000-01-01 00:00:00Z");
  CHECK(time_text(timestamp{INT64_MAX}, zone::utc) == "9999-12-31 23:59:59Z");
}

TEST_CASE("what is shown can be read again") {
  const time_zone tz{berlin};
  for (const auto t : {t0, t0 - 150 * 24h, timestamp{0}, timestamp{-5'000'000}})
    for (const auto where : {zone::utc, zone::local}) {
      CHECK(parse_time(time_text(t, where), t0, zone::utc) == t);
      CHECK(parse_time(time_text(t, where), t0, zone::local) == t);
    }
  CHECK(local(to_string(t0 + 250us).c_str()) == t0 + 250us);
}

TEST_CASE("a duration is so long ago") {
  CHECK(utc("2h") == t0 - 2h);
  CHECK(utc("30min") == t0 - 30min);
  CHECK(utc("30m") == t0 - 30min);
  CHECK(utc("7d") == t0 - 7 * 24h);
  CHECK(utc("0s") == t0);
  CHECK(utc("500ms") == t0 - 500ms);
  CHECK_FALSE(utc("999999999d")); // before the year 0
}

TEST_CASE("dates and clock times are read in the zone that is asked for") {
  CHECK(utc("2026-11-23") == t0 - 8h - 15min - 30s);
  CHECK(utc("2026-11-23 08:15") == t0 - 30s);
  CHECK(utc("2026-11-23T08:15:30") == t0);
  CHECK(utc("2026-11-23 08:15:30.25") == t0 + 250ms);
  CHECK(utc("2026-11-23T08:15:30Z") == t0);
  CHECK(utc("2026-11-23 09:15:30 +01:00") == t0);
  CHECK(utc("2026-11-23T03:15:30-05:00") == t0);
  const time_zone tz{berlin};
  CHECK(local("2026-11-23 09:15:30") == t0);
  CHECK(local("2026-11-23 08:15:30Z") == t0);
  CHECK(local("2026-06-26 10:15:30") == t0 - 150 * 24h);
  CHECK(local("1970-01-01 00:59:59") == timestamp{-1'000'000});
}

TEST_CASE("an hour that comes twice is the earlier one") {
  const time_zone tz{berlin};
  CHECK(local("2026-10-25 02:30") == utc("2026-10-25T00:30:00Z"));
  CHECK(local("2026-10-25 03:00") == utc("2026-10-25T02:00:00Z"));
  // One that is left out is near where it would be.
  const auto skipped = local("2026-03-29 02:30");
  REQUIRE(skipped);
  CHECK(*skipped >= *utc("2026-03-29T00:30:00Z"));
  CHECK(*skipped <= *utc("2026-03-29T01:30:00Z"));
}

TEST_CASE(
  "what comes twice is the earlier one by however much clocks go back") {
  const auto is = [](const char* zone, const char* text, const char* in_utc) {
    CAPTURE(zone, text);
    const time_zone tz{zone};
    CHECK(local(text) == utc(in_utc));
  };
  // Half an hour, two hours, and no whole number of either.
  const char* const lord_howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";
  is(lord_howe, "2026-04-05 01:30", "2026-04-04T14:30:00Z");
  is(lord_howe, "2026-04-05 01:45", "2026-04-04T14:45:00Z");
  is(lord_howe, "2026-04-05 02:00", "2026-04-04T15:30:00Z");
  is(lord_howe, "2026-04-05 01:29", "2026-04-04T14:29:00Z");
  const char* const troll = "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3";
  is(troll, "2026-10-25 01:00", "2026-10-24T23:00:00Z");
  is(troll, "2026-10-25 02:30", "2026-10-25T00:30:00Z");
  is(troll, "2026-10-25 03:00", "2026-10-25T03:00:00Z");
  const char* const odd = "<AAA>0<BBB>-2:37:11,M3.5.0/1,M10.5.0/3";
  is(odd, "2026-10-25 01:00", "2026-10-24T22:22:49Z");
  is(odd, "2026-10-25 03:00", "2026-10-25T03:00:00Z");
  // A whole day comes twice.
  is("<AAA>0<BBB>-24,M3.5.0/1,M10.5.0/3", "2026-10-24 12:00",
     "2026-10-23T12:00:00Z");
}

TEST_CASE("what is no time is refused") {
  for (const auto* text : {"",
                           " ",
                           "yesterday",
                           "2026",
                           "2026-11",
                           "2026-02-30",
                           "2026-13-01",
                           "2026-11-23 ",
                           "2026-11-23T",
                           "2026-11-23 8:15",
                           "2026-11-23 24:00",
                           "2026-11-23 08:60",
                           "2026-11-23 08:15:60",
                           "2026-11-23 08:15:30.",
                           "2026-11-23 08:15:30.1234567",
                           "2026-11-23 08:15 ",
                           "2026-11-23 08:15 +1",
                           "2026-11-23 08:15 +25:00",
                           "2026-11-23 08:15ZZ",
                           "2026-11-23  08:15",
                           "1.5h",
                           "-2h",
                           "2 h",
                           "2",
                           "h",
                           "2w",
                           "9999999999999999s",
                           "2026-11-23 08:15\n"}) {
    CAPTURE(text);
    CHECK_FALSE(utc(text));
    CHECK_FALSE(local(text));
  }
}

TEST_CASE("ages get coarser the older they are") {
  CHECK(age_text(0s) == "now");
  CHECK(age_text(999ms) == "now");
  CHECK(age_text(1s) == "1 s ago");
  CHECK(age_text(59s) == "59 s ago");
  CHECK(age_text(60s) == "1 min ago");
  CHECK(age_text(59min) == "59 min ago");
  CHECK(age_text(47h) == "47 h ago");
  CHECK(age_text(48h) == "2 d ago");
  CHECK(age_text(24h * 400) == "400 d ago");
  CHECK(age_text(-3min) == "in 3 min");
  CHECK(age_text(-500ms) == "now");
  CHECK(age_text(std::chrono::microseconds::min()) == "in 106751991 d");
}

TEST_CASE("ages in columns are short") {
  CHECK(compact_age_text(0s) == "now");
  CHECK(compact_age_text(59s) == "59s");
  CHECK(compact_age_text(23min) == "23m");
  CHECK(compact_age_text(47h) == "47h");
  CHECK(compact_age_text(24h * 400) == "400d");
  CHECK(compact_age_text(-3min) == "in 3m");
}

TEST_CASE("durations are shown in two units at most") {
  CHECK(duration_text(0us) == "0 µs");
  CHECK(duration_text(250us) == "250 µs");
  CHECK(duration_text(25ms) == "25 ms");
  CHECK(duration_text(1'250ms) == "1.25 s");
  CHECK(duration_text(59'999ms) == "59.99 s");
  CHECK(duration_text(60s) == "1 min");
  CHECK(duration_text(184s) == "3 min 4 s");
  CHECK(duration_text(125min) == "2 h 5 min");
  CHECK(duration_text(220h) == "9 d 4 h");
  CHECK(duration_text(-5s) == "0 µs");
}

TEST_CASE("sizes are shown in powers of 1024") {
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(1'023) == "1023 B");
  CHECK(size_text(1'024) == "1.0 KiB");
  CHECK(size_text(1'536) == "1.5 KiB");
  CHECK(size_text(1'048'575) == "1.0 MiB");
  CHECK(size_text(12'897'484) == "12.3 MiB");
  CHECK(size_text(std::int64_t{5} << 50) == "5120.0 TiB");
}
