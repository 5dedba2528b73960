// Failing storage: what an error says about the request, and what is stored.

#include "support/connection_spy.hpp"
#include "support/fault_vfs.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// A store on the failing VFS, with one operation in it.
struct failure_fixture {
  fault_vfs vfs;
  temp_dir dir;
  store_options options = options_for(dir / "ops.db");
  std::optional<operation_tracking_store> store;

  failure_fixture() {
    options.vfs = vfs.name();
    options.checkpoint_pages = 100;
    options.cache_bytes = 65'536;
    store.emplace(options);
    store->record_enqueue(enqueue(1), at(0));
  }

  ~failure_fixture() { vfs.heal(); }

  bool has(std::uint64_t n) {
    return store->get_status(status_of(n), at(0)).snapshot.has_value();
  }

  std::int64_t rows_of(std::uint64_t n) {
    auto db = open_reader(options.file);
    auto stmt = db.prepare("SELECT count(*) FROM operation "
                           "WHERE hex(id) = replace(upper(?1), '-', '')");
    const auto id = to_string(id_of(n));
    stmt.bind_borrowed(1, std::string_view{id});
    stmt.step();
    return stmt.integer(0);
  }

  // Every verb but recover() is refused, and refused for good.
  void check_unusable() {
    const auto refused = [](const auto& verb) {
      const auto e = error_of(verb);
      CHECK(e.code == errc::not_stored);
    };
    refused([&] { store->record_enqueue(enqueue(99), at(0)); });
    refused([&] { store->record_attempt(attempt(1, 1), at(0)); });
    refused([&] { store->record_terminal(terminal(1), at(0)); });
    refused([&] { store->get_status(status_of(1), at(0)); });
    refused([&] { store->purge_terminal(purge_before(at(0)), at(0)); });
    refused([&] { store->begin(); });
    refused([&] { store->give_back_space(1); });
    store->maintain();
  }
};

// What can fail while a COMMIT writes the log.
struct commit_fault {
  io_op op;
  int code;
};

} // namespace

