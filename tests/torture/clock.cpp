// Row 16: the wall clock goes back a day, forward a year or stands still while
// clients write and retention ticks. Nothing goes before its window has passed
// on the steady clock, and the times of a row stay in order.

#include <array>
#include <atomic>
#include <map>
#include <thread>

#include "support/fake_clock.hpp"
#include "support/pipeline.hpp"
#include "support/temp_dir.hpp"
#include "torture/rows.hpp"
#include "waybill/json.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using steady_point = std::chrono::steady_clock::time_point;

constexpr auto retained = hours{7 * 24};
constexpr auto day = hours{24};
constexpr auto year = hours{365 * 24};

class scenario {
public:
  scenario(report& r, std::uint64_t part)
    : report_{r}, random_{r.random(part)} {
    options_.file = dir_ / "track.db";
    options_.retention_interval = milliseconds{100}; // of real time
    options_.on_notice = [](severity, const std::string&) {};
    options_.clock = clock_.source();
    // Only retention looks at the steady clock, once a tick.
    options_.clock.steady = [this, steady = options_.clock.steady] {
      ++looks_;
      return steady();
    };
  }

  void run(int steps) {
    auto running = start(system_, options_);
    pipeline to{system_, running.tracker()};
    for (int i = 0; i < steps; ++i) {
      write(to);
      move_clock();
      // A purge that was sent before the clock went back does not know of it:
      // what ends while that one is at work is excluded (docs/architecture.md).
      wait_for_tick(to);
      write(to);
      check(to);
      report_.tried();
    }
    // Once the clock goes well again, everything that is finished goes.
    for (int i = 0; i < 4; ++i) {
      clock_.advance(60 * year);
      wait_for_tick(to);
    }
    check(to);
    for (const auto& [n, x] : known_)
      if (x.finished)
        violated(n, "is kept for ever");
    running.stop();
  }

  [[nodiscard]] std::int64_t purged() const { return purged_; }
  [[nodiscard]] std::int64_t finished() const { return finished_; }

private:
  struct operation {
    std::optional<tracking_status_snapshot> last;
    // When it was finished, on the steady clock; and for what it was.
    std::optional<steady_point> finished;
    tracking_status end = tracking_status::submitted;
  };

  std::uint64_t any(std::uint64_t n) { return random_() % n; }

  void violated(std::uint64_t n, const std::string& what) {
    const auto& x = known_[n];
    report_.violation("operation " + std::to_string(n) + " " + what
                      + (x.last ? ": " + to_string(*x.last) : ""));
  }

  [[nodiscard]] steady_point steady() const { return clock_.source().steady(); }

  // New operations come, others go on or end, finished ones are left alone.
  void write(pipeline& to) {
    struct ended {
      std::uint64_t n;
      tracking_status status;
    };
    std::vector<std::optional<ended>> sent;
    for (int i = 0; i < 30; ++i) {
      if (i < 6) {
        to.send(enqueue(++last_));
        known_[last_];
        sent.emplace_back();
        continue;
      }
      const auto n = last_ - any(std::min<std::uint64_t>(last_, 40));
      if (!known_.contains(n) || any(2) == 0) {
        to.send(attempt(n, static_cast<std::int32_t>(any(9))));
        sent.emplace_back();
      } else {
        const auto status = terminal_statuses[any(4)];
        to.send(terminal(n, status));
        sent.emplace_back(ended{n, status});
      }
    }
    for (const auto& x : sent) {
      const auto reply = to.receive();
      if (std::holds_alternative<failure>(reply)) {
        report_.violation("a request was not answered with a reply");
        continue;
      }
      if (!x)
        continue;
      auto& known = known_[x->n];
      const auto outcome = std::get<update_reply>(reply).outcome;
      if (outcome == update_outcome::not_found)
        continue; // purged; check() says whether it was due
      if ((outcome == update_outcome::applied) == known.finished.has_value())
        violated(x->n, "was finished twice or never");
      if (outcome == update_outcome::applied) {
        known.finished = steady();
        known.end = x->status;
        ++finished_;
      }
    }
  }

  void move_clock() {
    const auto passing = minutes{any(36 * 60)};
    clock_.advance(passing);
    switch (any(8)) {
      case 0:
        clock_.jump(-day);
        break;
      case 1:
        clock_.jump(year);
        break;
      case 2:
        clock_.jump(-year);
        break;
      case 3: // it has stood still
        clock_.jump(-passing);
        break;
      case 4:
        clock_.jump(minutes{59});
        break;
      default:
        break;
    }
  }

  // Until retention has looked at the clocks as they are now, and purged.
  void wait_for_tick(pipeline& to) {
    const auto before = looks_.load();
    const auto end = std::chrono::steady_clock::now()
                     + std::chrono::seconds{30};
    while (looks_ < before + 2) {
      if (std::chrono::steady_clock::now() > end)
        throw std::runtime_error{"retention does not tick"};
      std::this_thread::sleep_for(milliseconds{2});
    }
    // Purges take their turns: this one ends after those of retention.
    to.send(purge_before(min_timestamp));
    to.receive();
  }

  void check(pipeline& to) {
    std::vector<std::uint64_t> asked;
    for (const auto& [n, x] : known_) {
      to.send(status_of(n));
      asked.push_back(n);
    }
    for (const auto n : asked) {
      const auto reply = to.receive();
      const auto* const found = std::get_if<status_reply>(&reply);
      if (found == nullptr)
        violated(n, "cannot be asked for");
      else if (found->snapshot)
        check(n, *found->snapshot);
      else
        check_gone(n);
    }
  }

  void check(std::uint64_t n, const tracking_status_snapshot& now) {
    auto& x = known_[n];
    if (now.updated_at < now.created_at
        || (now.terminal_at && *now.terminal_at != now.updated_at)
        || (x.last
            && (now.created_at != x.last->created_at
                || now.updated_at < x.last->updated_at)))
      violated(n, "has times out of order");
    if (x.finished ? now.status != x.end : is_terminal(now.status))
      violated(n, "does not show how it ended first");
    if (x.last && x.last->terminal_at && now != *x.last)
      violated(n, "has changed after its end");
    x.last = now;
  }

  void check_gone(std::uint64_t n) {
    const auto& x = known_[n];
    if (!x.finished)
      violated(n, "has gone in flight");
    else if (steady() - *x.finished < retained)
      violated(n, "has gone after "
                    + to_text(std::chrono::duration_cast<milliseconds>(
                      steady() - *x.finished)));
    known_.erase(n);
    ++purged_;
  }

  report& report_;
  std::mt19937_64 random_;
  const temp_dir dir_;
  fake_clock clock_;
  std::atomic<std::int64_t> looks_{0};
  waybill::options options_;
  actor_config config_;
  caf::actor_system system_{config_};
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, operation> known_;
  std::int64_t purged_ = 0;
  std::int64_t finished_ = 0;
};

} // namespace

void clock_row(report& r) {
  std::atomic<std::int64_t> finished{0};
  std::atomic<std::int64_t> purged{0};
  // They wait for ticks most of the time.
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < r.pick<std::uint64_t>(8, 32); ++i)
    threads.emplace_back([&, i] {
      try {
        scenario x{r, i};
        x.run(r.pick(25, 200));
        finished += x.finished();
        purged += x.purged();
      } catch (const std::exception& e) {
        r.violation(e.what());
      }
    });
  for (auto& each : threads)
    each.join();
  r.require(purged > 0, "nothing was purged at all");
  r.figure(std::to_string(finished) + " operations finished, "
           + std::to_string(purged) + " purged");
}

} // namespace waybill::torture
