// When the write-ahead log is looked at.

#include <algorithm>
#include <vector>

#include "support/catch.hpp"
#include "waybill/log_watch.hpp"

using namespace waybill;
using namespace std::chrono_literals;

namespace {

// Looks at a log when it has committed, and when its timer runs out.
struct log_keeping_tracker {
  log_watch watch;
  log_watch::condition log;
  std::chrono::milliseconds takes = 0ms; // each look

  std::chrono::milliseconds now = 0ms;
  std::optional<std::chrono::milliseconds> timer;
  std::vector<std::chrono::milliseconds> looks; // when each began

  void commit() {
    if (watch.has_timer())
      return;
    looks.push_back(now);
    now += takes;
    if (const auto delay = watch.after(log, takes))
      timer = now + *delay;
  }

  void pass_until(std::chrono::milliseconds end) {
    while (timer && *timer <= end) {
      now = *timer;
      timer.reset();
      watch.wake();
      commit();
    }
    now = std::max(now, end);
  }

  // Commits every 10 ms.
  void work_until(std::chrono::milliseconds end) {
    while (now < end) {
      commit();
      pass_until(now + 10ms);
    }
  }
};

using times = std::vector<std::chrono::milliseconds>;

} // namespace

TEST_CASE("a log that is well is looked at after each commit, and only then") {
  log_keeping_tracker x;
  x.work_until(30ms);
  x.pass_until(1h);
  CHECK(x.looks == times{0ms, 10ms, 20ms});
}

TEST_CASE("a log that a reader holds is looked at every 200 ms, with commits "
          "and without, until the reader has left") {
  log_keeping_tracker x;
  x.log.is_held = true;
  SECTION("with commits") {
    x.work_until(500ms);
  }
  SECTION("without") {
    x.commit();
    x.pass_until(500ms);
  }
  CHECK(x.looks == times{0ms, 200ms, 400ms});
  x.log.is_held = false;
  x.pass_until(1h);
  CHECK(x.looks.back() == 600ms);
  x.commit();
  CHECK(x.looks.back() == 1h);
}

TEST_CASE("a log that cannot be copied is tried again every 200 ms, or for a "
          "tenth of the time if the disk takes long to fail") {
  log_keeping_tracker x;
  x.log.cannot_be_copied = true;
  SECTION("quickly") {
    x.takes = 1ms;
    x.work_until(500ms);
    CHECK(x.looks == times{0ms, 201ms, 402ms});
  }
  SECTION("slowly") {
    x.takes = 100ms;
    x.work_until(3s);
    CHECK(x.looks == times{0ms, 1'100ms, 2'200ms});
  }
}

TEST_CASE("a look that took long does not put the next one off while a reader "
          "holds the log") {
  log_keeping_tracker x;
  x.log.is_held = true;
  x.takes = 100ms;
  x.work_until(850ms);
  CHECK(x.looks == times{0ms, 300ms, 600ms});
}

TEST_CASE("totals that wait are looked at ten seconds later, whatever the log "
          "needs, and those that do not are not") {
  log_watch x;
  CHECK(x.after_totals(false) == std::nullopt);
  CHECK_FALSE(x.totals_have_timer());
  CHECK(x.after_totals(true) == 10s);
  CHECK(x.totals_have_timer());
  CHECK_FALSE(x.has_timer());
  CHECK(x.after({.is_held = true}, 1ms) == 200ms);
  x.wake_for_totals();
  CHECK(x.has_timer());
  CHECK_FALSE(x.totals_have_timer());
}
