// Following a store: streams, long polls, and the page that shows them.

#include <chrono>
#include <filesystem>
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

template <class F>
bool comes_true(F&& f) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!f()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

bool is_over(answer_stream& from) {
  return comes_true([&] {
    char byte = 0;
    return from
             .read(
               &byte, 1, [] {}, [] {})
             .is
           == answer_stream::state::ended;
  });
}

// The steps that events tell, up to the end of an operation.
std::vector<transition> steps_up_to(answer_stream& from, std::uint64_t n) {
  std::vector<transition> all;
  std::string text;
  const auto is_there = [&] {
    return !all.empty() && all.back().id == id_of(n)
           && is_terminal(all.back().status);
  };
  while (!is_there()) {
    const auto part = heard(from, "\n");
    if (part.find('\n') == std::string::npos)
      break;
    text += part;
    for (auto end = text.find("\n\n"); end != std::string::npos;
         end = text.find("\n\n")) {
      if (const auto data = text.find("data: "); data < end)
        for (auto& each :
             from_json_text<watch_reply>(text.substr(data + 6, end - data - 6))
               .transitions)
          all.push_back(std::move(each));
      text.erase(0, end + 2);
    }
  }
  return all;
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

  // Another one has its name, which begins with nothing in it.
  void replace_store() {
    store.close();
    const auto other = options_for(dir / "other.db");
    operation_tracking_store{other}.close();
    for (const auto* suffix : {"-wal", "-shm"})
      std::filesystem::remove(options.file + suffix);
    std::filesystem::rename(other.file, options.file);
    store = operation_tracking_store{options};
  }

  // All of them at once, with errors that take room.
  void park(std::uint64_t from, std::uint64_t to) {
    store.begin();
    for (auto n = from; n <= to; ++n) {
      store.record_enqueue(enqueue(n), at(1));
      end(n, tracking_status::parked, std::string(4'000, 'x'));
    }
    store.commit();
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

TEST_CASE("what has been read is not held", "[threads]") {
  answer_stream x;
  char bytes[4];
  const auto read = [&] {
    const auto part = x.read(
      bytes, sizeof bytes, [] {}, [] {});
    return std::string{bytes, part.bytes};
  };
  x.write("abcdef");
  CHECK(read() == "abcd");
  x.write("gh");
  CHECK(x.unread() == 4);
  CHECK(x.held() == 4);
  CHECK(read() == "efgh");
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
  const auto first = heard(*x.stream, "}]}\n\n");
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
    store.record_enqueue(enqueue(n), at(1));
    end(n, tracking_status::delivered);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<std::int64_t> numbers;
    for (const auto& each : steps_up_to(*all[i].stream, 5))
      numbers.push_back(each.number);
    CHECK(numbers
          == (i % 2 == 1
                ? std::vector<std::int64_t>{2, 4, 6, 8, 10}
                : std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  }
  // There is room again once one has gone, and nobody writes to it any more.
  all.pop_back();
  CHECK(comes_true(
    [&] { return watch("after=" + cursor, true).stream != nullptr; }));
}

TEST_CASE_METHOD(feed_fixture,
                 "who does not read is passed over, and then misses nothing",
                 "[threads]") {
  constexpr std::size_t enough = 262'144;
  const auto cursor = now_cursor();
  const auto slow = watch("after=" + cursor, true);
  const auto quick = watch("after=" + cursor, true);
  REQUIRE(slow.stream);
  REQUIRE(quick.stream);
  park(1, 100);
  auto told = steps_up_to(*quick.stream, 100);
  REQUIRE(comes_true([&] { return slow.stream->unread() > enough; }));
  const auto unread = slow.stream->unread();
  park(101, 150);
  for (auto& each : steps_up_to(*quick.stream, 150))
    told.push_back(std::move(each));
  // Its turn was before that of the other one.
  CHECK(slow.stream->unread() == unread);
  CHECK(told.size() == 300);
  CHECK(steps_up_to(*slow.stream, 150) == told);
}

TEST_CASE_METHOD(feed_fixture,
                 "an answer has no more steps than were asked for",
                 "[threads]") {
  const auto stream = watch("after=0", true);
  REQUIRE(stream.stream);
  park(1, 1);
  // From now on all that is committed is read for all at once.
  REQUIRE(steps_up_to(*stream.stream, 1).size() == 2);
  const auto x = watch("wait=50s&limit=1&after=" + now_cursor());
  REQUIRE(x.stream);
  park(2, 4);
  const auto answer = from_json_text<watch_reply>(heard(*x.stream, "}\n"));
  REQUIRE(answer.transitions.size() == 1);
  CHECK(answer.transitions[0].number == 3);
  CHECK(answer.next.ends_with("-3"));
}

TEST_CASE_METHOD(feed_fixture, "who follows a store hears that it is another",
                 "[threads]") {
  const auto cursor = now_cursor();
  const auto stream = watch("after=" + cursor, true);
  const auto poll = watch("wait=50s&after=" + cursor);
  REQUIRE(stream.stream);
  REQUIRE(poll.stream);
  replace_store();
  CHECK(heard(*stream.stream, "event: over\n").find("event: over")
        != std::string::npos);
  CHECK(is_over(*stream.stream));
  const auto answer = from_json_text<watch_reply>(heard(*poll.stream, "}\n"));
  CHECK(answer.transitions.empty());
  CHECK(answer.next == cursor); // which is refused from now on
  CHECK(watch("wait=0s&after=" + cursor).status == 400);
}

TEST_CASE_METHOD(feed_fixture,
                 "who comes later does not end with what others followed",
                 "[threads]") {
  const auto cursor = now_cursor();
  CHECK(watch("after=" + cursor, true).stream); // and has gone
  replace_store();
  const auto stream = watch("after=0", true);
  REQUIRE(stream.stream);
  park(1, 1);
  CHECK(steps_up_to(*stream.stream, 1).size() == 2);
}

TEST_CASE_METHOD(feed_fixture, "a file that cannot be read is no other store",
                 "[threads]") {
  const auto cursor = now_cursor();
  const auto stream = watch("after=" + cursor, true);
  const auto poll = watch("wait=50s&after=" + cursor);
  REQUIRE(stream.stream);
  REQUIRE(poll.stream);
  std::filesystem::rename(options.file, dir / "away.db");
  CHECK(heard(*stream.stream, "event: over")
        == "retry: 2000\nid: " + cursor + "\n\n");
  CHECK(from_json_text<watch_reply>(heard(*poll.stream, "}\n")).next == cursor);
  std::filesystem::rename(dir / "away.db", options.file);
  CHECK(watch("after=" + cursor, true).stream);
}

TEST_CASE_METHOD(feed_fixture, "who waits when the server ends is answered",
                 "[threads]") {
  const auto cursor = now_cursor();
  const auto stream = watch("after=" + cursor, true);
  const auto poll = watch("wait=50s&after=" + cursor);
  REQUIRE(stream.stream);
  REQUIRE(poll.stream);
  answers->close();
  CHECK(from_json_text<watch_reply>(heard(*poll.stream, "}\n")).next == cursor);
  CHECK(heard(*stream.stream, "event: over").find("over") == std::string::npos);
  CHECK(watch("wait=50s&after=" + cursor).status == 200);
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
  CHECK(has(x, "<time datetime=\"2026-11-23T08:16:30.000000Z\" title="
               "\"2026-11-23 08:16:30.000Z\">08:16:30.000</time>"));
  const auto parked = get("/live?status=parked&kind=ExternalSystem.CachedCall");
  CHECK(heading_of(parked) == "The last steps that were asked for");
  CHECK(has(parked, "waybill watch --status parked --kind "
                    "ExternalSystem.CachedCall"));
  CHECK_FALSE(has(parked, "422 refused"));
  CHECK(get("/live?after=0").status == 400);
}

TEST_CASE_METHOD(feed_fixture, "the page of steps goes on where it has ended") {
  store.close();
  options.last_error_cap = limits::max_last_error;
  store = operation_tracking_store{options};
  constexpr std::uint64_t count = 50;
  record(count);
  store.begin();
  for (std::uint64_t n = 1; n <= count; ++n) // more than one answer has
    end(n, tracking_status::parked,
        std::string(limits::max_answer_bytes / 40, 'x'));
  store.commit();
  const auto x = get("/live");
  const auto attribute = [&](const std::string& name) {
    const auto begin = x.body.find(name + "=\"") + name.size() + 2;
    return x.body.substr(begin, x.body.find('"', begin) - begin);
  };
  const auto last = attribute("data-last");
  CHECK(last != "100");
  CHECK(attribute("data-live").ends_with('-' + last));
}

} // namespace waybill::test
