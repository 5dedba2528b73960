// Row 3: every call of SQLite to its VFS fails, once and for good, with IOERR,
// FULL, CANTOPEN and BUSY, one run for each (in a quick run for a quarter of
// them): while a tracker opens a file (a new one, one that a crash left, one
// with unused space), works, purges, gives space back, copies its log and
// closes. After each run the files are checked twice: as a kill would have left
// them, and as they are.

#include <array>
#include <filesystem>

#include "support/fault_vfs.hpp"
#include "support/files.hpp"
#include "support/requests.hpp"
#include "support/temp_dir.hpp"
#include "torture/exercise.hpp"
#include "torture/rows.hpp"
#include "waybill/ask.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/service.hpp"

namespace waybill::torture {

namespace {

using namespace test;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr auto longest_wait = std::chrono::seconds{2};
constexpr std::uint64_t old_ids = 1'000; // of operations that are there before

enum class error : std::uint8_t { ioerr, full, cantopen, busy };

constexpr std::array all_errors{error::ioerr, error::full, error::cantopen,
                                error::busy};

int code_of(error e, io_op op) {
  switch (e) {
    case error::full:
      return SQLITE_FULL;
    case error::cantopen:
      return SQLITE_CANTOPEN;
    case error::busy:
      return SQLITE_BUSY;
    case error::ioerr:
      break;
  }
  switch (op) {
    case io_op::read:
      return SQLITE_IOERR_READ;
    case io_op::write:
      return SQLITE_IOERR_WRITE;
    case io_op::truncate:
      return SQLITE_IOERR_TRUNCATE;
    case io_op::sync:
      return SQLITE_IOERR_FSYNC;
    case io_op::size:
      return SQLITE_IOERR_FSTAT;
    case io_op::remove:
      return SQLITE_IOERR_DELETE;
    case io_op::access:
      return SQLITE_IOERR_ACCESS;
    case io_op::lock:
      return SQLITE_IOERR_LOCK;
    case io_op::shm_map:
      return SQLITE_IOERR_SHMMAP;
    case io_op::shm_lock:
      return SQLITE_IOERR_SHMLOCK;
    default:
      return SQLITE_IOERR;
  }
}

std::string name_of(error e) {
  constexpr const char* names[] = {"IOERR", "FULL", "CANTOPEN", "BUSY"};
  return names[static_cast<std::size_t>(e)];
}

// What a tracker starts with.
struct scenario {
  const char* name;
  temp_dir dir;
  ledger book;

  [[nodiscard]] std::string file() const { return dir / "ops.db"; }
};

// Calls `first` to `last` fail.
struct fault {
  error how;
  std::int64_t first;
  std::int64_t last;

  [[nodiscard]] std::string text() const {
    return name_of(how) + " at call " + std::to_string(first)
           + (last == first ? "" : " and after");
  }
};

class vfs_faults_row {
public:
  explicit vfs_faults_row(report& r) : r_{r} {
    vfs_.real_syncs = false;
    vfs_.real_sleeps = false;
  }

