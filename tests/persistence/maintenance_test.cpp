// The log is kept short and unused space is given back, without long pauses.

#include <chrono>

#include "support/disk_lots.hpp"
#include "support/fault_vfs.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct maintenance_fixture {
  temp_dir dir;
  store_options options = options_for(dir / "ops.db");
  std::optional<operation_tracking_store> store;

  maintenance_fixture() {
    options.checkpoint_pages = 100;
    options.synchronous = durability::off;
    store.emplace(options);
  }

  std::uintmax_t size_of(const char* file) {
    return std::filesystem::file_size(dir / file);
  }

  // So many finished operations with a long error each.
  void fill(std::uint64_t operations) {
    store->begin();
    for (std::uint64_t n = 1; n <= operations; ++n) {
      store->record_enqueue(enqueue(n), at(0));
      store->record_terminal(
        {id_of(n), tracking_status::failed, std::string(3'000, 'x'), {}, {}},
        at(1));
    }
    store->commit();
  }
};

} // namespace

TEST_CASE_METHOD(maintenance_fixture,
                 "the log stays near its threshold, however much is written") {
  std::uintmax_t longest = 0;
  for (std::uint64_t k = 0; k < 100; ++k) {
    run_batch(*store, k);
    longest = std::max(longest, size_of("ops.db-wal"));
  }
  CHECK(longest > 50 * 4'120); // it has been used
  // The first purges change more than any transaction before them.
  CHECK(longest <= 125 * 4'120 + 32);
}

TEST_CASE_METHOD(maintenance_fixture,
                 "wal_bytes tells what the log holds, maintain() empties it") {
  store->maintain();
  const auto before = store->wal_bytes();
  fill(300);
  CHECK(store->wal_bytes() > before);
  CHECK(store->wal_bytes() > 300 * 3'000);
  CHECK(static_cast<std::uintmax_t>(store->wal_bytes())
        <= size_of("ops.db-wal"));
  store->maintain();
  CHECK(store->wal_bytes() == 0);
  // It was far above the threshold: its space is given back.
  CHECK(size_of("ops.db-wal") == 0);
  store->record_enqueue(enqueue(9'999), at(2));
  CHECK(store->wal_bytes() > 0);
}

TEST_CASE_METHOD(
  maintenance_fixture,
  "maintain() leaves a short log and an open transaction alone") {
  store->record_enqueue(enqueue(1), at(0));
  const auto short_log = store->wal_bytes();
  CHECK(short_log > 0);
  store->maintain();
  CHECK(store->wal_bytes() == short_log);
  store->begin();
  store->record_enqueue(enqueue(2), at(0));
  store->maintain();
  CHECK(store->in_transaction());
  store->commit();
  CHECK(store->get_status(status_of(2), at(0)).snapshot.has_value());
}

TEST_CASE_METHOD(maintenance_fixture,
                 "a reader that stays in a read delays nobody, and the log is "
                 "emptied after it",
                 "[promise-9][promise-10]") {
  fill(300);
  auto reader = open_reader(options.file);
  reader.exec("BEGIN");
  const auto seen = reader.query_int("SELECT count(*) FROM operation");
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t k = 100; k < 130; ++k) {
    store->maintain();
    run_batch(*store, k);
  }
  CHECK(std::chrono::steady_clock::now() - start < 5s);
  CHECK(reader.query_int("SELECT count(*) FROM operation") == seen);
  CHECK(store->wal_bytes() > 0);
  reader.exec("COMMIT");
  store->maintain();
  CHECK(store->wal_bytes() == 0);
}

TEST_CASE_METHOD(maintenance_fixture,
                 "space that a purge left goes back in bounded steps",
                 "[promise-9]") {
  fill(3'000);
  store->maintain();
  const auto full = size_of("ops.db");
  REQUIRE(full > 7'500'000);
  CHECK_FALSE(store->give_back_space(100)); // nothing is unused
  store->purge_terminal(purge_before(at(2)), at(2));
  CHECK(size_of("ops.db") >= full - 4'096);
  int steps = 0;
  auto pages = open_reader(options.file).query_int("PRAGMA page_count");
  for (bool more = true; more; ++steps) {
    REQUIRE(steps < 1'000);
    more = store->give_back_space(100);
    const auto left = open_reader(options.file).query_int("PRAGMA page_count");
    CHECK(left >= pages - 110); // and a few of SQLite's own
    pages = left;
  }
  CHECK(steps > 10);
  store->maintain();
  CHECK(size_of("ops.db") < full / 2);
  CHECK_FALSE(store->give_back_space(100));
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(maintenance_fixture,
                 "promise 9, purge: the disk gets what a purge changes and "
                 "frees in small lots",
                 "[promise-9]") {
  fault_vfs vfs;
  disk_lots lots;
  vfs.after = [&](const io_call& x) { lots.see(x); };
  vfs.real_syncs = false;
  options.vfs = vfs.name();
  options.checkpoint_pages = 100'000;
  options.synchronous = durability::full;
  store.reset();
  store.emplace(options);
  fill(8'000);
  store.reset();
  store.emplace(options);
  REQUIRE(lots.take_most_synced() > 5'000);

  for (bool more = true; more;) {
    store->begin();
    more = !store->purge_chunk(purge_before(at(2)), at(2), 100, 1s).finished;
    store->commit();
    store->maintain();
  }
  while (store->give_back_space(100))
    store->maintain();
  const auto most_synced = lots.take_most_synced();
  CHECK(most_synced > 100);
  CHECK(most_synced <= 1'500);
  const auto most_freed = lots.take_most_freed();
  CHECK(most_freed > 100);
  CHECK(most_freed <= 2'500);
  store.reset();
}

TEST_CASE_METHOD(maintenance_fixture, "a step of no pages is refused") {
  for (const auto pages : {0, -1})
    expect_error(errc::invalid_request, "max_pages",
                 [&] { store->give_back_space(pages); });
}

TEST_CASE("giving back ends also in a file that cannot shrink") {
  const temp_dir dir;
  // Its making was interrupted by someone else, who gave it no means to shrink.
  {
    auto db = open_writer(dir / "ops.db");
    sqlite::sealed_vfs::prepare(db.get());
    db.exec("PRAGMA journal_mode = WAL");
  }
  auto options = options_for(dir / "ops.db");
  options.synchronous = durability::off;
  operation_tracking_store store{options};
  store.begin();
  for (std::uint64_t n = 1; n <= 3'000; ++n) {
    store.record_enqueue(enqueue(n), at(0));
    store.record_terminal(
      {id_of(n), tracking_status::failed, std::string(3'000, 'x'), {}, {}},
      at(1));
  }
  store.commit();
  store.purge_terminal(purge_before(at(2)), at(2));
  REQUIRE(open_reader(options.file).query_int("PRAGMA freelist_count") > 2'000);
  CHECK_FALSE(store.give_back_space(100));
}

TEST_CASE_METHOD(maintenance_fixture,
                 "a log that a reader holds is cut when the reader has left, "
                 "though nothing is written any more") {
  auto reader = open_reader(options.file);
  reader.exec("BEGIN");
  reader.query_int("SELECT count(*) FROM operation");
  CHECK_FALSE(store->log_is_held());
  fill(300);
  store->maintain();
  CHECK(store->log_is_held());
  CHECK(store->log_is_overgrown());
  store->maintain();
  CHECK(store->log_is_held());
  CHECK(size_of("ops.db-wal") > 200 * 4'120);
  reader.exec("COMMIT");
  store->maintain();
  CHECK_FALSE(store->log_is_held());
  CHECK_FALSE(store->log_is_overgrown());
  CHECK(size_of("ops.db-wal") == 0);
}
