// A log that cannot be copied into the file: the store goes on, says why, and
// tries again; nothing is lost.

#include "support/child_process.hpp"
#include "support/fault_vfs.hpp"
#include "support/small_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// What fails while the log is copied, and while nothing else happens.
struct copy_fault {
  io_op op;
  io_file file;
  int code;
};

struct checkpoint_fixture {
  fault_vfs vfs;
  temp_dir dir;
  store_options options = options_for(dir / "ops.db");
  std::optional<operation_tracking_store> store;
  std::uint64_t batches = 0;

  checkpoint_fixture() {
    vfs.real_syncs = false;
    options.vfs = vfs.name();
    options.checkpoint_pages = 100;
    store.emplace(options);
  }

  ~checkpoint_fixture() { vfs.heal(); }

  void fail(const copy_fault& x) { vfs.fail(x.op, x.file, x.code, 1, true); }

  void fail_writes(int code = SQLITE_IOERR_WRITE) {
    fail({io_op::write, io_file::database, code});
  }

  // Commits until the log has more than that.
  void fill_log(std::int64_t pages) {
    while (store->wal_bytes() <= pages * 4'096)
      run_batch(*store, batches++);
  }

  bool has_all() {
    for (std::uint64_t n = 1; n <= 8 * batches; ++n)
      if (n + 48 > 8 * batches // older ones may be purged
          && !store->get_status(status_of(n), at(0)).snapshot)
        return false;
    return true;
  }

  std::string failure() { return store->checkpoint_failure().value_or(""); }

  std::uintmax_t log_size() {
    std::error_code none;
    const auto size = std::filesystem::file_size(options.file + "-wal", none);
    return none ? 0 : size;
  }
};

std::string text_of(int code) {
  return "(SQLite code " + std::to_string(code) + ")";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr auto cannot_copy
  = "the write-ahead log cannot be copied into the file: ";

} // namespace

TEST_CASE_METHOD(checkpoint_fixture,
                 "why the log cannot be copied into the file is kept until it "
                 "can be, and the store goes on",
                 "[promise-2]") {
  const auto fault
    = GENERATE(copy_fault{io_op::write, io_file::database, SQLITE_IOERR_WRITE},
               copy_fault{io_op::write, io_file::database, SQLITE_FULL},
               copy_fault{io_op::write, io_file::database, SQLITE_READONLY},
               copy_fault{io_op::sync, io_file::database, SQLITE_IOERR_FSYNC},
               copy_fault{io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC},
               copy_fault{io_op::read, io_file::wal, SQLITE_IOERR_READ});
  CAPTURE(fault.code);
  fill_log(60);
  CHECK_FALSE(store->checkpoint_failure());
  while (!store->checkpoint_is_due())
    run_batch(*store, batches++);
  fail(fault);
  store->maintain();
  vfs.heal();
  CHECK(failure().starts_with(cannot_copy));
  CHECK(has(failure(), text_of(fault.code)));
  CHECK_FALSE(store->log_is_held());
  CHECK_FALSE(store->needs_recovery());
  const auto first = failure();

  // The first error stays, whatever is in the way afterwards.
  fail_writes(SQLITE_IOERR_NOMEM);
  store->maintain();
  CHECK(failure() == first);
  const auto before = store->wal_bytes();
  run_batch(*store, batches++);
  CHECK(store->wal_bytes() > before);
  CHECK(has_all());
  vfs.heal();

  SECTION("maintain() tries again, however long the log is") {
    store->maintain();
    CHECK_FALSE(store->checkpoint_failure());
    CHECK(store->wal_bytes() == 0);
  }
  SECTION("so does recover()") {
    store->recover();
    CHECK_FALSE(store->checkpoint_failure());
    CHECK(store->wal_bytes() == 0);
  }
  CHECK(has_all());
  CHECK_FALSE(store->close());
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "what begins a transaction does not wait for a failing "
                 "checkpoint each time, but tries again as the log grows") {
  fill_log(60);
  int tries = 0;
  vfs.before = [&](const io_call& call) {
    if (call.file != io_file::database || call.op != io_op::write)
      return SQLITE_OK;
    tries += call.offset < 4'096 ? 1 : 0; // they begin with the first page
    return SQLITE_IOERR_WRITE;
  };
  const auto from = batches;
  fill_log(1'060);
  CHECK(store->checkpoint_failure());
  CHECK(tries >= 8);
  CHECK(tries <= 16);
  CHECK(batches - from > 40);
  vfs.heal();
  for (auto k = 0; k < 50 && store->checkpoint_failure(); ++k)
    run_batch(*store, batches++);
  CHECK_FALSE(store->checkpoint_failure());
  CHECK(store->wal_bytes() < 200 * 4'096);
  CHECK(has_all());
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "a log that grew while it could not be copied gives its space "
                 "back, and one that cannot be cut is told, too") {
  fill_log(60); // to begin a log writes to the file, too
  fail_writes();
  fill_log(400);
  REQUIRE(log_size() > 400 * 4'096);
  vfs.fail(io_op::truncate, io_file::wal, SQLITE_IOERR_TRUNCATE, 1, true);
  store->maintain();
  CHECK(failure().starts_with("the write-ahead log cannot be cut: "));
  run_batch(*store, batches++);
  CHECK(log_size() > 400 * 4'096);
  vfs.heal();
  store->maintain();
  CHECK_FALSE(store->checkpoint_failure());
  CHECK(log_size() == 0);
  CHECK(has_all());
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "a store whose log cannot be copied opens, says so, and "
                 "copies it later") {
  fill_log(40);
  SECTION("after a kill") {
    const temp_dir copy;
    copy_files(dir.path(), copy.path());
    store.reset();
    options.file = copy / "ops.db";
    fail_writes();
    store.emplace(options);
    CHECK(failure().starts_with(cannot_copy));
    CHECK(has_all());
    run_batch(*store, batches++);
    vfs.heal();
    store->maintain();
    CHECK_FALSE(store->checkpoint_failure());
    CHECK(has_all());
    store.reset();
    CHECK(integrity_of(options.file) == "ok");
  }
  SECTION("when it recovers") {
    vfs.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC);
    CHECK(error_of([&] { run_batch(*store, batches); }).code
          == errc::outcome_unknown);
    fail_writes();
    store->recover();
    CHECK_FALSE(store->needs_recovery());
    CHECK(failure().starts_with(cannot_copy));
    CHECK(has_all());
    vfs.heal();
    store->maintain();
    CHECK_FALSE(store->checkpoint_failure());
    CHECK(has_all());
  }
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "promise 11, corruption: a log that turns out to be damaged "
                 "when the opening copies it is used no more",
                 "[promise-11]") {
  fill_log(60);
  const temp_dir copy;
  copy_files(dir.path(), copy.path());
  options.file = copy / "ops.db";
  store.reset();
  fail_writes(SQLITE_CORRUPT);
  store.emplace(options);
  const auto before = bytes_in(copy.path());
  CHECK(error_of([&] { store->get_status(status_of(1), at(9)); }).code
        == errc::store_corrupt);
  CHECK(error_of([&] { store->record_enqueue(enqueue(9'000), at(9)); }).code
        == errc::store_corrupt);
  CHECK(changes_since(before, copy.path()) == "");
  CHECK(log_size() > 60 * 4'096);
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "close() says why the log stays beside the file, and nothing "
                 "is lost",
                 "[promise-1]") {
  fill_log(60);
  fail_writes(SQLITE_FULL);
  const auto left = store->close();
  REQUIRE(left);
  CHECK(left->starts_with("the write-ahead log cannot be copied into the file "
                          "and stays beside it, with nothing lost: "));
  CHECK(has(*left, text_of(SQLITE_FULL)));
  CHECK(log_size() > 60 * 4'096);
  vfs.heal();
  store.emplace(options);
  CHECK(has_all());
  CHECK_FALSE(store->close());
  CHECK_FALSE(store->close());
  CHECK(log_size() == 0);
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "close() has nothing to say of a log that was copied at last, "
                 "that a reader keeps, or that is left alone") {
  fill_log(60);
  SECTION("copied when the connection closes") {
    vfs.fail(io_op::write, io_file::database, SQLITE_IOERR_WRITE);
    CHECK_FALSE(store->close());
    CHECK(log_size() == 0);
  }
  SECTION("copied after earlier failures") {
    fail_writes();
    store->maintain();
    vfs.heal();
    CHECK_FALSE(store->close());
    CHECK(log_size() == 0);
  }
  SECTION("kept by a reader") {
    auto reader = open_reader(options.file);
    reader.exec("BEGIN");
    CHECK(reader.query_int("SELECT count(*) FROM operation") > 0);
    run_batch(*store, batches++);
    CHECK_FALSE(store->close());
    reader.exec("COMMIT");
  }
  SECTION("of a commit in doubt") {
    vfs.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC, 1, true);
    CHECK(error_of([&] { run_batch(*store, batches); }).code
          == errc::outcome_unknown);
    CHECK_FALSE(store->close());
  }
  SECTION("of a damaged file") {
    store->condemn({errc::store_corrupt, "page 7 is damaged"});
    CHECK_FALSE(store->close());
  }
}

TEST_CASE_METHOD(checkpoint_fixture,
                 "space that cannot be given back for a failing checkpoint is "
                 "told") {
  for (auto k = 0; k < 300; ++k)
    run_batch(*store, batches++);
  store->purge_terminal(purge_before(at(1'000)), at(1'000));
  fail_writes();
  while (store->give_back_space(100, false)) {
    // It moves pages, in the log.
  }
  CHECK(failure().starts_with(cannot_copy));
  vfs.heal();
  store->maintain();
  CHECK_FALSE(store->checkpoint_failure());
}

TEST_CASE("a database beyond the limit on the size of files keeps its log, and "
          "says so until the limit is raised",
          "[promise-2]") {
  const temp_dir dir;
  CHECK(in_child([&] {
          auto options = options_for(dir / "ops.db");
          options.checkpoint_pages = 100;
          options.synchronous = durability::off; // it takes long enough
          operation_tracking_store store{options};
          const auto size = [&] {
            return std::filesystem::file_size(options.file);
          };
          for (std::uint64_t n = 1; size() < 1'000'000; ++n) {
            store.record_enqueue(enqueue(n), at(0));
            store.maintain();
          }
          std::uint64_t n = 0;
          const auto change = [&] { // needs no new page
            store.record_attempt(attempt(++n, 1), at(1));
            store.maintain();
          };
          limit_files(size() / 2);
          while (!store.checkpoint_failure())
            change();
          if (!has(*store.checkpoint_failure(), text_of(SQLITE_FULL)))
            return 1;
          change(); // the log has room
          limit_files(RLIM_INFINITY);
          change();
          if (store.checkpoint_failure() || store.close())
            return 2;
          return integrity_of(options.file) == "ok" ? 0 : 3;
        })
        == 0);
}
