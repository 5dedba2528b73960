// What a client's requests wait for, in which bundles they go, and that each of
// them ends once.

#include <deque>
#include <stdexcept>

#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/printing.hpp"
#include "waybill/request_pipeline.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct sent_bundle {
  request_bundle requests;
  std::shared_ptr<request_pipeline::handlers> to;
  std::chrono::nanoseconds timeout;
};

// A pipeline whose bundles the test answers.
struct hand_made {
  explicit hand_made(tracking_client_options x = {.timeout = 1'600ms})
    : pipeline{x,
               [this](request_bundle what, auto to, auto timeout) {
                 sent.push_back({std::move(what), std::move(to), timeout});
               },
               clock.source().steady} {}

  // Asks for operation `n`; its end becomes a line of `ends`.
  void ask(std::uint64_t n) {
    pipeline.ask<record_enqueue>(enqueue(n), [this, n](const auto& x) {
      ends.push_back(
        std::to_string(n) + " "
        + (x.reply ? to_string(x.reply->outcome) : to_string(x.why.code)));
    });
  }

  // The same, with a handler that throws.
  void ask_throwing(std::uint64_t n) {
    pipeline.ask<record_enqueue>(enqueue(n), [this, n](const auto&) {
      ends.push_back(std::to_string(n) + " thrown");
      throw std::runtime_error{std::to_string(n)};
    });
  }

  sent_bundle take() {
    REQUIRE_FALSE(sent.empty());
    auto first = std::move(sent.front());
    sent.pop_front();
    return first;
  }

  void answer_next() {
    const auto next = take();
    bundle_reply reply;
    reply.outcomes.assign(next.requests.size(), 0);
    pipeline.answered(*next.to, reply);
  }

  void fail_next(errc code) {
    const auto next = take();
    pipeline.failed(*next.to, {code, "as the test wants it"});
  }

  // What is thrown by `f`.
  template <class F>
  static std::string thrown_by(F&& f) {
    try {
      f();
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "nothing";
  }

  fake_clock clock;
  std::deque<sent_bundle> sent;
  std::vector<std::string> ends;
  request_pipeline pipeline;
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("a request's time runs while it waits in the client", "[client]") {
  hand_made x;
  x.ask(1);
  x.ask(2);
  x.clock.advance(600ms);
  x.ask(3);
  REQUIRE(x.sent.size() == 2);
  CHECK(x.sent[0].timeout == 1'600ms);
  x.clock.advance(400ms);
  x.answer_next();
  REQUIRE(x.sent.size() == 2);
  CHECK(x.sent[1].requests.size() == 1);
  CHECK(x.sent[1].timeout == 1'200ms);
}

TEST_CASE("requests made at other times time out at other times", "[client]") {
  hand_made x;
  x.ask(1);
  x.ask(2);
  x.ask(3);
  x.clock.advance(100ms);
  x.ask(4);
  x.clock.advance(1ms);
  x.ask(5);
  x.answer_next();
  x.answer_next();
  // A sixteenth of the timeout may be between those of a bundle.
  REQUIRE(x.sent.size() == 2);
  CHECK(x.sent[0].requests.size() == 2);
  CHECK(x.sent[0].timeout == 1'599ms);
  CHECK(x.sent[1].requests.size() == 1);
  CHECK(x.sent[1].timeout == 1'600ms);
}

TEST_CASE("what waits past its time ends with what is under way, unsent",
          "[client][outcomes]") {
  hand_made x;
  for (std::uint64_t n = 1; n <= 4; ++n)
    x.ask(n);
  x.clock.advance(1'599ms);
  x.ask(5);
  x.clock.advance(1ms);
  x.fail_next(errc::timed_out);
  CHECK(x.ends == texts{"1 timed_out", "3 timed_out", "4 timed_out"});
  CHECK(x.pipeline.num_open() == 2);
  REQUIRE(x.sent.size() == 2);
  CHECK(x.sent[1].requests.size() == 1);
  CHECK(x.sent[1].timeout == 1'599ms);
  x.fail_next(errc::timed_out);
  x.answer_next();
  CHECK(x.ends.back() == "5 inserted");
  CHECK(x.pipeline.num_open() == 0);
}

TEST_CASE("what was held past its time ends too, but not in its sender's call",
          "[client][outcomes]") {
  hand_made x;
  {
    const cork held{x.pipeline};
    x.ask(1);
    x.clock.advance(2s);
  }
  CHECK(x.ends.empty());
  REQUIRE(x.sent.size() == 1);
  CHECK(x.sent[0].timeout == 1ms);
}

TEST_CASE("a timeout without bounds neither overflows nor ends at once",
          "[client]") {
  for (const auto timeout : {std::chrono::nanoseconds::max(), 0ns, -1s + 0ns}) {
    hand_made x{{.timeout = timeout, .max_open_bundles = 0}};
    x.ask(1);
    REQUIRE(x.sent.size() == 1);
    CHECK(x.sent[0].timeout >= 1ms);
    x.answer_next();
    CHECK(x.ends == texts{"1 inserted"});
  }
}

TEST_CASE("a handler that throws keeps no other from being called",
          "[client][outcomes]") {
  hand_made x;
  {
    const cork held{x.pipeline};
    for (std::uint64_t n = 1; n <= 10; ++n)
      if (n == 4 || n == 7)
        x.ask_throwing(n);
      else
        x.ask(n);
  }
  SECTION("when its bundle is answered") {
    CHECK(x.thrown_by([&] { x.answer_next(); }) == "4");
  }
  SECTION("when its bundle fails") {
    CHECK(x.thrown_by([&] { x.fail_next(errc::not_stored); }) == "4");
  }
  SECTION("when its bundle's answer does not fit") {
    const auto next = x.take();
    bundle_reply short_reply;
    CHECK(x.thrown_by([&] { x.pipeline.answered(*next.to, short_reply); })
          == "4");
  }
  REQUIRE(x.ends.size() == 10);
  CHECK(x.ends[3] == "4 thrown");
  CHECK(x.ends[9].starts_with("10 "));
  CHECK(x.pipeline.num_open() == 0);
  x.ask(11);
  x.answer_next();
  CHECK(x.ends.back() == "11 inserted");
}

TEST_CASE("a handler that throws keeps nothing from being sent",
          "[client][outcomes]") {
  hand_made x;
  x.ask_throwing(1);
  x.ask(2);
  x.ask_throwing(3);
  CHECK(x.thrown_by([&] { x.answer_next(); }) == "1");
  REQUIRE(x.sent.size() == 2);
  // Also one of those whose time is up unsent.
  x.ask_throwing(4);
  x.ask(5);
  x.clock.advance(2s);
  CHECK(x.thrown_by([&] { x.fail_next(errc::timed_out); }) == "4");
  CHECK(x.ends == texts{"1 thrown", "2 timed_out", "4 thrown", "5 timed_out"});
  CHECK(x.pipeline.num_open() == 1);
}

TEST_CASE("an outcome that is not to be heard needs no handler", "[client]") {
  hand_made x;
  x.pipeline.ask<record_enqueue>(enqueue(1), nullptr);
  x.answer_next();
  CHECK(x.pipeline.num_open() == 0);
}

TEST_CASE("promise 2, outcomes: what a newer version says is unknown",
          "[client][promise-2]") {
  hand_made x;
  {
    const cork held{x.pipeline};
    for (std::uint64_t n = 1; n <= 3; ++n)
      x.ask(n);
  }
  const auto next = x.take();
  bundle_reply reply;
  reply.outcomes = {0, 77, bundle_reply::failed};
  reply.failures.push_back({2, static_cast<errc>(200), "quota"});
  x.pipeline.answered(*next.to, reply);
  CHECK(x.ends == texts{"1 inserted", "2 outcome_unknown", "3 invalid(200)"});
  CHECK(certainty_of(static_cast<errc>(200)) == certainty::unknown);
}
