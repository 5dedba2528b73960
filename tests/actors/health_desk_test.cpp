// Who hears how storage is: those who ask, those who read, the operator.

#include "support/actors.hpp"
#include "waybill/health_desk.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct health_fixture {
  notices heard;
  fake_clock clock;
  std::shared_ptr<commit_listener> listener
    = std::make_shared<commit_listener>();
  std::shared_ptr<open_breakers> breakers = std::make_shared<open_breakers>();
  std::shared_ptr<health_board> board
    = std::make_shared<health_board>(listener, breakers, 0);
  admission waiting{10, 1'000};
  health_desk desk{make_options(), board, listener, "it died"};

  options make_options() {
    options x;
    x.on_notice = heard.function();
    x.clock = clock.source();
    return x;
  }

  [[nodiscard]] health_reply shown() const { return board->read(waiting); }

  // What a reader is refused with, if it is.
  [[nodiscard]] std::optional<errc> refusal() const {
    try {
      listener->if_allowed([] {});
      return std::nullopt;
    } catch (const store_error& e) {
      return e.code();
    }
  }
};

} // namespace

TEST_CASE_METHOD(health_fixture,
                 "a failure is shown, with its time, and told") {
  CHECK(shown().state == health_state::ok);
  CHECK(shown().last_error == "it died");
  clock.advance(5s);
  desk.failed({errc::not_stored, "a write failed"});
  CHECK(shown().state == health_state::degraded);
  CHECK(shown().reason == "a write failed");
  CHECK(shown().since == clock.source().wall());
  CHECK(heard.all()
        == std::vector<std::string>{"storage is degraded: a write failed"});
  CHECK_FALSE(refusal());
  desk.works({});
  CHECK(shown().state == health_state::ok);
  CHECK(heard.all().back() == "storage works again");
}

TEST_CASE_METHOD(health_fixture, "nothing may be read while it is not known "
                                 "whether it is durable") {
  desk.failed({errc::outcome_unknown, "a sync failed"}, true);
  CHECK(refusal() == errc::not_stored);
  desk.works({});
  CHECK(refusal()); // for the tracker to allow
  listener->allow_reading();
  CHECK_FALSE(refusal());
}

TEST_CASE_METHOD(health_fixture,
                 "damage that a reader has found is new until it "
                 "is shown, and nothing is read any more") {
  CHECK_FALSE(desk.new_damage());
  listener->report_damage({errc::store_corrupt, "page 7 is damaged"});
  const auto damage = desk.new_damage();
  REQUIRE(damage);
  desk.failed(*damage);
  CHECK_FALSE(desk.new_damage());
  CHECK(desk.storage().state() == health_state::failed);
  CHECK(heard.contain("page 7 is damaged"));
  listener->allow_reading();
  CHECK(refusal() == errc::store_corrupt);
}

TEST_CASE_METHOD(health_fixture,
                 "the operator hears of waits for the disk that "
                 "took a second or more") {
  desk.has_waited("a sync", 999ms);
  CHECK(heard.all().empty());
  desk.has_waited("a sync", 1s);
  REQUIRE(heard.all().size() == 1);
  CHECK(heard.contain("the disk is slow: a sync took 1s"));
  CHECK(shown().state == health_state::ok);
}

TEST_CASE_METHOD(health_fixture,
                 "targets that are crowded or paused, or whose breakers are "
                 "open, are shown each once") {
  const target_health plant{.name = "plant", .crowded = "max_calls"};
  const target_health mill{.name = "mill", .paused_since = t0};
  store_condition found;
  found.crowding = "target plant has used four fifths";
  found.targets = {plant, mill};
  desk.works(found);
  CHECK(shown().state == health_state::degraded);
  CHECK(shown().targets == std::vector{plant, mill});
  breakers->set("mill", true);
  breakers->set("saw", true);
  auto both = mill;
  both.breaker_open = true;
  const target_health saw{.name = "saw", .breaker_open = true};
  CHECK(shown().targets == std::vector{plant, both, saw});
  breakers->set("saw", false);
  desk.works({});
  const target_health left{.name = "mill", .breaker_open = true};
  CHECK(shown().targets == std::vector{left});
  for (std::size_t i = 0; i < 2 * limits::max_told_targets; ++i)
    breakers->set("target " + std::to_string(i), true);
  CHECK(shown().targets.size() == limits::max_told_targets);
}
