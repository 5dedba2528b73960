// Row 14: many processes want one file, and whoever has it may be killed.
//
// What they do is written to memory that all of them share and no waybill code
// touches: who owns the file, and what has been acknowledged.

#include <sys/mman.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "support/actors.hpp"
#include "support/plain_sqlite.hpp"
#include "support/program.hpp"
#include "torture/rows.hpp"
#include "waybill/operation_tracking_store.hpp"

namespace waybill::torture {

namespace {

using namespace waybill::test;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

constexpr std::size_t contenders = 6;
constexpr std::size_t most_rows = 200'000;
constexpr std::int64_t locked_limit_us = 2'000'000;
constexpr std::int64_t take_over_limit_us = 1'000'000;

// The same clock in all processes.
std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           steady::now().time_since_epoch())
    .count();
}

struct shared_memory {
  std::atomic<pid_t> owner;
  // Whom the row has killed last; set before the signal.
  std::atomic<pid_t> killed;
  // Since when nobody has the file; 0 while somebody has.
  std::atomic<std::int64_t> free_since_us;
  std::atomic<std::int64_t> opens;
  std::atomic<std::int64_t> locked;
  std::atomic<std::int64_t> owners;
  std::atomic<std::int64_t> two_owners;
  std::atomic<std::int64_t> other_errors;
  std::atomic<std::int64_t> lost_rows;
  std::atomic<std::int64_t> slowest_locked_us;
  std::atomic<std::int64_t> slowest_take_over_us;
  std::atomic<bool> done;
  std::atomic<std::size_t> rows;
  // Whether row `n` has been acknowledged.
  std::atomic<std::uint8_t> acknowledged[most_rows];
};

// Maps `file`, which is made if it is missing.
class mapping {
public:
  explicit mapping(const std::string& file)
    : fd_{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
    if (::ftruncate(fd_.get(), sizeof(shared_memory)) != 0)
      throw std::runtime_error{"cannot size the shared memory"};
    memory_ = ::mmap(nullptr, sizeof(shared_memory), PROT_READ | PROT_WRITE,
                     MAP_SHARED, fd_.get(), 0);
    if (memory_ == MAP_FAILED)
      throw std::runtime_error{"cannot map the shared memory"};
  }
  ~mapping() { ::munmap(memory_, sizeof(shared_memory)); }
  mapping(const mapping&) = delete;
  mapping& operator=(const mapping&) = delete;

  // All zeros is how it begins.
  shared_memory* operator->() const {
    return static_cast<shared_memory*>(memory_);
  }

private:
  descriptor fd_;
  void* memory_ = nullptr;
};

void raise_to(std::atomic<std::int64_t>& most, std::int64_t x) {
  auto seen = most.load();
  while (x > seen && !most.compare_exchange_weak(seen, x)) {
  }
}

// What an owner does with the file until it gives it up or is killed.
void own(caf::actor_system& system, const service& running,
         const mapping& shared, std::mt19937_64& random) {
  // One who was killed had no time to say that it is gone.
  const auto before = shared->owner.exchange(::getpid());
  if (before != 0 && before != shared->killed)
    ++shared->two_owners;
  if (const auto since = shared->free_since_us.exchange(0); since != 0)
    raise_to(shared->slowest_take_over_us, now_us() - since);
  ++shared->owners;
  const auto& tracker = running.tracker();
  // The last rows of the owner before.
  const auto known = std::min(shared->rows.load(), most_rows);
  for (auto n = known - std::min<std::size_t>(known, 5); n < known; ++n)
    if (shared->acknowledged[n] != 0
        && !ask(system, tracker, status_of(n + 1)).snapshot)
      ++shared->lost_rows;
  const auto end = steady::now()
                   + milliseconds{std::uniform_int_distribution{1, 40}(random)};
  while (steady::now() < end && !shared->done) {
    const auto n = shared->rows++;
    if (n >= most_rows)
      break;
    ask(system, tracker, enqueue(n + 1));
    shared->acknowledged[n] = 1;
    if (shared->owner != ::getpid())
      ++shared->two_owners;
  }
  shared->free_since_us = now_us();
  auto self = ::getpid();
  if (!shared->owner.compare_exchange_strong(self, 0))
    ++shared->two_owners;
}

} // namespace

