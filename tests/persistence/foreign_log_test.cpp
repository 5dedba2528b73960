// A log that does not continue the file beside it: of another store, of another
// moment of this one. And who a store is.

#include <filesystem>

#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"
#include "waybill/file_format.hpp"
#include "waybill/store_identity.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct foreign_log_fixture {
  temp_dir live;
  temp_dir dir;
  std::string file = dir / "ops.db";
  store_options options = options_for(live / "ops.db");

  // Some batches later, the store is killed: its files are in `dir`.
  void kill_after(std::uint64_t batches, std::uint64_t first = 0) {
    operation_tracking_store store{options};
    for (auto k = first; k < first + batches; ++k)
      run_batch(store, k);
    copy_files(live.path(), dir.path());
    for (const auto* const name : {"ops.db-shm", "ops.db-lock"})
      std::filesystem::remove(dir / name);
  }

  void put(const std::string& database) const { write_file(file, database); }

  // Owner and reader refuse it, and leave it alone.
  void check_is_refused() const {
    const auto before = bytes_in(dir.path());
    const auto reads = error_of([&] { store_reader{file}.check().value(); });
    CAPTURE(reads.text);
    CHECK(reads.code == errc::store_corrupt);
    CHECK(reads.mentions("another moment"));
    const auto owns
      = error_of([&] { operation_tracking_store{options_for(file)}; });
    CAPTURE(owns.text);
    CHECK(owns.code == errc::store_corrupt);
    CHECK(owns.mentions("(-wal)"));
    std::filesystem::remove(dir / "ops.db-shm");
    CHECK(changes_since(before, dir.path()) == "");
  }
};

store_identity identity_of(const std::string& file) {
  auto db = open_reader(file);
  return read_identity(db);
}

std::string data(const std::string& name) {
  return read_file(std::filesystem::path{WAYBILL_SOURCE_DIR} / "tests/data"
                   / name);
}

} // namespace

TEST_CASE_METHOD(foreign_log_fixture,
                 "promise 11, corruption: the log of another store or of "
                 "another moment is not replayed",
                 "[promise-11]") {
  std::string database;
  SECTION("of another store") {
    operation_tracking_store{options_for(dir / "other.db")}.record_enqueue(
      enqueue(1), at(0));
    database = read_file(dir / "other.db");
    std::filesystem::remove(dir / "other.db");
    std::filesystem::remove(dir / "other.db-lock");
    kill_after(5);
  }
  SECTION("behind a backup") {
    kill_after(3);
    store_reader{file}.backup(dir / "backup.db");
    database = read_file(dir / "backup.db");
    std::filesystem::remove(dir / "backup.db");
  }
  SECTION("behind a copy of the stopped store") {
    { operation_tracking_store{options}; }
    database = read_file(options.file);
    kill_after(5);
  }
  SECTION("behind a copy that was made while the store ran, long before") {
    options.checkpoint_pages = 100;
    {
      operation_tracking_store store{options};
      run_batch(store, 0);
      database = bytes_in(live.path()).at("ops.db");
      for (std::uint64_t k = 1; k < 60; ++k)
        run_batch(store, k);
      copy_files(live.path(), dir.path());
    }
    for (const auto* const name : {"ops.db-shm", "ops.db-lock"})
      std::filesystem::remove(dir / name);
  }
  SECTION("of before, beside a file that has gone on") {
    kill_after(5);
    {
      operation_tracking_store store{options};
      for (std::uint64_t k = 5; k < 9; ++k)
        run_batch(store, k);
    }
    database = read_file(options.file);
  }
  SECTION("behind a store of schema version 1") {
    kill_after(5);
    database = data("version_1_stopped.db");
  }
  put(database);
  check_is_refused();
}

TEST_CASE_METHOD(foreign_log_fixture,
                 "a log is used by the file that it continues, at whatever "
                 "moment of it") {
  options.checkpoint_pages = 100;
  operation_tracking_store store{options};
  for (std::uint64_t k = 0; k < 40; ++k) {
    run_batch(store, k);
    const temp_dir copy;
    copy_files(live.path(), copy.path());
    std::filesystem::remove(copy / "ops.db-shm");
    operation_tracking_store other{options_for(copy / "ops.db")};
    CHECK(content_of(copy / "ops.db") == content_of(options.file));
  }
}

