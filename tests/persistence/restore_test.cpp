// Putting a backup in the place of a store.

#include <sys/stat.h>

#include <filesystem>

#include "support/store_fixture.hpp"
#include "support/workload.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_restore.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct restore_fixture {
  temp_dir dir;
  std::string file = dir / "ops.db";
  std::string backup = dir / "backup.db";
  std::vector<std::string> expected;

  restore_fixture() {
    const temp_dir live;
    operation_tracking_store store{options_for(live / "ops.db")};
    for (std::uint64_t k = 0; k < 3; ++k)
      run_batch(store, k);
    store_reader{live / "ops.db"}.backup(backup);
    expected = content_of(backup);
    for (std::uint64_t k = 3; k < 6; ++k)
      run_batch(store, k);
    copy_files(live.path(), dir.path()); // as a kill leaves them
  }

  void check_is_restored() const {
    for (const auto* const suffix : {"-wal", "-shm", ".restored"})
      CHECK_FALSE(std::filesystem::exists(file + suffix));
    CHECK(content_of(file) == expected);
    operation_tracking_store store{options_for(file)};
    store.record_enqueue(enqueue(9'000), at(9));
    store.close();
    CHECK(store_reader{file}.check().value().faults.empty());
  }
};

} // namespace

TEST_CASE_METHOD(restore_fixture,
                 "a backup is put in the place of a killed store, whose log "
                 "goes") {
  ::chmod(file.c_str(), 0640);
  CHECK(restore_store(backup, file, restore_mode::replace));
  CHECK(mode_of(file) == 0640);
  CHECK(std::filesystem::exists(backup));
  check_is_restored();
}

TEST_CASE_METHOD(restore_fixture, "a backup is restored where no store was") {
  for (const auto* const suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(file + suffix);
  CHECK(restore_store(backup, file, restore_mode::create));
  CHECK(mode_of(file) == 0600);
  check_is_restored();
}

TEST_CASE_METHOD(restore_fixture,
                 "a restore that was killed between file and log is refused by "
                 "owners, and done by the next one",
                 "[promise-11]") {
  std::filesystem::copy_file(backup, file,
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove(file + "-shm");
  CHECK(error_of([&] { operation_tracking_store{options_for(file)}; }).code
        == errc::store_corrupt);
  CHECK(restore_store(backup, file, restore_mode::replace));
  check_is_restored();
}

TEST_CASE_METHOD(restore_fixture, "what may not be restored changes nothing") {
  auto mode = restore_mode::replace;
  auto code = errc::store_unavailable;
  std::string from = backup;
  SECTION("over a store, without being asked to") {
    mode = restore_mode::create;
  }
  SECTION("over the log of one") {
    mode = restore_mode::create;
    std::filesystem::remove(file);
  }
  SECTION("a damaged backup") {
    auto bytes = read_file(backup);
    bytes[bytes.size() - 2'000] ^= '\x01';
    write_file(backup, bytes);
    code = errc::store_corrupt;
  }
  SECTION("the store itself") {
    from = file;
  }
  SECTION("a backup that is not there") {
    from = dir / "none.db";
  }
  const auto before = bytes_in(dir.path());
  const auto e = error_of([&] { restore_store(from, file, mode); });
  CAPTURE(e.text);
  CHECK(e.code == code);
  CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(restore_fixture,
                 "promise 10, single owner: a store in use is not replaced",
                 "[promise-10]") {
  operation_tracking_store store{options_for(file)};
  CHECK(
    error_of([&] { restore_store(backup, file, restore_mode::replace); }).code
    == errc::store_locked);
  run_batch(store, 20);
  CHECK_FALSE(std::filesystem::exists(file + ".restored"));
}
