// Row 20: a process that forwards calls is killed at random moments; whoever
// comes after it is told nothing, and delivers all that was taken. Now and then
// the target is paused: then nobody delivers, neither it nor who comes after.
// Operators requeue what has failed, also what they park themselves while it is
// on its way: one by one and many at a time, in the process that runs and in
// the store that one has left behind.
//
// Who takes, who delivers and who requeues notes that in a file that they and
// the parent map. It outlives them, and no part of it goes through SQLite.

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "support/program.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "torture/forward_oracle.hpp"
#include "torture/requeue_book.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/call_store.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/service.hpp"
#include "waybill/store_reader.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::milliseconds;

constexpr int kills_per_file = 15;
// The target is paused at each of these calls, and for how many.
constexpr std::uint32_t pause_every = 60;
constexpr std::uint32_t paused_calls = 25;
// How long an attempt takes that somebody parks and requeues meanwhile.
constexpr auto snatched_time = milliseconds{8};
// Operators requeue so many at a time.
constexpr std::size_t many = 16;

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

delivery_result deliver(mapped_forward_oracle& seen, const delivery& x) {
  const auto plan = plan_of(x.idempotency_key);
  const seen_attempt attempt{seen, plan};
  auto& call = seen->calls.at(plan.n);
  if (x.payload != plan.payload())
    ++seen->wrong_payloads;
  if (plan.is_snatched())
    std::this_thread::sleep_for(snatched_time);
  delivery_result result;
  if (x.id != x.idempotency_key) {
    result = plan.result_again(++call.again);
  } else {
    ++call.attempts;
    if (plan.has_key() && seen->tried.at(plan.key()).exchange(plan.n) > plan.n)
      ++seen->out_of_order;
    result = plan.result(call.results + 1);
    ++call.results;
  }
  if (result.what == delivery_result::kind::delivered)
    call.delivered = 1;
  return result;
}

// Requeues beside the calls that come, until it is told to stop.
class operators {
public:
  operators(caf::actor_system& system, const tracking_actor& tracker,
            mapped_forward_oracle& seen, std::uint64_t seed, bool takes)
    : tracker_{tracker}, self_{system}, book_{seen, seed, takes} {}

  void run(const std::atomic<bool>& is_over) {
    while (!is_over)
      requeue_twice(book_.some(many));
  }

  // All that can be.
  void settle() {
    for (std::uint32_t n = 0; !book_.is_settled();) {
      const auto some = book_.next(n, many);
      if (some.ids.empty())
        n = 0;
      requeue_twice(some);
    }
  }

  // So early that the first attempt still runs.
  void snatch(std::uint32_t n) {
    park(call_plan{n}.id());
    requeue_twice(book_.one(n));
  }

private:
  void park(const tracked_operation_id& id) {
    waybill::request(self_, tracker_, std::chrono::seconds{10},
                     record_terminal{.id = id,
                                     .status = tracking_status::parked,
                                     .last_error = "snatched",
                                     .http_status = std::nullopt,
                                     .deadline = std::nullopt})
      .receive([](const update_reply&) {}, [](const caf::error&) {});
  }

  auto send(const requeue& x) {
    return waybill::request(self_, tracker_, std::chrono::seconds{10},
                            requeue{x});
  }

  // Two operators at a time: the second one is told what the first one does.
  void requeue_twice(const requeue& all) {
    if (all.ids.empty())
      return std::this_thread::sleep_for(milliseconds{1});
    const requeue one{.ids = {all.ids.front()}};
    auto first = send(all);
    auto second = send(one);
    hear(std::move(second), one);
    hear(std::move(first), all);
  }

  template <class Answer>
  void hear(Answer answer, const requeue& asked) {
    std::move(answer).receive(
      [&](const requeue_reply& x) { book_.note(asked, x); },
      [](const caf::error&) {});
  }

  const tracking_actor tracker_;
  caf::scoped_actor self_;
  requeue_book book_;
};

