// What operators do over HTTP: who may, what reaches the service, how much of
// it, and what is said of each. In the service's place stands a function that
// hears its lines.
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "dashboard/dashboard_fixture.hpp"
#include "dashboard/schema_fit.hpp"
#include "support/calls.hpp"
#include "waybill/assets.hpp"
#include "waybill/audit_messages.hpp"
#include "waybill/operator_messages.hpp"

namespace waybill::test {

namespace {

using dashboard::http_request;
using dashboard::http_response;

constexpr std::array act_verbs{"requeue", "discard", "pause", "resume",
                               "purge"};

struct acts_fixture : dashboard_fixture {
  bool runs = true;
  /// How many lines the service answers before it ends.
  std::size_t lasts = SIZE_MAX;
  std::vector<operator_request> heard;

  acts_fixture() {
    allow();
    store.calls().open_target({"plant", {}, 3, {}}, at(0));
  }

  void allow() {
    about.actions = dashboard::action_link{
      "site", [this](const std::string& line) { return serve(line); }};
  }

  std::optional<std::string> serve(const std::string& line) {
    if (!runs)
      return std::nullopt;
    if (heard.size() == lasts)
      throw operator_error{errc::outcome_unknown,
                           "the service ended before it answered"};
    heard.push_back(parse_operator_request(line));
    try {
      return std::visit([this](const auto& x) { return done(x); },
                        heard.back());
    } catch (const store_error& e) {
      return to_operator_error(e.code(), e.what());
    }
  }

