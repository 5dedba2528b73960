// Following a store: streams, long polls, and the page that shows them.

#include <chrono>
#include <thread>

#include "dashboard/dashboard_fixture.hpp"
#include "waybill/answer_stream.hpp"
#include "waybill/event_feed.hpp"
#include "waybill/json.hpp"

using namespace std::chrono_literals;

namespace waybill::test {

namespace {

using dashboard::answer_stream;

// What comes until there is `wanted` in it, or nothing else comes for long.
std::string heard(answer_stream& from, const std::string& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  std::string all;
  char bytes[512];
  while (all.find(wanted) == std::string::npos
         && std::chrono::steady_clock::now() < deadline) {
    const auto part = from.read(
      bytes, sizeof bytes, [] {}, [] {});
    all.append(bytes, part.bytes);
    if (part.is == answer_stream::state::ended)
      break;
    if (part.bytes == 0)
      std::this_thread::sleep_for(1ms);
  }
  return all;
}

bool is_over(answer_stream& from) {
  char byte = 0;
  return from
           .read(
             &byte, 1, [] {}, [] {})
           .is
         == answer_stream::state::ended;
}

struct feed_fixture : dashboard_fixture {
  std::optional<dashboard::router> answers;

  dashboard::http_response watch(const std::string& query, bool events = false,
                                 std::optional<std::string> last_id = {}) {
    if (!answers)
      answers.emplace(about, options.file);
    dashboard::http_request x;
    x.host = "localhost";
    x.path = "/api/v1/watch";
    x.query = dashboard::parse_parameters(query);
    if (events)
      x.accept = "text/event-stream";
    x.last_event_id = std::move(last_id);
    return answers->answer(x);
  }