TEST_CASE_METHOD(foreign_log_fixture,
                 "a log whose header was the last thing written to it is no "
                 "stranger") {
  // The name is in the file already; the log is still the one before.
  kill_after(3);
  const auto expected = content_of(file);
  const auto database = read_file(file);
  const auto log = read_file(file + "-wal");
  SECTION("before it was written") {
    { operation_tracking_store{options_for(file)}; }
    write_file(file + "-wal", log);
    put(database);
  }
  SECTION("cut to it") {
    write_file(file + "-wal", log.substr(0, file_format::log_header_bytes));
    CHECK_NOTHROW(operation_tracking_store{options_for(file)});
    return;
  }
  operation_tracking_store other{options_for(file)};
  CHECK(content_of(file) == expected);
}

TEST_CASE_METHOD(foreign_log_fixture,
                 "a name of the log that is damaged is found when there is a "
                 "log",
                 "[promise-11]") {
  kill_after(3);
  auto database = read_file(file);
  database[file_format::expansion_at + 1] ^= '\x01';
  put(database);
  const auto e = error_of([&] { operation_tracking_store{options_for(file)}; });
  CHECK(e.code == errc::store_corrupt);
  CHECK(e.mentions("name its log"));
}

TEST_CASE("a store has a UUID for good, and an incarnation of its own in each "
          "backup") {
  const temp_dir dir;
  const auto file = dir / "ops.db";
  { operation_tracking_store{options_for(file)}; }
  const auto first = identity_of(file);
  CHECK(first.uuid[6] / 16 == 4);
  CHECK(first.uuid[8] / 64 == 2);
  { operation_tracking_store{options_for(file)}; }
  CHECK(identity_of(file) == first);
  store_reader{file}.backup(dir / "backup.db");
  const auto second = identity_of(dir / "backup.db");
  CHECK(second.uuid == first.uuid);
  CHECK(second.incarnation != first.incarnation);
  { operation_tracking_store{options_for(dir / "other.db")}; }
  CHECK(identity_of(dir / "other.db").uuid != first.uuid);
}

TEST_CASE("a store of schema version 1 goes on, with an identity and a name of "
          "its log") {
  const temp_dir dir;
  const auto file = dir / "ops.db";
  auto killed = false;
  SECTION("stopped") {
    write_file(file, data("version_1_stopped.db"));
  }
  SECTION("killed") {
    write_file(file, data("version_1_killed.db"));
    write_file(file + "-wal", data("version_1_killed.db-wal"));
    killed = true;
  }
  const auto before = content_of(file);
  const auto reads = error_of([&] { store_reader{file}; });
  CHECK(reads.code == errc::store_unavailable);
  CHECK(reads.mentions("schema version 1"));
  {
    operation_tracking_store store{options_for(file)};
    CHECK(content_of(file) == before);
    CHECK(store.get_status(status_of(2), at(9)).snapshot->retry_count == 3);
    CHECK(store.get_status(status_of(4), at(9)).snapshot.has_value() == killed);
    store.record_enqueue(enqueue(5), at(9));
  }
  CHECK(identity_of(file).incarnation != 0);
  CHECK(store_reader{file}.check().value().faults.empty());
  const auto header = read_file(file).substr(file_format::expansion_at,
                                             file_format::expansion_bytes);
  CHECK(header != std::string(file_format::expansion_bytes, '\0'));
}

TEST_CASE("a migration that is killed at any system call has happened or not") {
  const stride some{"a migration that is killed"};
  for (int nth = 1 + 3 * some.first();; nth += 3 * some.step()) {
    const temp_dir dir;
    auto options = options_for(dir / "ops.db");
    write_file(options.file, data("version_1_killed.db"));
    write_file(options.file + "-wal", data("version_1_killed.db-wal"));
    const auto ended = in_child([&] {
      fault_vfs vfs;
      vfs.real_syncs = false;
      vfs.before = [&, n = 0](const io_call&) mutable {
        if (++n == nth)
          ::kill(::getpid(), SIGKILL);
        return SQLITE_OK;
      };
      auto faulty = options;
      faulty.vfs = vfs.name();
      operation_tracking_store{faulty}.record_enqueue(enqueue(9), at(9));
      return 0;
    });
    CAPTURE(nth);
    {
      operation_tracking_store store{options};
      CHECK(store.get_status(status_of(4), at(9)).snapshot);
    }
    CHECK(identity_of(options.file).incarnation != 0);
    CHECK(store_reader{options.file}.check().value().faults.empty());
    if (ended == 0)
      break;
  }
}
