// What operators do: how fast thousands of calls are requeued, and how long an
// act takes beside full load. They ask as the command does.

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"
#include "waybill/ask.hpp"
#include "waybill/call_store.hpp"
#include "waybill/operator_messages.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/unix_socket.hpp"

namespace waybill::bench {

namespace {

using namespace std::chrono_literals;
using id_list = std::vector<tracked_operation_id>;

constexpr const char* acted_on = "plant";
constexpr auto act_patience = std::chrono::minutes{1};

// Makes a store with parked calls.
id_list park_calls(const std::string& file, std::int64_t count) {
  store_options x;
  x.file = file;
  x.synchronous = durability::off;
  operation_tracking_store store{x};
  auto calls = store.calls();
  calls.open_target({acted_on, {}, 3, {}}, timestamp::now());
  id_source next{id_kind::v7, 1};
  id_list ids;
  for (std::int64_t n = 0; n < count;) {
    store.begin();
    for (const auto end = std::min<std::int64_t>(count, n + 10'000); n < end;
         ++n) {
      ids.push_back(next());
      const auto taken = calls.take(
        {.target = acted_on,
         .call = forward_call_of(ids.back(), static_cast<std::uint64_t>(n),
                                 std::string(256, 'x')),
         .root = std::nullopt,
         .codec = std::nullopt,
         .deadline = std::nullopt},
        timestamp::now());
      calls.end({.seq = taken.head.seq,
                 .id = ids.back(),
                 .attempt = taken.head.attempt,
                 .status = tracking_status::parked,
                 .last_error = attempt_error,
                 .http_status = 503},
                timestamp::now());
    }
    store.commit();
    store.maintain();
  }
  store.close();
  return ids;
}

// Requeues all that are parked, as `waybill requeue --status parked --rate 0`.
// @returns how many a second.
double requeue_parked(const std::string& file, std::int64_t count) {
  running_tracker tracker{file};
  store_reader reader{file};
  list_operations found;
  found.filter.statuses = {tracking_status::parked};
  found.order = list_order::oldest_first;
  found.page_size = limits::max_page_size;
  std::int64_t done = 0;
  const auto act_on = [&](requeue some) {
    const auto reply = ask(tracker.system, tracker.tracker(), std::move(some),
                           act_patience);
    done += std::ranges::count(reply.results, requeue_outcome::requeued,
                               &requeue_result::outcome);
  };
  const auto took = seconds([&] {
    do {
      const auto page = reader.list(found, 200ms);
      id_list all;
      for (const auto& each : page.operations)
        all.push_back(each.id);
      requeue next;
      for (const auto& each : reader.get_calls(all)) {
        if (each.call)
          next.ids.push_back(each.snapshot->id);
        if (std::ssize(next.ids) == limits::max_acted_on)
          act_on(std::exchange(next, {}));
      }
      if (!next.ids.empty())
        act_on(std::move(next));
      found.cursor = page.next_cursor;
    } while (found.cursor);
  });
  if (done != count)
    throw std::runtime_error{std::to_string(done) + " calls were requeued"};
  return static_cast<double>(count) / took;
}

// Asks a running service over its socket.
class operator_line {
public:
  explicit operator_line(const std::string& file)
    : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const socket_address address{operator_socket_of(file)};
    if (address.fault() != 0
        || ::connect(socket_, address.get(), socket_address::size()) != 0)
      throw std::runtime_error{"no service listens beside " + file};
  }

  ~operator_line() { ::close(socket_); }
  operator_line(const operator_line&) = delete;
  operator_line& operator=(const operator_line&) = delete;

  template <class Request>
  typename Request::reply ask(const Request& x) {
    const auto question = to_operator_line(x) + '\n';
    if (::send(socket_, question.data(), question.size(), MSG_NOSIGNAL)
        != std::ssize(question))
      throw std::runtime_error{"the service does not listen"};
    std::string answer;
    while (!answer.ends_with('\n')) {
      char bytes[4'096];
      const auto n = ::recv(socket_, bytes, sizeof bytes, 0);
      if (n <= 0)
        throw std::runtime_error{"the service has ended"};
      answer.append(bytes, static_cast<std::size_t>(n));
    }
    answer.pop_back();
    return parse_operator_reply<typename Request::reply>(answer);
  }

private:
  int socket_;
};

void must(bool as_expected, const char* act) {
  if (!as_expected)
    throw std::runtime_error{std::string{"an act has failed: "} + act};
}

// Does each act once with each of the ids; ms of each, by act.
std::map<std::string, std::vector<double>> act_times(const std::string& file,
                                                     const id_list& parked,
                                                     const id_list& in_flight) {
  operator_line to{file};
  std::map<std::string, std::vector<double>> all;
  const auto timed = [&](const char* act, auto&& f) {
    all[act].push_back(1e3 * seconds([&] { must(f(), act); }));
  };
  for (std::size_t i = 0; i < parked.size(); ++i) {
    timed("status", [&] {
      return to.ask(get_status{parked[i], std::nullopt}).snapshot.has_value();
    });
    timed("stats", [&] { return to.ask(get_stats{}).other_targets == 0; });
    timed("targets",
          [&] { return to.ask(get_backlogs{}).backlogs.size() == 1; });
    timed("requeue", [&] {
      return to.ask(requeue{.ids = {parked[i]}}).results.front().outcome
             == requeue_outcome::requeued;
    });
    timed("discard", [&] {
      return to.ask(discard_many{.ids = {in_flight[i]}}).results.front().outcome
             == discard_outcome::applied;
    });
    timed("pause", [&] {
      return to.ask(pause_target{acted_on, "bench", "bench"}).outcome
             == pause_outcome::applied;
    });
    timed("resume", [&] {
      return to.ask(resume_target{acted_on}).outcome == pause_outcome::applied;
    });
    timed("purge", [&] { // with nothing to do
      return to.ask(purge_terminal{min_timestamp, std::nullopt, std::nullopt})
               .deleted
             == 0;
    });
  }
  return all;
}

} // namespace

void requeue_rate(bench& b) {
  const auto calls = b.out.pick<std::int64_t>(10'000, 100'000);
  const auto made = b.files.passing();
  park_calls(made.name(), calls);
  std::vector<double> rates;
  for (int i = 0; i < b.repeats; ++i) {
    const auto file = b.files.passing();
    std::filesystem::copy_file(made.name(), file.name());
    rates.push_back(requeue_parked(file.name(), calls));
  }
  b.out.ratio("requeue_rate", median(rates), goal::at_least, 20'000);
}

void targets_time(bench& b) {
  constexpr std::size_t questions = 100;
  const auto calls = b.out.pick<std::int64_t>(50'000, 1'000'000);
  store_reader reader{b.files.with_calls(calls)};
  std::vector<double> times;
  times.reserve(questions);
  for (std::size_t i = 0; i < questions; ++i)
    times.push_back(1e3 * seconds([&] {
                      const auto x = reader.list_targets(
                        {.deadline = std::nullopt}, timestamp::now());
                      must(x.targets.front().calls >= calls, "targets");
                    }));
  b.out.figure("targets_time.p50", median(times), "ms");
  b.out.ratio("targets_time", percentile(times, 1), goal::at_most, 5);
}

void act_latency(bench& b) {
  const auto acts = b.out.pick<std::int64_t>(50, 500);
  const auto file = b.files.passing();
  const auto parked = park_calls(file.name(), acts);
  running_tracker tracker{file.name()};
  forward_options target;
  target.target = acted_on;
  const auto forwarder = tracker.forward(target, [](const forward_call&) {
    return delivery_result{};
  });
  id_list in_flight;
  id_source next{id_kind::v7, 2};
  for (std::int64_t n = 0; n < acts; ++n) {
    in_flight.push_back(next());
    ask(tracker.system, tracker.tracker(),
        enqueue_of(in_flight.back(), static_cast<std::uint64_t>(n)));
  }
  std::atomic<bool> stop{false};
  std::map<std::string, std::vector<double>> times;
  {
    std::jthread load{[&] {
      tracker.run({.what = mix::lifecycle,
                   .operations = std::int64_t{1} << 40U,
                   .stop = &stop});
    }};
    try {
      times = act_times(file.name(), parked, in_flight);
    } catch (...) {
      stop = true;
      throw;
    }
    stop = true;
  }
  double slowest = 0;
  for (const auto& [act, all] : times) {
    const auto p99 = percentile(all, 0.99);
    b.out.figure("act_latency." + act + ".p99", p99, "ms");
    slowest = std::max(slowest, p99);
  }
  b.out.ratio("act_latency", slowest, goal::at_most, 100);
}

void enqueue_with_socket(bench& b) {
  const auto operations = b.out.pick(128'000, 512'000);
  const auto rate = [&](on_off operator_socket) {
    const auto file = b.files.passing();
    running_tracker tracker{file.name(), durability::full, 0,
                            duplicate_scope::calls, operator_socket};
    return tracker.run({.operations = operations}).rate();
  };
  const auto x = interleave(
    b.repeats, [&] { return rate(on_off::on); },
    [&] { return rate(on_off::off); });
  b.out.figure("enqueue_with_socket.with", x.a, "operations/s");
  b.out.figure("enqueue_with_socket.without", x.b, "operations/s");
  b.out.ratio("enqueue_with_socket", x.ratio, goal::at_least, 0.97);
}

} // namespace waybill::bench
