// Damage that SQLite alone would not notice: in pages, by their seals; in the
// middle of the log.

#include <chrono>
#include <filesystem>

#include "support/store_fixture.hpp"
#include "support/workload.hpp"
#include "waybill/file_format.hpp"
#include "waybill/sealed_vfs.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr std::size_t page = sqlite::page_bytes;
constexpr std::size_t frame = file_format::frame_header_bytes + page;

// Where the page of frame `n` begins in a log, counted from 0.
constexpr std::size_t page_in_frame(std::size_t n) {
  return file_format::frame_offset(n, page) + file_format::frame_header_bytes;
}

struct damage_fixture {
  temp_dir dir;
  std::string file = dir / "ops.db";

  // Closed properly: all is in the database file.
  void make_store(std::int32_t history = store_options{}.history) {
    auto options = options_for(file);
    options.history = history;
    operation_tracking_store store{options};
    store.begin();
    for (std::uint64_t n = 1; n <= 40; ++n) {
      store.record_enqueue(enqueue(n), at(0));
      auto x = attempt(n, 1);
      x.last_error = std::string(n % 8 == 0 ? 4'096 : 50, 'e');
      store.record_attempt(x, at(1));
    }
    store.commit();
  }

  // Killed after three transactions: all but the schema is in the log.
  void make_log() {
    const temp_dir live;
    operation_tracking_store store{options_for(live / "ops.db")};
    store.close();
    store = operation_tracking_store{options_for(live / "ops.db")};
    for (std::uint64_t n = 1; n <= 3; ++n)
      store.record_enqueue(enqueue(n), at(0));
    copy_files(live.path(), dir.path());
    std::filesystem::remove(dir / "ops.db-shm");
  }

  void flip(const std::string& name, std::size_t at) const {
    auto bytes = read_file(name);
    bytes.at(at) ^= '\x10';
    write_file(name, bytes);
  }

  // Opens and reads all of it.
  errc refusal(durability synchronous = durability::full) const {
    const auto e = error_of([&] {
      auto options = options_for(file);
      options.synchronous = synchronous;
      operation_tracking_store store{options};
      for (std::uint64_t n = 1; n <= 40; ++n)
        store.get_status(status_of(n), at(2));
    });
    CAPTURE(e.text);
    REQUIRE(e.code.has_value());
    return e.code.value_or(errc::outcome_unknown);
  }
};

} // namespace

