// Row 4: every allocation that SQLite makes fails once, one run for each (in a
// quick run for half of them).

#include <sqlite3.h>

#include <atomic>

#include "support/temp_dir.hpp"
#include "torture/exercise.hpp"
#include "torture/rows.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

sqlite3_mem_methods real;
std::atomic<std::int64_t> calls{0};
std::atomic<std::int64_t> failing{0}; // that call, from 1; 0 for none

bool fails_now() {
  return ++calls == failing;
}

// Must be called before SQLite is used.
void install() {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
  auto mine = real;
  mine.xMalloc = [](int size) {
    return fails_now() ? nullptr : real.xMalloc(size);
  };
  mine.xRealloc = [](void* at, int size) {
    return fails_now() ? nullptr : real.xRealloc(at, size);
  };
  // Nothing is handed out from memory that was taken in advance.
  if (sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK
      || sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0) != SQLITE_OK
      || sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) != SQLITE_OK)
    throw std::runtime_error{"SQLite is in use already"};
}

class alloc_faults_row {
public:
  explicit alloc_faults_row(report& r) : r_{r} {}

  void run() {
    // More rounds change what lies in memory: the texts differ in length. A
    // quick run tries every eighth one; the seed decides which.
    std::int64_t last = 0;
    const auto step = r_.pick<std::int64_t>(8, 1);
    const auto first = 1 + static_cast<std::int64_t>(r_.seed() % 8) % step;
    for (int round = 0; round < r_.pick(1, 8); ++round)
      last = sweep([&](std::int64_t n) { return fail(n, round); }, first, step);
    r_.figure(std::to_string(last) + " allocations in a run");
    r_.figure(std::to_string(refused_starts_) + " starts refused");
    r_.require(last > 500, "too few allocations to be all");
  }

private:
  // @returns false if there are fewer allocations than `n`.
  bool fail(std::int64_t n, int round) {
    const test::temp_dir dir;
    options x;
    x.file = dir / "ops.db";
    x.synchronous = durability::off;
    x.checkpoint_pages = 100 + 10 * round;
    x.cache_bytes = 65'536 * (round + 1);
    x.on_notice = [](severity, const std::string&) {};
    ledger book;
    const auto where = "allocation " + std::to_string(n) + ": ";
    const auto note = [&](const std::string& fault) {
      r_.violation(where + fault);
    };
    calls = 0;
    failing = n;
    try {
      auto running = start(system_, x);
      test::pipeline client{system_, running.tracker(),
                            test::way_of(
                              static_cast<std::uint64_t>(n + round))};
      exercise(client, book, note);
      if (!running.stop())
        note("did not stop in time");
    } catch (const store_error& e) {
      ++refused_starts_;
      if (e.code() != errc::not_stored && e.code() != errc::store_unavailable)
        note(std::string{"not a true error: "} + e.what());
    }
    const auto reached = calls >= n;
    failing = 0;
    if (const auto fault = fault_in_file(x.file, book); !fault.empty())
      note(fault);
    if (reached)
      r_.tried();
    return reached;
  }

  report& r_;
  actor_config config_;
  caf::actor_system system_{config_};
  std::int64_t refused_starts_ = 0;
};

} // namespace

void alloc_faults(report& r) {
  install();
  alloc_faults_row{r}.run();
}

} // namespace waybill::torture
