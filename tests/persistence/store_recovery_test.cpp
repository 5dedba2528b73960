// What a recovery copies of a store that is damaged, and what it says of the
// rest.

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "support/calls.hpp"
#include "support/random_seed.hpp"
#include "support/workload.hpp"
#include "waybill/page_seal.hpp"
#include "waybill/store_identity.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_recovery.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

using sqlite::page_bytes;

std::string file_of_version(const std::string& name) {
  return read_file(std::filesystem::path{WAYBILL_SOURCE_DIR} / "tests/data"
                   / name);
}

struct salvage_fixture {
  temp_dir dir;
  std::string file = dir / "ops.db";
  std::string recovered = dir / "recovered.db";

  // A stopped store of 200 operations with histories, and 12 calls.
  salvage_fixture() {
    operation_tracking_store store{options_for(file)};
    for (std::uint64_t k = 0; k < 25; ++k)
      run_batch(store, k);
    store.calls().open_target({"plant", {}, 3, {}}, at(30));
    for (std::uint64_t n = 901; n <= 912; ++n) {
      auto x = take_of(n, std::string(n == 901 ? 9'000 : 40, 'p'));
      x.begin = n == 902;
      const auto head = store.calls().take(x, at(30)).head;
      if (n == 903)
        store.calls().end(end_of(head, tracking_status::parked), at(31));
    }
    store.close();
  }

  recovery_report recover(unproven_rows unproven = unproven_rows::leave_out) {
    for (const auto* const suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(recovered + suffix);
    const auto before = bytes_in(dir.path());
    auto report = recover_store(file, recovered, unproven).value();
    for (const auto* const suffix :
         {"-wal", "-shm", "-lock", ".part", ".part-wal", ".part-lock"})
      CHECK_FALSE(std::filesystem::exists(recovered + suffix));
    CHECK(mode_of(recovered) == 0600);
    const auto copy = read_file(recovered);
    std::filesystem::remove(recovered);
    CHECK(changes_since(before, dir.path()) == "");
    write_file(recovered, copy);
    CHECK(store_reader{recovered}.check().value().faults.empty());
    return report;
  }

  // The roots of tables and indexes, by name.
  std::int64_t root_of(const std::string& name) const {
    auto db = open_reader(file);
    return db.query_int(
      ("SELECT rootpage FROM sqlite_schema WHERE name = '" + name + "'")
        .c_str());
  }

  void zero(std::int64_t page) const {
    auto bytes = read_file(file);
    std::fill_n(bytes.begin() + (page - 1) * std::ptrdiff_t{page_bytes},
                page_bytes, '\0');
    write_file(file, bytes);
  }

  // Another byte, in the middle of a text of 800.
  void flip_in_error() const {
    auto bytes = read_file(file);
    const auto at = bytes.find(std::string(700, 'x'));
    REQUIRE(at != std::string::npos);
    bytes[at + 300] = 'y';
    write_file(file, bytes);
  }

  std::vector<std::string> all_in(const std::string& store) const {
    auto all = content_of(store);
    for (auto& each : calls_in(store))
      all.push_back(std::move(each));
    return all;
  }
};

bool tells(const recovery_report& x, const std::string& text) {
  return std::ranges::any_of(x.remarks, [&](const auto& each) {
    return each.find(text) != std::string::npos;
  });
}

store_identity identity_in(const std::string& file) {
  auto db = open_reader(file);
  return read_identity(db);
}

} // namespace

TEST_CASE_METHOD(salvage_fixture,
                 "of a store that is not damaged all is recovered, as another "
                 "store",
                 "[promise-11]") {
  const auto before = all_in(file);
  const auto report = recover();
  CHECK(report.is_whole);
  CHECK(report.remarks.empty());
  CHECK(report.counted == report.operations);
  CHECK(report.calls == 12);
  CHECK(report.damaged_pages == 0);
  auto after = all_in(recovered);
  const auto names_of = [](std::vector<std::string> all) {
    std::erase_if(all, [](const auto& x) { return x.starts_with("name"); });
    return all;
  };
  // Names get their numbers in another order.
  CHECK(names_of(after).size() == names_of(before).size());
  CHECK(calls_in(recovered) == calls_in(file));
  store_reader was{file};
  store_reader is{recovered};
  for (std::uint64_t n = 1; n <= 912; ++n) {
    CAPTURE(n);
    CHECK(was.get_status(status_of(n)) == is.get_status(status_of(n)));
    CHECK(was.get_history({id_of(n), {}}) == is.get_history({id_of(n), {}}));
  }
  CHECK(is.get_counts().counts.size() == was.get_counts().counts.size());
  CHECK(identity_in(recovered).uuid != identity_in(file).uuid);
  // It is a store that goes on.
  operation_tracking_store store{options_for(recovered)};
  store.record_enqueue(enqueue(9'000), at(90));
  store.record_attempt(attempt(200, 2), at(91));
  store.calls().open_target({"plant", {}, 3, {}}, at(92));
  CHECK(store.calls().find({"plant"}, at(92)).heads.size() == 11);
  store.close();
  CHECK(store_reader{recovered}.check().value().faults.empty());
}

TEST_CASE_METHOD(salvage_fixture,
                 "damage to indexes and counters loses nothing",
                 "[promise-11]") {
  const auto* const damaged
    = GENERATE("sqlite_autoindex_operation_1", "operation_finished", "counter",
               "in_flight_block", "call_keyed", "epoch");
  CAPTURE(damaged);
  const auto calls = calls_in(file);
  zero(root_of(damaged));
  CHECK(error_of([&] {
          const auto found = store_reader{file}.check().value();
          if (!found.faults.empty())
            throw store_error{errc::store_corrupt, found.faults.front()};
        }).code
        == errc::store_corrupt);
  const auto report = recover();
  CHECK(report.is_whole);
  CHECK(report.damaged_pages == 1);
  CHECK(report.calls == 12);
  CHECK(calls_in(recovered) == calls);
}

TEST_CASE_METHOD(salvage_fixture,
                 "a page that is lost loses its rows only, and is told of",
                 "[promise-11]") {
  const auto whole = recover();
  const auto sound = read_file(file);
  const auto pages = static_cast<std::int64_t>(sound.size() / page_bytes);
  auto lossy = 0;
  const stride some{"lost pages"};
  auto tried = 0;
  for (std::int64_t page = 1 + some.first(); page <= pages;
       page += some.step()) {
    CAPTURE(page);
    ++tried;
    write_file(file, sound);
    zero(page);
    const auto report = recover();
    CHECK(report.operations >= whole.operations - 60);
    CHECK(report.operations <= whole.operations);
    CHECK(report.transitions <= whole.transitions);
    const auto lost = report.operations < whole.operations
                      || report.transitions < whole.transitions
                      || report.calls < whole.calls;
    lossy += lost ? 1 : 0;
    CHECK_FALSE((lost && report.is_whole));
    CHECK(report.is_whole == report.remarks.empty());
    // What is left is what was written.
    store_reader is{recovered};
    for (std::uint64_t n = 193; n <= 200; ++n)
      if (const auto x = is.get_status(status_of(n)).snapshot;
          x && !x->kind.starts_with("(lost name "))
        CHECK(x->kind == "kind 4");
  }
  CHECK(lossy > tried / 5);
}

TEST_CASE_METHOD(salvage_fixture,
                 "a file that was cut off is not taken for whole",
                 "[promise-11]") {
  zero(root_of("counter")); // which could tell as well
  const auto bytes = read_file(file);
  const stride some{"ends"};
  for (auto size = bytes.size() - std::size_t(1 + some.first()) * page_bytes;
       size > 45 * page_bytes; size -= std::size_t(some.step()) * page_bytes) {
    CAPTURE(size);
    write_file(file, bytes.substr(0, size));
    const auto report = recover();
    CHECK(report.damaged_pages > 1);
  }
  CHECK_FALSE(recover().is_whole);
}

TEST_CASE_METHOD(salvage_fixture,
                 "rows on a page without its checksum are copied only when "
                 "that is asked for, and told of",
                 "[promise-11]") {
  flip_in_error();
  const auto proven = recover();
  CHECK_FALSE(proven.is_whole);
  CHECK(proven.unproven == 0);
  CHECK(proven.left_out > 0);
  CHECK(tells(proven, "left out"));
  const auto all = recover(unproven_rows::copy);
  CHECK_FALSE(all.is_whole);
  CHECK(all.unproven > 0);
  CHECK(all.left_out == 0);
  CHECK(all.operations >= proven.operations);
  CHECK(all.transitions > proven.transitions);
}

TEST_CASE_METHOD(salvage_fixture,
                 "a history is not complete where a step of it is lost") {
  const auto before = store_reader{file}.get_history({id_of(199), {}});
  REQUIRE(before.complete);
  REQUIRE(before.transitions.size() == 1);
  auto found_incomplete = 0;
  zero(root_of("transition")); // it leads to all others, which are found
  CHECK(recover().is_whole);
  flip_in_error();
  recover();
  store_reader is{recovered};
  for (std::uint64_t n = 1; n <= 200; ++n)
    if (is.get_status(status_of(n)).snapshot)
      found_incomplete += is.get_history({id_of(n), {}}).complete ? 0 : 1;
  CHECK(found_incomplete > 0);
}

TEST_CASE_METHOD(salvage_fixture,
                 "a call without its payload is left out, and its operation "
                 "stays") {
  // The second page of the one that is too long for one.
  auto bytes = read_file(file);
  const auto at = bytes.find(std::string(2'000, 'p'));
  REQUIRE(at != std::string::npos);
  zero(static_cast<std::int64_t>((at + 4'000) / page_bytes) + 1);
  const auto report = recover();
  CHECK(report.calls == 11);
  CHECK(tells(report, "their payloads are lost"));
  CHECK(store_reader{recovered}.get_status(status_of(901)).snapshot);
}

TEST_CASE_METHOD(salvage_fixture,
                 "a log is used if it is the file's own, as far as it adds up",
                 "[promise-11]") {
  const temp_dir live;
  copy_files(dir.path(), live.path());
  {
    operation_tracking_store store{options_for(live / "ops.db")};
    for (std::uint64_t n = 1'001; n <= 1'020; ++n)
      store.record_enqueue(enqueue(n), at(50));
    for (const auto* const suffix : {"", "-lock"})
      std::filesystem::remove(file + suffix);
    copy_files(live.path(), dir.path()); // as a kill leaves them
  }
  for (const auto* const suffix : {"-shm", "-lock"})
    std::filesystem::remove(file + suffix);
  auto log = read_file(file + "-wal");
  SECTION("whole") {
    const auto report = recover();
    CHECK(report.is_whole);
    CHECK(store_reader{recovered}.get_status(status_of(1'020)).snapshot);
  }
  SECTION("damaged in its middle") {
    log[log.size() / 2] ^= '\x01';
    write_file(file + "-wal", log);
    const auto report = recover();
    CHECK_FALSE(report.is_whole);
    CHECK(tells(report, "damaged in its middle"));
    store_reader is{recovered};
    CHECK(is.get_status(status_of(1'001)).snapshot);
    CHECK_FALSE(is.get_status(status_of(1'020)).snapshot);
  }
  SECTION("of another moment") {
    for (std::uint64_t n = 2'000; n < 2'002; ++n) {
      operation_tracking_store store{options_for(live / "ops.db")};
      store.record_enqueue(enqueue(n), at(60));
      store.close();
    }
    write_file(file, read_file(live / "ops.db"));
    const auto report = recover();
    CHECK_FALSE(report.is_whole);
    CHECK(tells(report, "its log is not used"));
    CHECK(store_reader{recovered}.get_status(status_of(1'020)).snapshot);
  }
}

TEST_CASE("a store of schema version 1 that was killed, and whose log an "
          "ordinary SQLite has copied, is recovered",
          "[promise-11]") {
  const temp_dir dir;
  const auto file = dir / "ops.db";
  const auto recovered = dir / "recovered.db";
  write_file(file, file_of_version("version_1_killed.db"));
  write_file(file + "-wal", file_of_version("version_1_killed.db-wal"));
  const auto copied = GENERATE(true, false);
  const auto was_tried = copied && GENERATE(false, true);
  CAPTURE(copied, was_tried);
  if (copied) { // the last one to close copies the log
    sqlite::connection plain{file, SQLITE_OPEN_READWRITE, ""};
    CHECK(plain.query_int("SELECT count(*) FROM operation") == 4);
  }
  if (copied)
    std::filesystem::remove(file + "-wal");
  if (was_tried) { // a service has migrated it before it met such a page
    CHECK(error_of([&] { operation_tracking_store{options_for(file)}; }).code
          == errc::store_corrupt);
  }
  if (was_tried)
    CHECK(error_of([&] {
            recover_store(file, recovered);
          }).mentions("that has its checksum"));
  const auto report = recover_store(file, recovered,
                                    was_tried ? unproven_rows::copy
                                              : unproven_rows::leave_out)
                        .value();
  CHECK(report.operations == 4);
  CHECK(report.left_out == 0);
  CHECK((report.unproven > 0) == copied);
  CHECK(report.is_whole != copied);
  CHECK(store_reader{recovered}.check().value().faults.empty());
  store_reader is{recovered};
  CHECK(is.get_status(status_of(2)).snapshot.value().retry_count == 3);
  CHECK(is.get_status(status_of(4)).snapshot);
  CHECK(is.get_history({id_of(2), {}}).complete);
}

TEST_CASE_METHOD(salvage_fixture,
                 "what cannot be recovered makes no store, and changes "
                 "nothing") {
  auto code = errc::store_unavailable;
  std::string to = recovered;
  SECTION("to a file that is there") {
    write_file(to, "mine");
  }
  SECTION("where another recovery is being written") {
    write_file(to + ".part", "mine");
  }
  SECTION("to itself") {
    to = file;
  }
  SECTION("of a file that is not there") {
    std::filesystem::remove(file);
  }
  SECTION("of a text") {
    write_file(file, std::string(50'000, 't'));
    code = errc::store_corrupt;
  }
  SECTION("of another program's database") {
    std::filesystem::remove(file);
    sqlite::connection plain{file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             ""};
    plain.exec("CREATE TABLE t (x)");
    code = errc::not_a_store;
  }
  SECTION("of a link") {
    std::filesystem::rename(file, dir / "other.db");
    std::filesystem::create_symlink(dir / "other.db", file);
  }
  const auto before = bytes_in(dir.path());
  const auto e = error_of([&] { recover_store(file, to); });
  CAPTURE(e.text);
  CHECK(e.code == code);
  CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(salvage_fixture,
                 "promise 10, single owner: a store in use is not recovered",
                 "[promise-10]") {
  operation_tracking_store store{options_for(file)};
  CHECK(error_of([&] { recover_store(file, recovered); }).code
        == errc::store_locked);
  CHECK_FALSE(std::filesystem::exists(recovered));
  run_batch(store, 40);
}

TEST_CASE_METHOD(salvage_fixture, "a recovery that is stopped leaves nothing") {
  const auto before = bytes_in(dir.path());
  const auto after = GENERATE(0, 1, 5, 1'000'000);
  CAPTURE(after);
  auto looks = 0;
  const auto report = recover_store(file, recovered, unproven_rows::leave_out,
                                    [&](std::int64_t done, std::int64_t total) {
                                      CHECK(done <= total);
                                      return looks++ < after;
                                    });
  if (after == 1'000'000)
    CHECK(report);
  else
    CHECK((!report || looks <= after));
  if (!report)
    CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(salvage_fixture,
                 "whatever the bytes of a file are, a recovery ends, and what "
                 "it makes is sound") {
  std::mt19937_64 random{seed_for("recovery of any bytes")};
  const auto sound = read_file(file);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
  };
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    auto bytes = sound;
    const auto pages = bytes.size() / page_bytes;
    for (auto changes = 1 + below(6); changes > 0; --changes) {
      const auto page = below(pages) * page_bytes;
      switch (below(4)) {
        case 0: // a head
          bytes[page + below(120)] = static_cast<char>(below(256));
          break;
        case 1:
          bytes.replace(page, page_bytes,
                        sound.substr(below(pages) * page_bytes, page_bytes));
          break;
        case 2:
          bytes.resize(std::max<std::size_t>(page, page_bytes));
          bytes.resize(sound.size());
          break;
        default:
          bytes[below(bytes.size())]
            = static_cast<char>(bytes[below(bytes.size())] ^ 0x10);
      }
    }
    write_file(file, bytes);
    try {
      recover_store(file, recovered,
                    i % 3 == 0 ? unproven_rows::leave_out
                               : unproven_rows::copy);
      CHECK(store_reader{recovered}.check().value().faults.empty());
    } catch (const store_error& e) {
      CAPTURE(e.what());
      CHECK((e.code() == errc::store_corrupt || e.code() == errc::not_a_store
             || e.code() == errc::newer_schema));
      CHECK(std::string{e.what()}.find("the new store") == std::string::npos);
    }
    std::filesystem::remove(recovered);
  }
}
