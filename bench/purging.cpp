// Purging: how fast, and what it costs everyone else.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "baselines.hpp"
#include "clients.hpp"
#include "lines.hpp"
#include "waybill/ask.hpp"

namespace waybill::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = std::chrono::minutes{10};

std::int64_t purge(running_tracker& tracker, timestamp older_than) {
  return ask(tracker.system, tracker.tracker(),
             purge_terminal{older_than, std::nullopt, std::nullopt}, patience)
    .deleted;
}

double rate_of_raw_purge(const std::string& file, timestamp older_than) {
  raw_store store{file};
  std::int64_t deleted = 0;
  const auto took = seconds([&] {
    for (;;) {
      store.begin();
      const auto n = store.purge_chunk(older_than.us(), 512);
      store.commit();
      deleted += n;
      if (n < 512)
        break;
    }
  });
  return static_cast<double>(deleted) / took;
}

auto against_raw_purge(bench& b, duplicate_scope remembered) {
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto all = timestamp::now() + std::chrono::hours{1};
  return interleave(
    b.repeats,
    [&] {
      const auto file = b.files.copy_of(rows, id_kind::v7);
      running_tracker tracker{file.name(), durability::full, 0, remembered};
      std::int64_t deleted = 0;
      const auto took = seconds([&] { deleted = purge(tracker, all); });
      return static_cast<double>(deleted) / took;
    },
    [&] {
      const auto file = b.files.copy_of(rows, id_kind::v7);
      return rate_of_raw_purge(file.name(), all);
    });
}

} // namespace

void purge_rate_vs_raw(bench& b) {
  const auto x = against_raw_purge(b, duplicate_scope::calls);
  b.out.figure("purge_rate_vs_raw.actor", x.a, "rows/s");
  b.out.figure("purge_rate_vs_raw.raw", x.b, "rows/s");
  b.out.ratio("purge_rate_vs_raw", x.ratio, goal::at_least, 0.9);
}

// Each row that goes leaves a tombstone.
void purge_with_tombstones(bench& b) {
  const auto x = against_raw_purge(b, duplicate_scope::all);
  b.out.figure("purge_with_tombstones.actor", x.a, "rows/s");
  b.out.ratio("purge_with_tombstones", x.ratio, goal::at_least, 0.7);
}

void purge_pause(bench& b) {
  const auto rows = b.out.pick(200'000, 1'000'000);
  const auto p999 = [&](bool purging) {
    const auto file = b.files.copy_of(rows, id_kind::v7);
    running_tracker tracker{file.name()};
    const auto older_than = timestamp::now();
    std::atomic<bool> stop{false};
    load_result writes;
    std::jthread writers{[&] {
      writes = tracker.run({.clients = 16,
                            .window = 4,
                            .operations = std::int64_t{1} << 40U,
                            .stop = &stop,
                            .latencies = true});
    }};
    if (purging)
      purge(tracker, older_than);
    else
      std::this_thread::sleep_for(b.out.pick(2'000ms, 6'000ms));
    stop = true;
    writers.join();
    return percentile(writes.latencies[0], 0.999);
  };
  const auto x = interleave(
    b.repeats, [&] { return p999(true); }, [&] { return p999(false); });
  b.out.figure("purge_pause.during", x.a, "µs");
  b.out.figure("purge_pause.without", x.b, "µs");
  b.out.ratio("purge_pause", x.ratio, goal::at_most, 3);
}

// Everything that is finished is purged after a second, under full load. What
// counts is the second half: while purges run they take more rows than finish
// in that time, and the file does not grow.
void purge_keeps_up(bench& b) {
  const auto half = b.out.pick(6s, 20s);
  const auto file = b.files.fresh();
  running_tracker tracker{file};
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> finished{0};
  std::jthread writers{[&] {
    tracker.run({.what = mix::lifecycle,
                 .operations = std::int64_t{1} << 40U,
                 .stop = &stop,
                 .finished = &finished});
  }};
  std::this_thread::sleep_for(1s);
  std::atomic<bool> counting{false};
  std::int64_t purged = 0;
  std::int64_t meanwhile = 0; // rows that finished while purges ran
  double purging = 0;         // s
  std::jthread purger{[&] {
    while (!stop) {
      const auto before = finished.load();
      std::int64_t rows = 0;
      const auto took
        = seconds([&] { rows = purge(tracker, timestamp::now() - 1s); });
      if (counting) {
        purged += rows;
        meanwhile += finished - before;
        purging += took;
      }
      std::this_thread::sleep_for(50ms);
    }
  }};
  const auto size = [&] {
    return static_cast<double>(std::filesystem::file_size(file));
  };
  std::this_thread::sleep_for(half);
  counting = true;
  // The largest of some looks: checkpoints come now and then.
  double size_before = size();
  double size_after = 0;
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(half / 10);
    auto& side = i < 5 ? size_before : size_after;
    side = std::max(side, size());
  }
  stop = true;
  writers.join();
  purger.join();
  const auto time = std::chrono::duration<double>(half).count();
  b.out.figure("purge_keeps_up.purged", static_cast<double>(purged) / purging,
               "rows/s while purging");
  b.out.figure("purge_keeps_up.finished",
               static_cast<double>(meanwhile) / purging,
               "rows/s while purging");
  b.out.figure("purge_keeps_up.busy", purging / time, "of the time");
  b.out.ratio("purge_keeps_up",
              static_cast<double>(purged) / static_cast<double>(meanwhile),
              goal::at_least, 1);
  b.out.ratio("purge_keeps_up.size", size_after / size_before, goal::at_most,
              1.1);
}

} // namespace waybill::bench
