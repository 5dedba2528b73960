// Status requests: an answer, whatever the tracker does, within the deadline.

#include <atomic>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "support/actors.hpp"
#include "support/scripted_tracker.hpp"
#include "support/silent_tracker.hpp"
#include "waybill/actor_supervisor.hpp"
#include "waybill/json.hpp"
#include "waybill/status_requests.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

std::string ask_json(caf::actor_system& system, const status_request_actor& to,
                     std::string text) {
  caf::scoped_actor self{system};
  std::string answer;
  waybill::request(self, to, 10s, std::move(text))
    .receive([&](const std::string& x) { answer = x; },
             [&](const caf::error& e) { answer = to_failure(e).text; });
  return answer;
}

// Status requests that a tracker of that sort gets.
struct unanswered {
  unanswered(caf::actor_system& system, const options& x)
    : tracker{system.spawn<silent_tracker>()},
      actor{spawn_status_request_actor(system, tracker, x)} {}

  unanswered(const unanswered&) = delete;
  unanswered& operator=(const unanswered&) = delete;

  ~unanswered() {
    caf::anon_send_exit(tracker, caf::exit_reason::kill);
    caf::anon_send_exit(actor, caf::exit_reason::kill);
  }

  const tracking_actor tracker;
  const status_request_actor actor;
};

} // namespace

TEST_CASE_METHOD(actor_fixture,
                 "a status request answers with the snapshot, or with none",
                 "[contract]") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  const auto found = get(running.status_requests(), status_of(1));
  REQUIRE(found.snapshot);
  CHECK(found.snapshot->id == id_of(1));
  CHECK_FALSE(get(running.status_requests(), status_of(2)).snapshot);
}

TEST_CASE_METHOD(actor_fixture, "many operations are asked for in one message, "
                                "and each has an answer, in order") {
  auto running = start(system, make_options());
  get_many question;
  for (std::uint64_t n = 1; n <= limits::max_asked; ++n) {
    if (n % 3 == 0)
      get(running.tracker(), enqueue(n));
    question.ids.push_back(id_of(n));
  }
  question.ids.back() = id_of(3); // once more
  const auto found = get(running.status_requests(), question).answers;
  REQUIRE(found.size() == limits::max_asked);
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    const auto is_there = (i + 1) % 3 == 0 || i + 1 == found.size();
    REQUIRE(found[i].snapshot.has_value() == is_there);
    if (is_there)
      CHECK(found[i].snapshot->id == question.ids[i]);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "a question about many operations goes to the tracker in "
                 "steps, so that it does other things in between") {
  const auto script = std::make_shared<tracker_script>();
  const auto tracker = system.spawn<scripted_tracker_impl>(script);
  const auto actor = spawn_status_request_actor(system, tracker,
                                                make_options());
  get_many question;
  for (std::uint64_t n = 1; n <= limits::max_asked; ++n)
    question.ids.push_back(id_of(n));
  CHECK(get(actor, question).answers.size() == limits::max_asked);
  std::size_t sum = 0;
  for (const auto size : script->bundles()) {
    CHECK(size <= 64);
    sum += size;
  }
  CHECK(sum == limits::max_asked);
  // One that fails is the last one.
  script->next("status 70", {refusing(errc::store_full)});
  CHECK(error_of(actor, question) == errc::store_full);
  CHECK(script->count("status") == limits::max_asked + 128);
  caf::anon_send_exit(tracker, caf::exit_reason::kill);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "a question about many operations is bounded, and counts for "
                 "as many as it names",
                 "[promise-8]") {
  auto small = make_options();
  small.max_waiting_requests = 20;
  auto running = start(system, small);
  const auto& actor = running.status_requests();
  const auto many = [](std::size_t count) {
    get_many x;
    for (std::uint64_t n = 1; n <= count; ++n)
      x.ids.push_back(id_of(n));
    return x;
  };
  CHECK(error_of(actor, many(21)) == errc::overloaded);
  for (int i = 0; i < 100; ++i) // what it counted for is counted out
    CHECK(get(actor, many(10)).answers.size() == 10);
  CHECK(error_of(actor, get_many{}) == errc::invalid_request);
  CHECK_FALSE(find_fault(many(limits::max_asked)));
  CHECK(find_fault(many(limits::max_asked + 1)));
  auto nil = many(2);
  nil.ids[1] = {};
  CHECK(find_fault(nil)->starts_with("ids[1]: "));
  auto past = many(2);
  past.deadline = timestamp::now() - 1s;
  CHECK(error_of(actor, past) == errc::deadline_passed);
  CHECK(get(actor, many(10)).answers.size() == 10);
}

