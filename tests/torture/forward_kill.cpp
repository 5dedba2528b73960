// Row 20: a process that forwards calls is killed at random moments; whoever
// comes after it is told nothing, and delivers all that was taken. Now and then
// the target is paused: then nobody delivers, neither it nor who comes after.
//
// Who takes and who delivers notes that in a file that they and the parent map.
// It outlives them, and no part of it goes through SQLite.

#include <array>
#include <atomic>
#include <thread>

#include "support/program.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "torture/mapped.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/service.hpp"
#include "waybill/store_reader.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::milliseconds;

constexpr std::uint32_t num_calls = 20'000;
constexpr int kills_per_file = 15;
constexpr std::uint32_t num_keys = 20;
// The target is paused at each of these calls, and for how many.
constexpr std::uint32_t pause_every = 60;
constexpr std::uint32_t paused_calls = 25;

// What the target says to call `n`, and with how many attempts it is through.
struct call_plan {
  std::uint32_t n;

  [[nodiscard]] std::uint32_t failures() const { return n % 5 == 1 ? 2 : 0; }
  [[nodiscard]] bool is_refused() const { return n % 7 == 3; }
  [[nodiscard]] tracking_status end() const {
    return is_refused() ? tracking_status::failed : tracking_status::delivered;
  }
  // Of those with an even number.
  [[nodiscard]] std::uint32_t key() const { return n / 2 % num_keys; }
  [[nodiscard]] std::string payload() const {
    return "call " + std::to_string(n) + std::string(n % 300, '.');
  }

  [[nodiscard]] forward_call call() const {
    forward_call x;
    x.id = id_of(n + 1);
    x.kind = "kind " + std::to_string(n % 7);
    x.payload = payload();
    if (n % 2 == 0)
      x.order_key = "key " + std::to_string(key());
    return x;
  }

  [[nodiscard]] delivery_result result(std::uint32_t attempt) const {
    using kind = delivery_result::kind;
    if (attempt <= failures())
      return {.what = kind::transient, .error = "busy"};
    return {.what = is_refused() ? kind::permanent : kind::delivered};
  }
};

// Made of zeros by the parent.
struct forward_oracle {
  struct call {
    std::atomic<std::uint8_t> taken;     // its sender has been answered
    std::atomic<std::uint32_t> attempts; // begun by the target's function
    std::atomic<std::uint32_t> results;  // of those, that it gave
  };

  std::atomic<std::uint32_t> next;
  std::atomic<std::uint32_t> is_open;
  std::atomic<std::uint32_t> wrong_payloads;
  // The last call of each key that was tried, and how often another one was
  // tried after it than one that was taken later.
  std::array<std::atomic<std::uint32_t>, num_keys> tried;
  std::atomic<std::uint32_t> out_of_order;
  // Whether the target is paused for certain, and no attempt of before runs;
  // how often that was so, and how many attempts have begun meanwhile.
  std::atomic<std::uint32_t> is_paused;
  std::atomic<std::uint32_t> pauses;
  std::atomic<std::uint32_t> begun_paused;
  std::array<call, num_calls> calls;
};

using mapped_forward_oracle = mapped<forward_oracle>;

options store_options_for(const std::string& file) {
  options x;
  x.file = file;
  x.on_notice = [](severity, const std::string&) {};
  return x;
}

forward_options forwarding() {
  forward_options x;
  x.target = "plant";
  x.max_concurrency = 8;
  x.max_heads = 64; // most wait in the store alone
  x.max_interruptions = 1'000;
  x.first_delay = milliseconds{1};
  x.max_delay = milliseconds{4};
  x.breaker_failure_ratio = 0;
  return x;
}

void pause_plant(caf::actor_system& system,
                 const store_and_forward_actor& actor,
                 mapped_forward_oracle& seen) {
  const auto reply = ask(system, actor,
                         pause_target{"plant", "row 20", "to see it"});
  if (reply.outcome == pause_outcome::not_found)
    return; // it has not been opened yet
  while (ask(system, actor, get_backlog{}).delivering > 0)
    std::this_thread::sleep_for(milliseconds{1});
  ++seen->pauses;
  seen->is_paused = 1;
}

// Also what another process has paused, which was killed.
void resume_plant(caf::actor_system& system,
                  const store_and_forward_actor& actor,
                  mapped_forward_oracle& seen) {
  seen->is_paused = 0;
  ask(system, actor, resume_target{"plant"});
}

// Takes calls as fast as it can, and delivers them, until it is killed or all
// are through.
// @param takes whether new ones come.
void forward(const std::string& file, mapped_forward_oracle& seen,
             std::uint32_t cycle, bool takes) {
  actor_config config;
  caf::actor_system system{config};
  auto running = start(system, store_options_for(file));
  const auto actor = running.spawn_store_and_forward(
    forwarding(), [&seen](const forward_call& x) {
      const auto n = static_cast<std::uint32_t>(x.id.low() - id_of(1).low());
      auto& call = seen->calls.at(n);
      if (x.payload != call_plan{n}.payload())
        ++seen->wrong_payloads;
      ++call.attempts;
      seen->begun_paused += seen->is_paused;
      if (x.order_key && seen->tried.at(call_plan{n}.key()).exchange(n) > n)
        ++seen->out_of_order;
      const auto result = call_plan{n}.result(call.results + 1);
      ++call.results;
      return result;
    });
  seen->is_open = cycle;
  while (takes && seen->next < num_calls) {
    const auto n = seen->next++;
    if (n % pause_every == 0)
      pause_plant(system, actor, seen);
    else if (n % pause_every == paused_calls)
      resume_plant(system, actor, seen);
    if (ask(system, actor, call_plan{n}.call()).outcome
        == forward_outcome::accepted)
      seen->calls.at(n).taken = 1;
  }
  resume_plant(system, actor, seen);
  while (ask(system, actor, get_backlog{}).calls > 0)
    std::this_thread::sleep_for(milliseconds{1});
  running.stop();
}