  void run() {
    scenario blank{"a new file", {}, {}};
    scenario crashed{"a file after a crash", {}, {}};
    prepare(crashed, 40, true);
    scenario hollow{"a file with unused space", {}, {}};
    prepare(hollow, 1'150, false);
    for (const auto* x : std::array{&blank, &crashed, &hollow}) {
      std::int64_t calls = 0;
      for (const auto how : all_errors)
        for (const auto lasting : {false, true})
          calls = std::max(calls, sweep_calls(*x, how, lasting));
      r_.figure(std::string{x->name} + ": " + std::to_string(calls) + " calls");
      auto random = r_.random();
      for (int i = 0; i < r_.pick(0, 3'000); ++i) {
        const auto n = 1
                       + static_cast<std::int64_t>(random())
                           % std::max<std::int64_t>(1, calls);
        const auto length = static_cast<std::int64_t>(random() % 30);
        try_one(*x,
                {all_errors[random() % 4], std::abs(n), std::abs(n) + length});
      }
    }
    r_.figure("longest wait " + std::to_string(longest_ / milliseconds{1})
              + " ms");
  }

private:
  // In a quick run a call has one of the four errors, once or for good; the
  // seed decides which.
  std::int64_t sweep_calls(const scenario& x, error how, bool lasting) {
    const auto step = r_.pick<std::int64_t>(8, 1);
    const auto turn = static_cast<std::uint64_t>(how) + (lasting ? 4 : 0);
    const auto first
      = 1 + static_cast<std::int64_t>((turn + r_.seed() % 8) % 8) % step;
    return sweep(
      [&](std::int64_t n) {
        return try_one(x, {how, n, lasting ? INT64_MAX : n});
      },
      first, step);
  }

  // Fills a store with operations: as a crash leaves it, or with most of them
  // purged.
  static void prepare(scenario& x, std::uint64_t operations, bool crash) {
    const temp_dir dir;
    operation_tracking_store store{
      {.file = dir / "ops.db", .synchronous = durability::off, .vfs = {}}};
    const auto now = timestamp::now();
    store.begin();
    for (std::uint64_t i = 0; i < operations; ++i) {
      const auto n = old_ids + i;
      auto reply = store.record_enqueue(enqueue(n), now);
      x.book.told(n, stage::submitted, reply);
      if (crash)
        continue;
      auto ending = terminal(n);
      ending.last_error = std::string(3'900, 'x');
      x.book.told(n, stage::finished, store.record_terminal(ending, now));
    }
    store.commit();
    if (!crash) {
      const auto reply
        = store.purge_terminal(purge_before(now + std::chrono::hours{1}), now);
      x.book.told_purge(reply);
      store.close();
    }
    copy_files(dir.path(), x.dir.path());
  }

  // @returns false if there are fewer calls.
  bool try_one(const scenario& from, const fault& f) {
    const temp_dir dir;
    for (const auto& each :
         std::filesystem::directory_iterator{from.dir.path()})
      std::filesystem::copy(each.path(), dir.path() / each.path().filename());
    options x;
    x.file = dir / "ops.db";
    x.vfs = vfs_.name();
    x.checkpoint_pages = 100;
    // A fault that lasts may be in the way of the last checkpoint.
    std::atomic<bool> told_of_log{false};
    x.on_notice = [&told_of_log](severity, const std::string& text) {
      if (text.find("stays beside it, with nothing lost") != std::string::npos)
        told_of_log = true;
    };
    ledger book = from.book;
    const auto note = [&](const std::string& what) {
      r_.violation(std::string{from.name} + ", " + f.text() + ": " + what);
    };
    std::atomic<std::int64_t> calls{0};
    vfs_.before = [&](const io_call& call) {
      const auto n = ++calls;
      return n >= f.first && n <= f.last ? code_of(f.how, call.op) : SQLITE_OK;
    };
    // What SQLite waits for locks is only counted.
    vfs_.slept_us = 0;
    auto begin = clock::now();
    const auto in_time = [&](const char* what) {
      const auto now = clock::now();
      const auto spent = now - begin
                         + std::chrono::microseconds{vfs_.slept_us.exchange(0)};
      begin = now;
      longest_ = std::max<clock::duration>(longest_, spent);
      if (spent > longest_wait)
        note(std::string{what} + " took "
             + std::to_string(spent / milliseconds{1}) + " ms");
    };
    auto reached = false;
    try {
      auto running = start(system_, x);
      in_time("the start");
      pipeline client{system_, running.tracker(),
                      way_of(static_cast<std::uint64_t>(f.first))};
      exercise(client, book, note, [&] { in_time("an answer"); });
      reached = calls >= f.first;
      if (reached) {
        check_killed(dir, book, note);
        begin = clock::now();
      }
      if (!running.stop() && !told_of_log)
        note("did not stop");
      in_time("the stop");
    } catch (const store_error& e) {
      in_time("the refusal to start");
      if (e.code() == errc::store_corrupt || e.code() == errc::not_a_store
          || e.code() == errc::newer_schema
          || e.code() == errc::outcome_unknown)
        note(std::string{"not a true error: "} + e.what());
    }
    reached = reached || calls >= f.first;
    vfs_.heal();
    if (const auto what = fault_in_file(x.file, book); !what.empty())
      note(what);
    if (reached)
      r_.tried();
    return reached;
  }

  // Copied by this process, which drops SQLite's locks on the files; nobody
  // else is there to take them. A tracker that heals, or still gives space
  // back, waits meanwhile.
  template <class Note>
  void check_killed(const temp_dir& dir, const ledger& book, const Note& note) {
    const temp_dir copy;
    vfs_.between_calls([&] {
      for (const auto* name : {"ops.db-wal", "ops.db"})
        if (std::filesystem::exists(dir / name))
          write_file(copy / name, read_file(dir / name));
    });
    if (const auto what = fault_in_file(copy / "ops.db", book); !what.empty())
      note("after a kill: " + what);
  }

  report& r_;
  fault_vfs vfs_;
  actor_config config_;
  caf::actor_system system_{config_};
  clock::duration longest_{};
};

} // namespace

void vfs_faults(report& r) {
  vfs_faults_row{r}.run();
}

} // namespace waybill::torture
