// Row 10: the tracking actor dies at every step of a batch.
//
// A step is a look at the clock (one for each request) or a call of SQLite to
// its VFS (in BEGIN, COMMIT, checkpoints, and closing). At step N of a run the
// actor throws, or finds an exit message; N grows until the batch is over
// before. The oracle is what the answers said.

#include <algorithm>
#include <deque>
#include <thread>

#include "support/actors.hpp"
#include "support/answer_sink.hpp"
#include "support/fault_vfs.hpp"
#include "torture/rows.hpp"
#include "waybill/operation_tracking_store.hpp"

namespace waybill::torture {

namespace {

using namespace waybill::test;

enum class death { killed, told_to_exit, throws };
enum class place { clock, storage };

const char* name_of(death how) {
  switch (how) {
    case death::killed:
      return "killed";
    case death::told_to_exit:
      return "told to exit";
    default:
      return "throws";
  }
}

// Numbers of operations: each request of the batch has its own.
constexpr std::uint64_t due = 100;    // terminal, to be purged
constexpr std::uint64_t flying = 200; // get an attempt
constexpr std::uint64_t ending = 300; // get their end
constexpr std::uint64_t coming = 400; // are enqueued
constexpr std::uint64_t each = 8;     // of each sort
constexpr auto answer_limit = std::chrono::milliseconds{1'000};

std::optional<tracking_status_snapshot>
look_up(caf::actor_system& system, const service& running, std::uint64_t n) {
  return ask(system, running.tracker(), status_of(n)).snapshot;
}

// Waits for the tracking actor that comes after the dead one.
// @returns why it has not come in time; empty if it has.
std::string comes_back(caf::actor_system& system, const service& running,
                       std::int64_t restarts) {
  std::string last;
  const auto back = eventually(
    [&] {
      try {
        const auto x = ask(system, running.tracker(), get_health{});
        last = "it is " + std::string{to_string(x.state)} + " after "
               + std::to_string(x.restarts) + " restarts of "
               + std::to_string(restarts) + ": " + x.reason;
        return x.restarts >= restarts && x.state == health_state::ok;
      } catch (const request_error& e) {
        last = e.what();
        return false;
      }
    },
    std::chrono::seconds{20});
  return back ? std::string{} : last;
}

class death_run {
public:
  death_run(report& r, caf::actor_system& system, death how, place where,
            std::int64_t step, std::atomic<std::uint32_t>& slowest)
    : report_{r},
      system_{system},
      how_{how},
      where_{where},
      step_{step},
      slowest_us_{slowest} {
    vfs_.real_syncs = false;
    vfs_.before = [this](const io_call&) {
      if (where_ == place::storage && takes_step())
        die();
      return SQLITE_OK;
    };
  }

  /// @returns false if the batch was over before that step.
  bool run() {
    options x;
    x.file = dir_ / "track.db";
    x.vfs = vfs_.name();
    x.purge_chunk_rows = 3;
    x.max_batch = 16; // the batch is cut once, and once by its message
    x.on_notice = nullptr;
    x.clock.wall = [this] {
      if (where_ == place::clock && takes_step()) {
        if (how_ == death::throws)
          throw std::runtime_error{"the clock has stopped"};
        die();
      }
      return timestamp::now();
    };
    auto running = start(system_, x);
    tracker_ = running.tracker();
    behind_gate_ = tracker_behind(system_, tracker_);
    prepare();

    armed_ = true;
    answer_sink answers{system_, 5 * each + 2};
    std::size_t n = 0;
    for (std::uint64_t i = 0; i < each; ++i) {
      answers.send(tracker_, n++, enqueue(coming + i));
      answers.send(tracker_, n++, attempt(flying + i, 1));
      answers.send(tracker_, n++, terminal(ending + i));
      answers.send(tracker_, n++, status_of(coming + i));
      if (i == each / 2)
        answers.send(tracker_, n++, purge_before(later_));
      answers.send(tracker_, n++, get_counts{});
    }
    answers.send(tracker_, n++, get_health{});
    if (!answers.await(n, 10 * answer_limit))
      violation(std::to_string(n - answers.answered())
                + " requests were never answered");
    armed_ = false;
    check_answers(answers, n);
    const auto died = steps_ >= step_;
    const auto why = died ? comes_back(system_, running, 1) : std::string{};
    if (!why.empty())
      violation("the tracker did not come back: " + why);
    else
      check_rows(running, answers);
    tracker_ = tracking_actor{};
    if (!running.stop())
      violation("the service did not stop in time");
    return died;
  }

private:
  bool takes_step() { return armed_ && ++steps_ == step_; }

  void die() {
    caf::anon_send_exit(behind_gate_, how_ == death::killed
                                        ? caf::exit_reason::kill
                                        : caf::exit_reason::user_shutdown);
  }

  void prepare() {
    std::vector<record_enqueue> first;
    for (const auto group : {due, flying, ending})
      for (std::uint64_t i = 0; i < each; ++i)
        first.push_back(enqueue(group + i));
    send_all(system_, tracker_, first);
    std::vector<record_terminal> ends;
    for (std::uint64_t i = 0; i < each; ++i)
      ends.push_back(terminal(due + i));
    send_all(system_, tracker_, ends);
    later_ = timestamp::now();
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }

  void check_answers(const answer_sink& answers, std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
      const auto& x = answers[n];
      if (x.times > 1)
        violation("request " + std::to_string(n) + " was answered "
                  + std::to_string(x.times) + " times");
      if (x.us > std::chrono::microseconds{answer_limit}.count())
        violation("request " + std::to_string(n) + " was answered after "
                  + std::to_string(x.us / 1'000) + " ms");
      slowest_us_ = std::max(slowest_us_.load(), x.us.load());
    }
  }

  // What was done must be there, what was refused must not.
  void check_rows(const service& running, const answer_sink& answers) {
    std::size_t n = 0;
    for (std::uint64_t i = 0; i < each; ++i) {
      const auto come = look_up(system_, running, coming + i);
      agree(answers[n++], come.has_value(), "enqueue", i);
      const auto flown = look_up(system_, running, flying + i);
      agree(answers[n++], flown && flown->retry_count == 1, "attempt", i);
      const auto ended = look_up(system_, running, ending + i);
      agree(answers[n++], ended && is_terminal(ended->status), "terminal", i);
      if (!flown || !ended)
        violation("an operation in flight is gone");
      ++n; // a question
      if (i == each / 2)
        check_purge(running, answers[n++]);
      ++n; // another
      // Repeating it leads to the one right state.
      const auto again = ask(system_, running.tracker(), enqueue(coming + i));
      if ((again.outcome == enqueue_outcome::duplicate) != come.has_value())
        violation("an enqueue repeated does not agree with what was stored");
    }
  }

  void check_purge(const service& running, const seen_answer& x) {
    std::uint64_t left = 0;
    for (std::uint64_t i = 0; i < each; ++i)
      left += look_up(system_, running, due + i) ? 1U : 0U;
    if (x.done() && left != 0)
      violation("a purge that was done has left rows");
    if (x.refused() && left != each)
      violation("a purge that was refused has deleted rows");
  }

  void agree(const seen_answer& x, bool stored, const char* what,
             std::uint64_t i) {
    if (x.done() && !stored)
      violation(std::string{what} + " " + std::to_string(i)
                + " was answered as done and is not there");
    if (x.refused() && stored)
      violation(std::string{what} + " " + std::to_string(i)
                + " was refused and is there");
  }

  void violation(const std::string& what) {
    report_.violation(
      std::string{name_of(how_)} + " at step " + std::to_string(step_)
      + (where_ == place::clock ? " of the clock: " : " of storage: ") + what);
  }

  report& report_;
  caf::actor_system& system_;
  const death how_;
  const place where_;
  const std::int64_t step_;
  std::atomic<std::uint32_t>& slowest_us_;
  temp_dir dir_;
  fault_vfs vfs_;
  tracking_actor tracker_;
  caf::actor behind_gate_; // whom an exit message from a stranger ends
  timestamp later_;
  std::atomic<bool> armed_{false};
  std::atomic<std::int64_t> steps_{0};
};

// Many clients without a pause, and deaths at moments that nobody chose.
void storm(report& r, caf::actor_system& system, std::uint64_t part,
           std::chrono::milliseconds how_long,
           std::atomic<std::uint32_t>& slowest_us) {
  constexpr std::size_t clients = 4;
  constexpr std::size_t most = 200'000; // for each
  const temp_dir dir;
  fault_vfs vfs;
  vfs.real_syncs = false; // answers are timed, not disks
  options x;
  x.file = dir / "track.db";
  x.vfs = vfs.name();
  x.on_notice = nullptr;
  // A queue that is a second long beside other rows says nothing about deaths.
  x.max_waiting_requests = 8'192;
  auto running = start(system, x);
  std::vector<std::unique_ptr<answer_sink>> sinks;
  std::vector<std::size_t> sent(clients);
  for (std::size_t c = 0; c < clients; ++c)
    sinks.push_back(std::make_unique<answer_sink>(system, most));
  const auto end = std::chrono::steady_clock::now() + how_long;
  {
    std::vector<std::jthread> threads;
    for (std::size_t c = 0; c < clients; ++c)
      threads.emplace_back([&, c] {
        auto& n = sent[c];
        while (std::chrono::steady_clock::now() < end && n + 64 < most) {
          for (int burst = 0; burst < 64; ++burst, ++n)
            sinks[c]->send(running.tracker(), n, enqueue(c * most + n));
          std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
      });
    auto random = r.random(part);
    std::int64_t deaths = 0;
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds{
        std::uniform_int_distribution{1, 40}(random)});
      caf::anon_send_exit(tracker_behind(system, running.tracker()),
                          random() % 2 == 0 ? caf::exit_reason::kill
                                            : caf::exit_reason::user_shutdown);
      const auto why = comes_back(system, running, ++deaths);
      if (!why.empty())
        return r.violation(
          "the tracker did not come back after a random death: " + why);
      r.tried();
    }
  }
  for (std::size_t c = 0; c < clients; ++c)
    if (!sinks[c]->await(sent[c], std::chrono::seconds{10}))
      r.violation(std::to_string(sent[c] - sinks[c]->answered())
                  + " requests were never answered in the storm");
  running.stop();
  operation_tracking_store store{{.file = x.file, .vfs = {}}};
  for (std::size_t c = 0; c < clients; ++c)
    for (std::size_t n = 0; n < sent[c]; ++n) {
      const auto& answer = (*sinks[c])[n];
      slowest_us = std::max(slowest_us.load(), answer.us.load());
      if (answer.times != 1)
        r.violation("a request of the storm was answered "
                    + std::to_string(answer.times) + " times");
      if (answer.us > std::chrono::microseconds{answer_limit}.count())
        r.violation("a request of the storm was answered after "
                    + std::to_string(answer.us / 1'000) + " ms");
      const auto stored
        = store.get_status(status_of(c * most + n), t0).snapshot.has_value();
      if (answer.done() && !stored)
        r.violation("a request of the storm was done and is not there");
      if (answer.refused() && stored)
        r.violation("a request of the storm was refused and is there");
    }
}

} // namespace

void actor_death(report& r) {
  actor_config config;
  caf::actor_system system{config};
  std::atomic<std::uint32_t> slowest_us{0};
  std::int64_t steps = 0;
  // In the full run each step is met many times, at other moments.
  for (int round = 0; round < r.pick(1, 15); ++round)
    for (const auto where : {place::clock, place::storage})
      for (const auto how :
           {death::killed, death::told_to_exit, death::throws}) {
        if (where == place::storage && how == death::throws)
          continue; // SQLite is C; nothing may be thrown through it
        sweep([&](std::int64_t step) {
          death_run one{r, system, how, where, step, slowest_us};
          if (!one.run())
            return false;
          ++steps;
          r.tried();
          return true;
        });
      }
  r.figure(std::to_string(steps) + " steps of a batch");
  for (int round = 0; round < r.pick(12, 300); ++round)
    storm(r, system, static_cast<std::uint64_t>(round),
          std::chrono::milliseconds{400}, slowest_us);
  r.figure("slowest answer " + std::to_string(slowest_us / 1'000) + " ms");
}

} // namespace waybill::torture
