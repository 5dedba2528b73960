// A commit in two steps: the log's sync is carried out by another thread while
// the next transaction is worked on.

#include <algorithm>
#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "support/durable_image.hpp"
#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct two_steps {
  temp_dir dir;
  fault_vfs vfs;
  store_options options = options_for(dir / "ops.db");
  std::optional<operation_tracking_store> store;

  // Syncs of the log wait here while it is shut.
  std::atomic<bool> shut{false};
  std::atomic<int> syncs{0};
  std::atomic<bool> synced_here{false};
  const std::thread::id here = std::this_thread::get_id();

  two_steps() {
    options.vfs = vfs.name();
    vfs.during_sync = [this](io_file kind) {
      if (kind != io_file::wal)
        return;
      ++syncs;
      synced_here = std::this_thread::get_id() == here;
      while (shut)
        std::this_thread::sleep_for(1ms);
    };
    store.emplace(options);
    commit_one(1); // the log has begun
  }

  ~two_steps() { shut = false; }

  two_steps(const two_steps&) = delete;
  two_steps& operator=(const two_steps&) = delete;

  void commit_one(std::uint64_t n) {
    store->begin();
    store->record_enqueue(enqueue(n), at(0));
    store->commit();
  }

  bool begin_one(
    std::uint64_t n, std::function<void()> on_synced = [] {}) {
    store->begin();
    store->record_enqueue(enqueue(n), at(0));
    return store->begin_commit(std::move(on_synced));
  }

  template <class F>
  static void expect(errc code, const char* part, F&& f) {
    const auto caught = error_of(f);
    CHECK(caught.code == code);
    CHECK(caught.mentions(part));
  }

  bool has(std::uint64_t n) {
    return store->get_status(status_of(n), at(0)).snapshot.has_value();
  }
};

} // namespace

