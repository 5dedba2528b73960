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

} // namespace

TEST_CASE("health says why storage fails, and that it works again") {
  storage_health health{t0, std::nullopt};
  CHECK(health.state() == health_state::ok);
  CHECK(health.works(false, now).empty());
  CHECK(texts_of(health.failed(full, now)) == texts{is_full});
  health.changed_at(t0 + 1s);
  CHECK(health.cause() == storage_cause::failing);
  auto shown = health.describe();
  CHECK(shown.state == health_state::degraded);
  CHECK(shown.reason == "the disk is full");
  CHECK(shown.since == t0 + 1s);
  CHECK(shown.last_error == "the disk is full");
  CHECK(texts_of(health.works(false, now)) == texts{works_again});
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
  CHECK(texts_of(health.works(true, now)) == texts{is_held});
  CHECK(health.works(true, now).empty());
  CHECK(texts_of(health.failed(full, now)) == texts{is_full});
  SECTION("until something is committed") {
    CHECK(texts_of(health.works(true, now)) == texts{works_again, is_held});
    CHECK(texts_of(health.log_fits(now)) == texts{works_again});
    CHECK(health.state() == health_state::ok);
  }
  SECTION("unless it is emptied meanwhile") {
    CHECK(health.log_fits(now).empty());
    CHECK(health.cause() == storage_cause::failing);
    CHECK(texts_of(health.works(false, now)) == texts{works_again});
  }
  SECTION("unless both end at once") {
    CHECK(texts_of(health.works(false, now)) == texts{works_again});
  }
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
    say(health.works(false, now + passed + 5ms));
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
  CHECK_FALSE(health.works(false, now).empty());
  CHECK(health.failed(full, now + 500ms).empty());
  CHECK(health.failed(full, now + 900ms).empty());
  CHECK(texts_of(health.failed(full, now + 1s)) == texts{is_full});
  CHECK(health.failed(full, now + 1h).empty());
  CHECK(texts_of(health.works(false, now + 1h)) == texts{works_again});
}

TEST_CASE("a failure is told at once that comes long after the one before") {
  storage_health health{t0, std::nullopt};
  for (auto day = 1; day < 9; ++day)
    for (const auto passed : {0s, 2s}) {
      const auto at = now + day * 24h + passed;
      CHECK(texts_of(health.failed(full, at)) == texts{is_full});
      CHECK(texts_of(health.works(false, at)) == texts{works_again});
    }
}

TEST_CASE("a damaged file is told, however often storage has failed before") {
  storage_health health{t0, std::nullopt};
  for (auto n = 0; n < 9; ++n) {
    static_cast<void>(health.failed(full, now));
    static_cast<void>(health.works(false, now));
  }
  CHECK(texts_of(health.failed(damage, now))
        == texts{"storage is failed: page 7 is damaged"});
}

TEST_CASE("a damaged file does not heal") {
  storage_health health{t0, std::nullopt};
  CHECK_FALSE(health.works(true, now).empty());
  CHECK_FALSE(health.failed(full, now).empty());
  const auto told = health.failed(damage, now);
  REQUIRE(told.size() == 1);
  CHECK(told[0].level == severity::error);
  CHECK(told[0].text == "storage is failed: page 7 is damaged");
  CHECK(health.works(false, now).empty());
  CHECK(health.log_fits(now).empty());
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
