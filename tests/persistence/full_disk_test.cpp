// A disk that the store has filled to its last byte: it can be purged, and what
// that frees goes back to the disk.

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "support/child_process.hpp"
#include "support/fault_vfs.hpp"
#include "support/simulated_disk.hpp"
#include "support/small_disk.hpp"
#include "support/store_fixture.hpp"
#include "waybill/file_access.hpp"
#include "waybill/space_reserve.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Records operation `n`, which finishes unless its number is a multiple of 3.
void record_one(operation_tracking_store& store, std::uint64_t n) {
  store.begin();
  store.record_enqueue(enqueue(n), at(0));
  if (n % 3 != 0)
    store.record_terminal(
      {id_of(n), tracking_status::failed, std::string(2'000, 'x'), {}, {}},
      at(1));
  store.commit();
  store.maintain();
}

// Records operations from number `from` on, until there is no space for any.
// @returns the last number.
std::uint64_t fill_up(operation_tracking_store& store, std::uint64_t from = 1) {
  auto n = from;
  for (int refusals = 0; refusals < 3;)
    try {
      record_one(store, n);
      ++n;
      refusals = 0;
    } catch (const store_error& e) {
      store.rollback();
      if (e.code() != errc::store_full)
        throw;
      ++refusals; // the log may begin anew in the space it has
    }
  return n - 1;
}

// Purges what has finished, of operations 1 to `last`, and gives space back.
// @returns 0, or what is wrong.
int purge_all(operation_tracking_store& store, std::uint64_t last) {
  const auto deleted = store.purge_terminal(purge_before(at(5)), at(9)).deleted;
  if (deleted != static_cast<std::int64_t>(last - last / 3))
    return 10;
  while (store.give_back_space(256)) {
    // Step by step.
  }
  for (std::uint64_t n = 1; n <= last; ++n)
    if (store.get_status(status_of(n), at(9)).snapshot.has_value()
        != (n % 3 == 0))
      return 11;
  store.record_enqueue(enqueue(last + 1), at(10));
  store.close();
  return integrity_of(store.options().file) == "ok" ? 0 : 12;
}

// What a file occupies on its disk.
std::int64_t space_of(const std::string& file) {
  return look_at(file).value().st_blocks * std::int64_t{512};
}

bool can_allocate(const std::string& file) {
  const auto fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const auto done = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4'096) == 0;
  ::close(fd);
  return done;
}

// Does so in a process that is killed.
std::uint64_t fill_and_die(const store_options& options,
                           const std::string& note) {
  std::ofstream{note} << std::string(20, ' '); // while there is space
  child_process{[&](const child_process&) {
    operation_tracking_store store{options};
    const auto last = fill_up(store);
    std::fstream{note, std::ios::in | std::ios::out} << last;
    return 0;
  }}.wait();
  std::uint64_t last = 0;
  std::ifstream{note} >> last;
  return last;
}

} // namespace

TEST_CASE("a disk that the store has filled can be purged, and gets its space "
          "back",
          "[promise-2][promise-9]") {
  const auto is_remembered = GENERATE(false, true);
  CAPTURE(is_remembered);
  CHECK(
    on_small_disk([&](const small_disk& disk) {
      auto options = options_for(disk.file());
      if (is_remembered)
        options.duplicates_of = duplicate_scope::all;
      operation_tracking_store store{options};
      const auto last = fill_up(store);
      disk.fill();
      if (const auto code = purge_all(store, last); code != 0)
        return code;
      if (const auto rows = store_reader{options.file}.tombstones().rows;
          rows
          != (is_remembered ? static_cast<std::int64_t>(last - last / 3) : 0))
        return 2;
      return last > 2'000 && disk.free_bytes() > 2'000'000 ? 0 : 1;
    })
    == 0);
}

TEST_CASE("a store on a full disk can be opened and purged, also after a kill",
          "[promise-2][promise-9]") {
  const auto is_killed = GENERATE(false, true);
  CAPTURE(is_killed);
  CHECK(on_small_disk([&](const small_disk& disk) {
          const auto options = options_for(disk.file());
          std::uint64_t last = 0;
          if (is_killed) {
            last = fill_and_die(options, disk.file() + "-note");
          } else {
            operation_tracking_store store{options};
            last = fill_up(store);
          }
          disk.fill();
          if (disk.free_bytes() > 0)
            return 1;
          operation_tracking_store store{options};
          disk.fill();
          if (const auto code = purge_all(store, last); code != 0)
            return code;
          return last > 2'000 && disk.free_bytes() > 2'000'000 ? 0 : 2;
        })
        == 0);
}

TEST_CASE("a disk that others have filled can be purged while the log is short",
          "[promise-2][promise-9]") {
  CHECK(on_small_disk([](const small_disk& disk) {
          const auto options = options_for(disk.file());
          constexpr std::uint64_t last = 1'000;
          {
            operation_tracking_store store{options};
            for (std::uint64_t n = 1; n <= last; ++n)
              record_one(store, n);
          }
          operation_tracking_store store{options};
          disk.fill();
          if (const auto code = purge_all(store, fill_up(store, last + 1));
              code != 0)
            return code;
          return disk.free_bytes() > 500'000 ? 0 : 1;
        })
        == 0);
}

TEST_CASE("a store at the limit on the size of files can be purged",
          "[promise-2][promise-9]") {
  const temp_dir dir;
  auto options = options_for(dir / "ops.db");
  options.synchronous = durability::off; // it takes long enough
  const auto limit = GENERATE(300'000U, 2'000'000U);
  CAPTURE(limit);
  CHECK(in_child([&] {
          operation_tracking_store store{options};
          limit_files(limit);
          return purge_all(store, fill_up(store));
        })
        == 0);
}

namespace {

// A store on a full disk, with operations 1 to `last`.
struct full_store {
  temp_dir dir;
  fault_vfs vfs;
  simulated_disk disk{vfs};
  store_options options = [this] {
    auto x = options_for(dir / "ops.db");
    x.vfs = vfs.name();
    return x;
  }();
  operation_tracking_store store{options};
  std::uint64_t last = 0;

  full_store() {
    for (std::uint64_t n = 1; n <= 300; ++n)
      record_one(store, n);
    disk.fill();
    last = fill_up(store, 301);
  }
};

} // namespace

TEST_CASE_METHOD(full_store,
                 "a full disk can be purged in the space that the store has",
                 "[promise-2][promise-9]") {
  CHECK(last > 300);
  CHECK(purge_all(store, last) == 0);
  CHECK(disk.free_bytes() > 500'000);
}

TEST_CASE_METHOD(full_store,
                 "while the disk is full the log can still be copied into the "
                 "file") {
  store.record_terminal(terminal(300), at(2)); // needs no more space
  CHECK(store.wal_bytes() > 0);
  const auto e = error_of([&] {
    for (auto n = last + 1;; ++n)
      record_one(store, n);
  });
  store.rollback();
  CHECK(e.code == errc::store_full);
  store.maintain();
  CHECK(store.wal_bytes() == 0);
}

TEST_CASE_METHOD(full_store,
                 "a small write that finds space does not pass for a disk that "
                 "has some") {
  for (int i = 0; i < 3; ++i)
    CHECK(error_of([&] { store.probe_write(); }).code == errc::store_full);
  disk.free(1'000'000);
  store.probe_write();
  record_one(store, last + 1);
}

TEST_CASE("a stopped store on a full disk can be read") {
  CHECK(on_small_disk([](const small_disk& disk) {
          const auto options = options_for(disk.file());
          {
            operation_tracking_store store{options};
            record_one(store, 1);
          }
          disk.fill();
          store_reader reader{options.file};
          return reader.get_status(status_of(1)).snapshot ? 0 : 1;
        })
        == 0);
}

TEST_CASE_METHOD(store_fixture,
                 "a store keeps space in reserve, open or not, and its files "
                 "show nothing of it") {
  const auto log = options.file + "-wal";
  const auto lock = options.file + "-lock";
  const auto has_reserve = [&] {
    return space_of(log) >= log_reserve_bytes
           && space_of(lock) >= opening_reserve_bytes;
  };
  if (!can_allocate(dir / "scratch")) {
    WARN("this file system does not allocate space");
    return;
  }
  CHECK(has_reserve());
  CHECK(std::filesystem::file_size(log)
        < std::uintmax_t{log_reserve_bytes / 2});
  CHECK(std::filesystem::file_size(lock) == 0);
  // A reader keeps the log, which is cut then.
  auto reader = open_reader(options.file);
  reader.exec("BEGIN");
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 0);
  for (std::uint64_t n = 1; store.wal_bytes() < 4'200 * 4'120; ++n) {
    store.begin();
    for (int i = 0; i < 500; ++i, ++n)
      store.record_enqueue(enqueue(n), at(0));
    store.commit();
  }
  store.maintain();
  reader.exec("COMMIT");
  store.maintain();
  CHECK(std::filesystem::file_size(log) == 0);
  CHECK(has_reserve());
  store.close();
  CHECK(space_of(lock) >= opening_reserve_bytes);
}

TEST_CASE("promise 2, outcomes: a purge that finds no space is refused, and "
          "unknown only if a part of it stands",
          "[promise-2]") {
  const temp_dir dir;
  fault_vfs vfs;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  operation_tracking_store store{options};
  store.begin();
  for (std::uint64_t n = 1; n <= 2'000; ++n) {
    store.record_enqueue(enqueue(n), at(0));
    store.record_terminal(terminal(n), at(1));
  }
  store.commit();
  const auto stands = GENERATE(0, 1, 2); // chunks
  CAPTURE(stands);
  auto syncs = 0;
  vfs.after = [&](const io_call& x) {
    syncs += x.op == io_op::sync && x.file == io_file::wal ? 1 : 0;
  };
  vfs.before = [&](const io_call& x) {
    return x.op == io_op::write && x.file == io_file::wal && syncs >= stands
             ? SQLITE_FULL
             : SQLITE_OK;
  };
  const auto e
    = error_of([&] { store.purge_terminal(purge_before(at(5)), at(9)); });
  vfs.heal();
  const auto left = store.get_counts().counts.at(0).operations;
  CHECK((left == 2'000) == (stands == 0)); // a chunk ends with its time, too
  CHECK(e.code == (stands == 0 ? errc::store_full : errc::outcome_unknown));
  CHECK(
    (stands == 0
     || e.mentions("after " + std::to_string(2'000 - left) + " deletions: ")));
  CHECK_FALSE(store.needs_recovery());
  CHECK(store.purge_terminal(purge_before(at(5)), at(9)).deleted == left);
  vfs.after = nullptr; // closing outlives what it counts
}

TEST_CASE("a purge of a full disk waits for readers of the log") {
  const temp_dir dir;
  fault_vfs vfs;
  vfs.real_sleeps = false;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  operation_tracking_store store{options};
  for (std::uint64_t n = 1; n <= 60; ++n)
    record_one(store, n);
  auto reader = open_reader(options.file);
  reader.exec("BEGIN");
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 60);
  const auto log = std::filesystem::file_size(options.file + "-wal");
  const auto stays = GENERATE(false, true);
  CAPTURE(stays);
  vfs.before = [&, reads = true](const io_call& x) mutable {
    if (!stays && vfs.slept_us > 0 && std::exchange(reads, false))
      reader.exec("COMMIT");
    const auto end = x.offset + std::ssize(x.bytes);
    return x.op == io_op::write && x.file == io_file::wal
               && end > static_cast<sqlite3_int64>(log)
             ? SQLITE_FULL
             : SQLITE_OK;
  };
  const auto e
    = error_of([&] { store.purge_terminal(purge_before(at(5)), at(9)); });
  CHECK(vfs.slept_us > 0);
  CHECK(vfs.slept_us < 1'100'000);
  CHECK(e.code == (stays ? std::optional{errc::store_full} : std::nullopt));
  std::int64_t left = 0;
  for (const auto& each : store.get_counts().counts)
    left += each.operations;
  CHECK(left == (stays ? 60 : 20));
  vfs.heal(); // closing outlives what it looks at
}

TEST_CASE("a store that cuts its log to give back space does not take that for "
          "a loss",
          "[promise-11]") {
  const temp_dir dir;
  fault_vfs vfs;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  operation_tracking_store store{options};
  record_one(store, 1);
  vfs.before = [](const io_call& x) {
    return x.op == io_op::write && x.file == io_file::wal ? SQLITE_FULL
                                                          : SQLITE_OK;
  };
  CHECK(fill_up(store, 2) == 1);
  vfs.heal();
  record_one(store, 2);
  CHECK(store.wal_bytes() > 0);
  while (store.give_back_space(256)) {
    // Nothing is unused, so the log goes.
  }
  CHECK(std::filesystem::file_size(options.file + "-wal") == 0);
  CHECK(store.wal_bytes() == 0);
  record_one(store, 3);
  CHECK(store.get_status(status_of(3), at(9)).snapshot);
}

TEST_CASE("a store that shortens its file for a purge on a full disk does not "
          "take that for a loss",
          "[promise-11]") {
  const temp_dir dir;
  fault_vfs vfs;
  vfs.real_sleeps = false;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  constexpr std::uint64_t last = 300;
  {
    operation_tracking_store store{options};
    for (std::uint64_t n = 3; n <= last; n += n == 3 ? 1 : 3)
      record_one(store, n); // all but the first finish
  }
  operation_tracking_store store{options};
  store.purge_terminal(purge_before(at(5)), at(9));
  store.record_terminal(terminal(3), at(10));
  const auto before = std::filesystem::file_size(options.file);
  CHECK(store.give_back_space(16, false)); // in the log alone
  CHECK(std::filesystem::file_size(options.file) == before);
  auto refusals = 0;
  vfs.before = [&](const io_call& x) {
    return x.op == io_op::write && x.file == io_file::wal && refusals++ == 0
             ? SQLITE_FULL
             : SQLITE_OK;
  };
  CHECK(store.purge_terminal(purge_before(at(20)), at(30)).deleted == 1);
  CHECK(refusals > 1);
  CHECK(std::filesystem::file_size(options.file) < before);
  record_one(store, last);
  CHECK(store.get_status(status_of(last), at(31)).snapshot);
  vfs.heal(); // closing outlives what it looks at
}
