// Kills: what a process leaves behind, the next one reads.

#include <random>

#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"
#include "waybill/file_format.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

int kill_myself() {
  ::kill(::getpid(), SIGKILL);
  return 0;
}

} // namespace

TEST_CASE("promise 1, durability: what was answered survives a kill",
          "[promise-1]") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  const auto work = [&](int (*end)()) {
    return in_child([&] {
      operation_tracking_store store{options};
      store.record_enqueue(enqueue(1), at(0));
      store.record_attempt(attempt(1, 3), at(1));
      store.begin();
      for (std::uint64_t n = 2; n <= 20; ++n)
        store.record_enqueue(enqueue(n), at(2));
      store.commit();
      store.begin(); // what is not committed is gone, as a whole
      store.record_terminal(terminal(1), at(3));
      store.record_enqueue(enqueue(21), at(3));
      return end();
    });
  };
  SECTION("by SIGKILL") {
    CHECK(work(&kill_myself) == 128 + SIGKILL);
  }
  SECTION("by _exit") {
    CHECK(work([] { return 7; }) == 7);
  }
  operation_tracking_store store{options};
  const auto first = store.get_status(status_of(1), at(9)).snapshot.value();
  CHECK(first.status == tracking_status::retrying);
  CHECK(first.retry_count == 3);
  for (std::uint64_t n = 2; n <= 20; ++n)
    CHECK(store.get_status(status_of(n), at(9)).snapshot == fresh(n, at(2)));
  CHECK(store.get_status(status_of(21), at(9)).snapshot == std::nullopt);
  CHECK(store.get_counts().counts
        == std::vector<status_count>{
          {"ExternalSystem.CachedCall", tracking_status::submitted, 19},
          {"ExternalSystem.CachedCall", tracking_status::retrying, 1}});
}

TEST_CASE("promise 1, durability: no answered write is lost at any of many "
          "kills",
          "[promise-1][promise-3]") {
  std::mt19937_64 random{seed_for("kills")};
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  { operation_tracking_store{options}; }
  std::uint64_t next = 1;
  for (int round = 0; round < 12; ++round) {
    std::uint64_t answered = next;
    {
      child_process child{[&](const child_process& self) {
        operation_tracking_store store{options};
        self.report();
        for (auto n = next;; n += 2) {
          store.begin();
          store.record_enqueue(enqueue(n), at(0));
          store.record_enqueue(enqueue(n + 1), at(0));
          store.commit();
          self.report();
        }
        return 0;
      }};
      REQUIRE(child.await_report());
      for (auto answers = random() % 30; answers > 0; --answers)
        if (child.await_report())
          answered += 2;
      child.kill();
      while (child.await_report()) // answered before the kill arrived
        answered += 2;
    }
    operation_tracking_store store{options};
    const auto has = [&](std::uint64_t n) {
      return store.get_status(status_of(n), at(0)).snapshot.has_value();
    };
    for (std::uint64_t n = 1; n < answered; ++n)
      REQUIRE(has(n));
    // Of the one that was not answered, all or nothing; of later ones, nothing.
    CHECK(has(answered) == has(answered + 1));
    CHECK_FALSE(has(answered + 2));
    next = has(answered) ? answered + 2 : answered;
    store.close();
    CHECK(integrity_of(options.file) == "ok");
  }
}

