// What answers are made with: texts in markup, queries, names and tokens.
#include "support/catch.hpp"
#include "support/requests.hpp"
#include "waybill/access.hpp"
#include "waybill/html.hpp"
#include "waybill/http_message.hpp"
#include "waybill/http_server.hpp"
#include "waybill/list_query.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::dashboard;
using test::t0;

namespace {

std::string query_fault(const std::string& query,
                        list_use use = list_use::api) {
  try {
    to_request(parse_list_query(parse_parameters(query), use), t0, zone::utc);
    return "accepted";
  } catch (const query_error& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("every text is escaped on its way into a page") {
  CHECK(escaped_html("<script>alert('1')</script> & \"x\"")
        == "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; "
           "&quot;x&quot;");
  CHECK(html{}.add("<b>").text("<b>").add("</b>").str() == "<b>&lt;b&gt;</b>");
  // What is no text, and what turns the text around it.
  CHECK(escaped_html("a\xFF\x01z") == "a\uFFFD\uFFFDz");
  CHECK(escaped_html(std::string{"a\0z", 3}) == "a\uFFFDz");
  CHECK(escaped_html("a\u202Ez\u2066\u2069") == "a\uFFFDz\uFFFD\uFFFD");
  CHECK(escaped_html("µ 漢\n\t") == "µ 漢\n\t");
  CHECK(grouped(1'204'377) == "1,204,377");
  CHECK(grouped(-999) == "-999");
  CHECK(grouped(-1'000) == "-1,000");
  CHECK(grouped(INT64_MIN) == "-9,223,372,036,854,775,808");
}

TEST_CASE("a query is read as it was written") {
  const parameters x{{"a b", "1+1=2&3"}, {"ü", ""}, {"c", "%41"}};
  CHECK(parse_parameters(to_query(x)) == x);
  CHECK(parse_parameters("a=1+2&b&&=c&d=%zz%4")
        == parameters{{"a", "1 2"}, {"b", ""}, {"", "c"}, {"d", "%zz%4"}});
  CHECK(parse_parameters("").empty());
}

TEST_CASE("problems are told in JSON whatever is in them") {
  const auto x = problem(404, "no \"such\" \xFF\n");
  CHECK(x.status == 404);
  CHECK(x.type == "application/problem+json");
  CHECK(x.body
        == R"({"title":"Not Found","status":404,"detail":"no \"such\" )"
           "\uFFFD\\n\"}");
}

TEST_CASE("who has an answer gets it once") {
  http_response answer;
  answer.body = "text";
  const auto first = with_tag(answer, {});
  const auto tag = header_of(first, "ETag");
  REQUIRE(tag);
  CHECK(first.body == "text");
  http_request again;
  again.if_none_match = "\"x\", " + *tag;
  CHECK(with_tag(answer, again).status == 304);
  CHECK(with_tag(answer, again).body.empty());
  answer.body = "text.";
  CHECK(with_tag(answer, again).status == 200);
  // Errors are not kept.
  CHECK_FALSE(header_of(with_tag(problem(400, ""), {}), "ETag"));
}

// -- lists --------------------------------------------------------------------

TEST_CASE("a URL takes the filters that the command takes") {
  const auto x = parse_list_query(
    parse_parameters("status=parked%2Cfailed&kind=a&kind=b&target=*x*&node="
                     "&since=2h&http=5xx&min-retries=3&error=a+b&limit=7"),
    list_use::api);
  const auto request = to_request(x, t0, zone::utc);
  using enum tracking_status;
  CHECK(request.filter.statuses == std::vector{parked, failed});
  CHECK(request.filter.kinds == std::vector<std::string>{"a", "b"});
  CHECK(request.filter.target_pattern == "*x*");
  CHECK_FALSE(request.filter.source_node); // a field that was left empty
  CHECK(request.filter.created_from == t0 - 2h);
  CHECK(request.filter.http_class == 5);
  CHECK(request.filter.retry_count_from == 3);
  CHECK(request.filter.error_contains == "a b");
  CHECK(request.page_size == 7);
  const auto again = parse_list_query(to_parameters(x.filter), list_use::page);
  CHECK((again.filter == x.filter));
  CHECK(to_options(x.filter)
        == " --status parked,failed --kind a --kind b --target '*x*' --since "
           "2h --error 'a b' --http 5xx --min-retries 3");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("$(rm)") == "'$(rm)'");
}

TEST_CASE("a page of a list counts durations from where the first one did") {
  const auto cursor = to_string(resume_point{t0 - 24h, "1.2.3"});
  const auto x = parse_list_query({{"since", "1h"}, {"cursor", cursor}},
                                  list_use::page);
  const auto request = to_request(x, t0, zone::utc);
  CHECK(request.filter.created_from == t0 - 25h);
  CHECK(request.cursor == "1.2.3");
}

TEST_CASE("a wrong parameter is refused by name and value") {
  CHECK(query_fault("") == "accepted");
  CHECK(query_fault("staus=parked") == "there is no parameter \"staus\"");
  CHECK(query_fault("status=parkd").starts_with("status must be of Submitted"));
  CHECK(query_fault("since=soon%1b")
        == "since must be a duration like 2h, or a time like 2026-11-23, "
           "2026-11-23 08:15 or 2026-11-23T08:15:30Z, but is \"soon\\x1B\"");
  CHECK(query_fault("limit=0")
        == "limit must be a whole number from 1 to 1000, but is \"0\"");
  CHECK(query_fault("min-retries=-1")
        == "min-retries must be a whole number from 0 to 2147483647, but is "
           "\"-1\"");
  CHECK(query_fault("full=1") == "full must be true or false, but is \"1\"");
  CHECK(query_fault("cursor=x")
        == "cursor must be what a list ended with, but is \"x\"");
  CHECK(query_fault("node=a&node=b") == "node must be given once only");
  CHECK(query_fault("open=x") == "there is no parameter \"open\"");
  CHECK(query_fault("open=x", list_use::page) == "accepted");
  CHECK(query_fault("limit=7", list_use::page)
        == "there is no parameter \"limit\"");
  CHECK(query_fault("error=" + std::string(5'000, 'e')) != "accepted");
  CHECK(query_fault("kind=%ff") != "accepted");
}

// -- who may ask --------------------------------------------------------------

TEST_CASE("only our own names lead to an answer") {
  access_rules x;
  x.host_names = {"Track.Plant.example"};
  for (const auto* name :
       {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:1", "[::1]:8080",
        "192.168.1.7", "track.plant.example:443"})
    CHECK(is_host_allowed(x, name));
  for (const auto* name :
       {"", "evil.example", "evil.example:8080", "localhost.evil.example",
        "localhost:", "localhost:x", "127.0.0.1.evil.example", "[::1", "[evil]",
        ":8080", "localhost:123456", "local host"})
    CHECK_FALSE(is_host_allowed(x, name));
}

TEST_CASE("a token is shown by programs, and a session by browsers") {
  access_rules x;
  CHECK(may_ask(x, {}));
  x.token = "0123456789abcdef";
  x.session = make_session();
  CHECK(x.session.size() == 64);
  CHECK(make_session() != x.session);
  http_request asked;
  CHECK_FALSE(may_ask(x, asked));
  for (const auto* right :
       {"Bearer 0123456789abcdef", "bearer  0123456789abcdef "}) {
    asked.authorization = right;
    CHECK(may_ask(x, asked));
  }
  for (const auto* wrong :
       {"Bearer 0123456789abcdeF", "Bearer 0123456789abcde", "Bearer ",
        "0123456789abcdef", "Basic 0123456789abcdef"}) {
    asked.authorization = wrong;
    CHECK_FALSE(may_ask(x, asked));
  }
  asked.authorization.reset();
  asked.cookie = "a=b; waybill_session=" + x.session + "; c=d";
  CHECK(may_ask(x, asked));
  asked.cookie = "waybill_session=" + *x.token;
  CHECK_FALSE(may_ask(x, asked));
  asked.cookie = "waybill_session=";
  x.session.clear();
  CHECK_FALSE(may_ask(x, asked));
}

TEST_CASE("a path has as many folders as it had when it was escaped") {
  CHECK(decoded_path("/operations/%41") == "/operations/A");
  CHECK(decoded_path("/waybill%2Fx/") == "/waybill%2Fx/");
  CHECK(decoded_path("") == "");
}

TEST_CASE("an address to listen on has a port and no name") {
  const auto x = parse_listen_address("127.0.0.1:8081");
  REQUIRE(x);
  CHECK(x->host == "127.0.0.1");
  CHECK(x->port == 8081);
  CHECK(x->is_loopback());
  CHECK(parse_listen_address("localhost:0")->is_loopback());
  CHECK(parse_listen_address("[::1]:80")->host == "::1");
  CHECK(parse_listen_address("[::1]:80")->is_loopback());
  CHECK_FALSE(parse_listen_address("0.0.0.0:80")->is_loopback());
  CHECK_FALSE(parse_listen_address("[::]:80")->is_loopback());
  for (const auto* wrong : {"", ":80", "127.0.0.1", "127.0.0.1:", "::1:80",
                            "plant:80", "127.0.0.1:65536", "127.0.0.1:-1"})
    CHECK_FALSE(parse_listen_address(wrong));
}
