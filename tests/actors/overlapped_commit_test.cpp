// Batches of which one is worked on while the one before is synced.

#include <atomic>
#include <future>
#include <thread>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "support/plain_sqlite.hpp"
#include "torture/gate.hpp"
#include "waybill/operation_tracking_store.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// A hundred requests at once are committed in two batches at least: the first
// takes longer than a COMMIT, for whoever looks at the clock waits.
struct overlapped_commits : actor_fixture {
  fault_vfs vfs;
  torture::gate at_clock;
  std::atomic<int> looks{0};     // at the clock: one for each request
  std::atomic<bool> shut{false}; // syncs of the log wait
  std::atomic<int> in_sync{0};
  std::atomic<int> fails{SQLITE_OK}; // what a sync of the log ends with
  std::atomic<int> fails_after{0};   // syncs that still succeed

  overlapped_commits() {
    vfs.real_syncs = false;
    vfs.before = [this](const io_call& x) -> int {
      return x.file == io_file::wal && x.op == io_op::sync && fails != SQLITE_OK
                 && fails_after-- == 0
               ? fails.exchange(SQLITE_OK)
               : SQLITE_OK;
    };
    vfs.during_sync = [this](io_file kind) {
      if (kind != io_file::wal)
        return;
      ++in_sync;
      while (shut)
        std::this_thread::sleep_for(1ms);
      --in_sync;
    };
  }

  ~overlapped_commits() { shut = false; }

  overlapped_commits(const overlapped_commits&) = delete;
  overlapped_commits& operator=(const overlapped_commits&) = delete;

  options make() {
    auto x = make_options();
    x.vfs = vfs.name();
    x.clock = at_clock.clock();
    x.retention_interval = 1h;
    return x;
  }

  /// Operations 100 to 199, all of them in the tracker's mailbox before the
  /// first is worked on: it waits at a question.
  template <class F>
  std::vector<outcome_of<enqueue_reply>>
  send_hundred(const tracking_actor& tracker, F&& then) {
    std::vector<record_enqueue> all;
    for (std::uint64_t n = 100; n < 200; ++n)
      all.push_back(enqueue(n));
    at_clock.close();
    caf::scoped_actor self{system};
    auto question = request(self, tracker, 10s, status_of(1));
    auto outcomes = send_all(system, tracker, std::move(all), [&] {
      then();
      at_clock.open([this](std::int64_t) {
        ++looks;
        std::this_thread::sleep_for(1ms); // longer than a COMMIT, in all
      });
    });
    std::move(question).receive([](status_reply&) {}, [](const caf::error&) {});
    return outcomes;
  }

  static bool is_stored(const std::string& file, std::uint64_t n) {
    operation_tracking_store store{{.file = file, .vfs = {}}};
    return store.get_status(status_of(n), t0).snapshot.has_value();
  }
};

} // namespace

TEST_CASE_METHOD(overlapped_commits,
                 "promise 1, durability: what comes during a sync is applied, "
                 "and nothing is answered before it has ended",
                 "[promise-1]") {
  auto running = start(system, make());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  auto all = std::async(std::launch::async, [&] {
    return send_hundred(tracker, [&] { shut = true; });
  });
  CHECK(eventually([&] { return in_sync == 1 && looks >= 100; }));
  CHECK(all.wait_for(50ms) == std::future_status::timeout);
  shut = false;
  for (const auto& x : all.get())
    CHECK(x.reply->outcome == enqueue_outcome::inserted);
  CHECK(get(tracker, get_health{}).batches >= 3);
}

TEST_CASE_METHOD(overlapped_commits,
                 "promise 2, outcomes: if the sync of a batch fails, it is "
                 "unknown, and the next is not stored",
                 "[promise-2][promise-3]") {
  auto running = start(system, make());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  const auto all = send_hundred(tracker, [&] { fails = SQLITE_IOERR_FSYNC; });
  int unknown = 0;
  std::vector<std::uint64_t> inserted;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].reply) {
      inserted.push_back(100 + i);
      continue;
    }
    REQUIRE(all[i].error);
    if (all[i].error->code == errc::outcome_unknown)
      ++unknown;
    else
      CHECK(all[i].error->code == errc::not_stored);
  }
  REQUIRE(all.front().error); // of the batch that was synced
  CHECK(all.front().error->code == errc::outcome_unknown);
  CHECK(unknown < 100);
  CHECK(eventually(
    [&] { return get(tracker, get_health{}).state == health_state::ok; }));
  CHECK(get(tracker, get_stats{}).unknown == unknown);
  for (const auto n : inserted)
    CHECK(get(tracker, status_of(n)).snapshot);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].error && all[i].error->code == errc::not_stored)
      CHECK_FALSE(get(tracker, status_of(100 + i)).snapshot);
  for (std::uint64_t n = 100; n < 200; ++n) // and all can be repeated
    get(tracker, enqueue(n));
  CHECK(get(tracker, status_of(199)).snapshot);
}

