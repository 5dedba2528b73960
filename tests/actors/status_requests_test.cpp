// Status requests: an answer, whatever the tracker does, within the deadline.

#include <nlohmann/json.hpp>

#include "support/actors.hpp"
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

// A tracker that never answers.
class silent_tracker : public tracking_actor::base {
public:
  using super = tracking_actor::base;
  using super::super;

  behavior_type make_behavior() override {
    return {
      [this](const record_enqueue&) { return never<enqueue_reply>(); },
      [this](const record_attempt&) { return never<update_reply>(); },
      [this](const record_terminal&) { return never<update_reply>(); },
      [this](const get_status&) { return never<status_reply>(); },
      [this](const purge_terminal&) { return never<purge_reply>(); },
      [this](const get_counts&) { return never<counts_reply>(); },
      [this](const get_health&) { return never<health_reply>(); },
      [this](const request_bundle&) { return never<bundle_reply>(); },
    };
  }

  // In CAF 0.17 an actor that holds a promise holds itself.
  void on_exit() override { kept_.clear(); }

private:
  template <class Reply>
  caf::typed_response_promise<Reply> never() {
    auto promise = this->make_response_promise<Reply>();
    kept_.push_back([promise]() mutable { promise.deliver(Reply{}); });
    return promise;
  }

  std::vector<std::function<void()>> kept_;
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
  const tracking_actor slow = system.spawn<silent_tracker>();
  const auto actor = spawn_status_request_actor(system, slow, x);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(error_of(actor, status_of(1)) == errc::timed_out);
  // The request's own deadline is nearer still.
  get_status question{id_of(1), timestamp::now() + 30ms};
  CHECK(error_of(actor, question) == errc::timed_out);
  question.deadline = timestamp::now() - 1s;
  CHECK(error_of(actor, question) == errc::deadline_passed);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  caf::anon_send_exit(slow, caf::exit_reason::kill);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "a status request says that the tracker is gone",
                 "[promise-2]") {
  const tracking_actor tracker = system.spawn<silent_tracker>();
  const auto actor = spawn_status_request_actor(system, tracker,
                                                make_options());
  caf::anon_send_exit(tracker, caf::exit_reason::kill);
  CHECK(error_of(actor, status_of(1)) == errc::tracker_gone);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE_METHOD(actor_fixture,
                 "open status requests are answered when their actor ends",
                 "[promise-2]") {
  const tracking_actor silent = system.spawn<silent_tracker>();
  const auto actor = spawn_status_request_actor(system, silent, make_options());
  const auto outcomes
    = send_all(system, actor, std::vector<get_status>(20, status_of(1)), [&] {
        std::this_thread::sleep_for(50ms);
        caf::anon_send_exit(actor, caf::exit_reason::kill);
      });
  for (const auto& x : outcomes) {
    REQUIRE(x.error);
    CHECK(x.error->code == errc::tracker_gone);
  }
  caf::anon_send_exit(silent, caf::exit_reason::kill);
}
