// Row 11: far more requests than a slow disk can take.
//
// Each sync takes 50 ms. Requests come several times as fast as they can be
// stored; what the tracker cannot take it must refuse, and say so.

#include <algorithm>
#include <fstream>
#include <thread>

#include <unistd.h>

#include "support/actors.hpp"
#include "support/answer_sink.hpp"
#include "support/fault_vfs.hpp"
#include "support/plain_sqlite.hpp"
#include "torture/rows.hpp"

namespace waybill::torture {

namespace {

using namespace waybill::test;
using steady = std::chrono::steady_clock;

constexpr std::int64_t mebibyte = 1'048'576;
constexpr std::int64_t most_growth = 64 * mebibyte;
constexpr auto sync_time = std::chrono::milliseconds{50};
// A few syncs, and what a busy machine adds.
constexpr auto normal_answer = std::chrono::milliseconds{500};
constexpr auto normal_within = std::chrono::milliseconds{2'000};

std::int64_t resident_bytes() {
  std::int64_t all = 0;
  std::int64_t resident = 0;
  std::ifstream{"/proc/self/statm"} >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t in_ms(steady::duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

} // namespace

void flood(report& r) {
  constexpr std::size_t clients = 4;
  const auto requests = r.pick<std::size_t>(1'000'000, 10'000'000);
  const auto flood_time = r.pick<std::int64_t>(12'000, 120'000); // ms
  const auto per_ms = requests / clients / static_cast<std::size_t>(flood_time);

  const temp_dir dir;
  fault_vfs vfs;
  vfs.real_syncs = false;
  vfs.before = [](const io_call& call) {
    if (call.op == io_op::sync)
      std::this_thread::sleep_for(sync_time);
    return SQLITE_OK;
  };
  actor_config config;
  caf::actor_system system{config};
  options x;
  x.file = dir / "track.db";
  x.vfs = vfs.name();
  x.on_notice = nullptr;
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  answer_sink answers{system, requests};
  ask(system, tracker, get_counts{});

  const auto before = resident_bytes();
  std::atomic<bool> measuring{true};
  std::atomic<std::int64_t> most{before};
  std::jthread meter{[&] {
    while (measuring) {
      most = std::max(most.load(), resident_bytes());
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
  }};
  {
    std::vector<std::jthread> threads;
    for (std::size_t c = 0; c < clients; ++c)
      threads.emplace_back([&, c] {
        const auto began = steady::now();
        const auto last = (c + 1) * requests / clients;
        std::size_t sent = 0;
        for (auto n = c * requests / clients; n < last; ++n) {
          answers.send(tracker, n, enqueue(n + 1));
          if (++sent % 256 == 0)
            std::this_thread::sleep_until(
              began + std::chrono::milliseconds{sent / (per_ms + 1)});
          r.tried(1, static_cast<std::int64_t>(requests));
        }
      });
  }
  const auto flooded = steady::now();

  // Service is normal once a request is answered as on any other day.
  steady::duration normal_after{};
  for (std::uint64_t n = requests + 1;; ++n) {
    const auto asked = steady::now();
    try {
      ask(system, tracker, enqueue(n));
      if (steady::now() - asked <= normal_answer) {
        normal_after = steady::now() - flooded;
        break;
      }
    } catch (const request_error& e) {
      if (e.code() != errc::overloaded)
        r.violation(std::string{"after the flood: "} + e.what());
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    if (steady::now() - flooded > std::chrono::seconds{20}) {
      normal_after = steady::now() - flooded;
      break;
    }
  }
  r.require(normal_after <= normal_within,
            "normal service only " + std::to_string(in_ms(normal_after))
              + " ms after the flood");
  if (!answers.await(requests, std::chrono::seconds{20}))
    r.violation(std::to_string(requests - answers.answered())
                + " requests were never answered");
  measuring = false;
  meter.join();
  const auto growth = most - before;
  r.require(growth <= most_growth, "resident memory grew by "
                                     + std::to_string(growth / mebibyte)
                                     + " MiB");

  // The oracle: each answer against the file.
  running.stop();
  std::vector<bool> stored(requests + 1);
  auto db = open_reader(x.file);
  auto ids = db.prepare("SELECT id FROM operation");
  while (ids.step()) {
    std::uint64_t low = 0;
    for (const auto byte : ids.blob(0).subspan(8))
      low = low << 8 | byte;
    if (const auto n = low - id_of(0).low(); n <= requests)
      stored[n] = true;
  }
  std::size_t done = 0;
  for (std::size_t n = 0; n < requests; ++n) {
    const auto& answer = answers[n];
    if (answer.times != 1)
      r.violation("request " + std::to_string(n) + " was answered "
                  + std::to_string(answer.times) + " times");
    else if (answer.done() != stored[n + 1])
      r.violation("request " + std::to_string(n) + " was answered "
                  + (answer.done() ? "done" : to_string(answer.error()))
                  + " and is " + (stored[n + 1] ? "there" : "not there"));
    else if (!answer.done() && answer.error() != errc::overloaded)
      r.violation("request " + std::to_string(n) + " was refused with "
                  + to_string(answer.error()));
    done += answer.done() ? 1U : 0U;
  }
  r.require(done >= requests / 20, "hardly any request was stored");
  r.require(done < requests, "this was no flood: all were stored");
  r.figure(std::to_string(done) + " stored, the others overloaded");
  r.figure("memory +" + std::to_string(growth / mebibyte) + " MiB");
  r.figure("normal service " + std::to_string(in_ms(normal_after))
           + " ms after");
}

} // namespace waybill::torture
