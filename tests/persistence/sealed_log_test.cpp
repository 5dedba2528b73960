// The log of a store: its pages are sealed, its checksums right, and both are
// verified while a store runs; any SQLite can take it over.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "support/fault_vfs.hpp"
#include "support/store_fixture.hpp"
#include "support/workload.hpp"
#include "waybill/file_format.hpp"
#include "waybill/page_seal.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr std::size_t page_size = sqlite::page_bytes;
constexpr std::size_t frame_size = file_format::frame_header_bytes + page_size;

// How many frames of a log follow each other from its beginning, and how many
// of these have sealed pages.
struct log_walk {
  std::size_t frames = 0;
  std::size_t sealed = 0;
};

log_walk walk(const std::string& log) {
  using namespace file_format;
  const auto* const data = reinterpret_cast<const std::uint8_t*>(log.data());
  log_walk found;
  if (log.size() < log_header_bytes)
    return found;
  const log_header header{
    std::span<const std::uint8_t, log_header_bytes>{data, log_header_bytes}};
  auto sum = header.checksum();
  for (auto at = log_header_bytes; at + frame_size <= log.size();
       at += frame_size) {
    const log_frame x{{data + at, frame_size}};
    if (!header.is_valid() || !x.follows(sum, header))
      break;
    sum = x.checksum();
    ++found.frames;
    const std::span<const std::uint8_t, page_size> content{
      data + at + frame_header_bytes, page_size};
    found.sealed += sqlite::is_sealed(content, x.page_number() - 1) ? 1U : 0U;
  }
  return found;
}

// Changes a byte of a file that is in use. (To close a database file would drop
// the locks of its store; its log has none.)
void flip(const std::string& name, std::size_t at) {
  const auto fd = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0);
  char x = 0;
  CHECK(::pread(fd, &x, 1, static_cast<off_t>(at)) == 1);
  x = static_cast<char>(x ^ 0x10);
  CHECK(::pwrite(fd, &x, 1, static_cast<off_t>(at)) == 1);
  ::close(fd);
}

struct sealed_log_fixture {
  temp_dir dir;
  fault_vfs vfs;
  store_options options = options_for(dir / "ops.db");

  sealed_log_fixture() {
    options.vfs = vfs.name();
    options.cache_bytes = 65'536;
    options.checkpoint_pages = 100'000;
    vfs.real_syncs = false;
  }

  [[nodiscard]] std::string log() const { return options.file + "-wal"; }

  // More than the cache holds, twice over.
  static void spill(operation_tracking_store& store, std::uint64_t first = 1) {
    store.begin();
    for (auto n = first; n < first + 60; ++n)
      store.record_enqueue(enqueue(n), at(1));
    for (int round = 0; round < 2; ++round)
      for (auto n = first; n < first + 60; ++n) {
        auto x = attempt(n, round);
        x.last_error = std::string(3'000, 'x');
        store.record_attempt(x, at(2));
      }
    store.commit();
  }

  // What is in the store's log must be a log of sealed pages, as another SQLite
  // reads it too.
  void check_log(const operation_tracking_store& store) const {
    const temp_dir copy;
    copy_files(dir.path(), copy.path());
    const auto file = copy / "ops.db";
    const auto frames = static_cast<std::size_t>(store.wal_bytes())
                        / frame_size;
    const auto found = walk(read_file(file + "-wal"));
    CHECK(found.frames >= frames);
    CHECK(found.sealed == found.frames);
    std::filesystem::remove(file + "-shm");
    CHECK(integrity_of(file) == "ok");
    CHECK(content_of(file) == content_of(options.file));
  }
};

} // namespace

