// One owner for a file: who else comes gets `store_locked` and changes nothing.

#include "support/fault_vfs.hpp"
#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// How opening `options` ends; `inserted` stands for success.
int open_code(const store_options& options) {
  const auto e = error_of([&] { operation_tracking_store{options}; });
  return e.code ? static_cast<int>(*e.code) : 0;
}

constexpr auto locked = static_cast<int>(errc::store_locked);

} // namespace

TEST_CASE_METHOD(store_fixture,
                 "promise 10, single owner: a second owner in the same process "
                 "is refused and changes nothing",
                 "[promise-10]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = bytes_in(dir.path());
  const auto e = error_of([&] { operation_tracking_store{options}; });
  CHECK(e.code == errc::store_locked);
  CHECK(e.mentions(options.file));
  CHECK(changes_since(before, dir.path()) == "");
  // The first one does not notice.
  store.record_enqueue(enqueue(2), at(1));
  CHECK(snapshot_of(2).has_value());
}

TEST_CASE_METHOD(store_fixture,
                 "promise 10, single owner: a second owner in another process "
                 "is refused and changes nothing",
                 "[promise-10]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = bytes_in(dir.path());
  CHECK(in_child([&] { return open_code(options); }) == locked);
  CHECK(changes_since(before, dir.path()) == "");
  store.record_enqueue(enqueue(2), at(1));
  CHECK(snapshot_of(2).has_value());
}

TEST_CASE("promise 10, single owner: the owner in another process keeps this "
          "one out until it is killed",
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
  CHECK(open_code(options) == locked);
  CHECK(open_code(options) == locked);
  CHECK(owner.kill() == 128 + SIGKILL);
  // At once: the kernel has given the ownership up.
  operation_tracking_store next{options};
  CHECK(next.get_status(status_of(1), at(0)).snapshot == fresh(1, at(0)));
}

TEST_CASE("promise 10, single owner: an owner that cannot open its file again "
          "keeps others out all the same",
          "[promise-10]") {
  const temp_dir dir;
  fault_vfs vfs;
  const auto others = options_for(dir / "ops.db");
  auto options = others;
  options.vfs = vfs.name();
  operation_tracking_store store{options};
  store.record_enqueue(enqueue(1), at(0));
  vfs.before = [](const io_call&) { return SQLITE_CANTOPEN; };
  CHECK(error_of([&] { store.recover(); }).code);
  vfs.heal();
  CHECK(open_code(others) == locked);
  CHECK(in_child([&] { return open_code(others); }) == locked);
  store.recover();
  CHECK(store.get_status(status_of(1), at(1)).snapshot == fresh(1, at(0)));
}

TEST_CASE_METHOD(store_fixture, "another name of the same file meets its lock",
                 "[promise-10]") {
  const auto folder = dir.path().string();
  const auto name = dir.path().filename().string();
  std::filesystem::create_directory_symlink(dir.path(), dir / "way-round");
  for (const auto& file :
       {folder + "/./ops.db", folder + "//ops.db",
        folder + "/../" + name + "/ops.db", folder + "/way-round/ops.db"}) {
    CAPTURE(file);
    CHECK(open_code(options_for(file)) == locked);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "after close() the next owner opens, while the first object "
                 "still lives",
                 "[promise-10]") {
  store.record_enqueue(enqueue(1), at(0));
  store.close();
  {
    operation_tracking_store next{options};
    CHECK(next.get_status(status_of(1), at(0)).snapshot.has_value());
    CHECK(open_code(options) == locked);
    store.close(); // not its ownership any more
    CHECK(open_code(options) == locked);
  }
  CHECK(open_code(options) == 0);
}

TEST_CASE_METHOD(store_fixture, "moving a store moves the ownership along") {
  store.record_enqueue(enqueue(1), at(0));
  auto moved = std::move(store);
  CHECK(open_code(options) == locked);
  CHECK(moved.get_status(status_of(1), at(0)).snapshot.has_value());
  moved.close();
  CHECK(open_code(options) == 0);
}

TEST_CASE_METHOD(store_fixture, "several stores live side by side",
                 "[promise-10]") {
  operation_tracking_store other{options_for(dir / "other.db")};
  store.record_enqueue(enqueue(1), at(0));
  CHECK(other.get_status(status_of(1), at(0)).snapshot == std::nullopt);
  other.record_enqueue(enqueue(1, "other"), at(1));
  CHECK(snapshot_of(1) == fresh(1, at(0)));
}

TEST_CASE_METHOD(store_fixture,
                 "promise 10, single owner: a reader looks while it runs, and "
                 "neither writes nor checkpoints",
                 "[promise-10]") {
  store.record_enqueue(enqueue(1), at(0));
  const auto before = bytes_in(dir.path());
  {
    auto reader = open_reader(options.file);
    CHECK(reader.query_int("SELECT count(*) FROM operation") == 1);
    CHECK(
      error_of([&] { reader.exec("DELETE FROM operation"); }).code.has_value());
  }
  CHECK(changes_since(before, dir.path()) == "");
  // It does not keep the owner from writing, nor see half of a batch.
  auto reader = open_reader(options.file);
  reader.exec("BEGIN");
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 1);
  store.record_enqueue(enqueue(2), at(1));
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 1);
  reader.exec("COMMIT");
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 2);
}

TEST_CASE_METHOD(store_fixture,
                 "who fails to open leaves no lock file behind") {
  write_file(dir / "text.db", "not a database, and long enough to be read");
  CHECK(open_code(options_for(dir / "text.db"))
        == static_cast<int>(errc::not_a_store));
  CHECK_FALSE(std::filesystem::exists(dir / "text.db-lock"));
  // But one that was there stays.
  write_file(dir / "text.db-lock", "");
  CHECK(open_code(options_for(dir / "text.db"))
        == static_cast<int>(errc::not_a_store));
  CHECK(std::filesystem::exists(dir / "text.db-lock"));
}
