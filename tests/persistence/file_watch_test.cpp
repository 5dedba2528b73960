// The files of an open store: what happens when someone takes them away, who
// gets at them, and who keeps their lock.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>
#include <thread>

#include "support/child_process.hpp"
#include "support/store_fixture.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace fs = std::filesystem;

namespace {

struct stat info_of(const std::string& file) {
  struct stat info {};
  REQUIRE(::lstat(file.c_str(), &info) == 0);
  return info;
}

void make_file(const std::string& name, mode_t mode) {
  std::ofstream{name};
  REQUIRE(::chmod(name.c_str(), mode) == 0);
}

struct mishap {
  const char* what;
  std::function<void(const std::string&)> happen; // to the database's name
};

const std::array lock_mishaps{
  mishap{"the lock file is removed",
         [](const std::string& file) { fs::remove(file + "-lock"); }},
  mishap{"the lock file is replaced",
         [](const std::string& file) {
           fs::remove(file + "-lock");
           make_file(file + "-lock", 0600);
         }},
};

const std::array mishaps{
  mishap{"the log is removed",
         [](const std::string& file) { fs::remove(file + "-wal"); }},
  mishap{"the log is replaced",
         [](const std::string& file) {
           fs::copy_file(file + "-wal", file + "-copy");
           fs::rename(file + "-copy", file + "-wal");
         }},
  mishap{"the log is cut off",
         [](const std::string& file) { fs::resize_file(file + "-wal", 0); }},
  mishap{"the log's index is removed",
         [](const std::string& file) { fs::remove(file + "-shm"); }},
  mishap{"the log's index is replaced",
         [](const std::string& file) {
           fs::copy_file(file + "-shm", file + "-copy");
           fs::rename(file + "-copy", file + "-shm");
         }},
  mishap{"the database is removed",
         [](const std::string& file) { fs::remove(file); }},
  mishap{"the database is replaced",
         [](const std::string& file) {
           fs::copy_file(file, file + "-copy");
           fs::rename(file + "-copy", file);
         }},
  mishap{"the database is cut off",
         [](const std::string& file) { fs::resize_file(file, 4'096); }},
  mishap{"the database is cut to nothing",
         [](const std::string& file) { fs::resize_file(file, 0); }},
  lock_mishaps[0],
  lock_mishaps[1],
};

} // namespace

TEST_CASE(
  "promise 1, durability: a commit is not acknowledged when the store's "
  "files have been taken away meanwhile",
  "[promise-1]") {
  for (const auto& each : mishaps) {
    CAPTURE(each.what);
    store_fixture x;
    x.store.record_enqueue(enqueue(1), at(0));
    x.store.begin();
    x.store.record_enqueue(enqueue(2), at(1));
    each.happen(x.options.file);
    const auto e = error_of([&] { x.store.commit(); });
    CHECK(e.code); // a log that is cut off may be met by COMMIT itself
    if (std::string_view{each.what} != "the log is cut off")
      CHECK(e.code == errc::outcome_unknown);
    // From then on nothing is written.
    const auto later
      = error_of([&] { x.store.record_enqueue(enqueue(3), at(2)); });
    CHECK(later.code == errc::store_corrupt);
    CHECK(later.mentions(x.options.file));
  }
}

TEST_CASE("nothing is begun on files that have been taken away",
          "[promise-1]") {
  for (const auto& each : mishaps) {
    CAPTURE(each.what);
    store_fixture x;
    x.store.record_enqueue(enqueue(1), at(0));
    each.happen(x.options.file);
    CHECK(error_of([&] { x.store.record_enqueue(enqueue(2), at(1)); }).code
          == errc::store_corrupt);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "memory that is shared by a file is not used when that has "
                 "been cut off") {
  store.record_enqueue(enqueue(1), at(0));
  fs::resize_file(options.file + "-shm", 0);
  const auto e = error_of([&] { store.record_enqueue(enqueue(2), at(1)); });
  CHECK(e.code == errc::store_corrupt);
  CHECK(e.mentions("-shm: was cut off"));
  store.close();
}

TEST_CASE(
  "a commit in two steps is not finished when the log has gone meanwhile",
  "[promise-1][threads]") {
  store_fixture x;
  x.store.begin();
  x.store.record_enqueue(enqueue(1), at(0));
  REQUIRE(x.store.begin_commit([] {}));
  fs::remove(x.options.file + "-wal");
  CHECK(error_of([&] { x.store.finish_commit(); }).code
        == errc::outcome_unknown);
}

TEST_CASE_METHOD(store_fixture,
                 "checkpoints and given back space are no mishaps") {
  for (std::uint64_t n = 0; n < 3'000; ++n)
    store.record_enqueue(enqueue(n), at(0));
  for (std::uint64_t n = 0; n < 3'000; ++n)
    store.record_terminal(terminal(n, tracking_status::delivered), at(1));
  store.maintain();
  store.purge_terminal({.older_than = at(2)}, at(2));
  while (store.give_back_space(100, false)) {
  }
  store.record_enqueue(enqueue(4'000), at(3));
  CHECK(total() == 1);
}

TEST_CASE("promise 10, single owner: a second owner is refused also when the "
          "lock file was removed or replaced",
          "[promise-10]") {
  for (const auto& each : lock_mishaps) {
    CAPTURE(each.what);
    store_fixture first;
    first.store.record_enqueue(enqueue(1), at(0));
    each.happen(first.options.file);
    const auto before = bytes_in(first.dir.path());
    CHECK(error_of([&] { operation_tracking_store{first.options}; }).code
          == errc::store_locked);
    CHECK(changes_since(before, first.dir.path()) == "");
    first.store.close();
    operation_tracking_store second{first.options};
    CHECK(second.get_status(status_of(1), at(1)).snapshot.has_value());
  }
}

TEST_CASE("promise 10, single owner: an owner whose lock file and log's index "
          "were both removed stores nothing beside the one who came then",
          "[promise-1][promise-10]") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  constexpr auto refused = 7;
  child_process first{[&](const child_process& self) {
    operation_tracking_store store{options};
    store.record_enqueue(enqueue(1), at(0));
    self.report();
    while (!fs::exists(dir / "go on"))
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    const auto e = error_of([&] { store.record_enqueue(enqueue(3), at(2)); });
    store.close();
    return e.code == errc::store_corrupt ? refused : 0;
  }};
  REQUIRE(first.await_report());
  for (const auto* const suffix : {"-lock", "-shm"})
    fs::remove(options.file + suffix);
  operation_tracking_store second{options};
  second.record_enqueue(enqueue(2), at(1));
  std::ofstream{dir / "go on"};
  CHECK(first.wait() == refused);
  second.record_enqueue(enqueue(4), at(3));
  second.close();
  operation_tracking_store third{options};
  for (const auto n : {1U, 2U, 4U})
    CHECK(third.get_status(status_of(n), at(5)).snapshot.has_value());
  CHECK_FALSE(third.get_status(status_of(3), at(5)).snapshot.has_value());
  CHECK(store_reader{options.file}.check().value().faults.empty());
}

TEST_CASE("promise 10, single owner: without its lock file, too, an owner in "
          "another process keeps this one out until it is killed",
          "[promise-10]") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  child_process owner{[&](const child_process& self) {
    operation_tracking_store store{options};
    store.record_enqueue(enqueue(1), at(0));
    self.report();
    child_process::linger();
    return 0;
  }};
  REQUIRE(owner.await_report());
  fs::remove(options.file + "-lock");
  CHECK(error_of([&] { operation_tracking_store{options}; }).code
        == errc::store_locked);
  owner.kill();
  operation_tracking_store next{options};
  CHECK(next.get_status(status_of(1), at(1)).snapshot.has_value());
}

TEST_CASE("an ordinary SQLite does not copy the log of a running store") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  child_process owner{[&](const child_process& self) {
    operation_tracking_store store{options};
    store.record_enqueue(enqueue(1), at(0));
    self.report();
    child_process::linger();
    return 0;
  }};
  REQUIRE(owner.await_report());
  const auto before = bytes_in(dir.path());
  sqlite::connection other{options.file, SQLITE_OPEN_READWRITE, ""};
  CHECK(other.query_int("SELECT count(*) FROM operation") == 1);
  CHECK(other.query_int("PRAGMA wal_checkpoint") == 1); // was kept from it
  CHECK(changes_since(before, dir.path()) == "");
  owner.kill();
}

TEST_CASE("promise 10, single owner: a child that is forked does not keep the "
          "ownership of a killed parent",
          "[promise-10]") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  child_process owner{[&](const child_process& self) {
    operation_tracking_store store{options};
    const auto child = ::fork();
    if (child == 0) {
      self.report(); // it has begun, and so closed what it is not to keep
      child_process::linger();
    }
    static_cast<void>(!::write(ends[1], &child, sizeof child));
    child_process::linger();
    return 0;
  }};
  REQUIRE(owner.await_report());
  pid_t child = 0;
  REQUIRE(::read(ends[0], &child, sizeof child) == sizeof child);
  CHECK(error_of([&] { operation_tracking_store{options}; }).code
        == errc::store_locked);
  owner.kill();
  CHECK(!error_of([&] { operation_tracking_store{options}; }).code);
  ::kill(child, SIGKILL);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("no file of a store gets the number of a standard descriptor") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  const auto code = in_child([&] {
    for (const auto fd : {0, 1, 2})
      ::close(fd);
    const operation_tracking_store store{options};
    struct stat info {};
    for (const auto fd : {0, 1, 2})
      if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        return 1; // SQLite puts /dev/null there
    return 0;
  });
  CHECK(code == 0);
}

TEST_CASE("files that others have put beside a new store are refused") {
  for (const auto* const suffix : {"-wal", "-shm", "-journal", "-lock"}) {
    CAPTURE(suffix);
    const temp_dir dir;
    const auto options = options_for(dir / "ops.db");
    const auto name = options.file + suffix;
    make_file(name, 0600);
    if (::geteuid() == 0) { // else nothing can be given away
      REQUIRE(::chown(name.c_str(), 1'234, 1'234) == 0);
      const auto e = error_of([&] { operation_tracking_store{options}; });
      CHECK(e.code == errc::store_unavailable);
      CHECK(e.mentions(name));
      REQUIRE(::chown(name.c_str(), 0, 0) == 0);
    }
    CHECK(!error_of([&] { operation_tracking_store{options}; }).code);
  }
}

TEST_CASE("a reader refuses files that others have put beside a store") {
  if (::geteuid() != 0)
    return; // nothing can be given away
  for (const auto* const suffix : {"-wal", "-shm", "-journal"}) {
    CAPTURE(suffix);
    const temp_dir dir;
    const auto options = options_for(dir / "ops.db");
    operation_tracking_store{options};
    const auto name = options.file + suffix;
    make_file(name, 0600);
    REQUIRE(::chown(name.c_str(), 1'234, 1'234) == 0);
    const auto e = error_of([&] { store_reader{options.file}; });
    CHECK(e.code == errc::store_unavailable);
    CHECK(e.mentions(name));
  }
}

TEST_CASE("files beside a store let nobody at what the database does not") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  for (const auto* const suffix : {"-wal", "-shm", "-lock"})
    make_file(options.file + suffix, 0666);
  const operation_tracking_store store{options};
  for (const auto* const suffix : {"", "-wal", "-shm", "-lock"}) {
    CAPTURE(suffix);
    CHECK((info_of(options.file + suffix).st_mode & 0777) == 0600);
  }
}

TEST_CASE("the lock file has the owner and the mode of the database, whoever "
          "has made it") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  operation_tracking_store{options};
  const auto root = ::geteuid() == 0;
  if (root)
    REQUIRE(::chown(options.file.c_str(), 1'234, 1'235) == 0);
  REQUIRE(::chmod(options.file.c_str(), 0640) == 0);
  fs::remove(options.file + "-lock");
  operation_tracking_store{options};
  const auto lock = info_of(options.file + "-lock");
  CHECK((lock.st_mode & 0777) == 0640);
  CHECK(lock.st_uid == (root ? 1'234 : ::geteuid()));
  if (root)
    CHECK(lock.st_gid == 1'235);
}

TEST_CASE("the times of the lock file tell that it is in use") {
  const temp_dir dir;
  const auto options = options_for(dir / "ops.db");
  operation_tracking_store{options};
  const auto lock = options.file + "-lock";
  fs::last_write_time(lock, fs::file_time_type{});
  operation_tracking_store{options};
  CHECK(fs::last_write_time(lock)
        > fs::file_time_type::clock::now() - std::chrono::minutes{1});
}
