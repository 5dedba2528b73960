// Where calls wait between two attempts, and which come before others.

#include <type_traits>

#include "support/fake_clock.hpp"
#include "support/forwarding.hpp"
#include "waybill/waiting_calls.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct waiting_fixture {
  fake_clock clock;
  const forward_options options = [this] {
    forward_options x;
    x.target = "plant";
    x.max_heads = 100;
    x.clock = clock.source();
    return x;
  }();
  timer_queue timers;
  call_buffer calls{100, timers};
  discard_desk discards{100};
  waiting_calls waiting{options, calls, discards, timers};

  // The store has been asked for all that it has.
  waiting_fixture() {
    waiting.opened(1);
    const find_reply nothing{.heads = {}, .cursor = 0, .complete = true};
    while (const auto question = waiting.next_question())
      std::visit(
        [&]<class Question>(const Question& x) {
          if constexpr (std::is_same_v<typename Question::reply, find_reply>)
            waiting.found(x, nothing);
        },
        *question);
  }

  template <class Question>
  Question next() {
    const auto question = waiting.next_question();
    REQUIRE(question.has_value());
    REQUIRE(std::holds_alternative<Question>(*question));
    return std::get<Question>(*question);
  }

  static call_head head_of(std::int64_t seq, std::uint64_t n) {
    return {.seq = seq, .id = id_of(n)};
  }

  static find_reply found(const call_head& x) {
    return {.heads = {x}, .cursor = x.seq, .complete = true};
  }

  static calls_requeued news(std::uint64_t n, std::uint64_t as,
                             std::optional<std::string> key = std::nullopt) {
    requeue_result x;
    x.id = id_of(n);
    x.outcome = requeue_outcome::requeued;
    x.successor = id_of(as);
    x.order_key = std::move(key);
    return {{x}};
  }

  // The store is asked for the status of `n`.
  get_status doubt_about(std::uint64_t n) {
    auto asked = next<get_status>();
    CHECK(asked.id == id_of(n));
    return asked;
  }

  static status_reply in_status(std::uint64_t n, tracking_status status) {
    tracking_status_snapshot x;
    x.id = id_of(n);
    x.status = status;
    return {x};
  }

  call_phase phase_of(std::uint64_t n) {
    const auto* const c = calls.find(id_of(n));
    REQUIRE(c != nullptr);
    return c->phase;
  }
};

} // namespace

TEST_CASE_METHOD(waiting_fixture,
                 "promise 14, order: a requeued call comes before a later one "
                 "of its key that is taken, and not due, before it is read",
                 "[requeue][promise-14]") {
  // Nobody has the key when this is told.
  waiting.requeued(news(1, 101, "line 7"));
  const auto asked = next<find_calls>();
  forward_call x;
  x.id = id_of(2);
  x.due = at(600);
  x.order_key = "line 7";
  auto later = head_of(2, 2);
  later.due = x.due;
  later.order_key = x.order_key;
  auto& c = calls.add(x.id);
  CHECK_FALSE(waiting.comes_first(c, x));
  waiting.note(c, later);
  waiting.wait_as_new(c);
  REQUIRE(phase_of(2) == call_phase::backing_off);
  auto successor = head_of(3, 101);
  successor.order_key = x.order_key;
  successor.requeued = true;
  waiting.found(asked, found(successor));
  waiting.found(next<find_keyed>(), found(successor));
  CHECK(phase_of(101) == call_phase::ready);
  CHECK(calls.find(id_of(2)) == nullptr);
}

TEST_CASE_METHOD(waiting_fixture,
                 "a requeued call waits while an attempt runs of one before "
                 "it, however often it is requeued meanwhile",
                 "[requeue][promise-13]") {
  auto& first = calls.add(id_of(1));
  calls.enter(first, call_phase::delivering);
  first.at_work.emplace();
  waiting.requeued(news(1, 101));
  waiting.found(next<find_calls>(), found(head_of(2, 101)));
  CHECK(phase_of(101) == call_phase::held);
  waiting.requeued(news(101, 102));
  waiting.found(next<find_calls>(), found(head_of(3, 102)));
  CHECK(phase_of(102) == call_phase::held);
  // The one between them is not kept once it is certain that it has ended.
  CHECK(phase_of(101) == call_phase::held);
  waiting.found(doubt_about(101), in_status(101, tracking_status::parked));
  CHECK(calls.find(id_of(101)) == nullptr);
  waiting.go_on();
  CHECK(phase_of(102) == call_phase::held);
  first.at_work.reset(); // the attempt has ended
  waiting.go_on();
  CHECK(phase_of(102) == call_phase::ready);
}

TEST_CASE_METHOD(
  waiting_fixture,
  "when a call is discarded that waits in the store alone, all is "
  "read again, for others with its key may have been passed over",
  "[discard][promise-14]") {
  REQUIRE_FALSE(waiting.next_question());
  waiting.discarded({.ids = {id_of(1)}}); // it had been parked
  REQUIRE_FALSE(waiting.next_question());
  waiting.discarded({.ids = {id_of(1)}, .had_turn = true});
  CHECK(next<find_calls>().after == 0);
}

TEST_CASE_METHOD(waiting_fixture,
                 "a call that is discarded while its retry is reported is "
                 "asked about, and ends with that report",
                 "[discard]") {
  auto& c = calls.add(id_of(1));
  calls.enter(c, call_phase::reporting_retry);
  waiting.discarded({.ids = {id_of(1)}});
  const auto doubt = doubt_about(1);
  CHECK_FALSE(waiting.next_question());
  SECTION("it lasts") {
    waiting.found(doubt, in_status(1, tracking_status::discarded));
    CHECK(c.terminal);
  }
  SECTION("it is undone") {
    waiting.found(doubt, in_status(1, tracking_status::retrying));
    CHECK_FALSE(c.terminal);
  }
  CHECK(phase_of(1) == call_phase::reporting_retry);
}

TEST_CASE_METHOD(waiting_fixture,
                 "a requeued call waits behind an attempt, also when a discard "
                 "of it is undone",
                 "[discard][requeue][promise-13]") {
  auto& first = calls.add(id_of(1));
  calls.enter(first, call_phase::delivering);
  first.at_work.emplace();
  waiting.requeued(news(1, 101));
  waiting.found(next<find_calls>(), found(head_of(2, 101)));
  waiting.discarded({.ids = {id_of(101)}});
  waiting.found(doubt_about(101), in_status(101, tracking_status::submitted));
  CHECK(phase_of(101) == call_phase::held);
}