TEST_CASE("promise 3, atomicity: a kill at any system call leaves whole "
          "transactions",
          "[promise-1][promise-3]") {
  // The file is not there yet: its making is killed as well.
  for (int nth = 1;; nth += 9) {
    const temp_dir dir;
    auto options = options_for(dir / "ops.db");
    const auto ended = in_child([&] {
      fault_vfs vfs;
      vfs.real_syncs = false;
      vfs.before = [&, n = 0](const io_call&) mutable {
        if (++n == nth)
          kill_myself();
        return SQLITE_OK;
      };
      options.vfs = vfs.name();
      options.checkpoint_pages = 100;
      operation_tracking_store store{options};
      for (std::uint64_t k = 0; k < 3; ++k)
        run_batch(store, k);
      return 0;
    });
    CAPTURE(nth);
    options.vfs.clear();
    operation_tracking_store store{options};
    for (std::uint64_t k = 0; k < 3; ++k) {
      const auto has = [&](std::uint64_t n) {
        return store.get_status(status_of(n), at(0)).snapshot.has_value();
      };
      const auto first = has(k * 8 + 1);
      for (std::uint64_t n = k * 8 + 1; n <= (k + 1) * 8; ++n)
        CHECK(has(n) == first);
      CHECK((k == 0 || !first || has(k * 8)));
    }
    CHECK(integrity_of(options.file) == "ok");
    if (ended == 0)
      break;
    CHECK(ended == 128 + SIGKILL);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "the files of a killed owner open elsewhere, with and without "
                 "the log's index",
                 "[promise-1]") {
  for (std::uint64_t k = 0; k < 5; ++k)
    run_batch(store, k);
  store.begin();
  store.record_enqueue(enqueue(500), at(0));
  const auto expected = content();
  const temp_dir copy;
  copy_files(dir.path(), copy.path());
  REQUIRE(std::filesystem::file_size(copy / "ops.db-wal") > 0);
  SECTION("with it") {}
  SECTION("without it") {
    std::filesystem::remove(copy / "ops.db-shm");
  }
  SECTION("with rubbish in its place") {
    write_file(copy / "ops.db-shm", std::string(32'768, 'x'));
  }
  SECTION("with a torn commit at the end of the log") {
    const auto log = read_file(copy / "ops.db-wal");
    write_file(copy / "ops.db-wal", log + log.substr(32, 2'000));
  }
  operation_tracking_store other{options_for(copy / "ops.db")};
  CHECK(content_of(copy / "ops.db") == expected);
  CHECK(other.record_enqueue(enqueue(500), at(0)).outcome
        == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(store_fixture,
                 "promise 6, linearizability: an owner that opens the file "
                 "syncs before it answers",
                 "[promise-1][promise-6]") {
  // Written and visible, but perhaps not synced: what a killed owner left. An
  // answer that rests on it must not come before it is durable.
  store.record_enqueue(enqueue(1), at(0));
  const temp_dir copy;
  copy_files(dir.path(), copy.path());
  fault_vfs vfs;
  auto other = options_for(copy / "ops.db");
  other.vfs = vfs.name();
  int log_syncs = 0;
  vfs.after = [&](const io_call& call) {
    log_syncs += call.op == io_op::sync && call.file == io_file::wal ? 1 : 0;
  };
  operation_tracking_store next{other};
  CHECK(log_syncs > 0);
  CHECK(next.record_enqueue(enqueue(1), at(1)).outcome
        == enqueue_outcome::duplicate);
}

TEST_CASE_METHOD(store_fixture,
                 "opening cuts off what a power loss left behind the log's "
                 "last commit",
                 "[promise-1][promise-11]") {
  // Left there, and with a second power loss in the middle of the next batch,
  // the end of the old batch would look like one that had been synced.
  for (std::uint64_t k = 0; k < 5; ++k)
    run_batch(store, k);
  const temp_dir copy;
  copy_files(dir.path(), copy.path());
  const auto file = copy / "ops.db";
  const auto log = read_file(file + "-wal");
  const auto header = log.substr(0, file_format::log_header_bytes);
  const std::string rubbish(100'000, 'x');
  sqlite::connection reader;
  SECTION("of a log that a reader keeps from starting over") {
    write_file(file + "-wal", log + rubbish);
    reader = open_reader(file);
    reader.exec("BEGIN");
    CHECK(reader.query_int("SELECT count(*) FROM operation") > 0);
  }
  SECTION("of a log that has no commit") {
    write_file(file + "-wal", header + rubbish);
  }
  const operation_tracking_store other{options_for(file)};
  // Of a log that has been copied there is what the opening wrote.
  const auto bytes = std::max<std::int64_t>(other.wal_bytes(), 4'120);
  CHECK(std::filesystem::file_size(file + "-wal")
        == header.size() + static_cast<std::size_t>(bytes));
}

TEST_CASE_METHOD(store_fixture, "a store that was closed comes back the same",
                 "[promise-1]") {
  for (std::uint64_t k = 0; k < 12; ++k)
    run_batch(store, k);
  const auto before = content();
  const auto counts = store.get_counts();
  for (int i = 0; i < 3; ++i) {
    restart();
    CHECK(content() == before);
    CHECK(store.get_counts() == counts);
  }
}
