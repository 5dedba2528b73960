// What ails storage: which of several causes is shown, and when the tracker
// tries again.

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/requests.hpp"
#include "waybill/storage_health.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

const store_error full{errc::store_full, "the disk is full"};
const storage_health::time_point now{1h};
const store_error damage{errc::store_corrupt, "page 7 is damaged"};

const store_condition fits;
const store_condition held{true, std::nullopt};
const store_condition stuck{false, "the log cannot be copied"};

std::vector<std::string> texts_of(const storage_health::notices& all) {
  std::vector<std::string> texts;
  for (const auto& each : all)
    texts.push_back(each.text);
  return texts;
}

using texts = std::vector<std::string>;

const std::string works_again = "storage works again";
const std::string is_full = "storage is degraded: the disk is full";
const std::string is_held = "storage is degraded: a reader keeps the "
                            "write-ahead log from being emptied";
const std::string is_stuck = "storage is degraded: the log cannot be copied";

} // namespace

TEST_CASE("health says why storage fails, and that it works again") {
  storage_health health{t0, std::nullopt};
  CHECK(health.state() == health_state::ok);
  CHECK(health.works(fits, now).empty());
  CHECK(texts_of(health.failed(full, now)) == texts{is_full});
  health.changed_at(t0 + 1s);
  CHECK(health.cause() == storage_cause::failing);
  auto shown = health.describe();
  CHECK(shown.state == health_state::degraded);
  CHECK(shown.reason == "the disk is full");
  CHECK(shown.since == t0 + 1s);
  CHECK(shown.last_error == "the disk is full");
  CHECK(texts_of(health.works(fits, now)) == texts{works_again});
  shown = health.describe();
  CHECK(shown.state == health_state::ok);
  CHECK(shown.reason.empty());
  CHECK(shown.last_error == "the disk is full");
}

TEST_CASE("the first failure stays the reason, the last one is told, too") {
  storage_health health{t0, "it died"};
  CHECK_FALSE(health.failed(full, now).empty());
  CHECK(health.failed({errc::not_stored, "it cannot be written"}, now).empty());
  auto shown = health.describe();
  CHECK(shown.reason == "the disk is full");
  CHECK(shown.last_error == "it cannot be written");
}

TEST_CASE("a failure is shown before a log that is held, which stays") {
  storage_health health{t0, std::nullopt};
  CHECK(texts_of(health.works(held, now)) == texts{is_held});
  CHECK(health.works(held, now).empty());
  CHECK(texts_of(health.failed(full, now)) == texts{is_full});
  SECTION("until something is committed") {
    CHECK(texts_of(health.works(held, now)) == texts{works_again, is_held});
    CHECK(texts_of(health.store_is(fits, now)) == texts{works_again});
    CHECK(health.state() == health_state::ok);
  }
  SECTION("unless it is emptied meanwhile") {
    CHECK(health.store_is(fits, now).empty());
    CHECK(health.cause() == storage_cause::failing);
    CHECK(texts_of(health.works(fits, now)) == texts{works_again});
  }
  SECTION("unless both end at once") {
    CHECK(texts_of(health.works(fits, now)) == texts{works_again});
  }
}

TEST_CASE("a log that cannot be copied is shown before one that is held, and "
          "behind a failure") {
  storage_health health{t0, std::nullopt};
  CHECK(texts_of(health.works(held, now)) == texts{is_held});
  CHECK(health.take_change());
  CHECK(texts_of(health.store_is(stuck, now)) == texts{is_stuck});
  CHECK(health.take_change());
  CHECK(health.state() == health_state::degraded);
  CHECK(health.describe().reason == "the log cannot be copied");
  CHECK(health.describe().last_error == "the log cannot be copied");
  SECTION("until it can be") {
    CHECK(health.store_is(stuck, now).empty());
    CHECK(texts_of(health.store_is(held, now)) == texts{works_again, is_held});
    CHECK(texts_of(health.store_is(fits, now)) == texts{works_again});
    CHECK(health.describe().last_error == "the log cannot be copied");
  }
  SECTION("not only until something is committed") {
    CHECK(health.works(stuck, now).empty());
    CHECK(texts_of(health.failed(full, now)) == texts{is_full});
    CHECK(texts_of(health.works(stuck, now)) == texts{works_again, is_stuck});
    CHECK(health.cause() == storage_cause::checkpoint_failing);
  }
  SECTION("and what is written to try storage again does not make it longer") {
    CHECK_FALSE(health.next_try(false));
    static_cast<void>(health.failed(full, now));
    CHECK(health.next_try(false) == 20ms);
    static_cast<void>(health.works(stuck, now));
    health.begin_try();
    CHECK_FALSE(health.next_try(false));
  }
}