  std::string done(const requeue& x) {
    return to_operator_reply(store.calls().requeue(x, at(50'000)));
  }
  std::string done(const discard_many& x) {
    return to_operator_reply(store.calls().discard(x, at(50'000)));
  }
  std::string done(const pause_target& x) {
    return to_operator_reply(store.calls().pause(x, at(50'000)));
  }
  std::string done(const resume_target& x) {
    return to_operator_reply(store.calls().resume(x, at(50'000)));
  }
  std::string done(const purge_terminal& x) {
    return to_operator_reply(store.purge_terminal(x, at(50'000)));
  }
  template <class Other>
  std::string done(const Other&) {
    return to_operator_error(errc::invalid_request, "not in this test");
  }

  http_response post(const std::string& verb, const std::string& body,
                     http_request x = {}) {
    x.method = "POST";
    if (!x.content_type)
      x.content_type = "application/json";
    x.body = body;
    return get("/api/v1/" + verb, std::move(x));
  }

  nlohmann::json done_by(const std::string& verb, const nlohmann::json& body) {
    const auto x = post(verb, body.dump());
    CAPTURE(verb, x.body);
    CHECK(x.status == 200);
    CHECK(x.type == "application/json");
    return nlohmann::json::parse(x.body);
  }

  std::string refused(const std::string& verb, const nlohmann::json& body,
                      int status = 400) {
    const auto x = post(verb, body.dump());
    CAPTURE(verb, x.body);
    CHECK(x.status == status);
    CHECK(x.type == "application/problem+json");
    return nlohmann::json::parse(x.body).at("detail");
  }

  void park(std::uint64_t n, timestamp when = at(2)) {
    const auto head = store.calls().take(take_of(n), at(1)).head;
    store.calls().end(end_of(head, tracking_status::parked), when);
  }

  bool has_call(std::uint64_t n) {
    return store_reader{options.file}
      .get_call({.id = id_of(n), .deadline = std::nullopt})
      .call.has_value();
  }

  std::vector<audit_record> audit() {
    return store_reader{options.file}.list_audit({}).records;
  }
};

std::vector<std::string> outcomes_in(const nlohmann::json& x) {
  std::vector<std::string> all;
  for (const auto& each : x.at("results"))
    all.push_back(each.at("outcome"));
  return all;
}

std::vector<std::string> ids_done(const nlohmann::json& x) {
  std::vector<std::string> all;
  for (const auto& each : x.at("results"))
    all.push_back(each.at("id"));
  return all;
}

using texts = std::vector<std::string>;

} // namespace

// -- who may ------------------------------------------------------------------

TEST_CASE_METHOD(acts_fixture,
                 "where operators can do nothing, nothing is offered") {
  park(1);
  about.actions.reset();
  for (const auto* verb : act_verbs)
    CHECK(post(verb, "{}").status == 404);
  const auto operation = "/operations/" + id_of_text(1);
  for (const auto& path :
       {std::string{"/"}, std::string{"/targets"}, std::string{"/storage"},
        operation, std::string{"/operations?status=parked"}}) {
    const auto x = get(path);
    CHECK_FALSE(has(x, "data-act"));
    CHECK_FALSE(has(x, "data-select"));
    CHECK_FALSE(has(x, std::string{dashboard::actions_asset.name}));
    CHECK(has(x, "read-only on "));
  }
  CHECK_FALSE(has(get("/api/v1/openapi.json"), "\"/requeue\""));
  allow();
  about.metrics_only = true;
  CHECK(post("pause", "{}").status == 404);
  CHECK(heard.empty());
}

TEST_CASE_METHOD(acts_fixture, "what another site asks for is not done") {
  const auto body = nlohmann::json{{"target", "plant"}, {"reason", "x"}}.dump();
  const auto status = [&](const std::optional<std::string>& origin,
                          const std::optional<std::string>& site,
                          const std::string& host) {
    http_request x;
    x.host = host;
    x.origin = origin;
    x.sec_fetch_site = site;
    return post("pause", body, x).status;
  };
  const std::string here = "127.0.0.1:8080";
  about.access.host_names = {"plant.example"};
  CHECK(status("http://evil.example", std::nullopt, here) == 403);
  CHECK(status("http://127.0.0.1:3000", std::nullopt, here) == 403);
  CHECK(status("http://127.0.0.1", std::nullopt, here) == 403);
  CHECK(status("null", std::nullopt, here) == 403);
  CHECK(status("", std::nullopt, here) == 403);
  CHECK(status("ftp://127.0.0.1:8080", std::nullopt, here) == 403);
  for (const auto* site : {"cross-site", "same-site", "none", ""})
    CHECK(status("http://127.0.0.1:8080", site, here) == 403);
  CHECK(status(std::nullopt, "cross-site", here) == 403);
  CHECK(status("http://evil.example", std::nullopt, "evil.example") == 421);
  CHECK(heard.empty());
  CHECK(status("http://127.0.0.1:8080", "same-origin", here) == 200);
  CHECK(status("https://Plant.example", std::nullopt, "plant.example") == 200);
  CHECK(status(std::nullopt, std::nullopt, here) == 200); // no browser
}

TEST_CASE_METHOD(acts_fixture, "only JSON is taken, and only from those who "
                               "may ask, by POST") {
  const auto body = nlohmann::json{{"target", "plant"}, {"reason", "x"}}.dump();
  http_request x;
  for (const auto* type :
       {"", "text/plain", "application/x-www-form-urlencoded",
        "multipart/form-data", "application/json-seq"}) {
    x.content_type = type;
    CHECK(post("pause", body, x).status == 415);
  }
  const auto plain = get("/api/v1/pause");
  CHECK(plain.status == 405);
  CHECK(header_of(plain, "Allow") == "POST");
  http_request options_asked;
  options_asked.method = "OPTIONS";
  CHECK(get("/api/v1/pause", options_asked).status == 405);
  CHECK(get("/api/v1/pause/plant").status == 404);
  x.method = "POST";
  x.content_type = "application/json";
  x.body = body;
  CHECK(get("/api/v1/counts", x).status == 405);
  CHECK(get("/api/v1/pause?target=plant", x).status == 400);
  about.access.token = "0123456789abcdef";
  CHECK(post("pause", body).status == 401);
  CHECK(get("/api/v1/pause").status == 401);
  CHECK(heard.empty());
  x.authorization = "Bearer 0123456789abcdef";
  x.content_type = "Application/JSON ; charset=utf-8";
  CHECK(post("pause", body, x).status == 200);
}

TEST_CASE_METHOD(acts_fixture, "what is wrong with a request is named, and "
                               "nothing is done then") {
  using nlohmann::json;
  park(1);
  const auto ids = json::array({id_of_text(1)});
  CHECK(post("discard", "{").status == 400);
  CHECK(post("discard", "[]").status == 400);
  CHECK(post("discard", "").status == 400);
  CHECK(post("discard", R"({"reason":"x","reason":"y"})").status == 400);
  CHECK(refused("discard", {{"ids", ids}, {"reason", "x"}, {"frob", 1}})
        == "discard has no field \"frob\"");
  CHECK(refused("pause", {{"target", "plant"}, {"reason", "x"}, {"ids", ids}})
        == "pause has no field \"ids\"");
  const std::string missing
    = "reason is missing: why it is done, for the audit";
  CHECK(refused("discard", {{"ids", ids}}) == missing);
  CHECK(refused("requeue", {{"ids", ids}, {"reason", " \n"}}) == missing);
  CHECK(refused("pause", {{"target", "plant"}}) == missing);
  CHECK(refused("resume", {{"target", "plant"}, {"reason", nullptr}})
        == missing);
  CHECK(refused("purge", {{"older_than", "1d"}}) == missing);
  CHECK(refused("discard", {{"ids", ids}, {"reason", std::string(4'097, 'x')}})
        == "reason must have at most 4096 bytes");
  CHECK(refused("discard", {{"ids", ids}, {"reason", 7}})
        == "reason must be a text");
  CHECK(refused("discard", {{"ids", ids}, {"reason", "x"}, {"who", ""}})
        == "who must not be empty");
  CHECK(refused("discard", {{"ids", ids}, {"reason", "x"}, {"who", " \t"}})
        == "who must not be empty");
  CHECK(refused("discard",
                {{"ids", ids}, {"reason", "x"}, {"who", std::string(256, 'x')}})
          .starts_with("act.who: "));
  CHECK(refused("discard", {{"ids", "x"}, {"reason", "x"}})
        == "ids must be an array of ids");
  CHECK(refused("discard", {{"ids", {"x"}}, {"reason", "x"}})
          .starts_with("ids must be an id like "));
  CHECK(refused("discard", {{"reason", "x"}}).starts_with("ids or filter "));
  CHECK(refused("discard", {{"ids", ids}, {"filter", json::object()}})
          .starts_with("ids or filter "));
  CHECK(refused("discard", {{"ids", ids}, {"dry_run", true}})
        == "dry_run, bound, cursor and limit go with a filter");
  CHECK(refused("discard", {{"ids", json(257, id_of_text(1))}, {"reason", "x"}})
          .starts_with("ids: their number: must be 1 to 256"));
  CHECK(refused("pause", {{"reason", "x"}}) == "target is missing");
  CHECK(refused("pause", {{"target", "mill"}, {"reason", "x"}}, 404)
        == "there is no target \"mill\"");
  CHECK(heard.size() == 1); // it is the service that knows its targets
  CHECK(audit().empty());
  CHECK(has_call(1));
}

TEST_CASE_METHOD(acts_fixture, "a filter must say what can be meant, and is "
                               "counted before anything is done") {
  using nlohmann::json;
  const auto wrong = [&](const char* verb, const json& filter,
                         json more = {{"dry_run", true}}) {
    more["filter"] = filter;
    return refused(verb, more);
  };
  CHECK(wrong("requeue", json::object())
          .starts_with("status must be of Parked and Failed"));
  CHECK(wrong("requeue", {{"status", {"parked", "submitted"}}})
          .starts_with("status must be of Parked and Failed"));
  CHECK(wrong("discard", {{"status", "delivered"}, {"kind", "x"}})
          .starts_with("status must be of Submitted"));
  CHECK(wrong("discard", {{"status", "lost"}}).starts_with("status must be "));
  CHECK(wrong("discard", {{"status", "parked"}, {"frob", "1"}})
        == "there is no parameter \"frob\"");
  CHECK(wrong("discard", {{"status", "parked"}, {"cursor", "1"}})
        == "there is no parameter \"cursor\"");
  for (const auto* name : {"kind", "target", "error", "since", "script"})
    for (const auto& empty : {json(""), json::array({""})})
      CHECK(wrong("discard", {{"status", "parked"}, {name, empty}})
            == std::string{name} + " must not be empty");
  CHECK(wrong("discard", {{"status", "parked"}, {"frob", ""}})
        == "there is no parameter \"frob\"");
  CHECK(wrong("discard", {{"status", {"parked", ""}}})
        == "status must not be empty");
  for (const auto* name : {"kind", "frob"})
    CHECK(wrong("discard", {{"status", "parked"}, {name, json::array()}})
          == std::string{"filter."} + name
               + " must be an array with something in it");
  CHECK(wrong("discard", {{"status", true}})
        == "filter.status must be an array");
  CHECK(
    wrong("discard", "status=parked").starts_with("filter must be an object"));
  const json parked{{"status", "parked"}};
  CHECK(wrong("discard", parked, {{"reason", "x"}})
          .starts_with("bound is missing"));
  for (const auto* bound : {"7", "x-7", "0-x", "0-"})
    CHECK(wrong("discard", parked, {{"reason", "x"}, {"bound", bound}})
            .starts_with("bound must be what a dry run"));
  CHECK(wrong("discard", parked, {{"dry_run", true}, {"cursor", "1.2.3"}})
          .find("cursor")
        != std::string::npos);
  for (const auto& limit : {json(0), json(257), json("1"), json(1.5)})
    CHECK(wrong("discard", parked, {{"dry_run", true}, {"limit", limit}})
          == "limit must be a whole number from 1 to 256");
  CHECK(heard.empty());
}

// -- what is done -------------------------------------------------------------

TEST_CASE_METHOD(acts_fixture,
                 "operations are given up one by one, each with an outcome, "
                 "and the audit tells who has done it and why") {
  park(1);
  store.calls().take(take_of(2), at(1));
  store.record_enqueue(enqueue(3), at(1));
  store.record_terminal(terminal(3), at(2));
  const auto x = done_by(
    "discard",
    {{"ids", {id_of_text(1), id_of_text(2), id_of_text(3), id_of_text(9)}},
     {"reason", "order 4711 was cancelled"},
     {"who", "anna"}});
  CHECK(
    outcomes_in(x)
    == texts{"payload_discarded", "applied", "already_terminal", "not_found"});
  CHECK(ids_done(x).back() == id_of_text(9));
  CHECK(x["results"][2]["status"] == "Delivered");
  CHECK(x["next_cursor"].is_null());
  CHECK(snapshot_of(2)->last_error == "order 4711 was cancelled");
  CHECK_FALSE(has_call(1));
  const auto acts = audit();
  REQUIRE(acts.size() == 1);
  CHECK(to_string(acts[0].id) == x["act"]);
  CHECK(acts[0].who == "anna (site)");
  CHECK(acts[0].reason == "order 4711 was cancelled");
  CHECK(acts[0].operations == 2);
  CHECK(acts[0].what == id_of_text(1) + ' ' + id_of_text(2));
}

TEST_CASE_METHOD(acts_fixture, "parked calls are tried again, and once only") {
  park(1);
  const nlohmann::json body{{"ids", {id_of_text(1)}}, {"reason", "it is back"}};
  const auto x = done_by("requeue", body);
  CHECK(outcomes_in(x) == texts{"requeued"});
  const auto again = done_by("requeue", body);
  CHECK(outcomes_in(again) == texts{"already_requeued"});
  CHECK(again["results"][0]["successor"] == x["results"][0]["successor"]);
  REQUIRE(audit().size() == 1);
  CHECK(audit()[0].who == "site");
}

TEST_CASE_METHOD(acts_fixture, "a target is paused and resumed") {
  const auto paused = done_by("pause", {{"target", "plant"},
                                        {"reason", "MES is updated"},
                                        {"who", "anna"}});
  CHECK(paused["outcome"] == "applied");
  CHECK(paused["pause"]["who"] == "anna (site)");
  CHECK(done_by("pause", {{"target", "plant"}, {"reason", "x"}})["outcome"]
        == "unchanged");
  CHECK(has(get("/targets"), "data-act=resume data-target=\"plant\""));
  CHECK(done_by("resume",
                {{"target", "plant"}, {"reason", "it is back"}})["outcome"]
        == "applied");
  CHECK(has(get("/targets"), "data-act=pause data-target=\"plant\""));
  const auto acts = audit();
  REQUIRE(acts.size() == 2);
  CHECK(acts[0].verb == audit_verb::resume);
  CHECK(acts[0].who == "site");
  CHECK(acts[0].reason == "it is back");
  CHECK(acts[1].reason == "MES is updated");
}

TEST_CASE_METHOD(acts_fixture, "what comes after the count is left alone, "
                               "whatever the clock says") {
  const nlohmann::json filter{{"status", "parked"}, {"since", "2d"}};
  for (std::uint64_t n = 1; n <= 3; ++n)
    park(n, at(100 + static_cast<std::int64_t>(n)));
  store.calls().take(take_of(4), at(1));
  const auto due = done_by("requeue", {{"filter", filter}, {"dry_run", true}});
  CHECK(due["count"] == 3);
  CHECK(due["next_cursor"].is_null());
  CHECK(heard.empty());
  // One that was there has been parked, and a new one, at an earlier time.
  store.record_terminal(terminal(4, tracking_status::parked), at(50));
  park(5, at(60));
  const auto x = done_by("requeue", {{"filter", filter},
                                     {"bound", due["bound"]},
                                     {"reason", "it is back"}});
  CHECK(ids_done(x) == texts{id_of_text(1), id_of_text(2), id_of_text(3)});
  CHECK(outcomes_in(x) == texts(3, "requeued"));
  CHECK(has_call(4));
  CHECK(has_call(5));
  CHECK(audit().at(0).what == "--status parked --since 2d");
  CHECK(audit().at(0).operations == 3);
}

TEST_CASE_METHOD(acts_fixture, "in a store without a history what finishes "
                               "after the count is left alone by the clock") {
  options.history = 0;
  restart();
  store.calls().open_target({"plant", {}, 3, {}}, at(0));
  park(1);
  store.calls().take(take_of(2), at(1));
  const nlohmann::json filter{{"status", {"parked", "failed"}}};
  const auto due = done_by("discard", {{"filter", filter}, {"dry_run", true}});
  CHECK(due["count"] == 1);
  store.record_terminal(terminal(2, tracking_status::parked), at(100'001));
  park(3, at(3));
  const auto x = done_by(
    "discard", {{"filter", filter}, {"bound", due["bound"]}, {"reason", "x"}});
  CHECK(ids_done(x) == texts{id_of_text(1)});
  CHECK(has_call(2));
}

TEST_CASE_METHOD(acts_fixture, "what was counted in flight is given up, also "
                               "if it was tried meanwhile") {
  for (std::uint64_t n = 1; n <= 2; ++n)
    store.record_enqueue(enqueue(n), at(1));
  const nlohmann::json filter{{"status", {"in-flight"}}};
  const auto due = done_by("discard", {{"filter", filter}, {"dry_run", true}});
  CHECK(due["count"] == 2);
  store.record_attempt(attempt(1, 1), at(3));
  store.record_enqueue(enqueue(3), at(1));
  const auto x = done_by("discard", {{"filter", filter},
                                     {"bound", due["bound"]},
                                     {"reason", "line 7 is gone"}});
  CHECK(ids_done(x) == texts{id_of_text(1), id_of_text(2)});
  CHECK(snapshot_of(3)->status == tracking_status::submitted);
}

TEST_CASE_METHOD(
  acts_fixture, "many are done in steps, which are one act, and the rest stays "
                "as it is when they end") {
  for (std::uint64_t n = 1; n <= 5; ++n)
    park(n, at(static_cast<std::int64_t>(n) + 2));
  nlohmann::json body{{"filter", {{"status", "parked"}}}, {"dry_run", true}};
  body = {{"filter", {{"status", "parked"}}},
          {"bound", done_by("discard", body)["bound"]},
          {"reason", "x"},
          {"limit", 2}};
  const auto first = done_by("discard", body);
  CHECK(ids_done(first) == texts{id_of_text(1), id_of_text(2)});
  body["act"] = first["act"];
  body["cursor"] = first["next_cursor"];
  const auto second = done_by("discard", body);
  CHECK(ids_done(second) == texts{id_of_text(3), id_of_text(4)});
  CHECK(second["act"] == first["act"]);
  CHECK(has_call(5)); // whoever has enough of it asks no more
  REQUIRE(audit().size() == 1);
  CHECK(audit()[0].operations == 4);
  body["cursor"] = second["next_cursor"];
  const auto third = done_by("discard", body);
  CHECK(ids_done(third) == texts{id_of_text(5)});
  CHECK(third["next_cursor"].is_null());
  REQUIRE(audit().size() == 1);
  CHECK(audit()[0].operations == 5);
}

TEST_CASE_METHOD(acts_fixture, "steps go on where a service has ended in the "
                               "middle of them") {
  for (std::uint64_t n = 1; n <= 4; ++n)
    park(n, at(static_cast<std::int64_t>(n) + 2));
  const nlohmann::json filter{{"status", "parked"}};
  const auto due = done_by("requeue", {{"filter", filter}, {"dry_run", true}});
  lasts = 1;
  nlohmann::json body{
    {"filter", filter}, {"bound", due["bound"]}, {"reason", "x"}, {"limit", 2}};
  const auto first = done_by("requeue", body);
  body["act"] = first["act"];
  body["cursor"] = first["next_cursor"];
  CHECK(refused("requeue", body, 504)
        == "the service ended before it answered");
  runs = false;
  CHECK(refused("requeue", body, 503).starts_with("no service runs "));
  CHECK(has_call(3));
  // It is there again. What it was asked before its end it may have done.
  runs = true;
  lasts = SIZE_MAX;
  store.calls().requeue({.ids = {id_of(3)}}, at(50'000));
  const auto rest = done_by("requeue", body);
  CHECK(outcomes_in(rest) == texts{"requeued"});
  CHECK(ids_done(rest) == texts{id_of_text(4)});
  CHECK(audit().back().operations == 3);
}

TEST_CASE_METHOD(acts_fixture, "without a service nothing is done, and what it "
                               "refuses is said") {
  park(1);
  runs = false;
  const nlohmann::json one{{"ids", {id_of_text(1)}}, {"reason", "x"}};
  CHECK(refused("discard", one, 503).starts_with("no service runs "));
  CHECK(refused("pause", {{"target", "plant"}, {"reason", "x"}}, 503)
          .starts_with("no service runs "));
  CHECK(refused("purge", {{"older_than", "0s"}, {"reason", "x"}}, 503)
          .starts_with("no service runs "));
  CHECK(has_call(1));
  const auto says = [&](errc code) {
    about.actions->ask = [code](const std::string&) {
      return std::optional{to_operator_error(code, "so it is")};
    };
    return post("discard", one.dump()).status;
  };
  CHECK(says(errc::store_full) == 503);
  CHECK(says(errc::overloaded) == 503);
  CHECK(says(errc::invalid_request) == 400);
  CHECK(says(errc::timed_out) == 504);
  CHECK(says(errc::tracker_gone) == 504);
  about.actions->ask = [](const std::string&) {
    return std::optional<std::string>{"no JSON"};
  };
  CHECK(post("discard", one.dump()).status == 504);
}

TEST_CASE_METHOD(acts_fixture, "what finished long ago is purged in steps, and "
                               "nothing else") {
  record_some(); // 1 to 3 finished at 1'001 to 1'003
  park(11, at(1'004));
  store.record_enqueue(enqueue(12), at(1));
  store.record_terminal(terminal(12), at(97'000));
  const nlohmann::json meant{{"older_than", "1h"}};
  auto body = meant;
  body["dry_run"] = true;
  const auto due = done_by("purge", body);
  CHECK(due["count"] == 3);
  CHECK(due["complete"] == true);
  CHECK(due["older_than"] == to_string(at(96'400)));
  CHECK(heard.empty());
  body = {{"older_than", to_string(at(80'000))},
          {"reason", "the disk is full"},
          {"who", "bert"}};
  const auto x = done_by("purge", body);
  CHECK(x["deleted"] == 3);
  CHECK(x["next_cursor"].is_null());
  CHECK(total() == 4);
  CHECK(snapshot_of(4)); // in flight
  CHECK(snapshot_of(12));
  CHECK(has_call(11));
  REQUIRE(audit().size() == 1);
  CHECK(audit()[0].who == "bert (site)");
  CHECK(audit()[0].reason == "the disk is full");
  CHECK(audit()[0].what == "--older-than " + to_string(at(80'000)));
  const auto kept = done_by("purge", {{"older_than", "1h"},
                                      {"status", {"parked"}},
                                      {"with_payload", true},
                                      {"reason", "x"}});
  CHECK(kept["deleted"] == 1);
  CHECK_FALSE(snapshot_of(11));
  CHECK(refused("purge", {{"older_than", "soon"}, {"reason", "x"}})
          .starts_with("older_than must be a duration"));
  CHECK(
    refused("purge",
            {{"older_than", "1h"}, {"status", {"retrying"}}, {"reason", "x"}})
      .starts_with("status must be of Delivered"));
  CHECK(refused("purge", {{"older_than", "1h"},
                          {"status", {"delivered"}},
                          {"with_payload", true},
                          {"reason", "x"}})
          .starts_with("status must be of Parked and Failed"));
}

TEST_CASE_METHOD(acts_fixture, "a step of a purge has what finished between "
                               "two times") {
  store.begin();
  for (std::uint64_t n = 1; n <= 2'500; ++n) {
    store.record_enqueue(enqueue(n), at(1));
    const auto ties = n > 1'000 && n <= 1'003; // over the edge of a page
    store.record_terminal(terminal(n),
                          at(ties ? 1'000 : static_cast<std::int64_t>(n)));
  }
  store.commit();
  nlohmann::json body{{"older_than", "1h"}, {"reason", "x"}};
  std::int64_t deleted = 0;
  do {
    const auto step = done_by("purge", body);
    deleted += step["deleted"].get<std::int64_t>();
    body["act"] = step["act"];
    body["cursor"] = step["next_cursor"];
    body["older_than"] = step["older_than"]; // an hour before the first step
    about.now = [] { return at(100'010); };
  } while (!body["cursor"].is_null());
  CHECK(deleted == 2'500);
  REQUIRE(heard.size() == 3);
  std::optional<timestamp> end;
  for (const auto& each : heard) {
    const auto& step = std::get<purge_terminal>(each);
    CHECK(step.not_before >= end.value_or(at(1)));
    end = step.older_than;
  }
  CHECK(end == at(2'500) + std::chrono::microseconds{1});
  REQUIRE(audit().size() == 1);
  CHECK(audit()[0].operations == deleted);
}

TEST_CASE_METHOD(acts_fixture, "a purge of several statuses that fails between "
                               "them says how many are deleted") {
  record_some();
  const nlohmann::json body{{"older_than", "1h"},
                            {"status", {"delivered", "failed"}},
                            {"reason", "x"}};
  lasts = 1;
  CHECK(refused("purge", body, 504)
        == "1 deleted; then: the service ended before it answered");
  CHECK(audit().size() == 1);
}

// -- what is said of it -------------------------------------------------------

TEST_CASE_METHOD(acts_fixture,
                 "acts and their answers are what their description says") {
  using nlohmann::json;
  park(1);
  park(2);
  park(3);
  const auto description = json::parse(get("/api/v1/openapi.json").body);
  const auto& schemas = description["components"]["schemas"];
  const auto fit = [&](const std::string& verb, const json& body) {
    CAPTURE(verb, body.dump());
    const auto& described = description["paths"]["/" + verb]["post"];
    const auto& asked
      = described["requestBody"]["content"]["application/json"]["schema"];
    CHECK(misfit(body, asked, schemas).empty());
    const auto& responses = described["responses"];
    const auto answer = done_by(verb, body);
    CHECK(misfit(answer,
                 responses["200"]["content"]["application/json"]["schema"],
                 schemas)
            .empty());
    auto wrong = body;
    wrong["frob"] = 1;
    CHECK_FALSE(misfit(wrong, asked, schemas).empty());
    const auto problem = post(verb, wrong.dump());
    CHECK(
      misfit(
        json::parse(problem.body),
        responses["default"]["content"]["application/problem+json"]["schema"],
        schemas)
        .empty());
    return answer;
  };
  for (const auto* verb : act_verbs)
    CHECK(description["paths"].contains(std::string{"/"} + verb));
  const json filter{{"status", {"parked"}},
                    {"since", {"2d"}},
                    {"min-retries", 0}};
  fit("requeue", {{"ids", {id_of_text(1)}}, {"reason", "x"}, {"who", "anna"}});
  for (const auto* verb : {"requeue", "discard"}) {
    const auto due = fit(verb, {{"filter", filter}, {"dry_run", true}});
    fit(verb, {{"filter", filter},
               {"bound", due["bound"]},
               {"limit", 1},
               {"act", id_of_text(99)},
               {"reason", "x"}});
  }
  fit("pause", {{"target", "plant"}, {"reason", "x"}});
  fit("resume", {{"target", "plant"}, {"reason", "x"}, {"who", "anna"}});
  fit("purge", {{"older_than", "1h"}, {"dry_run", true}});
  fit("purge", {{"older_than", "1h"}, {"status", {"parked"}}, {"reason", "x"}});
}

TEST_CASE_METHOD(acts_fixture, "pages offer what can be done where it can") {
  park(1);
  store.calls().take(take_of(2), at(1));
  store.record_enqueue(enqueue(3), at(1));
  store.record_terminal(terminal(3), at(2));
  const auto offers = [&](const std::string& path, const std::string& what) {
    const auto x = get(path);
    CHECK(has(x, std::string{dashboard::actions_asset.name}));
    // They do nothing without the script, which shows them.
    CHECK(x.body.find("<button type=button data-act") == std::string::npos);
    return has(x, what);
  };
  const auto page = [](std::uint64_t n) {
    return "/operations/" + id_of_text(n);
  };
  CHECK(offers(page(1), "hidden data-act=requeue data-id=\"" + id_of_text(1)));
  CHECK(offers(page(1), "hidden data-act=discard data-id=\"" + id_of_text(1)));
  CHECK_FALSE(offers(page(2), "data-act=requeue"));
  CHECK(offers(page(2), "data-act=discard"));
  CHECK_FALSE(offers(page(3), "data-act"));
  const std::string list = "/operations?status=parked&target=%22%3E";
  CHECK(offers("/operations", "hidden data-select=\"" + id_of_text(1)));
  CHECK_FALSE(offers("/operations", "data-filter"));
  CHECK_FALSE(offers("/operations?status=delivered", "data-filter"));
  CHECK(offers("/operations?status=in-flight",
               "data-act=discard data-filter=\"status=in-flight\""));
  CHECK_FALSE(
    offers("/operations?status=in-flight", "data-act=requeue data-filter"));
  CHECK(offers("/operations?status=parked&since=2d",
               "data-act=requeue data-filter=\"status=parked&amp;since=2d\""));
  CHECK_FALSE(offers(list, "data-act")); // there are none
  CHECK(offers("/storage", "hidden data-act=purge"));
  CHECK(offers("/targets", "data-act=pause data-target=\"plant\""));
  CHECK(offers("/", "acts through the service of "));
}

} // namespace waybill::test