TEST_CASE("a seal differs for each bit of a page and for each place") {
  std::vector<std::uint8_t> content(page - sqlite::seal_bytes, 7);
  const auto seal = sqlite::seal_of(content, 3);
  CHECK(sqlite::seal_of(content, 4) != seal);
  std::size_t same = 0;
  for (auto& byte : content)
    for (unsigned bit = 0; bit < 8; ++bit) {
      byte ^= static_cast<std::uint8_t>(1U << bit);
      same += sqlite::seal_of(content, 3) == seal ? 1U : 0U;
      byte ^= static_cast<std::uint8_t>(1U << bit);
    }
  CHECK(same == 0);
  // What is in files must never change.
  CHECK(seal == 0xBC62'6506'FA5E'C5BDU);
}

TEST_CASE_METHOD(damage_fixture,
                 "promise 11, corruption: a changed byte in any page of rows "
                 "or their index is found",
                 "[promise-11]") {
  make_store();
  const auto whole = read_file(file);
  for (std::size_t begin = 0; begin < whole.size(); begin += page) {
    CAPTURE(begin / page);
    auto bytes = whole;
    bytes[begin + page / 2 + 700] ^= '\x01';
    write_file(file, bytes);
    // A page that answers no question need not be read.
    const auto e = error_of([&] {
      operation_tracking_store store{options_for(file)};
      for (std::uint64_t n = 1; n <= 40; ++n) {
        const auto x = store.get_status(status_of(n), at(2)).snapshot;
        REQUIRE(x.has_value());
        CHECK(x->kind == enqueue(n).kind);
        CHECK(x->last_error == std::string(n % 8 == 0 ? 4'096 : 50, 'e'));
      }
    });
    CHECK((!e.code || e.code == errc::store_corrupt));
  }
}

TEST_CASE_METHOD(damage_fixture,
                 "promise 11, corruption: a page in the place of another, and "
                 "the empty rest of a long text, are found",
                 "[promise-11]") {
  make_store(0); // all long texts are of one table
  auto bytes = read_file(file);
  // The pages that hold the ends of the long texts.
  std::vector<std::size_t> rests;
  for (std::size_t at = page; at + page <= bytes.size(); at += page)
    if (bytes[at + 4] == 'e' && bytes[at + 5] == 'e')
      rests.push_back(at);
  REQUIRE(rests.size() >= 2);
  const auto first = bytes.substr(rests[0], page);
  SECTION("another page") {
    bytes.replace(rests[0], page, bytes.substr(rests[1], page));
  }
  SECTION("an empty page") {
    bytes.replace(rests[0], page, std::string(page, '\0'));
  }
  write_file(file, bytes);
  CHECK(refusal() == errc::store_corrupt);
}

TEST_CASE_METHOD(damage_fixture,
                 "a store that a program without seals has written to is "
                 "damaged",
                 "[promise-11]") {
  make_store();
  sqlite::connection{file, SQLITE_OPEN_READWRITE, ""}.exec(
    "UPDATE operation SET retry_count = 2");
  CHECK(refusal() == errc::store_corrupt);
}

TEST_CASE_METHOD(damage_fixture,
                 "promise 11, corruption: a log that is damaged before its "
                 "last transaction is not cut short in silence",
                 "[promise-11]") {
  make_log();
  const auto log = file + "-wal";
  SECTION("in a page") {
    flip(log, page_in_frame(1) + 1'000);
  }
  SECTION("in the head of a frame") {
    flip(log, file_format::frame_offset(1, page) + 9);
  }
  SECTION("a sector is gone") {
    auto bytes = read_file(log);
    bytes.replace(file_format::frame_offset(1, page) - 512, 512,
                  std::string(512, '\0'));
    write_file(log, bytes);
  }
  SECTION("in the log's header") {
    flip(log, 17);
  }
  const auto before = bytes_in(dir.path());
  const auto reads = error_of([&] { store_reader{file}.get_counts(); });
  CAPTURE(reads.text);
  CHECK(reads.code == errc::store_corrupt);
  CHECK(reads.mentions(log));
  CHECK(refusal() == errc::store_corrupt);
  CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(damage_fixture,
                 "promise 11, corruption: a reader finds a damaged log also "
                 "where another program has made the log's index",
                 "[promise-11]") {
  make_log();
  flip(file + "-wal", page_in_frame(1) + 1'000);
  auto other = open_reader(file);
  other.query_int("SELECT count(*) FROM sqlite_schema");
  CHECK(error_of([&] { store_reader{file}.check(); }).code
        == errc::store_corrupt);
}

TEST_CASE_METHOD(damage_fixture,
                 "a reader that opens beside a busy owner finds no damage") {
  auto options = options_for(file);
  options.checkpoint_pages = 100;
  options.synchronous = durability::off;
  { operation_tracking_store{options}; }
  child_process owner{[&](const child_process& self) {
    operation_tracking_store store{options};
    for (std::uint64_t k = 0;; ++k) {
      if (k == 1)
        self.report();
      run_batch(store, k);
    }
    return 0;
  }};
  REQUIRE(owner.await_report());
  // Fewer where others keep the disk busy: an opening reads the whole log.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  for (int i = 0; i < 300 && (i < 20 || std::chrono::steady_clock::now() < end);
       ++i)
    CHECK_NOTHROW(store_reader{file}.get_counts());
  owner.kill();
}

TEST_CASE_METHOD(damage_fixture,
                 "promise 11, corruption: the log of an empty or missing "
                 "database is not thrown away",
                 "[promise-11]") {
  make_log();
  SECTION("empty") {
    write_file(file, "");
  }
  SECTION("missing") {
    std::filesystem::remove(file);
  }
  const auto before = bytes_in(dir.path());
  CHECK(refusal() == errc::store_corrupt);
  CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(damage_fixture,
                 "links, pipes and folders beside a store are refused") {
  make_store();
  for (const auto* const suffix : {"-wal", "-shm", "-lock", "-journal"}) {
    const auto name = file + suffix;
    CAPTURE(name);
    write_file(dir / "victim", "of someone else");
    std::filesystem::remove(name);
    std::filesystem::create_hard_link(dir / "victim", name);
    CHECK(refusal() == errc::store_unavailable);
    std::filesystem::remove(name);
    std::filesystem::create_symlink(dir / "victim", name);
    CHECK(refusal() == errc::store_unavailable);
    std::filesystem::remove(name);
    REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
    CHECK(refusal() == errc::store_unavailable);
    std::filesystem::remove(name);
    CHECK(read_file(dir / "victim") == "of someone else");
  }
}

TEST_CASE_METHOD(damage_fixture,
                 "a log that ends as a power loss leaves it is used") {
  make_log();
  const auto log = file + "-wal";
  const auto bytes = read_file(log);
  SECTION("a torn last transaction") {
    flip(log, bytes.size() - 2'000);
  }
  SECTION("half a frame") {
    write_file(log, bytes.substr(0, bytes.size() - 2'000));
  }
  SECTION("frames of an older log behind it") {
    auto older = bytes.substr(32);
    for (std::size_t at = 0; at < older.size(); at += frame)
      older[at + 8] ^= '\x01';
    write_file(log, bytes.substr(0, bytes.size() - frame) + older);
  }
  operation_tracking_store store{options_for(file)};
  CHECK(store.get_status(status_of(1), at(0)).snapshot == fresh(1, at(0)));
  CHECK(store.get_status(status_of(2), at(0)).snapshot == fresh(2, at(0)));
  CHECK_FALSE(store.get_status(status_of(3), at(0)).snapshot);
}

TEST_CASE_METHOD(damage_fixture,
                 "a log that was not synced by each transaction may have holes "
                 "after a power loss") {
  make_log();
  flip(file + "-wal", page_in_frame(1) + 1'000);
  auto options = options_for(file);
  SECTION("normal") {
    options.synchronous = durability::normal;
  }
  SECTION("off") {
    options.synchronous = durability::off;
  }
  CHECK_NOTHROW(operation_tracking_store{options});
}