TEST_CASE("nobody is told that storage works while the log cannot be copied") {
  storage_health health{t0, std::nullopt};
  for (auto n = 0; n < 3; ++n) {
    static_cast<void>(health.failed(full, now));
    static_cast<void>(health.works(fits, now));
  }
  static_cast<void>(health.store_is(stuck, now));
  CHECK(health.catch_up(now + 1h).empty());
  static_cast<void>(health.store_is(fits, now + 1h));
  CHECK_FALSE(health.catch_up(now + 1h).empty());
}

TEST_CASE("storage that fails again and again is told ever later, and how "
          "often it did") {
  storage_health health{t0, std::nullopt};
  std::vector<std::string> told;
  const auto say = [&](const storage_health::notices& all) {
    for (const auto& each : all)
      told.push_back(each.text);
  };
  for (auto passed = 0ms; passed < 60s; passed += 10ms) {
    say(health.failed(full, now + passed));
    CHECK(health.state() == health_state::degraded);
    CHECK(health.take_change());
    say(health.works(fits, now + passed + 5ms));
    CHECK(health.state() == health_state::ok);
    CHECK(health.take_change());
  }
  // At 0, 1, 3, 7, 15 and 31 s.
  REQUIRE(told.size() == 12);
  CHECK(told[0] == is_full);
  CHECK(told[1] == works_again);
  CHECK(told[2]
        == is_full + "; so it was 99 times more since that was last told");
  CHECK(told[3] == works_again);
  CHECK(told[10].find("1599 times") != std::string::npos);

  // What went untold is told when it is due, also if it works since.
  CHECK(health.next_try(false) == 500ms);
  CHECK(health.catch_up(now + 62s).empty());
  CHECK(texts_of(health.catch_up(now + 63s))
        == texts{"storage works, but was degraded 2899 times since that was "
                 "last told"});
  health.begin_try();
  CHECK_FALSE(health.next_try(false));
}

TEST_CASE("storage that goes on failing is told when its time has come") {
  storage_health health{t0, std::nullopt};
  CHECK_FALSE(health.failed(full, now).empty());
  CHECK_FALSE(health.works(fits, now).empty());
  CHECK(health.failed(full, now + 500ms).empty());
  CHECK(health.failed(full, now + 900ms).empty());
  CHECK(texts_of(health.failed(full, now + 1s)) == texts{is_full});
  CHECK(health.failed(full, now + 1h).empty());
  CHECK(texts_of(health.works(fits, now + 1h)) == texts{works_again});
}

TEST_CASE("a failure is told at once that comes long after the one before") {
  storage_health health{t0, std::nullopt};
  for (auto day = 1; day < 9; ++day)
    for (const auto passed : {0s, 2s}) {
      const auto at = now + day * 24h + passed;
      CHECK(texts_of(health.failed(full, at)) == texts{is_full});
      CHECK(texts_of(health.works(fits, at)) == texts{works_again});
    }
}

TEST_CASE("a damaged file is told, however often storage has failed before") {
  storage_health health{t0, std::nullopt};
  for (auto n = 0; n < 9; ++n) {
    static_cast<void>(health.failed(full, now));
    static_cast<void>(health.works(fits, now));
  }
  CHECK(texts_of(health.failed(damage, now))
        == texts{"storage is failed: page 7 is damaged"});
}

TEST_CASE("a damaged file does not heal") {
  storage_health health{t0, std::nullopt};
  CHECK_FALSE(health.works(held, now).empty());
  CHECK_FALSE(health.failed(full, now).empty());
  const auto told = health.failed(damage, now);
  REQUIRE(told.size() == 1);
  CHECK(told[0].level == severity::error);
  CHECK(told[0].text == "storage is failed: page 7 is damaged");
  CHECK(health.works(fits, now).empty());
  CHECK(health.store_is(fits, now).empty());
  CHECK(health.failed(full, now).empty());
  CHECK(health.state() == health_state::failed);
  CHECK(health.reason() == "page 7 is damaged");
  CHECK_FALSE(health.next_try(false));
}

TEST_CASE("what is no store any more counts as damaged") {
  storage_health health{t0, std::nullopt};
  CHECK_FALSE(health.failed({errc::not_a_store, "it is a text"}, now).empty());
  CHECK(health.cause() == storage_cause::damaged);
}

TEST_CASE("failed storage is tried again ever later, one try at a time") {
  storage_health health{t0, std::nullopt};
  CHECK_FALSE(health.next_try(false));
  CHECK_FALSE(health.failed(full, now).empty());
  CHECK(health.next_try(false) == 20ms);
  CHECK_FALSE(health.next_try(true)); // one is to come
  for (const auto delay : {40ms, 80ms, 160ms, 320ms, 500ms, 500ms}) {
    health.begin_try();
    health.back_off();
    CHECK(health.next_try(false) == delay);
  }
  health.begin_try();
  CHECK(health.next_try(true) == 0ms);
  health.begin_try();
  health.reset_delay();
  CHECK(health.next_try(false) == 20ms);
}
