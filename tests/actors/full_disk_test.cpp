// A purge while the disk is full: what its sender and others are told.

#include <atomic>
#include <thread>

#include "support/actors.hpp"
#include "support/simulated_disk.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct full_disk : actor_fixture {
  fault_vfs vfs;
  simulated_disk disk{vfs};

  options on_it() {
    auto x = make_options();
    x.vfs = vfs.name();
    x.checkpoint_pages = 400;
    return x;
  }

  // Operations 1 to `last`, which have finished.
  void record(const tracking_actor& tracker, std::int64_t last) {
    std::vector<record_enqueue> begun;
    std::vector<record_terminal> ended;
    for (std::uint64_t n = 1; n <= static_cast<std::uint64_t>(last); ++n) {
      begun.push_back(enqueue(n));
      ended.push_back(terminal(n));
    }
    for (const auto& x : send_all(system, tracker, begun))
      REQUIRE(x.reply);
    for (const auto& x : send_all(system, tracker, ended))
      REQUIRE(x.reply);
  }

  // Records operations from `n` on, until there is no space for any.
  void fill(const tracking_actor& tracker, std::uint64_t n) {
    disk.fill();
    for (int refusals = 0; refusals < 3; ++n)
      try {
        ask(system, tracker, enqueue(n), 10s);
        refusals = 0;
      } catch (const request_error& e) {
        REQUIRE(e.code() == errc::store_full);
        ++refusals;
      }
  }

  static purge_terminal purge_all() {
    return purge_before(timestamp::now() + 1h);
  }

  bool healthy(const tracking_actor& tracker) {
    return get(tracker, get_health{}).state == health_state::ok;
  }
};

} // namespace

TEST_CASE_METHOD(full_disk,
                 "promise 9, purge: a disk that the store has filled can be "
                 "purged, gets its space back, and writes go on",
                 "[promise-9][promise-2]") {
  constexpr std::int64_t last = 5'000;
  auto running = start(system, on_it());
  const auto& tracker = running.tracker();
  record(tracker, last);
  fill(tracker, 100'000);
  CHECK_FALSE(healthy(tracker));
  CHECK(get(tracker, purge_all()).deleted == last);
  CHECK(eventually([&] { return disk.free_bytes() > 500'000; }));
  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::inserted);
  CHECK(eventually([&] { return healthy(tracker); }));
  CHECK(get(tracker, get_stats{}).purged == last);
}

TEST_CASE_METHOD(full_disk,
                 "promise 2, outcomes: requests that find no space do not take "
                 "a purge down that shares their batch",
                 "[promise-2][promise-9]") {
  constexpr std::int64_t last = 1'000;
  auto running = start(system, on_it());
  const auto& tracker = running.tracker();
  record(tracker, last);
  get(tracker, enqueue(50'000));
  fill(tracker, 100'000);
  std::atomic<bool> is_shut{true};
  std::atomic<int> syncs{0};
  vfs.during_sync = [&](io_file) {
    ++syncs;
    while (is_shut)
      std::this_thread::yield();
  };
  caf::scoped_actor self{system};
  auto change = waybill::request(self, tracker, 10s, attempt(50'000, 1));
  REQUIRE(eventually([&] { return syncs > 0; }));
  // What comes now is one batch, the purge's step behind the others.
  auto purge = waybill::request(self, tracker, 10s, purge_all());
  std::vector<record_enqueue> more;
  for (std::uint64_t n = 200'001; n <= 200'400; ++n)
    more.push_back(enqueue(n));
  for (const auto& x :
       send_all(system, tracker, more, [&] { is_shut = false; }))
    CHECK((x.error && x.error->code == errc::store_full));
  std::move(change).receive([](const update_reply&) {},
                            [](const caf::error& e) {
                              FAIL(to_failure(e).text);
                            });
  std::move(purge).receive(
    [&](const purge_reply& x) { CHECK(x.deleted == last); },
    [](const caf::error& e) { FAIL(to_failure(e).text); });
  vfs.during_sync = nullptr;
  for (const auto& x : send_all(system, tracker, more))
    CHECK(x.reply);
}

TEST_CASE_METHOD(full_disk,
                 "promise 2, outcomes: a purge that finds no space is refused "
                 "as others are, and has done nothing",
                 "[promise-2]") {
  constexpr std::int64_t last = 500;
  auto x = on_it();
  x.purge_chunk_rows = 100'000;
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  record(tracker, last);
  disk.fill();
  disk.refuse_all(true);
  CHECK(error_of(tracker, purge_all()) == errc::store_full);
  CHECK(get(tracker, get_counts{}).counts.at(0).operations == last);
  CHECK(get(tracker, status_of(1)).snapshot);
  disk.refuse_all(false);
  CHECK(get(tracker, purge_all()).deleted == last);
}

TEST_CASE_METHOD(full_disk,
                 "promise 2, outcomes: a purge that finds no space on its way "
                 "is unknown, and says how far it came",
                 "[promise-2]") {
  constexpr std::int64_t last = 200;
  auto x = on_it();
  x.purge_chunk_rows = 4;
  x.overlap_commits = false;
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  record(tracker, last);
  vfs.during_sync = [this, n = 0](io_file file) mutable {
    if (file == io_file::wal && ++n == 3)
      disk.fill();
    disk.refuse_all(true);
  };
  std::string text;
  try {
    ask(system, tracker, purge_all(), 10s);
  } catch (const request_error& e) {
    CHECK(e.code() == errc::outcome_unknown);
    text = e.what();
  }
  vfs.during_sync = nullptr;
  const auto left = get(tracker, get_counts{}).counts.at(0).operations;
  CHECK(left < last);
  CHECK(text.find("after " + std::to_string(last - left) + " deletions: ")
        != std::string::npos);
  disk.refuse_all(false);
  CHECK(get(tracker, purge_all()).deleted == left);
}

TEST_CASE_METHOD(full_disk,
                 "promise 2, outcomes: a purge of which nothing stands is "
                 "refused, whatever its batch failed of",
                 "[promise-2]") {
  constexpr std::int64_t last = 200;
  auto x = on_it();
  x.purge_chunk_rows = 4; // many steps, which share a batch
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  record(tracker, last);
  vfs.before = [](const io_call& call) {
    return call.op == io_op::write && call.file == io_file::wal
             ? SQLITE_IOERR_WRITE
             : SQLITE_OK;
  };
  CHECK(error_of(tracker, purge_all()) == errc::not_stored);
  vfs.heal();
  CHECK(get(tracker, get_counts{}).counts.at(0).operations == last);
  CHECK(get(tracker, purge_all()).deleted == last);
}
