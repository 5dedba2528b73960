// What is stuck, how storage is, and the charts.

#include "dashboard/dashboard_fixture.hpp"
#include "support/calls.hpp"
#include "waybill/chart.hpp"
#include "waybill/health_findings.hpp"
#include "waybill/hour_charts.hpp"

using namespace std::chrono_literals;

namespace waybill::test {

namespace {

dashboard::service_facts measured_service() {
  dashboard::service_facts x;
  x.health.since = at(0);
  stats_reply stats;
  for (int i = 0; i < 99; ++i)
    stats.commit_latency.add(1'900);
  stats.commit_latency.add(40'000);
  stats.inserted = 4'711;
  x.stats = std::move(stats);
  return x;
}

} // namespace

// -- stuck --------------------------------------------------------------------

TEST_CASE_METHOD(dashboard_fixture, "what is stuck comes oldest first") {
  record(3);
  store.record_attempt(attempt(2, 1), at(99'000));
  const auto x = get("/stuck");
  CHECK(heading_of(x) == "2 operations have not moved for 1h");
  CHECK(has(x, ">waybill stuck</code>"));
  CHECK(x.body.find(id_of_text(1)) < x.body.find(id_of_text(3)));
  CHECK_FALSE(has(x, id_of_text(2)));
  const auto soon = get("/stuck?for=10min");
  CHECK(heading_of(soon) == "3 operations have not moved for 10min");
  CHECK(has(soon, "waybill stuck --for 10min"));
  CHECK(heading_of(get("/stuck?for=9d")) == "Nothing is stuck");
  CHECK(get("/stuck?for=soon").status == 400);
  CHECK(get("/stuck?cursor=x").status == 400);
  CHECK(get("/stuck?target=x").status == 400);
}

TEST_CASE_METHOD(dashboard_fixture, "what is stuck goes on on other pages") {
  record(60);
  const auto first = get("/stuck");
  CHECK(heading_of(first) == "More than 50 operations have not moved for 1h");
  CHECK(has(first, id_of_text(50)));
  const auto second = get(link_of(first, "next"));
  CHECK(heading_of(second) == "10 operations have not moved for 1h");
  CHECK(has(second, id_of_text(60)));
  CHECK(link_of(second, "next").empty());
}

TEST_CASE_METHOD(dashboard_fixture, "it is told why a call waits") {
  store.calls().open_target({"plant", {}, 3, {}}, at(0));
  const auto head = store.calls().take(take_of(1), at(1)).head;
  CHECK(has(get("/stuck"), "attempt 1 is due now"));
  store.calls().begin(begin_of(head), at(2));
  CHECK(has(get("/stuck"), "attempt 1 has begun"));
  store.calls().pause({"plant", "anna", "<i>update</i>"}, at(4));
  CHECK(has(get("/stuck"), "plant is paused: &lt;i&gt;update&lt;/i&gt;"));
}

// -- storage ------------------------------------------------------------------

TEST_CASE_METHOD(dashboard_fixture, "storage is judged as the command does") {
  record(1);
  about.now = [] { return at(3'600); };
  const auto rest = get("/storage");
  CHECK(heading_of(rest).starts_with("At rest: "));
  CHECK(has(rest, "<td>oldest in flight<td class=num>59 min 59 s"));
  about.now = [] { return at(100'000); };
  CHECK(heading_of(get("/storage"))
        == "oldest in flight: 27 h 46 min, and should be 24 h at most");
  about.now = [] { return at(3'600); };
  about.ask_service = [] { return std::optional{measured_service()}; };
  const auto live = get("/storage");
  CHECK(heading_of(live).starts_with("Storage is well: "));
  CHECK(
    has(live, "aria-label=\"Half are at most 2 ms, 99 of 100 at most 2 ms"));
  CHECK(has(live, "<td>taken<td class=num>4,711"));
  about.ask_service = [] {
    auto x = measured_service();
    x.health.state = health_state::degraded;
    x.health.reason = "the disk is <full>";
    return std::optional{x};
  };
  CHECK(heading_of(get("/storage")) == "Degraded: the disk is &lt;full&gt;");
  CHECK(get("/storage?x=1").status == 400);
}

// -- charts -------------------------------------------------------------------

TEST_CASE("a chart goes from zero to a number above all values") {
  dashboard::chart x;
  x.all.push_back({.style = "held", .values = {0, 2}});
  x.all.push_back({.style = "bad", .values = {1, 2}});
  x.words = "up \"to\" 4";
  x.begin = "08:00";
  x.end = "now";
  const auto svg = dashboard::svg_of(x).str();
  CHECK(svg.find("aria-label=\"up &quot;to&quot; 4\"") != std::string::npos);
  CHECK(svg.find("<path class=\"held bars\" d=\"M1.1 72V43.2H1.9V72\"/>")
        != std::string::npos);
  // It stands on the other.
  CHECK(svg.find("d=\"M0.1 72V57.6H0.9V72M1.1 43.2V14.4H1.9V43.2\"")
        != std::string::npos);
  CHECK(svg.find("<text x=0 y=14>5</text>") != std::string::npos);
}

TEST_CASE("what is not known is left out of a line") {
  dashboard::chart x;
  x.all.push_back({.style = "plain", .values = {4, 2, -1, 4}, .is_line = true});
  const auto svg = dashboard::svg_of(x).str();
  CHECK(svg.find("d=\"M0 14.4H1V43.2H2M3 14.4H4\"") != std::string::npos);
  CHECK(dashboard::svg_of({}).str().find("<path") == std::string::npos);
}

TEST_CASE(
  "a figure by the minute is what it was before where nothing is told") {
  const auto now = at(3'600);
  const auto minute = [&](int ago) { return at(3'600 - 60 * ago - 30); };
  const std::vector<minute_total> totals{
    {.begin = minute(5), .taken = 3, .in_flight = 3},
    {.begin = minute(2), .taken = 4, .in_flight = 6}};
  const auto taken = dashboard::by_minute(totals, &minute_total::taken, now);
  REQUIRE(taken.size() == dashboard::minutes_shown);
  CHECK(std::vector(taken.end() - 7, taken.end())
        == std::vector<std::int64_t>{-1, 3, 0, 0, 4, 0, 0});
  const auto flying = dashboard::by_minute(totals, &minute_total::in_flight,
                                           now);
  CHECK(std::vector(flying.end() - 7, flying.end())
        == std::vector<std::int64_t>{-1, 3, 3, 3, 6, 6, 6});
  CHECK(flying.front() == -1);
  // It began before the hour.
  CHECK(
    dashboard::by_minute(totals, &minute_total::in_flight, at(7'100)).front()
    == 6);
}

TEST_CASE_METHOD(dashboard_fixture, "the overview shows the last hour") {
  CHECK_FALSE(has(get("/"), "<svg class=chart"));
  record(5);
  store.record_attempt(attempt(1, 1), at(50));
  end(1, tracking_status::parked);
  end(2, tracking_status::failed);
  end(3, tracking_status::delivered);
  // What is in flight is as of now; the rest waits for the store's end.
  about.now = [] { return at(70); };
  CHECK(has(get("/"), "aria-label=\"In flight by the minute: 2 at last"));
  store.close();
  about.now = [] { return at(1'100); };
  const auto x = get("/");
  CHECK(has(x, "aria-label=\"In flight by the minute: 2 at last"));
  CHECK(has(x, "5 taken in the hour, 1 delivered"));
  // For whoever writes it in another zone.
  CHECK(has(x, "<html lang=en data-zone=utc>"));
  CHECK(has(x, "data-time=\"2026-11-23T07:34:00.000000Z\">07:34</text>"));
  CHECK(has(x, "1 parked in the hour, 1 failed"));
  about.now = [] { return at(20'000); };
  CHECK_FALSE(has(get("/"), "<svg class=chart"));
}

} // namespace waybill::test