// Takes calls as fast as it can, and delivers them, until it is killed or all
// are through.
// @param takes whether new ones come.
void forward(const std::string& file, mapped_forward_oracle& seen,
             std::uint32_t cycle, bool takes, std::uint64_t seed) {
  actor_config config;
  caf::actor_system system{config};
  auto running = start(system, store_options_for(file));
  const auto actor = running.spawn_store_and_forward(
    forwarding(), [&seen](const delivery& x) { return deliver(seen, x); });
  operators first{system, running.tracker(), seen, seed, takes};
  operators second{system, running.tracker(), seen, seed + 1, takes};
  std::atomic<bool> is_over{false};
  std::jthread requeues{[&] { first.run(is_over); }};
  // Before they are joined, whatever is thrown.
  const auto end = [](std::atomic<bool>* x) { *x = true; };
  const std::unique_ptr<std::atomic<bool>, decltype(end)> ends{&is_over, end};
  seen->is_open = cycle;
  while (takes && seen->next < num_forwarded) {
    const auto n = seen->next++;
    if (n % pause_every == 0)
      pause_plant(system, actor, seen);
    else if (n % pause_every == paused_calls)
      resume_plant(system, actor, seen);
    if (ask(system, actor, call_plan{n}.call()).outcome
        == forward_outcome::accepted)
      seen->calls.at(n).taken = 1;
    if (call_plan{n}.is_snatched())
      second.snatch(n);
  }
  resume_plant(system, actor, seen);
  is_over = true;
  requeues.join();
  second.settle();
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
    r_.figure(std::to_string(successors_) + " requeued, in chains of up to "
              + std::to_string(longest_));
    r_.figure(std::to_string(pauses_)
              + " pauses, of which some were kept across a kill");
  }

