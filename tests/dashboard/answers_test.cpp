// The answers to requests, without a network: pages, JSON and their
// description.
#include <algorithm>
#include <regex>
#include <set>

#include <nlohmann/json.hpp>

#include "dashboard/dashboard_fixture.hpp"
#include "dashboard/schema_fit.hpp"
#include "support/calls.hpp"
#include "support/exposition.hpp"
#include "waybill/assets.hpp"
#include "waybill/json.hpp"
#include "waybill/openapi.hpp"
#include "waybill/queries.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::dashboard;
using nlohmann::json;
using test::at;
using test::dashboard_fixture;
using test::has;
using test::heading_of;
using test::id_of;
using test::id_of_text;
using test::link_of;
using test::misfit;

namespace {

// The operations of a list page, in order.
std::vector<std::string> rows_of(const http_response& x) {
  static const std::regex row{"<tr role=row id=\"([^\"]*)\""};
  std::vector<std::string> ids;
  for (std::sregex_iterator i{x.body.begin(), x.body.end(), row}, end; i != end;
       ++i)
    ids.push_back((*i)[1]);
  return ids;
}

service_facts busy_service() {
  service_facts x;
  x.health.waiting_requests = 12;
  stats_reply stats;
  for (int i = 0; i < 100; ++i)
    stats.commit_latency.add(1'900);
  x.stats = std::move(stats);
  return x;
}

} // namespace

// -- what holds for all -------------------------------------------------------

TEST_CASE_METHOD(dashboard_fixture, "every answer has the headers that guard") {
  record_some();
  for (const auto* path : {"/", "/operations", "/nothing", "/api/v1/counts",
                           "/api/v1/nothing", "/metrics"}) {
    CAPTURE(path);
    const auto x = get(path);
    CHECK(header_of(x, "Content-Security-Policy")
            .value_or("")
            .starts_with("default-src 'self'"));
    CHECK(header_of(x, "X-Content-Type-Options") == "nosniff");
    CHECK(header_of(x, "Cache-Control") == "private, no-cache");
    CHECK(header_of(x, "ETag").has_value() == (x.status == 200));
  }
}

TEST_CASE_METHOD(dashboard_fixture, "what is not asked rightly is refused") {
  http_request rebound;
  rebound.host = "evil.example";
  CHECK(get("/", rebound).status == 421);
  http_request post;
  post.method = "POST";
  CHECK(get("/", post).status == 405);
  CHECK(header_of(get("/api/v1/counts", post), "Allow") == "GET, HEAD");
  http_request head;
  head.method = "HEAD";
  CHECK(get("/", head).status == 200);
  http_request nameless;
  nameless.path = "/";
  CHECK(router{about, options.file}.answer(nameless).status == 400);
  CHECK(get("/operations?frob=1").status == 400);
  CHECK(get("/api/v1/operations?frob=1").type == "application/problem+json");
  CHECK(get("/?frob=1").status == 400);
  CHECK(get("/api/v1/counts?frob=1").status == 400);
  CHECK(get("/api/v1/operations/xyz").status == 400);
  CHECK(get("/api/v1/operations/" + id_of_text(1)).status == 404);
  CHECK(get("/operations/" + id_of_text(1)).status == 404);
  CHECK(get("/operations/%3Cscript%3E").status == 404);
  CHECK(get("/api/v2/counts").status == 404);
  CHECK(get("/login").status == 404); // there is no token
}

TEST_CASE_METHOD(dashboard_fixture,
                 "a file that is gone is an error that passes") {
  options.file = dir / "other.db";
  const auto x = get("/");
  CHECK(x.status == 503);
  CHECK(x.type.starts_with("text/html"));
  CHECK(get("/api/v1/counts").status == 503);
  router answers{about, options.file};
  http_request asked;
  asked.host = "localhost";
  CHECK(answers.answer(asked).status == 503);
  operation_tracking_store made{options};
  CHECK(answers.answer(asked).status == 200);
}

TEST_CASE_METHOD(dashboard_fixture, "without the token nothing is told") {
  record_some();
  about.access.token = "0123456789abcdef";
  about.access.session = make_session();
  for (const auto* path : {"/", "/operations", "/api/v1/counts", "/metrics",
                           "/api/v1/openapi.json", "/nothing"}) {
    CAPTURE(path);
    const auto x = get(path);
    CHECK(x.status == 401);
    CHECK(header_of(x, "WWW-Authenticate") == "Bearer");
    CHECK_FALSE(has(x, "Parked"));
  }
  // The form leads back from wherever it is shown.
  CHECK(has(get("/operations/" + id_of_text(1)), "action=\"../login\""));
  CHECK(get("/assets/" + std::string{style_asset.name}).status == 200);

  http_request form;
  form.method = "POST";
  form.body = "token=0123456789abcdeF";
  CHECK(get("/login", form).status == 401);
  form.body = "token=0123456789abcdef";
  const auto begun = get("/login", form);
  CHECK(begun.status == 303);
  CHECK(header_of(begun, "Location") == "./");
  const auto cookie = header_of(begun, "Set-Cookie").value_or("");
  CHECK(cookie.ends_with("; HttpOnly; SameSite=Strict"));
  CHECK(cookie.find("0123456789abcdef;") == std::string::npos);
  http_request browser;
  browser.cookie = cookie.substr(0, cookie.find(';'));
  CHECK(get("/", browser).status == 200);
  http_request program;
  program.authorization = "Bearer 0123456789abcdef";
  CHECK(get("/metrics", program).status == 200);
}

TEST_CASE_METHOD(dashboard_fixture,
                 "for Prometheus there may be nothing else") {
  record_some();
  about.metrics_only = true;
  CHECK(get("/metrics").status == 200);
  for (const auto* path : {"/", "/operations", "/api/v1/counts"})
    CHECK(get(path).status == 404);
}

TEST_CASE_METHOD(dashboard_fixture, "links of pages work behind a prefix") {
  record_some();
  static const std::regex link{"(href|src|action)=\"?([^\" >]*)"};
  for (const auto& path :
       {std::string{"/"}, std::string{"/operations"}, std::string{"/errors"},
        std::string{"/stuck"}, std::string{"/targets"}, std::string{"/storage"},
        std::string{"/live"}, std::string{"/nothing"},
        "/operations/" + id_of_text(1)}) {
    const auto body = get(path).body;
    for (std::sregex_iterator i{body.begin(), body.end(), link}, end; i != end;
         ++i) {
      const auto to = (*i)[2].str();
      CAPTURE(path, to);
      CHECK_FALSE(to.starts_with("/"));
      CHECK(to.find(':') == std::string::npos);
      // From where it stands it leads to something.
      auto target = std::regex_replace(to, std::regex{"&amp;"}, "&");
      target = target.substr(0, target.find('#'));
      const auto folder = path.substr(0, path.rfind('/') + 1);
      auto all = folder + (target == "./" ? "" : target);
      if (all.starts_with("/operations/../"))
        all = all.substr(std::string{"/operations/.."}.size());
      CHECK(get(all).status == 200);
    }
    CHECK(body.find("style=") == std::string::npos);
    CHECK(body.find("<script>") == std::string::npos);
  }
}

TEST_CASE_METHOD(dashboard_fixture, "assets are kept for long by their names") {
  for (const auto* each :
       {&style_asset, &script_asset, &actions_asset, &icon_asset}) {
    const auto x = get("/assets/" + std::string{each->name});
    CHECK(x.status == 200);
    CHECK(x.body == each->content);
    CHECK(x.type == each->type);
    CHECK(header_of(x, "Cache-Control")
          == "public, max-age=31536000, immutable");
  }
  CHECK(get("/assets/style.css").status == 404);
}

// -- pages --------------------------------------------------------------------

TEST_CASE_METHOD(dashboard_fixture, "an empty store says what to do next") {
  CHECK(heading_of(get("/")) == "No operations yet");
  CHECK(has(get("/operations"), "No operations yet"));
  CHECK(heading_of(get("/targets")) == "No targets yet");
}

TEST_CASE_METHOD(dashboard_fixture, "the overview begins with the answer") {
  record_some();
  const auto rest = get("/");
  CHECK(heading_of(rest) == "At rest: 2 operations are in flight");
  CHECK(has(rest, "503 &lt;b&gt;busy&lt;/b&gt;"));
  CHECK_FALSE(has(rest, "<b>busy"));
  auto facts = busy_service();
  about.ask_service = [&] { return std::optional{facts}; };
  const auto live = get("/");
  CHECK(heading_of(live) == "Healthy: 2 operations are in flight");
  CHECK(has(live, "≤ 2 ms"));
  facts.health.state = health_state::degraded;
  facts.health.reason = "a sync has been running for 30s";
  CHECK(heading_of(get("/")) == "Degraded: a sync has been running for 30s");
}

TEST_CASE_METHOD(dashboard_fixture, "a list goes forth and back by its links") {
  record(120);
  const auto first = get("/operations");
  CHECK(heading_of(first) == "120 operations");
  const auto of_first = rows_of(first);
  REQUIRE(of_first.size() == 50);
  CHECK(of_first.front() == id_of_text(120));
  CHECK(link_of(first, "prev").empty());
  const auto second = get(link_of(first, "next"));
  const auto third = get(link_of(second, "next"));
  CHECK(rows_of(third).size() == 20);
  CHECK(rows_of(third).back() == id_of_text(1));
  CHECK(link_of(third, "next").empty());
  const auto back = get(link_of(third, "prev"));
  CHECK(rows_of(back) == rows_of(second));
  const auto begin = get(link_of(back, "prev"));
  CHECK(rows_of(begin) == of_first);
  CHECK(link_of(begin, "prev").empty());
  CHECK(rows_of(get(link_of(begin, "next"))) == rows_of(second));
}

TEST_CASE_METHOD(dashboard_fixture, "those that ended go by when they did") {
  record(60);
  store.begin();
  for (std::uint64_t n = 1; n <= 60; ++n)
    end(61 - n, tracking_status::parked);
  store.commit();
  const auto first = get("/operations?status=parked");
  CHECK(heading_of(first) == "60 parked operations");
  const auto second = get(link_of(first, "next"));
  CHECK(rows_of(second).size() == 10);
  CHECK(rows_of(get(link_of(second, "prev"))) == rows_of(first));
}

TEST_CASE_METHOD(dashboard_fixture, "filters stand in the URL of every link") {
  record_some();
  const auto x = get("/operations?status=parked&status=failed&error=503");
  CHECK(heading_of(x) == "1 parked or failed operation matches");
  CHECK(rows_of(x) == std::vector{id_of_text(1)});
  CHECK(has(x, "waybill list --status parked,failed --error 503"));
  CHECK(has(x, "href=\"operations?status=parked&amp;status=failed&amp;"
               "error=503&amp;open="
                 + id_of_text(1)));
  // What the form has no field for goes on with it.
  CHECK(has(get("/operations?instance=instance-7"),
            "<input type=hidden name=\"instance\" value=\"instance-7\">"));
  CHECK(has(get("/operations?node=%22%3E%3Cscript%3E"),
            "value=\"&quot;&gt;&lt;script&gt;\""));
  CHECK(heading_of(get("/operations?error=none"))
        == "No match among operations");
}

TEST_CASE_METHOD(dashboard_fixture, "a row opens and closes in its list") {
  record_some();
  const auto x = get("/operations?open=" + id_of_text(1));
  CHECK(has(x, "aria-expanded=true"));
  CHECK(has(x, "<dt>script<dd>scripts/send.csx"));
  CHECK(has(x, "503 Service Unavailable")); // of its history
  CHECK(rows_of(x).size() == 5);
  CHECK(has(x, "href=\"operations#" + id_of_text(1)));
}

TEST_CASE_METHOD(dashboard_fixture, "an operation shows each of its steps") {
  record_some();
  const auto x = get("/operations/" + id_of_text(1));
  CHECK(heading_of(x)
        == "Parked after 1 retry in 16 min 40 s: 503 &lt;b&gt;busy&lt;/b&gt;");
  CHECK(has(x, "waybill history " + id_of_text(1)));
  CHECK(has(x, "<span class=soft>3 steps</span>"));
  CHECK(has(x, "2026-11-23 08:32:11Z"));
  CHECK(has(x, ">27h</time> ago</p>"));
  about.now = [] { return at(1); };
  CHECK(has(get("/operations/" + id_of_text(1)), ">now</time></p>"));
  CHECK(has(x, "data-text=\"waybill --db " + options.file + " history "
                 + id_of_text(1) + '"'));
}

// -- JSON ---------------------------------------------------------------------

TEST_CASE_METHOD(dashboard_fixture, "JSON lists go on with their cursor") {
  record(5);
  std::vector<std::string> seen;
  std::string target = "/api/v1/operations?limit=2&since=2d";
  for (auto next = target; !next.empty();) {
    const auto page = get_json(next);
    for (const auto& each : page["operations"])
      seen.push_back(each["id"]);
    next = page["next_cursor"].is_null()
             ? ""
             : target + "&cursor=" + page["next_cursor"].get<std::string>();
  }
  CHECK(seen
        == std::vector{id_of_text(5), id_of_text(4), id_of_text(3),
                       id_of_text(2), id_of_text(1)});
  CHECK(get_json(
          "/api/v1/operations?oldest-first=true&limit=1")["operations"][0]["id"]
        == id_of_text(1));
  // Of another list.
  const auto cursor = get_json(target)["next_cursor"].get<std::string>();
  CHECK(get("/api/v1/operations?cursor=" + cursor).status == 400);
}

TEST_CASE_METHOD(dashboard_fixture, "answers are what their description says") {
  record_some();
  const json description = json::parse(get("/api/v1/openapi.json").body);
  CHECK(description["openapi"] == "3.1.0");
  CHECK(description["info"]["version"] == "1.2.3");
  const auto& schemas = description["components"]["schemas"];
  std::set<std::string> described;
  for (const auto& [path, methods] : description["paths"].items()) {
    described.insert(path);
    const auto target = "/api/v1"
                        + std::regex_replace(path, std::regex{"\\{id\\}"},
                                             id_of_text(1));
    const auto& responses = methods["get"]["responses"];
    const auto schema_of = [&](const char* status, const char* type) {
      return responses[status]["content"][type]["schema"];
    };
    // It would wait for something otherwise.
    const auto ask = path == "/watch" ? target + "?wait=0s" : target;
    CAPTURE(target);
    const auto schema = schema_of("200", "application/json");
    CHECK(misfit(get_json(ask), schema, schemas).empty());
    about.ask_service = [] { return std::optional{busy_service()}; };
    CHECK(misfit(get_json(ask), schema, schemas).empty());
    about.ask_service = {};
    const auto wrong = json::parse(get(target + "?frob=1").body);
    CHECK(
      misfit(wrong, schema_of("default", "application/problem+json"), schemas)
        .empty());
  }
  CHECK(described.size() == 9);
  // The check itself finds what does not fit.
  CHECK_FALSE(
    misfit(json{{"counts", 1}}, {{"$ref", "#/x/counts_reply"}}, schemas)
      .empty());
}

TEST_CASE_METHOD(dashboard_fixture, "JSON says what the store says") {
  record_some();
  store_reader reader{options.file};
  CHECK(get_json("/api/v1/counts") == to_json(reader.get_counts(at(100'000))));
  CHECK(get_json("/api/v1/operations/" + id_of_text(4))["snapshot"]
        == to_json(*reader.get_status(test::status_of(4)).snapshot));
  CHECK(get_json("/api/v1/operations/" + id_of_text(1) + "/history")
        == to_json(reader.get_history({id_of(1), std::nullopt})));
  CHECK(get_json("/api/v1/stats")["operations"]["Parked"] == 1);
  CHECK(get_json("/api/v1/health")["state"] == "at_rest");
  service_facts facts;
  about.ask_service = [&] { return std::optional{facts}; };
  CHECK(get_json("/api/v1/health")["state"] == "ok");
  facts.health.state = health_state::failed;
  CHECK(get("/api/v1/health").status == 503);
}

TEST_CASE_METHOD(dashboard_fixture, "metrics are as Prometheus wants them") {
  record_some();
  const auto rest = get("/metrics");
  CHECK(rest.type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(test::broken_rule(rest.body) == "(none)");
  CHECK(has(rest, "waybill_kind_operations{kind=\"ExternalSystem.CachedCall\","
                  "status=\"Parked\"} 1\n"));
  about.ask_service = [] { return std::optional{busy_service()}; };
  const auto live = get("/metrics");
  CHECK(test::broken_rule(live.body) == "(none)");
  CHECK(has(live, "waybill_commit_latency_seconds_count 100\n"));
}

TEST_CASE_METHOD(dashboard_fixture,
                 "who has paused a target is told, and which operations were "
                 "one call") {
  store.calls().open_target({"plant", {}, 3, {}}, at(0));
  const auto head = store.calls().take(test::take_of(1), at(1)).head;
  store.calls().end(test::end_of(head, tracking_status::parked), at(2));
  CHECK(has(get("/operations/" + id_of_text(1)),
            "waybill requeue " + id_of_text(1)));
  store.calls().requeue({.ids = {id_of(1)}, .as = id_of(2)}, at(3));
  store.calls().pause({"plant", "anna", "<b>update</b>"}, at(4));
  CHECK(has(get("/operations/" + id_of_text(1)),
            "<dt>requeued as<dd><a href=\"" + id_of_text(2)));
  CHECK(has(get("/operations/" + id_of_text(2)),
            "<dt>requeued from<dd><a href=\"" + id_of_text(1)));
  CHECK(has(get("/targets"), "paused by anna: &lt;b&gt;update&lt;/b&gt;"));
  CHECK(has(get("/"), "<span class=\"mark paused\">plant</span>"));
}

TEST_CASE_METHOD(dashboard_fixture,
                 "a service that does not answer is not taken for none") {
  record(1);
  about.ask_service = [] {
    service_facts x;
    x.health.state = health_state::failed;
    x.health.reason = "the service does not answer: <timed out>";
    return std::optional{x};
  };
  CHECK(heading_of(get("/"))
        == "Failed: the service does not answer: &lt;timed out&gt;");
  const auto health = get("/api/v1/health");
  CHECK(health.status == 503);
  CHECK(json::parse(health.body).at("state") == "failed");
  CHECK(get("/metrics").status == 503);
  CHECK(get_json("/api/v1/stats").at("service").is_null());
}

TEST_CASE_METHOD(dashboard_fixture,
                 "an operation that has left the page is opened on its own") {
  record(60);
  const auto there = get("/operations?open=" + id_of_text(60));
  CHECK(there.status == 200);
  const auto gone = get("/operations?open=" + id_of_text(3));
  CHECK(gone.status == 303);
  CHECK(header_of(gone, "Location") == "operations/" + id_of_text(3));
}
