// What examples/site_runtime sends, and what it makes of the answers.

#include "site_runtime/external_system.hpp"

#include "site_runtime/error_text.hpp"
#include "site_runtime/input.hpp"
#include "site_runtime/retry_after.hpp"
#include "support/canned_server.hpp"
#include "support/catch.hpp"

namespace {

using namespace std::chrono_literals;
using site_runtime::external_system;
using site_runtime::one_line;
using site_runtime::parse_call;
using site_runtime::parse_http_date;
using site_runtime::parse_retry_after;
using waybill::delivery_result;
using waybill::test::canned_server;

constexpr auto call_id = "01932c07-f2a1-7000-8000-0123456789ab";

std::string line_with(const std::string& body) {
  return R"({"id": ")" + std::string{call_id}
         + R"(", "kind": "ExternalSystem.CachedCall", "path": "/a", "body": )"
         + body + R"(, "source_node": "n"})";
}

delivery_result deliver_to(canned_server& server, const std::string& body) {
  external_system target{site_runtime::base_url::parse(server.url()), 2s,
                         [](const auto&) { return 0; }};
  auto call = parse_call(line_with(body));
  const auto id = call.id;
  return target.deliver({std::move(call), id});
}

// What is made of an answer.
delivery_result answered(const std::string& answer) {
  canned_server server{answer};
  return deliver_to(server, "{}");
}

// 2026-11-29 08:00:00 UTC
constexpr auto now = std::chrono::sys_days{std::chrono::November / 29 / 2026}
                     + 8h;

std::optional<std::chrono::milliseconds> wait_of(const std::string& text) {
  return parse_retry_after(
    text, std::chrono::time_point_cast<std::chrono::seconds>(now));
}

} // namespace

TEST_CASE("a request's body goes out as it was read, byte for byte") {
  for (const std::string body :
       {R"({"n": 123456789012345678901234567890, "b": 1, "a": 2})",
        R"({"twice": 1, "twice": 2})", R"([1.10, 1e2, -0, 0.1e+1])",
        R"("a \"quoted\" } , ] text \\")", "null", "7",
        R"({"deep": [{"x": ["}", "{", "\\"]}, {}], "e": "\u00e9é"})",
        "{ \"blank\" :  [ ] }"}) {
    canned_server server{"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"};
    CHECK(deliver_to(server, body).what == delivery_result::kind::delivered);
    const auto request = server.request();
    CHECK(request.starts_with("POST /a HTTP/1.1\r\n"));
    CHECK(request.substr(request.find("\r\n\r\n") + 4) == body);
  }
}

TEST_CASE("a line that names a field twice is refused") {
  const auto reason = [](const std::string& line) -> std::string {
    try {
      parse_call(line);
    } catch (const site_runtime::bad_line& e) {
      return e.what();
    }
    return "accepted";
  };
  const auto good = line_with("{}");
  CHECK(reason(good) == "accepted");
  for (const std::string name :
       {"id", "path", "body", "source_node", "ki\\u006ed"}) {
    auto twice = good;
    twice.insert(1, "\"" + name + "\": 1, ");
    CHECK(reason(twice).ends_with(": is there twice"));
  }
  CHECK(reason(R"({"id": ")" + std::string{call_id}
               + R"(", "kind": "Database.CachedWrite", )"
               + R"("row": {"value": 1, "tag": "t", "value": 2}})")
        == "value: is there twice");
}

TEST_CASE("an error says where a redirect leads, and is one line") {
  const auto error = [](const std::string& answer) {
    return answered(answer).error.value_or("none");
  };
  CHECK(error("HTTP/1.1 301 Moved Permanently\r\nLocation: https://b/x\r\n"
              "Content-Length: 4\r\n\r\ngone")
        == "301 Moved Permanently to https://b/x: gone");
  CHECK(error("HTTP/1.1 503 Service Unavailable\r\nLocation: /x\r\n"
              "Content-Length: 17\r\n\r\n\tdown \x1b[31m\r\nmore")
        == "503 Service Unavailable: down [31m");
  CHECK(error("HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\n\r\n ")
        == "500 Oops");
}

