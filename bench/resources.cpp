// What a tracker takes: time to open, processor and wake-ups when idle, memory.

#include <dirent.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"
#include "proc.hpp"

namespace waybill::bench {

namespace {

// -- threads, as Linux shows them ---------------------------------------------

std::set<std::string> threads() {
  std::set<std::string> names;
  for (const auto& each :
       std::filesystem::directory_iterator{"/proc/self/task"})
    names.insert(each.path().filename());
  return names;
}

// How often a thread has gone to sleep.
std::int64_t sleeps(const std::string& thread) {
  return proc_figure("/proc/self/task/" + thread + "/status",
                     "voluntary_ctxt_switches:");
}

// Processor time of a thread in µs.
double processor_us(const std::string& thread) {
  std::ifstream file{"/proc/self/task/" + thread + "/schedstat"};
  double ns = 0;
  file >> ns;
  return ns / 1'000;
}

double resident_of_child(const std::string& file) {
  const auto self = std::filesystem::canonical("/proc/self/exe").string();
  const auto command = "'" + self + "' --memory-of '" + file + "'";
  auto* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr)
    throw std::runtime_error{"cannot run " + self};
  double bytes = 0;
  const auto n = std::fscanf(pipe, "%lf", &bytes);
  if (::pclose(pipe) != 0 || n != 1)
    throw std::runtime_error{"the child for memory failed"};
  return bytes;
}

} // namespace

void open_time(bench& b) {
  const auto rows = b.out.pick(500'000, 10'000'000);
  const auto large = b.files.with_rows(rows, id_kind::v7);
  const auto small = b.files.with_rows(0, id_kind::v7);
  const auto open = [](const std::string& file) {
    store_options x;
    x.file = file;
    std::unique_ptr<operation_tracking_store> store;
    return 1e6 * seconds([&] {
             store = std::make_unique<operation_tracking_store>(x);
           });
  };
  const auto x = interleave(
    2 * b.repeats + 1, [&] { return open(large); },
    [&] { return open(small); });
  b.out.figure("open_time.many", x.a, "µs");
  b.out.figure("open_time.none", x.b, "µs");
  b.out.ratio("open_time", x.ratio, goal::at_most, 2);
}

// The threads that a tracker brings along; those of CAF's scheduler, which are
// there without it too, look for work on their own account.
void idle_cost(bench& b) {
  const auto time = b.out.pick(std::chrono::seconds{5},
                               std::chrono::seconds{60});
  actor_config config;
  caf::actor_system system{config};
  const auto before = threads();
  options x;
  x.file = b.files.fresh();
  auto tracker = start(system, x);
  std::this_thread::sleep_for(std::chrono::milliseconds{500});
  std::vector<std::string> ours;
  for (const auto& each : threads())
    if (!before.contains(each))
      ours.push_back(each);
  const auto sum = [&](auto&& of) {
    double all = 0;
    for (const auto& each : ours)
      all += static_cast<double>(of(each));
    return all;
  };
  const auto sleeps_before = sum(sleeps);
  const auto us_before = sum(processor_us);
  std::this_thread::sleep_for(time);
  const auto minutes = std::chrono::duration<double, std::ratio<60>>(time);
  b.out.figure("idle_cost.threads", static_cast<double>(ours.size()), "");
  b.out.ratio("idle_cost.processor",
              (sum(processor_us) - us_before) / minutes.count() / 60e6,
              goal::at_most, 0.0001);
  b.out.ratio("idle_cost.wakeups",
              (sum(sleeps) - sleeps_before) / minutes.count(), goal::at_most,
              2);
}

void memory(bench& b) {
  const auto rows = b.out.pick(500'000, 10'000'000);
  const auto large = b.files.with_rows(rows, id_kind::v7);
  const auto x = interleave(
    std::max(1, b.repeats / 2), [&] { return resident_of_child(large); },
    [&] { return resident_of_child(b.files.fresh()); });
  b.out.figure("memory.many", x.a / 1'048'576, "MiB");
  b.out.figure("memory.none", x.b / 1'048'576, "MiB");
  b.out.ratio("memory", x.ratio, goal::at_most, 1.5);
}

} // namespace waybill::bench