TEST_CASE_METHOD(sealed_log_fixture,
                 "each frame of the log is sealed and follows the one before",
                 "[promise-11]") {
  operation_tracking_store store{options};
  SECTION("of small transactions") {
    for (std::uint64_t k = 0; k < 8; ++k)
      run_batch(store, k);
  }
  SECTION("of transactions that outgrow the cache") {
    for (std::uint64_t k = 0; k < 4; ++k)
      spill(store, 1 + 100 * k);
  }
  SECTION("behind one that was rolled back") {
    spill(store);
    store.begin();
    for (std::uint64_t n = 100; n < 400; ++n) {
      store.record_enqueue(enqueue(n), at(1));
      auto x = attempt(n, 1);
      x.last_error = std::string(3'000, 'x');
      store.record_attempt(x, at(2));
    }
    store.rollback();
    check_log(store);
    spill(store, 500);
  }
  SECTION("behind one that could not be written") {
    spill(store);
    for (int nth = 1; nth < 12; ++nth) {
      vfs.fail(io_op::write, io_file::wal, SQLITE_FULL, nth);
      CHECK(error_of([&] { spill(store, 1'000); }).code.has_value());
      vfs.heal();
      store.rollback();
      run_batch(store, static_cast<std::uint64_t>(10 + nth));
      check_log(store);
    }
  }
  SECTION("of a log that starts over") {
    options.checkpoint_pages = 100;
    store.close();
    store = operation_tracking_store{options};
    for (std::uint64_t k = 0; k < 3; ++k)
      spill(store, 1 + 100 * k);
  }
  check_log(store);
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "promise 1, durability: a transaction that outgrows the cache "
                 "survives a kill, whatever is synced",
                 "[promise-1]") {
  for (const auto synchronous :
       {durability::off, durability::normal, durability::full}) {
    const auto name = std::to_string(static_cast<int>(synchronous)) + ".db";
    CAPTURE(name);
    options.file = dir / name.c_str();
    options.synchronous = synchronous;
    operation_tracking_store store{options};
    spill(store); // after the first one SQLite looks how long the log is
    spill(store, 100);
    const auto expected = content_of(options.file);
    CHECK(store_reader{options.file}.check().value().faults.empty());
    const temp_dir copy; // as a kill leaves it
    copy_files(dir.path(), copy.path());
    options.file = copy / name.c_str();
    std::filesystem::remove(options.file + "-shm");
    const operation_tracking_store next{options};
    CHECK((content_of(options.file) == expected)); // large
  }
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "a log on a disk that needs whole sectors is padded, sealed "
                 "and synced as SQLite has it") {
  vfs.powersafe_overwrite = false;
  std::size_t synced = 0;
  vfs.after = [&](const io_call& call) {
    if (call.file == io_file::wal && call.op == io_op::sync)
      synced = read_file(log()).size();
  };
  operation_tracking_store store{options};
  for (std::uint64_t k = 0; k < 12; ++k) {
    run_batch(store, k);
    CHECK(synced >= static_cast<std::size_t>(store.wal_bytes()));
  }
  spill(store, 1'000);
  check_log(store);
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "promise 11, corruption: a log that is damaged while its "
                 "store runs is found when it is read and never copied into "
                 "the file",
                 "[promise-11]") {
  operation_tracking_store store{options};
  spill(store);
  const auto frames = static_cast<std::size_t>(store.wal_bytes()) / frame_size;
  run_batch(store, 200);
  auto looks_like_a_power_loss = false;
  const auto damage = [&](std::size_t n) {
    const auto at = file_format::frame_offset(n, page_size);
    SECTION("in a page") {
      flip(log(), at + 24 + 1'000);
    }
    SECTION("in the number of a page") {
      flip(log(), at + 3);
    }
    SECTION("in a salt") {
      flip(log(), at + 9);
    }
    SECTION("in a checksum") {
      flip(log(), at + 17);
    }
    SECTION("a frame in the place of another") {
      const auto bytes = read_file(log());
      const auto other = file_format::frame_offset(n - 1, page_size);
      const auto fd = ::open(log().c_str(), O_RDWR | O_CLOEXEC);
      CHECK(
        ::pwrite(fd, bytes.data() + other, frame_size, static_cast<off_t>(at))
        == static_cast<ssize_t>(frame_size));
      ::close(fd);
    }
    SECTION("cut off") {
      std::filesystem::resize_file(log(), at + 100);
      looks_like_a_power_loss = true;
    }
  };
  damage(frames / 2);
  const auto by_reader = error_of([&] {
    store_reader reader{options.file};
    for (std::uint64_t n = 1; n <= 60; ++n)
      reader.get_history(get_history{id_of(n), {}});
    list_operations all;
    all.page_size = 1'000;
    reader.list(all);
    reader.get_counts();
  });
  CAPTURE(by_reader.text);
  CHECK(by_reader.code == errc::store_corrupt);
  CHECK(by_reader.mentions("of the log does not match its checksum"));
  store.close();
  CHECK(std::filesystem::exists(log()));
  const auto again
    = error_of([&] { operation_tracking_store{options_for(options.file)}; });
  CAPTURE(again.text);
  CHECK((again.code == errc::store_corrupt || looks_like_a_power_loss));
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "promise 11, corruption: an owner that finds its log damaged "
                 "when it copies it stops",
                 "[promise-11]") {
  options.checkpoint_pages = 400;
  operation_tracking_store store{options};
  spill(store);
  flip(log(), file_format::frame_offset(5, page_size) + 24 + 2'000);
  const auto before = std::filesystem::file_size(log());
  const auto e = error_of([&] {
    for (std::uint64_t k = 100; k < 140; ++k)
      run_batch(store, k);
  });
  CAPTURE(e.text);
  CHECK(e.code == errc::store_corrupt);
  CHECK(e.mentions("frame 6"));
  store.close();
  CHECK(std::filesystem::file_size(log()) >= before);
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "promise 11, corruption: an owner whose log is damaged stops",
                 "[promise-11]") {
  operation_tracking_store store{options};
  spill(store);
  const auto frames = static_cast<std::size_t>(store.wal_bytes()) / frame_size;
  for (std::size_t n = 0; n < frames; ++n)
    flip(log(), file_format::frame_offset(n, page_size) + 24 + 2'000);
  const auto e = error_of([&] {
    for (std::uint64_t n = 1; n <= 60; ++n)
      store.get_status(status_of(1'000 + n), at(3));
  });
  CAPTURE(e.text);
  CHECK(e.code == errc::store_corrupt);
  CHECK(error_of([&] { store.record_enqueue(enqueue(7), at(3)); }).code
        == errc::store_corrupt);
}

TEST_CASE_METHOD(
  sealed_log_fixture,
  "promise 11, corruption: of a log that is damaged anywhere not "
  "one page is copied into the file",
  "[promise-11]") {
  operation_tracking_store store{options};
  for (std::uint64_t k = 0; k < 10; ++k)
    run_batch(store, k);
  store.close();
  options.checkpoint_pages = 100;
  store = operation_tracking_store{options};
  const auto before = content_of(options.file);
  const auto first = static_cast<std::size_t>(store.wal_bytes()) / frame_size;
  spill(store, 1'000); // one transaction, the last
  const auto end = static_cast<std::size_t>(store.wal_bytes()) / frame_size;
  const auto file = read_file(options.file);
  const auto n = GENERATE(0, 1, 2);
  CAPTURE(n);
  const auto damaged = n == 0 ? first : n == 1 ? (first + end) / 2 : end - 1;
  flip(log(), file_format::frame_offset(damaged, page_size) + 24 + 1'000);
  SECTION("as it is due") {
    CHECK(store.checkpoint_is_due());
    error_of([&] { store.maintain(); });
  }
  SECTION("as it is closed") {
    const auto left = store.close();
    REQUIRE(left);
    CHECK(left->find("is damaged and stays beside the file")
          != std::string::npos);
  }
  store.close();
  CHECK((read_file(options.file) == file));
  CHECK(std::filesystem::exists(log()));
  // The end of a log that is damaged cannot be told from a torn one. What is
  // shown then is of one moment.
  std::filesystem::remove(options.file + "-shm");
  CHECK(content_of(options.file) == before);
  CHECK(store_reader{options.file}.check().value().faults.empty());
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "an ordinary SQLite program that is the last to close a "
                 "killed owner's file does it no harm",
                 "[promise-11]") {
  std::vector<std::string> expected;
  const temp_dir copy;
  {
    operation_tracking_store store{options};
    spill(store);
    for (std::uint64_t k = 20; k < 24; ++k)
      run_batch(store, k);
    expected = content_of(options.file);
    copy_files(dir.path(), copy.path());
  }
  const auto file = copy / "ops.db";
  REQUIRE(std::filesystem::file_size(file + "-wal") > 0);
  { // it copies the log into the file, and removes it
    sqlite::connection plain{file, SQLITE_OPEN_READWRITE, ""};
    CHECK(plain.query_int("SELECT count(*) FROM operation") > 60);
  }
  REQUIRE_FALSE(std::filesystem::exists(file + "-wal"));
  const auto report = store_reader{file}.check();
  CHECK(report.value().faults.empty());
  operation_tracking_store{options_for(file)}.record_enqueue(enqueue(9'000),
                                                             at(5));
  CHECK(content_of(file) != expected);
  CHECK(store_reader{file}.check().value().faults.empty());
}

TEST_CASE_METHOD(sealed_log_fixture,
                 "a copy that an ordinary SQLite makes by its backup API is a "
                 "sound store",
                 "[promise-11]") {
  operation_tracking_store store{options};
  spill(store);
  const auto copy = dir / "copy.db";
  {
    sqlite::connection from{options.file, SQLITE_OPEN_READONLY, ""};
    sqlite::connection to{copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ""};
    auto* const work = sqlite3_backup_init(to.get(), "main", from.get(),
                                           "main");
    REQUIRE(work != nullptr);
    CHECK(sqlite3_backup_step(work, -1) == SQLITE_DONE);
    CHECK(sqlite3_backup_finish(work) == SQLITE_OK);
  }
  CHECK(store_reader{copy}.check().value().faults.empty());
  operation_tracking_store{options_for(copy)}.record_enqueue(enqueue(9'000),
                                                             at(5));
  CHECK(store_reader{copy}.check().value().faults.empty());
}

TEST_CASE("a checksum of the log goes on over zeros as if they were added") {
  constexpr file_format::log_checksum sum{0x1234'5678, 0x9ABC'DEF0};
  const std::array<std::uint8_t, 4'104> zeros{};
  auto added = sum;
  added.add(zeros, false);
  CHECK(sum.over_zeros<4'104>() == added);
}