// `FILE SHARED SEED`
int owners_child(const std::vector<std::string>& arguments) {
  const mapping shared{arguments.at(1)};
  std::mt19937_64 random{std::stoull(arguments.at(2))};
  actor_config config;
  caf::actor_system system{config};
  options x;
  x.file = arguments.at(0);
  x.on_notice = nullptr;
  while (!shared->done) {
    const auto asked = now_us();
    ++shared->opens;
    try {
      auto running = start(system, x);
      own(system, running, shared, random);
      running.stop();
    } catch (const store_error& e) {
      if (e.code() == errc::store_locked) {
        ++shared->locked;
        raise_to(shared->slowest_locked_us, now_us() - asked);
      } else {
        ++shared->other_errors;
        std::cerr << e.what() << std::endl;
      }
    }
    std::this_thread::sleep_for(
      milliseconds{std::uniform_int_distribution{1, 20}(random)});
  }
  return 0;
}

void owners(report& r) {
  const temp_dir dir;
  const auto file = dir / "track.db";
  const mapping shared{dir / "shared"};
  auto random = r.random();
  const auto begin = [&] {
    return std::make_unique<program>(
      own_path(),
      program::setting{.arguments = {"--child", "owners", file, dir / "shared",
                                     std::to_string(random())}});
  };
  std::vector<std::unique_ptr<program>> processes;
  for (std::size_t n = 0; n < contenders; ++n)
    processes.push_back(begin());

  const auto wanted = r.pick<std::int64_t>(500, 10'000);
  const auto limit = steady::now()
                     + r.pick(milliseconds{60'000}, milliseconds{3'600'000});
  std::int64_t kills = 0;
  std::int64_t counted = 0;
  while ((shared->opens < wanted || shared->owners < wanted / 2)
         && steady::now() < limit) {
    std::this_thread::sleep_for(
      milliseconds{std::uniform_int_distribution{5, 150}(random)});
    const auto opens = shared->opens.load();
    r.tried(opens - std::exchange(counted, opens), wanted);
    const auto owner = shared->owner.load();
    for (auto& each : processes)
      if (each->pid() == owner) {
        shared->killed = owner;
        shared->free_since_us = now_us();
        each->signal(SIGKILL);
        each->wait();
        each = begin();
        ++kills;
      }
  }
  shared->done = true;
  for (auto& each : processes)
    if (const auto code = each->wait(); code != 0)
      r.violation("a process ended with " + std::to_string(code) + ": "
                  + each->err());

  r.require(shared->two_owners == 0, std::to_string(shared->two_owners)
                                       + " times there were two owners");
  r.require(shared->other_errors == 0,
            std::to_string(shared->other_errors)
              + " opens failed with another error than store_locked");
  r.require(shared->lost_rows == 0, std::to_string(shared->lost_rows)
                                      + " rows were gone after a "
                                        "take-over");
  r.require(shared->slowest_locked_us <= locked_limit_us,
            "`store_locked` took "
              + std::to_string(shared->slowest_locked_us / 1'000) + " ms");
  r.require(shared->slowest_take_over_us <= take_over_limit_us,
            "a take-over took "
              + std::to_string(shared->slowest_take_over_us / 1'000) + " ms");
  r.require(shared->locked > 0 && kills > 0, "nobody raced, or nobody died");
  r.require(shared->opens >= wanted && shared->owners >= wanted / 2,
            "the file was not taken over often enough in time");
  const auto integrity = integrity_of(file);
  r.require(integrity == "ok", "integrity: " + integrity);
  operation_tracking_store store{{.file = file, .vfs = {}}};
  std::int64_t acknowledged = 0;
  for (std::size_t n = 0; n < std::min(shared->rows.load(), most_rows); ++n)
    if (shared->acknowledged[n] != 0) {
      ++acknowledged;
      r.require(store.get_status(status_of(n + 1), t0).snapshot.has_value(),
                "row " + std::to_string(n) + " was acknowledged and is gone");
    }
  r.figure(std::to_string(shared->owners) + " owners, " + std::to_string(kills)
           + " killed");
  r.figure(std::to_string(shared->locked) + " refused, the slowest after "
           + std::to_string(shared->slowest_locked_us / 1'000) + " ms");
  r.figure("slowest take-over "
           + std::to_string(shared->slowest_take_over_us / 1'000) + " ms");
  r.figure(std::to_string(acknowledged) + " rows acknowledged, all there");
}

} // namespace waybill::torture