TEST_CASE("a text is made one line without control characters") {
  CHECK(one_line("", 100).empty());
  CHECK(one_line(" \r\n\t", 100).empty());
  CHECK(one_line("a\r", 100) == "a");
  CHECK(one_line(std::string{"\0a\0b", 4}, 100) == "\uFFFDa\uFFFDb");
  CHECK(one_line("a\u0085b\u2028c\u2029d\x7f", 100) == "a b c d");
  CHECK(one_line("\xc2", 100) == "\uFFFD");
  CHECK(one_line("é ü", 100) == "é ü");
  CHECK(one_line(std::string(300, 'x'), 200).size() <= 200);
}

TEST_CASE("a server that asks to be left alone is heard in both forms") {
  const auto wait = [](const std::string& headers) {
    const auto x = answered("HTTP/1.1 503 Busy\r\n" + headers
                            + "Content-Length: 0\r\n\r\n");
    CHECK(x.what == delivery_result::kind::transient);
    return x.retry_after;
  };
  CHECK_FALSE(wait(""));
  CHECK(wait("Retry-After: 120\r\n") == 120s);
  // The server's clock may be wrong; it says how much.
  CHECK(wait("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
             "Retry-After: Sun, 06 Nov 1994 08:51:37 GMT\r\n")
        == 2min);
  CHECK(wait("Retry-After: Sun, 06 Nov 1994 08:51:37 GMT\r\n") == 0s);
  const auto far = wait("Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n");
  REQUIRE(far);
  CHECK(*far > 24h * 365);
}

TEST_CASE("Retry-After is so many seconds or a date, and nothing else") {
  CHECK(wait_of("0") == 0s);
  CHECK(wait_of("000120") == 2min);
  CHECK(wait_of("99999999999999999999999") == 24h * 36'525);
  CHECK(wait_of("Sun, 29 Nov 2026 08:01:00 GMT") == 1min);
  CHECK(wait_of("Sunday, 29-Nov-26 08:01:00 GMT") == 1min);
  CHECK(wait_of("Sun Nov 29 08:01:00 2026") == 1min);
  CHECK(wait_of("Sun Dec  6 08:00:00 2026") == 7 * 24h);
  CHECK(wait_of("Sun, 29 Nov 2026 07:59:00 GMT") == 0s);
  for (const std::string bad :
       {"", " ", "-1", "1.5", "1s", "soon", "Sun, 29 Nov 2026 08:01:00",
        "Sun, 29 Nov 2026 08:01:00 CET", "Sun, 31 Nov 2026 08:01:00 GMT",
        "Sun, 29 Nov 2026 24:01:00 GMT", "Sun, 29 Nov 2026 8:1:00 GMT",
        "Sun, 29 Nov 26 08:01:00 GMT", "Sun, 29 nov 2026 08:01:00 GMT",
        "29 Nov 2026 08:01:00 GMT", "Sun, 29 Nov 2026 08:01:00 GMT x"}) {
    CAPTURE(bad);
    CHECK_FALSE(wait_of(bad));
  }
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")
        == std::chrono::sys_seconds{784'111'777s});
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT")
        == std::chrono::sys_seconds{784'111'777s});
}

TEST_CASE("a request bears the call's idempotency key, whatever its "
          "operation's id is") {
  canned_server server{"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"};
  external_system target{site_runtime::base_url::parse(server.url()), 2s,
                         [](const auto&) { return 0; }};
  constexpr auto key = "01932c07-f2a1-7000-8000-000000000007";
  target.deliver({parse_call(line_with("{}")),
                  waybill::tracked_operation_id::parse(key).value()});
  CHECK(server.request().find(std::string{"Idempotency-Key: "} + key + "\r\n")
        != std::string::npos);
}
