// Calls that are kept and delivered: against the same writes without actors,
// and with many of them waiting.

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <latch>
#include <stdexcept>
#include <thread>

#include "call_baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"
#include "proc.hpp"
#include "waybill/ask.hpp"
#include "waybill/internal_protocol.hpp"

namespace waybill::bench {

namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t num_senders = 64;
constexpr std::int64_t num_workers = 64;

std::int64_t now_us() {
  return timestamp::now().us();
}

// Of this process, in seconds.
double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds_of = [](const timeval& x) {
    return static_cast<double>(x.tv_sec)
           + 1e-6 * static_cast<double>(x.tv_usec);
  };
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

forward_options options_for_calls() {
  forward_options x;
  x.target = raw_calls::target;
  x.max_concurrency = num_workers;
  x.max_calls = 10'000'000;
  x.max_bytes = std::int64_t{1} << 40;
  return x;
}

// -- senders ------------------------------------------------------------------

struct calls_to_send {
  std::int64_t calls = 0; // of all senders
  // How many of its calls a sender has under way, until they are taken.
  std::size_t window = 16;
  std::size_t payload = 256;
  std::optional<timestamp> due = std::nullopt;
};

struct shared_sending {
  explicit shared_sending(const calls_to_send& y) : x{y} {}