  std::string now_cursor() {
    return nlohmann::json::parse(watch("wait=0s").body)["next"];
  }
};

} // namespace

TEST_CASE("a stream is read as far as it has been written", "[threads]") {
  answer_stream x;
  char bytes[4];
  int waits = 0;
  int wakes = 0;
  const auto read = [&] {
    return x.read(
      bytes, sizeof bytes, [&] { ++waits; }, [&] { ++wakes; });
  };
  CHECK(read().is == answer_stream::state::waits);
  CHECK(waits == 1);
  x.write("abcde");
  x.write("f");
  CHECK(wakes == 1); // nobody waits any more
  CHECK(x.unread() == 6);
  CHECK(read().bytes == 4);
  CHECK(read().bytes == 2);
  CHECK(read().is == answer_stream::state::waits);
  x.end();
  CHECK(wakes == 2);
  CHECK(read().is == answer_stream::state::ended);
  CHECK(waits == 2);
}

TEST_CASE_METHOD(feed_fixture, "who asks what has been committed gets it",
                 "[threads]") {
  record(3);
  const auto x = nlohmann::json::parse(watch("after=0&wait=0s").body);
  CHECK(x["transitions"].size() == 3);
  CHECK(x["gap"].is_null());
  const auto next = x["next"].get<std::string>();
  CHECK(
    nlohmann::json::parse(watch("wait=0s&after=" + next).body)["transitions"]
      .empty());
  CHECK(nlohmann::json::parse(
          watch("after=0&wait=0s&status=parked,retrying").body)["transitions"]
          .empty());
  for (const auto* wrong : {"after=x", "after=99", "wait=1h", "limit=0",
                            "status=odd", "id=7", "frob=1"}) {
    CAPTURE(wrong);
    CHECK(watch(wrong).status == 400);
  }
}

TEST_CASE_METHOD(feed_fixture, "a long poll is answered by the next commit",
                 "[threads]") {
  const auto cursor = now_cursor();
  const auto x = watch("wait=50s&status=parked&after=" + cursor);
  REQUIRE(x.stream);
  CHECK(x.type == "application/json");
  CHECK_FALSE(dashboard::header_of(x, "ETag"));
  record(1);
  end(1, tracking_status::parked, "<b>busy</b>");
  const auto answer = from_json_text<watch_reply>(heard(*x.stream, "}\n"));
  REQUIRE(answer.transitions.size() == 1);
  CHECK(answer.transitions[0].status == tracking_status::parked);
  CHECK(is_over(*x.stream));
}

TEST_CASE_METHOD(feed_fixture, "a long poll ends when its time is over",
                 "[threads]") {
  const auto cursor = now_cursor();
  const auto x = watch("wait=1ms&after=" + cursor);
  REQUIRE(x.stream);
  const auto answer = from_json_text<watch_reply>(heard(*x.stream, "}\n"));
  CHECK(answer.transitions.empty());
  CHECK(answer.next == cursor);
}

TEST_CASE_METHOD(feed_fixture,
                 "events have the cursors to go on with after a break",
                 "[threads]") {
  record(2);
  const auto x = watch("after=0", true);
  REQUIRE(x.stream);
  CHECK(x.type == "text/event-stream");
  CHECK(dashboard::header_of(x, "Cache-Control") == "no-store");
  const auto first = heard(*x.stream, "\"}\n\n");
  CHECK(first.find("retry: ") == 0);
  CHECK(first.find("data: {") != std::string::npos);
  const auto id = first.substr(first.rfind("id: ") + 4);
  const auto cursor = id.substr(0, id.find('\n'));
  end(1, tracking_status::delivered);
  CHECK(heard(*x.stream, "Delivered").find("id: ") != std::string::npos);
  // It has been away meanwhile; what it says it has seen last counts.
  const auto again = watch("after=0", true, cursor);
  REQUIRE(again.stream);
  const auto missed = heard(*again.stream, "Delivered");
  CHECK(missed.find("Delivered") != std::string::npos);
  CHECK(missed.find("Submitted") == std::string::npos);
}

TEST_CASE_METHOD(feed_fixture, "all streams hear each commit once",
                 "[threads]") {
  const auto cursor = now_cursor();
  std::vector<dashboard::http_response> all;
  for (std::size_t i = 0; i < dashboard::event_feed::most_streams; ++i)
    all.push_back(
      watch("after=" + cursor + (i % 2 == 1 ? "&status=delivered" : ""), true));
  const auto more = watch("after=" + cursor, true);
  CHECK(more.status == 503);
  CHECK(dashboard::header_of(more, "Retry-After") == "5");
  // They poll, which is answered all the same.
  CHECK(watch("wait=50s&after=" + cursor).status == 200);
  for (std::uint64_t n = 1; n <= 5; ++n) {
    record(n);
    end(n, tracking_status::delivered);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string text;
    std::size_t seen = 0;
    while (seen < 5) {
      const auto part = heard(*all[i].stream, "Delivered");
      REQUIRE_FALSE(part.empty());
      text += part;
      seen = 0;
      for (auto at = text.find("Delivered"); at != std::string::npos;
           at = text.find("Delivered", at + 1))
        ++seen;
    }
    CHECK(seen == 5);
    CHECK((text.find("Submitted") == std::string::npos) == (i % 2 == 1));
  }
  // There is room again once one has gone.
  all.pop_back();
  CHECK(watch("after=" + cursor, true).stream);
}

TEST_CASE_METHOD(feed_fixture, "steps that are not kept are told as a gap",
                 "[threads]") {
  record(2);
  end(1, tracking_status::delivered);
  const auto cursor = now_cursor();
  store.purge_terminal(purge_before(at(100'000)), at(100'000));
  CHECK(nlohmann::json::parse(watch("after=0&wait=0s").body)["gap"]["from"]
        == 1);
  CHECK(watch("wait=0s&after=" + cursor).status == 200);
}

TEST_CASE_METHOD(feed_fixture, "the page of steps shows the newest first",
                 "[threads]") {
  CHECK(heading_of(get("/live")) == "No steps yet");
  record_some();
  const auto x = get("/live");
  CHECK(heading_of(x) == "The last steps");
  CHECK(x.body.find("Delivered") != std::string::npos);
  CHECK(has(x, "503 &lt;b&gt;busy&lt;/b&gt;"));
  CHECK(has(x, "data-offset=\"0\""));
  const auto parked = get("/live?status=parked&kind=ExternalSystem.CachedCall");
  CHECK(heading_of(parked) == "The last steps that were asked for");
  CHECK(has(parked, "waybill watch --status parked --kind "
                    "ExternalSystem.CachedCall"));
  CHECK_FALSE(has(parked, "422 refused"));
  CHECK(get("/live?after=0").status == 400);
}

} // namespace waybill::test