TEST_CASE_METHOD(failure_fixture,
                 "promise 2, outcomes: a COMMIT whose sync failed is unknown, "
                 "and no answer is given until recover()",
                 "[promise-2][promise-6]") {
  // No system says the last two of a sync, but what is told must be true.
  const auto fault = GENERATE(commit_fault{io_op::sync, SQLITE_IOERR_FSYNC},
                              commit_fault{io_op::sync, SQLITE_FULL},
                              commit_fault{io_op::sync, SQLITE_BUSY});
  vfs.fail(fault.op, io_file::wal, fault.code);
  caught_error e;
  SECTION("a verb alone") {
    e = error_of([&] { store->record_enqueue(enqueue(2), at(1)); });
  }
  SECTION("a transaction") {
    store->begin();
    store->record_enqueue(enqueue(2), at(1));
    e = error_of([&] { store->commit(); });
  }
  CHECK(e.code == errc::outcome_unknown);
  CHECK(certainty_of(e.code.value()) == certainty::unknown);
  CHECK(e.sqlite_code == fault.code);
  CHECK(store->needs_recovery());
  CHECK_FALSE(store->in_transaction());
  check_unusable();

  store->recover();
  CHECK_FALSE(store->needs_recovery());
  // Now the answer is definite, and the repeated request is the same operation.
  const auto was_stored = has(2);
  CHECK(
    store->record_enqueue(enqueue(2), at(2)).outcome
    == (was_stored ? enqueue_outcome::duplicate : enqueue_outcome::inserted));
  CHECK(rows_of(1) == 1);
  CHECK(rows_of(2) == 1);
  CHECK(rows_of(99) == 0);
  CHECK(store->get_counts().counts.front().operations == 2);
  store.reset();
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(failure_fixture,
                 "promise 2, outcomes: a COMMIT that could not write all of "
                 "its log is refused, also after a crash, and reads go on",
                 "[promise-2][promise-6]") {
  const auto code = GENERATE(SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_BUSY);
  std::uint64_t k = 1;
  SECTION("in the first log") {
    run_batch(*store, k++);
  }
  SECTION("in a log that starts over") {
    do {
      run_batch(*store, k++);
      store->maintain();
    } while (store->wal_bytes() > 0);
  }
  const auto latest = 8 * k; // of the last batch
  int refused = 0;
  for (int nth = 1;; ++nth) {
    // It goes on in the same log, so that each failure meets what the one
    // before has left there.
    vfs.fail(io_op::write, io_file::wal, code, nth);
    const auto e
      = error_of([&] { store->record_enqueue(enqueue(9'000), at(1)); });
    vfs.heal();
    if (!e.code)
      break;
    CAPTURE(nth, e.text);
    CHECK(e.code
          == (code == SQLITE_FULL ? errc::store_full : errc::not_stored));
    CHECK_FALSE(store->needs_recovery());
    CHECK(has(latest));
    CHECK_FALSE(has(9'000));
    const temp_dir copy;
    copy_files(dir.path(), copy.path());
    operation_tracking_store crashed{options_for(copy / "ops.db")};
    CHECK(crashed.get_status(status_of(latest), at(1)).snapshot);
    CHECK_FALSE(crashed.get_status(status_of(9'000), at(1)).snapshot);
    ++refused;
  }
  CHECK(refused >= 4);
  CHECK(has(9'000));
  CHECK(rows_of(9'000) == 1);
  store.reset();
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(
  failure_fixture,
  "probe_write() tells whether storage takes writes, and waits for "
  "nobody") {
  const auto before = content_of(options.file);
  store->probe_write();
  vfs.fail(io_op::write, io_file::wal, SQLITE_FULL, 1, true);
  CHECK(error_of([&] { store->probe_write(); }).code == errc::store_full);
  vfs.heal();
  store->probe_write();
  auto other = open_writer(options.file);
  other.exec("BEGIN IMMEDIATE");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(error_of([&] { store->probe_write(); }).code == errc::not_stored);
  CHECK(std::chrono::steady_clock::now() - begin
        < std::chrono::milliseconds{500});
  other.exec("COMMIT");
  CHECK(content_of(options.file) == before);
  vfs.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC);
  CHECK(error_of([&] { store->probe_write(); }).code == errc::outcome_unknown);
  CHECK(error_of([&] { store->probe_write(); }).code == errc::not_stored);
  store->recover();
  store->probe_write();
  CHECK(has(1));
}

TEST_CASE_METHOD(failure_fixture,
                 "recover() keeps failing while storage does, then succeeds",
                 "[promise-2]") {
  vfs.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC);
  CHECK(error_of([&] { store->record_enqueue(enqueue(2), at(1)); }).code
        == errc::outcome_unknown);
  vfs.fail(io_op::write, io_file::wal, SQLITE_FULL, 1, true);
  for (int i = 0; i < 3; ++i) {
    CHECK(error_of([&] { store->recover(); }).code == errc::store_full);
    CHECK(store->needs_recovery());
    check_unusable();
    // The ownership is kept throughout.
    CHECK(error_of([&] { operation_tracking_store{options}; }).code
          == errc::store_locked);
  }
  vfs.heal();
  store->recover();
  CHECK(has(1));
  store->record_enqueue(enqueue(2), at(2));
  CHECK(rows_of(2) == 1);
}

TEST_CASE_METHOD(failure_fixture,
                 "promise 3, atomicity: a transaction that SQLite rolled back "
                 "stores nothing, and its rest is refused",
                 "[promise-3]") {
  store->begin();
  store->record_enqueue(enqueue(2), at(1));
  // More than the cache holds: pages go to the log before the COMMIT.
  vfs.fail(io_op::write, io_file::wal, SQLITE_FULL);
  caught_error e;
  for (std::uint64_t n = 3; n < 5'000 && !e.code; ++n)
    e = error_of([&] { store->record_enqueue(enqueue(n), at(1)); });
  CHECK(e.code == errc::store_full);
  CHECK(certainty_of(e.code.value()) == certainty::refused);
  CHECK_FALSE(store->in_transaction());
  // What comes now must not commit by itself.
  CHECK(error_of([&] { store->record_enqueue(enqueue(9'000), at(1)); }).code
        == errc::not_stored);
  CHECK(error_of([&] { store->record_terminal(terminal(1), at(1)); }).code
        == errc::not_stored);
  CHECK(error_of([&] { store->get_status(status_of(2), at(1)); }).code
        == errc::not_stored);
  CHECK(error_of([&] { store->commit(); }).code == errc::not_stored);
  // It is over: the store works, and holds what it held.
  CHECK_FALSE(store->needs_recovery());
  CHECK_FALSE(has(2));
  CHECK_FALSE(has(9'000));
  CHECK(store->get_status(status_of(1), at(1)).snapshot == fresh(1, at(0)));
  CHECK(store->get_counts().counts
        == std::vector<status_count>{
          {"ExternalSystem.CachedCall", tracking_status::submitted, 1}});
  store->record_enqueue(enqueue(2), at(2));
  store.reset();
  store.emplace(options);
  CHECK(has(2));
  CHECK_FALSE(has(3));
}

TEST_CASE_METHOD(failure_fixture,
                 "a transaction that SQLite rolled back can be rolled back too",
                 "[promise-3]") {
  store->begin();
  vfs.fail(io_op::write, io_file::wal, SQLITE_IOERR_WRITE);
  caught_error e;
  for (std::uint64_t n = 2; n < 5'000 && !e.code; ++n)
    e = error_of([&] { store->record_enqueue(enqueue(n, "new"), at(1)); });
  CHECK(e.code == errc::not_stored);
  store->rollback();
  store->record_enqueue(enqueue(2, "other"), at(1));
  CHECK(store->get_status(status_of(2), at(1)).snapshot->kind == "other");
  CHECK_FALSE(has(3));
}

TEST_CASE_METHOD(failure_fixture,
                 "promise 2, outcomes: a full disk costs no answered write and "
                 "heals",
                 "[promise-2]") {
  std::uint64_t answered = 1;
  for (std::uint64_t n = 2; n <= 60; ++n) {
    if (n == 20)
      vfs.before = [](const io_call& call) {
        return call.op == io_op::write ? SQLITE_FULL : SQLITE_OK;
      };
    if (n == 40)
      vfs.heal();
    if (store->needs_recovery() && error_of([&] { store->recover(); }).code)
      continue;
    const auto e = error_of([&] { store->record_enqueue(enqueue(n), at(1)); });
    if (!e.code)
      ++answered;
    CHECK(e.code.has_value() == (n >= 20 && n < 40));
  }
  CHECK(answered == 40);
  for (std::uint64_t n = 1; n <= 60; ++n)
    if (n < 20 || n >= 40)
      CHECK(has(n));
}

TEST_CASE_METHOD(failure_fixture,
                 "a reading error is told, and harms no other request",
                 "[promise-2][promise-3]") {
  for (std::uint64_t n = 2; n < 100; ++n) { // more than the cache holds
    store->record_enqueue(enqueue(n), at(0));
    store->record_attempt(
      {id_of(n), tracking_status::retrying, 1, std::string(3'000, 'x'), {}, {}},
      at(0));
  }
  const auto read_all = [&] {
    vfs.before = [](const io_call& call) {
      return call.op == io_op::read ? SQLITE_IOERR_READ : SQLITE_OK;
    };
    caught_error e;
    for (std::uint64_t n = 2; n < 100 && !e.code; ++n)
      e = error_of([&] { store->get_status(status_of(n), at(1)); });
    vfs.heal();
    CHECK(e.code == errc::not_stored);
    CHECK(e.sqlite_code == SQLITE_IOERR_READ);
  };
  read_all();
  CHECK(has(50));
  // In a transaction SQLite gives all of it up, and commit() says so.
  store->begin();
  store->record_enqueue(enqueue(9'000), at(1));
  read_all();
  CHECK_FALSE(store->in_transaction());
  CHECK(error_of([&] { store->commit(); }).code == errc::not_stored);
  CHECK_FALSE(has(9'000));
  CHECK(has(50));
}

TEST_CASE_METHOD(failure_fixture,
                 "a failing checkpoint fails no request: the log waits",
                 "[promise-2]") {
  vfs.before = [](const io_call& call) {
    const auto is_copying = call.file == io_file::database
                            && (call.op == io_op::write
                                || call.op == io_op::sync);
    return is_copying ? SQLITE_IOERR_WRITE : SQLITE_OK;
  };
  for (std::uint64_t k = 1; k < 30; ++k)
    CHECK_NOTHROW(run_batch(*store, k));
  store->maintain();
  CHECK(store->wal_bytes() > 100 * 4'096);
  vfs.heal();
  store->maintain();
  CHECK(store->wal_bytes() == 0);
  store.reset();
  store.emplace(options);
  CHECK(has(30 * 8));
  CHECK(integrity_of(options.file) == "ok");
}

TEST_CASE_METHOD(failure_fixture,
                 "another program that writes gets its turn: the request is "
                 "refused, not lost",
                 "[promise-2]") {
  auto other = open_writer(options.file);
  other.exec("BEGIN IMMEDIATE");
  const auto e = error_of([&] { store->record_enqueue(enqueue(2), at(1)); });
  CHECK(e.code == errc::not_stored);
  CHECK(e.sqlite_code == SQLITE_BUSY);
  CHECK_FALSE(store->needs_recovery());
  other.exec("COMMIT");
  store->record_enqueue(enqueue(2), at(1));
  CHECK(has(2));
}

TEST_CASE_METHOD(failure_fixture,
                 "requests that follow each other wait for another program's "
                 "lock together, not each",
                 "[promise-2]") {
  auto other = open_writer(options.file);
  other.exec("BEGIN IMMEDIATE");
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t n = 2; n < 12; ++n)
    CHECK(error_of([&] { store->record_enqueue(enqueue(n), at(1)); }).code
          == errc::not_stored);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{4});
  other.exec("COMMIT");
  store->record_enqueue(enqueue(2), at(1));
  CHECK(has(2));
}

TEST_CASE_METHOD(failure_fixture, "recover() waits for no reader",
                 "[promise-2]") {
  vfs.fail(io_op::sync, io_file::wal, SQLITE_IOERR_FSYNC);
  CHECK(error_of([&] { store->record_enqueue(enqueue(2), at(1)); }).code
        == errc::outcome_unknown);
  auto reader = open_reader(options.file);
  reader.exec("BEGIN");
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 1);
  store->recover();
  CHECK(has(1));
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 1);
  reader.exec("COMMIT");
  CHECK(store->record_enqueue(enqueue(2), at(2)).outcome
        == enqueue_outcome::inserted); // the reader kept the log's index
  CHECK(rows_of(2) == 1);
}

TEST_CASE_METHOD(failure_fixture,
                 "recover() on a sound store changes nothing") {
  const auto before = content_of(options.file);
  store->recover();
  CHECK(content_of(options.file) == before);
  store->begin();
  store->record_enqueue(enqueue(2), at(1));
  store->recover(); // rolls back
  CHECK_FALSE(store->in_transaction());
  CHECK_FALSE(has(2));
  store->record_enqueue(enqueue(2), at(1));
  CHECK(has(2));
}

TEST_CASE_METHOD(failure_fixture, "out of memory is refused and passes",
                 "[promise-2]") {
  store->begin();
  store->record_enqueue(enqueue(2), at(1));
  // The statement needs a copy of the text, and there is nothing left for it.
  auto x = terminal(1, tracking_status::failed);
  x.last_error = std::string(4'000, 'x');
  const auto limit = sqlite3_hard_heap_limit64(1);
  const auto e = error_of([&] { store->record_terminal(x, at(1)); });
  sqlite3_hard_heap_limit64(limit);
  sqlite3_soft_heap_limit64(0); // which forgets that there was no memory
  CHECK(e.code == errc::not_stored);
  const auto committed = !error_of([&] { store->commit(); }).code;
  // All of it or nothing.
  CHECK(has(2) == committed);
  CHECK(store->get_status(status_of(1), at(1)).snapshot == fresh(1, at(0)));
  store->record_terminal(x, at(1));
  CHECK(store->get_status(status_of(1), at(1)).snapshot->last_error->size()
        == 4'000);
}

TEST_CASE("errors tell SQL and SQLite's words, never the users' data") {
  const connection_spy spy;
  store_fixture fixture;
  fixture.store.begin();
  sqlite3_exec(spy.get(), "PRAGMA query_only = ON", nullptr, nullptr, nullptr);
  const auto e = error_of(
    [&] { fixture.store.record_enqueue(enqueue(1, "secret"), at(0)); });
  REQUIRE(e.code == errc::not_stored);
  CHECK(e.mentions("INSERT INTO"));
  CHECK_FALSE(e.mentions("secret"));
}

TEST_CASE("promise 3, atomicity: a statement that fails halfway is not "
          "committed",
          "[promise-3]") {
  // BUSY and CANTOPEN do not make SQLite undo what a statement has done.
  const temp_dir dir;
  fault_vfs vfs;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  options.cache_bytes = 65'536;
  operation_tracking_store store{options};
  constexpr std::uint64_t rows = 5'000;
  const auto when = [](std::uint64_t n) {
    return at(static_cast<std::int64_t>(n * 7'919 % rows));
  };
  store.begin();
  for (std::uint64_t n = 1; n <= 2 * rows; ++n) {
    store.record_enqueue(enqueue(n), at(0));
    if (n <= rows)
      store.record_terminal(terminal(n), when(n));
  }
  store.commit();
  store.close();
  store = operation_tracking_store{options};

  int undone = 0;
  for (const auto code : {SQLITE_BUSY, SQLITE_CANTOPEN})
    for (int failing = 1; failing <= 8; ++failing)
      for (std::uint64_t n = rows + 1; n <= rows + 10; ++n) {
        int reads = 0;
        vfs.before = [&](const io_call& call) {
          return call.file == io_file::database && call.op == io_op::read
                     && ++reads == failing
                   ? code
                   : SQLITE_OK;
        };
        store.begin();
        const auto id = n + 100 * static_cast<std::uint64_t>(failing);
        const auto e
          = error_of([&] { store.record_terminal(terminal(id), when(id)); });
        vfs.before = nullptr;
        if (!e.code)
          store.rollback();
        else if (error_of([&] { store.commit(); }).code)
          ++undone;
      }
  CHECK(undone > 0);
  store.close();
  CHECK(integrity_of(options.file) == "ok");
}