TEST_CASE_METHOD(actor_fixture,
                 "a question about many operations is answered whatever the "
                 "tracker does",
                 "[promise-2]") {
  auto x = make_options();
  x.status_timeout = 100ms;
  const unanswered pair{system, x};
  const get_many question{{id_of(1), id_of(2)}, std::nullopt};
  CHECK(error_of(pair.actor, question) == errc::timed_out);
  caf::anon_send_exit(pair.tracker, caf::exit_reason::kill);
  CHECK(error_of(pair.actor, question) == errc::tracker_gone);
}

TEST_CASE_METHOD(actor_fixture, "a status request in JSON answers in JSON") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  const auto& actor = running.status_requests();
  const auto question = [](std::uint64_t n) {
    return nlohmann::json{{"id", to_string(id_of(n))}}.dump();
  };
  const auto found
    = nlohmann::json::parse(ask_json(system, actor, question(1)));
  CHECK(found["snapshot"]["status"] == "Submitted");
  CHECK(found["snapshot"]["id"] == to_string(id_of(1)));
  const auto missing
    = nlohmann::json::parse(ask_json(system, actor, question(2)));
  CHECK(missing["snapshot"].is_null());
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request in bad JSON is answered with the reason") {
  auto running = start(system, make_options());
  const auto reason = [&](const std::string& text) {
    const auto answer = nlohmann::json::parse(
      ask_json(system, running.status_requests(), text));
    CHECK(answer["error"]["code"] == "invalid_request");
    return answer["error"]["message"].get<std::string>();
  };
  CHECK(reason("").find("no JSON") != std::string::npos);
  CHECK(reason(std::string(5'000, '[')).find("at most 4096")
        != std::string::npos);
  CHECK(reason("{}") == "id: is missing");
  CHECK(reason(R"({"id": 7})").starts_with("id: "));
  CHECK(reason(R"({"id": "nonsense"})").starts_with("id: "));
  CHECK(reason(R"({"id": "00000000-0000-0000-0000-000000000000"})")
          .starts_with("id: "));
  CHECK(reason(R"({"id": null, "who": 1})").starts_with("id: "));
  CHECK(reason("\xff\xfe").find("no JSON") != std::string::npos);
  CHECK(reason(std::string(4'000, '[')).find("no JSON") != std::string::npos);
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request is answered in time by a slow tracker's "
                 "proxy") {
  auto x = make_options();
  x.status_timeout = 100ms;
  const unanswered pair{system, x};
  const auto& actor = pair.actor;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(error_of(actor, status_of(1)) == errc::timed_out);
  // The request's own deadline is nearer still.
  get_status question{id_of(1), timestamp::now() + 30ms};
  CHECK(error_of(actor, question) == errc::timed_out);
  question.deadline = timestamp::now() - 1s;
  CHECK(error_of(actor, question) == errc::deadline_passed);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request says that the tracker is gone",
                 "[promise-2]") {
  const unanswered pair{system, make_options()};
  const auto& actor = pair.actor;
  caf::anon_send_exit(pair.tracker, caf::exit_reason::kill);
  CHECK(error_of(actor, status_of(1)) == errc::tracker_gone);
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request is answered within its own deadline",
                 "[promise-2]") {
  auto x = make_options();
  x.status_timeout = 10s;
  const unanswered pair{system, x};
  const auto& actor = pair.actor;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(error_of(actor, get_status{id_of(1), timestamp::now() + 30ms})
        == errc::timed_out);
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request in JSON is answered in JSON, whatever the "
                 "tracker does",
                 "[promise-2]") {
  auto x = make_options();
  x.status_timeout = 100ms;
  const unanswered pair{system, x};
  const auto& actor = pair.actor;
  const auto code = [&](const std::string& question) {
    const auto answer
      = nlohmann::json::parse(ask_json(system, actor, question));
    CHECK_FALSE(answer["error"]["message"].get<std::string>().empty());
    return answer["error"]["code"].get<std::string>();
  };
  const auto question = to_json_text(status_of(1));
  CHECK(code(question) == "timed_out");
  CHECK(code(to_json_text(get_status{id_of(1), timestamp::now() - 1s}))
        == "deadline_passed");
  CHECK(code(question + '\0') == "invalid_request");
  CHECK(code(std::string{R"({"id": "a)"} + '\0' + R"("})")
        == "invalid_request");
  caf::anon_send_exit(pair.tracker, caf::exit_reason::kill);
  CHECK(code(question) == "tracker_gone");
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request whose fields are out of range is refused, "
                 "as by the tracker") {
  auto running = start(system, make_options());
  for (const auto& x : {get_status{}, get_status{{}, at(0)},
                        get_status{id_of(1), timestamp{INT64_MIN}},
                        get_status{id_of(1), timestamp{INT64_MAX}}}) {
    CHECK(error_of(running.tracker(), x) == errc::invalid_request);
    CHECK(error_of(running.status_requests(), x) == errc::invalid_request);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "status requests past the bound are overloaded at once",
                 "[promise-2][promise-8]") {
  auto x = make_options();
  x.max_waiting_requests = 8;
  const unanswered pair{system, x};
  const auto& actor = pair.actor;
  caf::scoped_actor self{system};
  const auto send = [&] {
    return waybill::request(self, actor, 10s, status_of(1));
  };
  std::vector<decltype(send())> pending;
  for (int i = 0; i < 20; ++i)
    pending.push_back(send());
  std::vector<errc> codes;
  const auto receive = [&](std::size_t i) {
    std::move(pending[i])
      .receive([&](const status_reply&) { FAIL("nobody knows"); },
               [&](const caf::error& e) {
                 codes.push_back(to_failure(e).code);
               });
  };
  // Those that were not let in are answered while the others wait.
  for (std::size_t i = 8; i < 20; ++i)
    receive(i);
  CHECK(codes == std::vector(12, errc::overloaded));
  const auto json = nlohmann::json::parse(
    ask_json(system, actor, to_json_text(status_of(1))));
  CHECK(json["error"]["code"] == "overloaded");
  codes.clear();
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  for (std::size_t i = 0; i < 8; ++i)
    receive(i);
  CHECK(codes == std::vector(8, errc::tracker_gone));
}

TEST_CASE_METHOD(actor_fixture,
                 "status requests in JSON are bounded by their bytes",
                 "[promise-8]") {
  auto x = make_options();
  x.max_waiting_bytes = 1'024;
  const unanswered pair{system, x};
  const auto& actor = pair.actor;
  const auto question = to_json_text(status_of(1)) + std::string(600, ' ');
  caf::scoped_actor self{system};
  tell(self, actor, question); // not answered, but not before the time is up
  CHECK(
    nlohmann::json::parse(ask_json(system, actor, question))["error"]["code"]
    == "overloaded");
}

TEST_CASE_METHOD(actor_fixture,
                 "status requests are counted out however they end",
                 "[promise-8]") {
  auto x = make_options();
  x.max_waiting_requests = 1;
  x.max_waiting_bytes = 1'024;
  x.status_timeout = 1ms;
  auto running = start(system, make_options());
  const unanswered pair{system, x};
  const auto& timing_out = pair.actor;
  const get_status late{id_of(1), timestamp::now() - 1s};
  const auto question = to_json_text(status_of(1));
  const auto code = [&](const std::string& text) {
    const auto answer
      = nlohmann::json::parse(ask_json(system, timing_out, text));
    return answer["error"]["code"].get<std::string>();
  };
  x.status_timeout = 5s;
  const auto one_at_a_time = spawn_status_request_actor(system,
                                                        running.tracker(), x);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(get(one_at_a_time, status_of(1)).snapshot);
    CHECK(nlohmann::json::parse(ask_json(system, one_at_a_time, question))
            .contains("snapshot"));
    CHECK(error_of(timing_out, status_of(1)) == errc::timed_out);
    CHECK(error_of(timing_out, late) == errc::deadline_passed);
    CHECK(code(question) == "timed_out");
    CHECK(code(to_json_text(late)) == "deadline_passed");
    CHECK(code("{}") == "invalid_request");
    CHECK(code(std::string(5'000, ' ')) == "invalid_request");
  }
  caf::anon_send_exit(one_at_a_time, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "open status requests are answered when their actor ends",
                 "[promise-2]") {
  const unanswered pair{system, make_options()};
  const auto& actor = pair.actor;
  const auto outcomes
    = send_all(system, actor, std::vector<get_status>(20, status_of(1)), [&] {
        // What is answered at once has come behind them.
        CHECK(error_of(actor, get_status{id_of(1), timestamp::now() - 1s})
              == errc::deadline_passed);
        caf::anon_send_exit(actor, caf::exit_reason::kill);
      });
  for (const auto& x : outcomes) {
    REQUIRE(x.error);
    CHECK(x.error->code == errc::tracker_gone);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "a deadline is passed when it is before now, not at it",
                 "[promise-2]") {
  fake_clock clock;
  auto x = make_options();
  x.clock = clock.source();
  auto running = start(system, x);
  get(running.tracker(), enqueue(1));
  const auto now = clock.source().wall();
  const get_status in_time{id_of(1), now};
  const get_status late{id_of(1), now - 1us};
  CHECK(get(running.tracker(), in_time).snapshot);
  CHECK(get(running.status_requests(), in_time).snapshot);
  CHECK(error_of(running.tracker(), late) == errc::deadline_passed);
  CHECK(error_of(running.status_requests(), late) == errc::deadline_passed);
}

TEST_CASE_METHOD(actor_fixture,
                 "status requests are answered while the host's clock throws",
                 "[promise-2]") {
  auto x = make_options();
  auto running = start(system, x);
  get(running.tracker(), enqueue(1));
  const auto throws = std::make_shared<std::atomic<bool>>(true);
  x.clock.wall = [throws] {
    if (*throws)
      throw std::runtime_error{"no clock"};
    return timestamp::now();
  };
  const auto actor = spawn_status_request_actor(system, running.tracker(), x);
  const get_status question{id_of(1), timestamp::now() + 10s};
  CHECK(get(actor, question).snapshot);
  *throws = false;
  CHECK(get(actor, question).snapshot);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "a question of which the status request actor dies is "
                 "answered, and so are those that come after it",
                 "[promise-2]") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  const auto throws = std::make_shared<std::atomic<bool>>(false);
  auto x = make_options();
  x.clock.wall = [throws] {
    if (throws->exchange(false))
      throw 7; // NOLINT(hicpp-exception-baseclass): hosts may
    return timestamp::now();
  };
  actor_supervisor supervisor{heard.function()};
  const auto behind
    = supervisor.keep("it", [this, x, tracker = running.tracker()] {
        return caf::actor_cast<caf::strong_actor_ptr>(
          spawn_status_request_actor(system, tracker, x));
      });
  const auto gate = spawn_status_request_gate(system, behind,
                                              [] { return true; });
  const get_status question{id_of(1), timestamp::now() + 1h};
  const auto comes_back = [&] {
    return eventually([&] {
      try {
        return get(gate, question).snapshot.has_value();
      } catch (const request_error& e) {
        CHECK(e.code() == errc::tracker_gone);
        return false;
      }
    });
  };
  CHECK(comes_back());
  *throws = true;
  CHECK(error_of(gate, question) == errc::tracker_gone);
  CHECK(comes_back());
  *throws = true;
  const auto answer
    = nlohmann::json::parse(ask_json(system, gate, to_json_text(question)));
  CHECK(answer["error"]["code"] == "tracker_gone");
  CHECK(comes_back());
  CHECK(heard.contain("it starts again in 40ms: it has ended: an exception of "
                      "no known type"));
}