class forward_kill_row {
public:
  explicit forward_kill_row(report& r) : r_{r} {}

  void run() {
    const auto cycles = r_.pick(60, 600);
    for (int done = 0; done < cycles; done += kills_per_file)
      run_file(done);
    r_.figure(std::to_string(taken_) + " calls taken, all through");
    r_.figure(std::to_string(attempts_) + " attempts, of which "
              + std::to_string(interrupted_) + " were interrupted");
    r_.figure(std::to_string(pauses_)
              + " pauses, of which some were kept across a kill");
  }

private:
  struct seen_end {
    bool is_over = false;
    std::uint32_t attempts = 0;
  };

  void run_file(int first) {
    const temp_dir dir;
    const auto file = dir / "track.db";
    const auto oracle_file = dir / "oracle";
    mapped_forward_oracle seen{oracle_file};
    ends_.assign(num_calls, {});
    for (int i = 1; i <= kills_per_file; ++i) {
      auto random = r_.random(static_cast<std::uint64_t>(first + i));
      program child{own_path(),
                    {.arguments = {"--child", "forward-writer", file,
                                   oracle_file, std::to_string(i), "takes"}}};
      while (seen->is_open != static_cast<std::uint32_t>(i)
             && child.is_running())
        std::this_thread::sleep_for(milliseconds{1});
      std::this_thread::sleep_for(milliseconds{random() % 120});
      child.signal(SIGKILL);
      child.wait();
      look(file, seen, first + i);
      r_.tried();
    }
    program last{own_path(),
                 {.arguments = {"--child", "forward-writer", file, oracle_file,
                                "99", "rests"}}};
    r_.require(last.wait() == 0, "the last process failed: " + last.err());
    look(file, seen, first + kills_per_file);
    settle(file, seen);
  }

  // What is over stays so: it is never delivered again.
  void look(const std::string& file, mapped_forward_oracle& seen, int cycle) {
    const auto where = "cycle " + std::to_string(cycle) + ": ";
    store_reader reader{file};
    const auto found = reader.check();
    r_.require(found.has_value() && found->faults.empty(),
               where + "the store is damaged");
    for (std::uint32_t n = 0; n < seen->next && n < num_calls; ++n) {
      auto& end = ends_.at(n);
      const auto& call = seen->calls.at(n);
      if (end.is_over)
        r_.require(call.attempts == end.attempts,
                   where + "call " + std::to_string(n)
                     + " was delivered again after its end");
      else if (const auto row = reader.get_status({id_of(n + 1), {}}).snapshot;
               row && is_terminal(row->status))
        end = {true, call.attempts};
      else
        r_.require(row || call.taken == 0,
                   where + "call " + std::to_string(n) + " was lost");
    }
  }

  void settle(const std::string& file, mapped_forward_oracle& seen) {
    store_reader reader{file};
    r_.require(seen->wrong_payloads == 0, "a payload was another one");
    r_.require(seen->begun_paused == 0,
               std::to_string(seen->begun_paused)
                 + " attempts began while their target was paused");
    pauses_ += seen->pauses;
    r_.require(seen->out_of_order == 0,
               std::to_string(seen->out_of_order)
                 + " attempts came behind later calls with their key");
    for (std::uint32_t n = 0; n < seen->next && n < num_calls; ++n) {
      const auto& call = seen->calls.at(n);
      const auto row = reader.get_status({id_of(n + 1), {}}).snapshot;
      if (!row) {
        r_.require(call.taken == 0, "call " + std::to_string(n)
                                      + " was taken, and is not there");
        continue;
      }
      ++taken_;
      const auto what = "call " + std::to_string(n) + " ";
      r_.require(row->status == call_plan{n}.end(),
                 what + "ended as " + to_string(row->status));
      // Each attempt is one that failed, one that was interrupted, or the last.
      const auto attempts = call.attempts.load();
      const auto least = call_plan{n}.failures() + 1;
      r_.require(attempts >= least, what + "was not delivered");
      const auto used = static_cast<std::uint32_t>(row->retry_count) + 1;
      r_.require(attempts <= used, what + "was made " + std::to_string(attempts)
                                     + " times, its history says "
                                     + std::to_string(used));
      attempts_ += attempts;
      interrupted_ += used - least;
    }
  }

  report& r_;
  std::vector<seen_end> ends_;
  std::uint64_t taken_ = 0;
  std::uint64_t attempts_ = 0;
  std::uint64_t interrupted_ = 0;
  std::uint64_t pauses_ = 0;
};

} // namespace

int forward_writer(const std::vector<std::string>& words) {
  mapped_forward_oracle seen{words.at(1)};
  forward(words.at(0), seen,
          static_cast<std::uint32_t>(std::stoul(words.at(2))),
          words.at(3) == "takes");
  return 0;
}

void forward_kill(report& r) {
  forward_kill_row{r}.run();
}

} // namespace waybill::torture