TEST_CASE_METHOD(two_steps,
                 "a purge that is rolled back while the batch before is synced "
                 "leaves that one's tombstones",
                 "[calls][promise-3][threads]") {
  store.reset();
  options.duplicates_of = duplicate_scope::all;
  options.tombstone_runs
    = {.page_entries = 2, .fan_in = 2, .full = 64, .fresh = 2};
  store.emplace(options);
  const auto purge_one = [&](std::uint64_t n) {
    store->record_enqueue(enqueue(n), at(1));
    store->record_terminal(terminal(n), at(1));
    store->purge_chunk(purge_before(at(9)), at(20), 10, 1s);
  };
  for (std::uint64_t n = 10; n < 40; n += 2) {
    store->begin();
    purge_one(n);
    store->begin_commit([] {});
    store->begin();
    purge_one(n + 1);
    store->rollback();
    store->finish_commit();
  }
  for (std::uint64_t n = 10; n < 40; ++n)
    CHECK(store->get_status(status_of(n), at(30)).purged.has_value()
          == (n % 2 == 0));
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(two_steps,
                 "promise 1, durability: a commit in two steps is durable when "
                 "it is finished, and is told so",
                 "[promise-1][threads]") {
  store->close();
  durable_image image{vfs, options.file};
  store.emplace(options);
  commit_one(2);
  shut = true;
  std::promise<void> told;
  REQUIRE(begin_one(3, [&] { told.set_value(); }));
  CHECK(image.has_unsynced());
  CHECK_FALSE(store->sync_has_ended());
  CHECK(has(3)); // it is there, but
  CHECK(store->may_be_undone(id_of(3)));
  CHECK_FALSE(store->may_be_undone(id_of(2)));

  shut = false;
  REQUIRE(told.get_future().wait_for(5s) == std::future_status::ready);
  CHECK(store->sync_has_ended());
  store->finish_commit();
  CHECK_FALSE(store->may_be_undone(id_of(3)));
  std::mt19937_64 random{seed_for("a commit in two steps")};
  image.write_to(dir / "after.db", power_loss::drop_all, random);
  vfs.after = nullptr;
  operation_tracking_store after{options_for(dir / "after.db")};
  CHECK(after.get_status(status_of(3), at(0)).snapshot);
}

TEST_CASE_METHOD(two_steps,
                 "the next transaction is worked on during the sync, and is "
                 "not committed before its end",
                 "[threads]") {
  shut = true;
  REQUIRE(begin_one(2));
  store->begin();
  store->record_enqueue(enqueue(3), at(0));
  CHECK(store->record_terminal(terminal(2), at(1)).outcome
        == update_outcome::applied);
  expect(errc::not_stored, "has not been finished", [&] { store->commit(); });
  CHECK(store->in_transaction());
  shut = false;
  store->finish_commit();
  store->commit();
  CHECK(has(3));
  CHECK(store->get_status(status_of(2), at(1)).snapshot->status
        == tracking_status::delivered);
}

TEST_CASE_METHOD(two_steps,
                 "promise 2, outcomes: a sync that fails after its COMMIT is "
                 "unknown, and undoes what was begun since",
                 "[promise-2][threads]") {
  vfs.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC);
  REQUIRE(begin_one(2));
  store->begin();
  store->record_enqueue(enqueue(3), at(0));
  expect(errc::outcome_unknown, "COMMIT", [&] { store->finish_commit(); });
  CHECK(store->needs_recovery());
  CHECK_FALSE(store->in_transaction());
  // Nothing rests on what may give way.
  expect(errc::not_stored, "storage has failed", [&] { has(2); });
  expect(errc::not_stored, "storage has failed", [&] { has(1); });
  expect(errc::not_stored, "storage has failed", [&] { commit_one(4); });
  store->finish_commit(); // there is none any more

  store->recover();
  CHECK(has(1));
  CHECK(has(2)); // the log had it, and now the disk has
  CHECK_FALSE(has(3));
  REQUIRE(begin_one(3));
  store->finish_commit();
  store->close();
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(two_steps,
                 "promise 6: what may be undone is known while a commit is not "
                 "finished",
                 "[promise-6][threads]") {
  commit_one(2);
  shut = true;
  REQUIRE(begin_one(3));
  store->begin();
  store->record_enqueue(enqueue(4), at(0));
  const auto undone = [&] {
    std::vector<bool> all;
    for (std::uint64_t n = 1; n <= 5; ++n)
      all.push_back(store->may_be_undone(id_of(n)));
    return all;
  };
  using flags = std::vector<bool>;
  CHECK(undone() == flags{false, false, true, true, false});
  SECTION("finished, it cannot be undone") {
    shut = false;
    store->finish_commit();
    CHECK(undone() == flags{false, false, false, true, false});
    store->commit();
    CHECK(undone() == flags{false, false, false, false, false});
  }
  SECTION("a rollback of the next transaction leaves it open") {
    store->rollback();
    CHECK(store->may_be_undone(id_of(3)));
    store->begin();
    CHECK(store->may_be_undone(id_of(3)));
    store->record_enqueue(enqueue(5), at(0));
    CHECK(store->may_be_undone(id_of(5)));
    shut = false;
    store->finish_commit();
    CHECK(undone() == flags{false, false, false, false, true});
    store->rollback();
  }
}

TEST_CASE_METHOD(two_steps, "nothing gets into the log while it is synced",
                 "[threads]") {
  store->close();
  options.cache_bytes = 65'536; // less than the next transaction needs
  options.checkpoint_pages = 100'000;
  store.emplace(options);
  commit_one(2);
  std::atomic<bool> syncing{false};
  std::atomic<int> written{0};
  std::atomic<int> written_meanwhile{0};
  vfs.during_sync = [&](io_file kind) {
    if (kind != io_file::wal)
      return;
    syncing = true;
    std::this_thread::sleep_for(50ms);
    syncing = false;
  };
  vfs.before = [&](const io_call& x) {
    if (x.op == io_op::write && x.file == io_file::wal) {
      ++written;
      if (syncing)
        ++written_meanwhile;
    }
    return SQLITE_OK;
  };
  REQUIRE(begin_one(3));
  const auto before = written.load();
  store->begin();
  for (std::uint64_t n = 10; n < 2'000; ++n)
    store->record_enqueue(enqueue(n), at(0));
  CHECK(written > before); // it did not fit
  CHECK(written_meanwhile == 0);
  store->finish_commit();
  store->commit();
  CHECK(written_meanwhile == 0);
  store->close(); // while what it calls is there
}

TEST_CASE_METHOD(two_steps,
                 "promise 1, durability: a log that begins anew is synced "
                 "before its first transaction is",
                 "[promise-1][threads]") {
  store->close();
  store.emplace(options); // has emptied the log
  syncs = 0;
  REQUIRE(begin_one(2));
  store->finish_commit();
  CHECK(syncs == 2); // the header's, here, and the other thread's
  CHECK_FALSE(synced_here);
  REQUIRE(begin_one(3));
  store->finish_commit();
  CHECK(syncs == 3);
}

TEST_CASE_METHOD(two_steps, "without a sync there is nothing to finish",
                 "[threads]") {
  store->begin();
  CHECK_FALSE(store->begin_commit([] {}));
  store->finish_commit();
  commit_one(2); // and none is put off from here on
  CHECK(synced_here);
  store->close();
  options.synchronous = durability::normal;
  store.emplace(options);
  CHECK_FALSE(begin_one(3));
  CHECK(has(3));
}

TEST_CASE_METHOD(two_steps, "a COMMIT that fails puts no later sync off",
                 "[threads]") {
  vfs.fail(io_op::write, io_file::wal, SQLITE_FULL);
  store->begin();
  store->record_enqueue(enqueue(2), at(0));
  expect(errc::store_full, "", [&] { store->begin_commit([] {}); });
  vfs.heal();
  syncs = 0;
  commit_one(3);
  CHECK(syncs > 0);
  CHECK(synced_here);
  CHECK_FALSE(has(2));
}

TEST_CASE_METHOD(two_steps, "closing waits for the sync, copying too",
                 "[threads]") {
  shut = true;
  REQUIRE(begin_one(2));
  auto end = std::async(std::launch::async, [&] {
    std::this_thread::sleep_for(30ms);
    shut = false;
  });
  SECTION("closing") {
    store->close();
    store.emplace(options);
  }
  SECTION("copying the log") {
    store->finish_commit();
  }
  CHECK_FALSE(shut);
  CHECK(has(2));
}

TEST_CASE_METHOD(two_steps,
                 "promise 6: a reader tells only what is on the disk",
                 "[promise-6][threads]") {
  fault_vfs readers;
  std::atomic<int> log_syncs{0};
  readers.after = [&](const io_call& x) {
    if (x.op == io_op::sync && x.file == io_file::wal)
      ++log_syncs;
  };
  store_reader reader{{.file = options.file, .vfs = readers.name()}};
  shut = true;
  REQUIRE(begin_one(2));
  CHECK(reader.get_status(status_of(2)).snapshot);
  CHECK(log_syncs == 1);
  CHECK(reader.list({}).operations.size() == 2);
  CHECK(log_syncs == 2);
  readers.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC);
  expect(errc::not_stored, "syncing the log",
         [&] { reader.get_status(status_of(2)); });
  shut = false;
  store->finish_commit();
}

TEST_CASE_METHOD(two_steps,
                 "close() waits for who is being told that a sync has ended",
                 "[threads]") {
  // The tracker gives a handle of itself: were the last one let go of by the
  // other thread, that thread would have to wait for its own end.
  auto held = std::make_shared<std::promise<void>>();
  const std::weak_ptr watched = held;
  auto begun = held->get_future();
  REQUIRE(begin_one(2, [held] {
    held->set_value();
    std::this_thread::sleep_for(50ms);
  }));
  held.reset();
  REQUIRE(begun.wait_for(5s) == std::future_status::ready);
  store->close();
  CHECK(watched.expired());
}