  const calls_to_send x;
  std::latch running{num_senders};
  std::atomic<std::int64_t> failed = 0;
};

using sender_actor = caf::typed_actor<hears<work_tick>>;

class sender : public sender_actor::base {
public:
  sender(caf::actor_config& config, store_and_forward_actor to,
         std::shared_ptr<shared_sending> shared, std::size_t number)
    : sender_actor::base{config},
      to_{std::move(to)},
      shared_{std::move(shared)},
      ids_{id_kind::v7, number},
      n_{number * 1'000},
      left_{shared_->x.calls / static_cast<std::int64_t>(num_senders)} {}

  const char* name() const override { return "bench.sender"; }

  behavior_type make_behavior() override {
    return {[this](const work_tick&) {
      for (std::size_t i = 0; i < shared_->x.window; ++i)
        send_next();
    }};
  }

private:
  void send_next() {
    if (left_ > 0) {
      --left_;
      ++under_way_;
      waybill::request(this, to_, std::chrono::seconds{60}, next())
        .then(
          [this](const forward_reply& x) {
            ended(x.outcome == forward_outcome::accepted);
          },
          [this](const caf::error&) { ended(false); });
    } else if (under_way_ == 0 && !std::exchange(done_, true)) {
      shared_->running.count_down();
      this->quit();
    }
  }

  forward_call next() {
    auto x = forward_call_of(ids_(), n_++,
                             std::string(shared_->x.payload, 'x'));
    x.due = shared_->x.due;
    return x;
  }

  void ended(bool as_expected) {
    --under_way_;
    if (!as_expected)
      ++shared_->failed;
    send_next();
  }

  store_and_forward_actor to_;
  std::shared_ptr<shared_sending> shared_;
  id_source ids_;
  std::uint64_t n_;
  std::int64_t left_;
  std::size_t under_way_ = 0;
  bool done_ = false;
};

// Hands over a call for each that is delivered, until `calls` are.
void feed(caf::actor_system& system, const store_and_forward_actor& to,
          const std::atomic<std::int64_t>& delivered, std::int64_t calls) {
  caf::scoped_actor self{system};
  const std::string payload(1'024, 'x');
  id_source ids{id_kind::v7, 1};
  const auto next = [&] {
    return waybill::request(self, to, std::chrono::seconds{60},
                            forward_call_of(ids(), ids().low(), payload));
  };
  std::vector<decltype(next())> under_way;
  for (std::int64_t fed = 0; delivered < calls;) {
    const auto missing = std::min<std::int64_t>(delivered - fed, 512);
    if (missing < 64) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      continue;
    }
    for (; std::ssize(under_way) < missing; ++fed)
      under_way.push_back(next());
    for (auto& each : under_way)
      std::move(each).receive([](const forward_reply&) {},
                              [](const caf::error&) {
                                throw std::runtime_error{
                                  "a call was not taken"};
                              });
    under_way.clear();
  }
}

// Sends the calls and waits until they are taken.
void send_all(caf::actor_system& system, const store_and_forward_actor& to,
              const calls_to_send& x) {
  auto shared = std::make_shared<shared_sending>(x);
  {
    caf::scoped_actor self{system};
    for (std::size_t i = 0; i < num_senders; ++i)
      tell(self, system.spawn<sender>(to, shared, i), work_tick{});
  }
  shared->running.wait();
  if (shared->failed > 0)
    throw std::runtime_error{std::to_string(shared->failed)
                             + " calls were not taken"};
}

// Of the requests that the tracker was asked in a run.
struct batches {
  double mean = 0;     // requests in a transaction
  double requests = 0; // for each call
};

batches batches_of(const health_reply& before, const health_reply& after,
                   std::int64_t calls) {
  const auto requests
    = static_cast<double>(after.batched_requests - before.batched_requests);
  return {.mean = requests
                  / static_cast<double>(
                    std::max<std::int64_t>(1, after.batches - before.batches)),
          .requests = requests / static_cast<double>(calls)};
}

// -- taken and delivered ------------------------------------------------------

struct forward_result {
  double rate = 0;         // calls a second
  double processor_us = 0; // for each call
  batches did;
};

// From the first call on to the commit of the last delivery.
forward_result forward_all(const std::string& file, std::int64_t calls) {
  std::atomic<std::int64_t> left = calls;
  std::latch delivered{1};
  running_tracker tracker{file};
  const auto to = tracker.forward(options_for_calls(),
                                  [&](const forward_call&) {
                                    if (--left == 0)
                                      delivered.count_down();
                                    return delivery_result{};
                                  });
  const auto before = ask(tracker.system, tracker.tracker(), get_health{});
  const auto processor_before = processor_seconds();
  const auto took = seconds([&] {
    send_all(tracker.system, to, {.calls = calls});
    delivered.wait();
    while (ask(tracker.system, to, get_backlog{}).calls > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  });
  const auto processor = processor_seconds() - processor_before;
  const auto after = ask(tracker.system, tracker.tracker(), get_health{});
  const auto n = static_cast<double>(calls);
  return {.rate = n / took,
          .processor_us = 1e6 * processor / n,
          .did = batches_of(before, after, calls)};
}

// The same writes: what is taken in one transaction ends in the next, and where
// waybill's attempts began by a request of their own, these do.
double raw_forward(const std::string& file, std::int64_t calls,
                   const batches& did) {
  raw_calls store{file};
  const auto share = std::clamp(did.requests - 2, 0.0, 1.0);
  const auto batch
    = static_cast<std::int64_t>(std::max(1.0, did.mean / (2 + share)));
  const std::string payload(256, 'x');
  std::vector<tracked_operation_id> ids(static_cast<std::size_t>(calls));
  std::ranges::generate(ids, id_source{id_kind::v7, 1});
  std::vector<raw_calls::taken> waiting;
  std::vector<raw_calls::taken> begun;
  std::vector<raw_calls::taken> begun_now;
  std::int64_t next = 0;
  double to_begin_later = 0;
  const auto took = seconds([&] {
    while (next < calls || !waiting.empty() || !begun.empty()) {
      store.begin_transaction();
      for (const auto& each : begun)
        store.end(each, now_us());
      begun_now.clear();
      for (const auto& each : waiting) {
        store.begin(each);
        begun_now.push_back(each);
      }
      waiting.clear();
      for (const auto last = std::min(calls, next + batch); next < last;
           ++next) {
        to_begin_later += share;
        const auto later = to_begin_later >= 1;
        const auto x = store.take(ids[static_cast<std::size_t>(next)],
                                  static_cast<std::uint64_t>(next), now_us(),
                                  payload, !later);
        if (later)
          --to_begin_later;
        (later ? waiting : begun_now).push_back(x);
      }
      store.commit();
      begun.swap(begun_now);
    }
  });
  return static_cast<double>(calls) / took;
}

double plain_jobs(const std::string& file, std::int64_t jobs) {
  plain_queue queue{file};
  id_source ids{id_kind::v7, 1};
  const std::string payload(256, 'x');
  const auto took = seconds([&] {
    for (std::int64_t n = 0; n < jobs; ++n)
      queue.run_job(ids(), payload, timestamp::now());
  });
  return static_cast<double>(jobs) / took;
}

// -- with many waiting --------------------------------------------------------

// What the process that delivers says of itself.
struct backlog_figures {
  double first_ms = 0; // from the service's start to the first call
  double rate = 0;     // deliveries a second
  double resident = 0; // bytes
};

backlog_figures deliver_in_child(const std::string& file, std::int64_t calls) {
  const auto self = std::filesystem::canonical("/proc/self/exe").string();
  const auto command = "'" + self + "' --backlog-of '" + file + "' --deliver "
                       + std::to_string(calls);
  auto* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr)
    throw std::runtime_error{"cannot run " + self};
  backlog_figures x;
  const auto n = std::fscanf(pipe, "%lf %lf %lf", &x.first_ms, &x.rate,
                             &x.resident);
  if (::pclose(pipe) != 0 || n != 3)
    throw std::runtime_error{"the child for a backlog failed"};
  return x;
}

std::int64_t many_calls(const bench& b) {
  return b.out.pick(50'000, 1'000'000);
}

// -- large payloads -----------------------------------------------------------

constexpr std::size_t large_payload = 65'536;

double megabytes(std::int64_t calls, double seconds) {
  return static_cast<double>(calls) * large_payload / 1e6 / seconds;
}

} // namespace

void forward_vs_raw(bench& b) {
  const auto calls = b.out.pick(32'000, 128'000);
  std::vector<double> means;
  std::vector<double> requests;
  std::vector<double> processor;
  std::vector<double> processor_raw;
  const auto typical = [&] {
    return batches{.mean = median(means), .requests = median(requests)};
  };
  const auto actor = [&] {
    const auto file = b.files.passing();
    const auto x = forward_all(file.name(), calls);
    means.push_back(x.did.mean);
    requests.push_back(x.did.requests);
    processor.push_back(x.processor_us);
    return x.rate;
  };
  const auto baseline = [&] {
    const auto file = b.files.passing();
    const auto before = processor_seconds();
    const auto rate = raw_forward(file.name(), calls, typical());
    processor_raw.push_back(1e6 * (processor_seconds() - before)
                            / static_cast<double>(calls));
    return rate;
  };
  actor(); // finds the batch
  const auto x = interleave(b.repeats, actor, baseline);
  b.out.figure("forward_vs_raw.actor", x.a, "calls/s");
  b.out.figure("forward_vs_raw.raw", x.b, "calls/s");
  b.out.figure("forward_vs_raw.mean_batch", typical().mean, "requests");
  b.out.figure("forward_vs_raw.requests", typical().requests, "a call");
  b.out.figure("forward_vs_raw.actor_processor", median(processor),
               "µs a call");
  b.out.figure("forward_vs_raw.raw_processor", median(processor_raw),
               "µs a call");
  b.out.ratio("forward_vs_raw", x.ratio, goal::at_least, 0.8);
}

void forward_vs_plainjob(bench& b) {
  const auto calls = b.out.pick(32'000, 128'000);
  const auto jobs = b.out.pick(500, 2'000);
  const auto x = interleave(
    b.repeats,
    [&] {
      const auto file = b.files.passing();
      return forward_all(file.name(), calls).rate;
    },
    [&] {
      const auto file = b.files.passing();
      return plain_jobs(file.name(), jobs);
    });
  b.out.figure("forward_vs_plainjob.actor", x.a, "calls/s");
  b.out.figure("forward_vs_plainjob.plainjob", x.b, "jobs/s");
  b.out.ratio("forward_vs_plainjob", x.ratio, goal::at_least, 15);
}

void backlog_memory(bench& b) {
  const std::int64_t delivered = 5'000;
  const auto many = b.files.with_calls(many_calls(b));
  const auto few = b.files.with_calls(10'000);
  const auto x = interleave(
    std::max(1, b.repeats / 2),
    [&] { return deliver_in_child(many, delivered).resident; },
    [&] { return deliver_in_child(few, delivered).resident; });
  b.out.figure("backlog_memory.many", x.a / 1'048'576, "MiB");
  b.out.figure("backlog_memory.few", x.b / 1'048'576, "MiB");
  b.out.ratio("backlog_memory", x.ratio, goal::at_most, 1.3);
}

void backlog_start(bench& b) {
  const auto many = b.files.with_calls(many_calls(b));
  std::vector<double> ms;
  for (int i = 0; i < b.repeats; ++i)
    ms.push_back(deliver_in_child(many, 100).first_ms);
  b.out.figure("backlog_start.slowest", percentile(ms, 1), "ms");
  b.out.ratio("backlog_start", median(ms) / 1'000, goal::at_most, 1);
}

void backlog_drain(bench& b) {
  const auto delivered = b.out.pick(10'000, 50'000);
  const auto many = b.files.with_calls(many_calls(b));
  const auto few = b.files.with_calls(1'000);
  const auto x = interleave(
    b.repeats, [&] { return deliver_in_child(many, delivered).rate; },
    [&] { return deliver_in_child(few, delivered).rate; });
  b.out.figure("backlog_drain.many", x.a, "deliveries/s");
  b.out.figure("backlog_drain.few", x.b, "deliveries/s");
  b.out.ratio("backlog_drain", x.ratio, goal::at_least, 0.8);
}

// They are due later, so nothing but taking them is done.
void payload_64k(bench& b) {
  const auto calls = b.out.pick(std::int64_t{1'024}, std::int64_t{6'400});
  const timestamp due{now_us() + std::int64_t{86'400'000'000}};
  std::vector<double> means;
  const auto actor = [&] {
    const auto file = b.files.passing();
    running_tracker tracker{file.name()};
    const auto to
      = tracker.forward(options_for_calls(),
                        [](const forward_call&) { return delivery_result{}; });
    const auto before = ask(tracker.system, tracker.tracker(), get_health{});
    const auto took = seconds([&] {
      send_all(
        tracker.system, to,
        {.calls = calls, .window = 4, .payload = large_payload, .due = due});
    });
    const auto after = ask(tracker.system, tracker.tracker(), get_health{});
    means.push_back(batches_of(before, after, calls).mean);
    return megabytes(calls, took);
  };
  const auto baseline = [&] {
    const auto file = b.files.passing();
    raw_calls store{file.name()};
    const auto batch
      = static_cast<std::int64_t>(std::max(1.0, median(means) + 0.5));
    const std::string payload(large_payload, 'x');
    std::vector<tracked_operation_id> ids(static_cast<std::size_t>(calls));
    std::ranges::generate(ids, id_source{id_kind::v7, 1});
    const auto took = seconds([&] {
      for (std::int64_t n = 0; n < calls;) {
        store.begin_transaction();
        for (const auto end = std::min(calls, n + batch); n < end; ++n)
          store.take(ids[static_cast<std::size_t>(n)],
                     static_cast<std::uint64_t>(n), now_us(), payload, false,
                     due.us());
        store.commit();
      }
    });
    return megabytes(calls, took);
  };
  actor(); // finds the batch
  const auto x = interleave(b.repeats, actor, baseline);
  b.out.figure("payload_64k.actor", x.a, "MB/s");
  b.out.figure("payload_64k.raw", x.b, "MB/s");
  b.out.figure("payload_64k.mean_batch", median(means), "calls");
  b.out.ratio("payload_64k", x.ratio, goal::at_least, 0.8);
}

// As many wait all the time. The rate leaves out the first deliveries, for
// which threads are started.
int backlog_child(const std::string& file, std::int64_t calls) {
  const auto first = calls / 5;
  const auto began = steady::now();
  std::array<std::atomic<steady::rep>, 3> times{};
  std::atomic<std::int64_t> delivered = 0;
  std::latch done{1};
  running_tracker tracker{file};
  const auto to = tracker.forward(options_for_calls(), [&](
                                                         const forward_call&) {
    const auto n = ++delivered;
    for (const auto& [when, at] : {std::pair{std::int64_t{1}, 0},
                                   std::pair{first, 1}, std::pair{calls, 2}})
      if (n == when)
        times[static_cast<std::size_t>(at)] = (steady::now() - began).count();
    if (n == calls)
      done.count_down();
    return delivery_result{};
  });
  feed(tracker.system, to, delivered, calls);
  done.wait();
  const auto kib = proc_figure("/proc/self/status", "VmRSS:");
  const auto seconds_at = [&](std::size_t i) {
    return std::chrono::duration<double>(steady::duration{times[i].load()})
      .count();
  };
  std::printf("%f %f %f\n", 1e3 * seconds_at(0),
              static_cast<double>(calls - first)
                / (seconds_at(2) - seconds_at(1)),
              1'024 * static_cast<double>(kib));
  return 0;
}

} // namespace waybill::bench