TEST_CASE_METHOD(overlapped_commits,
                 "promise 6, linearizability: a question during a sync is "
                 "answered after it, unless it is about something else",
                 "[promise-6]") {
  auto running = start(system, make());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  auto all = std::async(std::launch::async, [&] {
    return send_hundred(tracker, [&] { shut = true; });
  });
  REQUIRE(eventually([&] { return in_sync == 1; }));
  auto other = std::async(std::launch::async,
                          [&] { return get(tracker, status_of(1)); });
  auto same = std::async(std::launch::async,
                         [&] { return get(tracker, status_of(100)); });
  auto counts = std::async(std::launch::async,
                           [&] { return get(tracker, get_counts{}); });
  CHECK(same.wait_for(50ms) == std::future_status::timeout);
  CHECK(counts.wait_for(0ms) == std::future_status::timeout);
  shut = false;
  CHECK(same.get().snapshot);
  CHECK(other.get().snapshot);
  CHECK_FALSE(counts.get().counts.empty());
  all.get();
}

TEST_CASE_METHOD(overlapped_commits,
                 "promise 2, outcomes: stopping during a sync answers all",
                 "[promise-2]") {
  auto x = make();
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  std::future<bool> stopped;
  std::future<void> opened;
  const auto all = send_hundred(tracker, [&] {
    shut = true;
    stopped = std::async(std::launch::async, [&] { return running.stop(); });
    opened = std::async(std::launch::async, [&] {
      std::this_thread::sleep_for(50ms);
      shut = false;
    });
  });
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(
      (all[i].reply || (all[i].error && all[i].error->code == errc::stopped)));
  CHECK(stopped.get());
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(is_stored(x.file, 100 + i) == all[i].reply.has_value());
}

namespace {

struct overlapped_purge : overlapped_commits {
  static constexpr std::uint64_t finished = 20;

  options make_counting() {
    auto x = make();
    x.purge_chunk_rows = 4;
    x.clock.wall = [this] {
      ++looks; // once a step
      return timestamp::now();
    };
    return x;
  }

  void finish_some(const tracking_actor& tracker) {
    for (std::uint64_t n = 1; n <= finished; ++n) {
      get(tracker, enqueue(n));
      get(tracker, terminal(n));
    }
    std::this_thread::sleep_for(1ms); // they are older than now
  }
};

} // namespace

TEST_CASE_METHOD(overlapped_purge,
                 "promise 9, purge: the next step begins while the one before "
                 "is synced, and the answer comes after the last",
                 "[promise-9]") {
  auto running = start(system, make_counting());
  const auto& tracker = running.tracker();
  finish_some(tracker);
  shut = true;
  const auto before = looks.load();
  auto purged = std::async(std::launch::async, [&] {
    return get(tracker, purge_before(timestamp::now()));
  });
  CHECK(eventually([&] { return in_sync == 1 && looks >= before + 2; }));
  CHECK(purged.wait_for(50ms) == std::future_status::timeout);
  shut = false;
  CHECK(purged.get().deleted == static_cast<std::int64_t>(finished));
}

TEST_CASE_METHOD(overlapped_purge,
                 "promise 2, outcomes: a purge of which a step is not synced "
                 "is unknown, and can be repeated",
                 "[promise-2][promise-9]") {
  const auto is_log_due = GENERATE(false, true);
  auto x = make_counting();
  x.checkpoint_pages = is_log_due ? 100 : 4'000;
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  auto reader = open_reader(x.file);
  if (is_log_due) { // and stays so: each step begins with looking at it
    reader.exec("BEGIN");
    reader.query_int("SELECT count(*) FROM operation");
  }
  finish_some(tracker);
  if (is_log_due)
    REQUIRE(get(tracker, get_health{}).wal_bytes > 100 * 4'120);
  fails_after = GENERATE(0, 1, 2, 3, 4); // syncs: of one step or another
  fails = SQLITE_IOERR_FSYNC;
  CHECK(error_of(tracker, purge_before(timestamp::now()))
        == errc::outcome_unknown);
  REQUIRE(eventually([&] {
    const auto shown = get(tracker, get_health{});
    return shown.state == health_state::ok
           || shown.reason.starts_with("a reader keeps ");
  }));
  get(tracker, purge_before(timestamp::now()));
  for (std::uint64_t n = 1; n <= finished; ++n)
    CHECK_FALSE(get(tracker, status_of(n)).snapshot);
  get(tracker, enqueue(1));
  CHECK(get(tracker, status_of(1)).snapshot);
}