private:
  struct seen_end {
    bool is_over = false;
    std::uint32_t attempts = 0;
    // Of the last one that it was requeued as.
    bool is_delivered = false;
    std::uint32_t again = 0;
  };

  void run_file(int first) {
    const temp_dir dir;
    const auto file = dir / "track.db";
    const auto oracle_file = dir / "oracle";
    mapped_forward_oracle seen{oracle_file};
    ends_.assign(num_forwarded, {});
    for (int i = 1; i <= kills_per_file; ++i) {
      auto random = r_.random(static_cast<std::uint64_t>(first + i));
      program child{own_path(),
                    {.arguments = {"--child", "forward-writer", file,
                                   oracle_file, std::to_string(i), "takes",
                                   std::to_string(random())}}};
      while (seen->is_open != static_cast<std::uint32_t>(i)
             && child.is_running())
        std::this_thread::sleep_for(milliseconds{1});
      std::this_thread::sleep_for(milliseconds{random() % 120});
      child.signal(SIGKILL);
      child.wait();
      seen->forget_running();
      look(file, seen, first + i);
      if (random() % 3 == 0)
        requeue_at_rest(file, seen, random());
      r_.tried();
    }
    program last{own_path(),
                 {.arguments = {"--child", "forward-writer", file, oracle_file,
                                "99", "rests", "1"}}};
    r_.require(last.wait() == 0, "the last process failed: " + last.err());
    look(file, seen, first + kills_per_file);
    settle(file, seen);
  }

  // As the command does when no service runs.
  void requeue_at_rest(const std::string& file, mapped_forward_oracle& seen,
                       std::uint64_t seed) {
    store_options x;
    x.file = file;
    operation_tracking_store store{x};
    requeue_book book{seen, seed, true};
    for (const auto most : {std::size_t{1}, many, many}) {
      const auto some = book.some(most);
      if (!some.ids.empty())
        book.note(some, store.calls().requeue(some, timestamp::now()));
    }
  }

  struct chain_end {
    std::uint32_t successors = 0;
    tracked_operation_id id;
    call_reply what;
  };

  // The last of those that call `n` was requeued as, which may be itself.
  chain_end end_of_chain(store_reader& reader, std::uint32_t n,
                         const std::string& where) {
    chain_end x{0, call_plan{n}.id(), {}};
    const auto root = x.id;
    for (;;) {
      x.what = reader.get_call({x.id, std::nullopt});
      const auto& link = x.what.requeue;
      if (!link || !link->requeued_as)
        return x;
      r_.require(!x.what.call, where + "two have the call");
      x.id = *link->requeued_as;
      ++x.successors;
      const auto next = reader.get_call({x.id, std::nullopt}).requeue;
      r_.require(next && next->root == root
                   && next->generation
                        == static_cast<std::int32_t>(x.successors),
                 where + "a successor does not know what it comes from");
      if (!next)
        return x;
    }
  }

  // What somebody was told of is there, and its payload, until it is delivered;
  // after that it is never made again.
  void look_at_chain(store_reader& reader, mapped_forward_oracle& seen,
                     std::uint32_t n, const std::string& where) {
    const auto& call = seen->calls.at(n);
    const auto last = end_of_chain(reader, n, where);
    r_.require(last.successors >= call.successors,
               where + "somebody was told of " + std::to_string(call.successors)
                 + " successors, and " + std::to_string(last.successors)
                 + " are there");
    auto& end = ends_.at(n);
    if (end.is_delivered)
      r_.require(call.again == end.again,
                 where + "it was requeued, and made again after its end");
    if (!last.what.snapshot)
      return;
    const auto status = last.what.snapshot->status;
    if (status == tracking_status::delivered && last.successors > 0) {
      end.is_delivered = true;
      end.again = call.again;
    }
    if (status == tracking_status::delivered)
      return;
    const auto payload = reader.get_payload({last.id, std::nullopt});
    r_.require(payload.payload == call_plan{n}.payload(),
               where + "the payload is gone, or another one");
  }

  // What is over stays so: it is never delivered again.
  void look(const std::string& file, mapped_forward_oracle& seen, int cycle) {
    const auto where = "cycle " + std::to_string(cycle) + ": ";
    store_reader reader{file};
    const auto found = reader.check();
    r_.require(found.has_value() && found->faults.empty(),
               where + "the store is damaged");
    for (std::uint32_t n = 0; n < seen->next && n < num_forwarded; ++n) {
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
      if (call_plan{n}.is_requeued())
        look_at_chain(reader, seen, n,
                      where + "call " + std::to_string(n) + ": ");
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
    r_.require(seen->made_twice == 0,
               std::to_string(seen->made_twice)
                 + " attempts began while another one with their idempotency "
                   "key ran");
    r_.require(seen->not_in_turn == 0,
               std::to_string(seen->not_in_turn)
                 + " attempts began while another one with their order key "
                   "ran");
    r_.require(seen->other_successors == 0,
               std::to_string(seen->other_successors)
                 + " calls had two successors, as operators were told");
    r_.require(seen->other_outcomes == 0,
               std::to_string(seen->other_outcomes)
                 + " calls could not be requeued, and were not delivered");
    std::int64_t operations = 0;
    for (std::uint32_t n = 0; n < seen->next && n < num_forwarded; ++n) {
      const auto& call = seen->calls.at(n);
      const auto row = reader.get_status({id_of(n + 1), {}}).snapshot;
      if (!row) {
        r_.require(call.taken == 0, "call " + std::to_string(n)
                                      + " was taken, and is not there");
        continue;
      }
      ++taken_;
      const auto what = "call " + std::to_string(n) + " ";
      operations += 1 + settle_chain(reader, n, what);
      r_.require(call.delivered != 0, what + "was never delivered");
      r_.require(call_plan{n}.may_end_as(row->status),
                 what + "ended as " + to_string(row->status));
      if (row->status == tracking_status::parked)
        continue; // whatever had become of it
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
    r_.require(count_all(reader) == operations,
               "there are " + std::to_string(count_all(reader))
                 + " operations, and of calls and their successors "
                 + std::to_string(operations));
  }

  // @returns how many successors it has.
  std::int64_t settle_chain(store_reader& reader, std::uint32_t n,
                            const std::string& what) {
    if (!call_plan{n}.is_requeued())
      return 0;
    const auto last = end_of_chain(reader, n, what);
    r_.require(last.what.snapshot
                 && last.what.snapshot->status == tracking_status::delivered,
               what + "was requeued, but not until it was delivered");
    successors_ += last.successors;
    longest_ = std::max(longest_, last.successors);
    return last.successors;
  }

  static std::int64_t count_all(store_reader& reader) {
    std::int64_t all = 0;
    for (const auto& each : reader.get_counts(timestamp::now()).counts)
      all += each.operations;
    return all;
  }

  report& r_;
  std::vector<seen_end> ends_;
  std::uint64_t taken_ = 0;
  std::uint64_t attempts_ = 0;
  std::uint64_t interrupted_ = 0;
  std::uint64_t pauses_ = 0;
  std::uint64_t successors_ = 0;
  std::uint32_t longest_ = 0;
};

} // namespace

int forward_writer(const std::vector<std::string>& words) {
  mapped_forward_oracle seen{words.at(1)};
  forward(words.at(0), seen,
          static_cast<std::uint32_t>(std::stoul(words.at(2))),
          words.at(3) == "takes", std::stoull(words.at(4)));
  return 0;
}

void forward_kill(report& r) {
  forward_kill_row{r}.run();
}

} // namespace waybill::torture
