// What senders hear when storage fails under a running tracker, and how it
// comes back.

#include <atomic>
#include <future>
#include <thread>

#include "support/actors.hpp"
#include "support/calls.hpp"
#include "support/fault_vfs.hpp"
#include "support/files.hpp"
#include "support/plain_sqlite.hpp"
#include "torture/gate.hpp"
#include "waybill/operation_tracking_store.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

await_terminal wait_for(std::uint64_t n) {
  await_terminal x;
  x.ids = {id_of(n)};
  x.deadline = timestamp::now() + 9s;
  return x;
}

struct failing_storage : actor_fixture {
  fault_vfs vfs;
  std::atomic<int> wal_sync{SQLITE_OK};
  std::atomic<int> wal_write{SQLITE_OK};
  std::atomic<int> database_read{SQLITE_OK};

  failing_storage() {
    vfs.before = [this](const io_call& call) -> int {
      if (call.file == io_file::wal && call.op == io_op::sync)
        return wal_sync;
      if (call.file == io_file::wal && call.op == io_op::write)
        return wal_write;
      if (call.file == io_file::database && call.op == io_op::read)
        return database_read;
      return SQLITE_OK;
    };
  }

  options with_faults() {
    auto x = make_options();
    x.vfs = vfs.name();
    return x;
  }

  /// Operation 1 is there, and someone waits for its end.
  std::future<wait_reply> record_and_wait(const tracking_actor& tracker) {
    get(tracker, enqueue(1));
    auto answer = std::async(std::launch::async, [this, &tracker] {
      return get(tracker, wait_for(1));
    });
    REQUIRE(eventually([&] { return get(tracker, get_stats{}).waits == 1; }));
    return answer;
  }

  /// Operations 1 to 20,000 are there, and most of them not in memory.
  options with_more_than_the_cache_holds() {
    auto x = with_faults();
    x.cache_bytes = 65'536;
    operation_tracking_store store{{.file = x.file, .vfs = {}}};
    store.begin();
    for (std::uint64_t n = 1; n <= 20'000; ++n)
      store.record_enqueue(enqueue(n), t0);
    store.commit();
    return x;
  }

  bool healthy(const service& running) {
    return get(running.tracker(), get_health{}).state == health_state::ok;
  }
};

// For an answer that must come.
const auto unexpected = [](const caf::error& e) { FAIL(to_failure(e).text); };

} // namespace

TEST_CASE_METHOD(failing_storage,
                 "promise 2, outcomes: a COMMIT whose sync fails is unknown, "
                 "and a repeated request gives one row",
                 "[promise-2][promise-1]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::inserted);

  wal_sync = SQLITE_IOERR_FSYNC;
  CHECK(error_of(tracker, enqueue(2)) == errc::outcome_unknown);
  CHECK(eventually([&] { return !healthy(running); }));
  // Neither what was in doubt nor what was there before is answered from
  // ground that may give way.
  CHECK(error_of(tracker, enqueue(3)) == errc::not_stored);
  CHECK(error_of(tracker, status_of(1)) == errc::not_stored);
  const auto health = get(tracker, get_health{});
  CHECK(health.state == health_state::degraded);
  CHECK_FALSE(health.reason.empty());
  REQUIRE(health.last_error);
  CHECK(heard.contain("storage is degraded"));

  wal_sync = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(eventually([&] { return heard.contain("storage works again"); }));
  get(tracker, enqueue(2)); // inserted or duplicate: unknown means either
  CHECK(get(tracker, enqueue(2)).outcome == enqueue_outcome::duplicate);
  CHECK_FALSE(get(tracker, status_of(3)).snapshot);
  std::int64_t operations = 0;
  for (const auto& x : get(tracker, get_counts{}).counts)
    operations += x.operations;
  CHECK(operations == 2);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 2, outcomes: all requests of a batch that fails are "
                 "answered, none as done",
                 "[promise-2][promise-3]") {
  auto running = start(system, with_faults());
  get(running.tracker(), enqueue(1));
  std::vector<record_enqueue> requests;
  for (std::uint64_t n = 100; n < 1'124; ++n)
    requests.push_back(enqueue(n));
  wal_sync = SQLITE_IOERR_FSYNC;
  for (const auto& x : send_all(system, running.tracker(), requests)) {
    REQUIRE(x.error);
    REQUIRE((x.error->code == errc::outcome_unknown
             || x.error->code == errc::not_stored));
  }
  wal_sync = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  for (const auto& x : send_all(system, running.tracker(), requests))
    REQUIRE(x.reply);
  CHECK(get(running.tracker(), get_counts{}).counts.at(0).operations == 1'025);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 2, outcomes: a full disk refuses writes, reads go "
                 "on, and it heals by itself once there is space",
                 "[promise-2][promise-6]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  wal_write = SQLITE_FULL;
  for (std::uint64_t n = 2; n <= 20; ++n) {
    CHECK(error_of(tracker, enqueue(n)) == errc::store_full);
    CHECK(get(tracker, status_of(1)).snapshot);
    CHECK_FALSE(get(tracker, status_of(n)).snapshot);
    CHECK(get(tracker, get_counts{}).counts.at(0).operations == 1);
  }
  const auto health = get(tracker, get_health{});
  CHECK(health.state == health_state::degraded);
  CHECK(health.reason.find("full") != std::string::npos);
  CHECK(health.last_error);
  wal_write = SQLITE_OK;
  // Without anyone's request but this question.
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(get(tracker, get_health{}).since > health.since);
  CHECK(get(tracker, enqueue(30)).outcome == enqueue_outcome::inserted);
}

TEST_CASE_METHOD(
  failing_storage,
  "promise 3, atomicity: what SQLite rolls back in the middle of "
  "a batch is refused, and what comes after it is stored",
  "[promise-3]") {
  const torture::gate clock;
  auto x = with_faults();
  x.clock = clock.clock();
  x.cache_bytes = 65'536;
  x.last_error_cap = 1'048'576;
  x.overlap_commits = false; // one batch it shall be
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  // It does not fit into SQLite's cache, which goes to the log before COMMIT.
  auto large = attempt(1, 1);
  large.last_error = std::string(200'000, 'x');
  vfs.fail(io_op::write, io_file::wal, SQLITE_FULL);
  // It waits at a question until the batch is in its mailbox.
  clock.close();
  caf::scoped_actor self{system};
  auto question = request(self, tracker, 10s, status_of(1));
  auto before = request(self, tracker, 10s, enqueue(2));
  auto failing = request(self, tracker, 10s, large);
  auto after = request(self, tracker, 10s, enqueue(3));
  clock.open();
  const auto is_refused = [](const caf::error& e) {
    CHECK(certainty_of(to_failure(e).code) == certainty::refused);
  };
  std::move(question).receive([](status_reply&) {}, unexpected);
  std::move(before).receive([](enqueue_reply&) { FAIL("it is rolled back"); },
                            is_refused);
  std::move(failing).receive([](update_reply&) { FAIL("the disk is full"); },
                             is_refused);
  std::move(after).receive(
    [](enqueue_reply& done) {
      CHECK(done.outcome == enqueue_outcome::inserted);
    },
    unexpected);
  CHECK_FALSE(get(tracker, status_of(2)).snapshot);
  CHECK(get(tracker, status_of(1)).snapshot->retry_count == 0);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 6: questions that share a batch with writes that are "
                 "undone are answered with what is committed",
                 "[promise-2][promise-6]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  wal_write = SQLITE_FULL;
  caf::scoped_actor self{system};
  auto write = request(self, tracker, 10s, enqueue(2));
  auto old = request(self, tracker, 10s, status_of(1));
  auto undone = request(self, tracker, 10s, status_of(2));
  auto counts = request(self, tracker, 10s, get_counts{});
  std::move(write).receive([](enqueue_reply&) { FAIL("the disk is full"); },
                           [](const caf::error& e) {
                             CHECK(to_failure(e).code == errc::store_full);
                           });
  std::move(old).receive([](status_reply& x) { CHECK(x.snapshot); },
                         unexpected);
  std::move(undone).receive([](status_reply& x) { CHECK_FALSE(x.snapshot); },
                            unexpected);
  std::move(counts).receive(
    [](counts_reply& x) { CHECK(x.counts.at(0).operations == 1); }, unexpected);
  wal_write = SQLITE_OK;
}

TEST_CASE_METHOD(failing_storage,
                 "promise 2, outcomes: neither who requeues a call nor who "
                 "asks for the same in its batch is told of a successor that "
                 "is in doubt",
                 "[promise-2][requeue]") {
  const torture::gate clock;
  auto x = with_faults();
  x.clock = clock.clock();
  x.overlap_commits = false; // one batch it shall be
  {
    operation_tracking_store store{{.file = x.file, .vfs = {}}};
    store.calls().open_target({"plant", {}, 3, {}}, t0);
    const auto head = store.calls().take(take_of(1), t0).head;
    store.calls().end(end_of(head, tracking_status::parked), t0);
  }
  auto running = start(system, x);
  clock.close();
  caf::scoped_actor self{system};
  const auto& tracker = running.tracker();
  auto question = request(self, tracker, 10s, status_of(1)); // it waits there
  const auto ask_for = [&](std::uint64_t successor) {
    return request(self, tracker, 10s,
                   requeue{.ids = {id_of(1)}, .as = id_of(successor)});
  };
  auto first = ask_for(101);
  auto second = ask_for(102);
  wal_sync = SQLITE_IOERR_FSYNC;
  clock.open();
  std::move(question).receive([](status_reply&) {}, unexpected);
  for (auto* const each : {&first, &second})
    std::move(*each).receive([](requeue_reply&) { FAIL("it may be undone"); },
                             [](const caf::error& e) {
                               CHECK(to_failure(e).code
                                     == errc::outcome_unknown);
                             });
  wal_sync = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  // It is there now, or has been.
  CHECK(get(tracker, requeue{.ids = {id_of(1)}}).results.front().successor);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 11, corruption: once damage is found, the tracker "
                 "stops for good and says so",
                 "[promise-11]") {
  auto running = start(system, with_more_than_the_cache_holds());
  CHECK(get(running.tracker(), status_of(1)).snapshot);
  database_read = SQLITE_CORRUPT;
  CHECK(error_of(running.tracker(), status_of(9'999)) == errc::store_corrupt);
  database_read = SQLITE_OK;
  // It does not trust the file any more, even if the next read would succeed.
  CHECK(error_of(running.tracker(), status_of(1)) == errc::store_corrupt);
  CHECK(error_of(running.tracker(), enqueue(30'000)) == errc::store_corrupt);
  const auto health = get(running.tracker(), get_health{});
  CHECK(health.state == health_state::failed);
  CHECK(heard.contain("storage is failed"));
  CHECK(error_of(running.tracker(), get_counts{}) == errc::store_corrupt);
  // Nor does it tidy up at the end.
  const auto before = bytes_in(dir.path());
  CHECK(running.stop());
  CHECK(changes_since(before, dir.path()).empty());
}

TEST_CASE_METHOD(failing_storage,
                 "promise 1, durability: a tracker whose files are taken away "
                 "stores nothing more and says so",
                 "[promise-1][promise-11]") {
  const std::string suffix = GENERATE("", "-wal", "-shm", "-lock");
  CAPTURE(suffix);
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  std::filesystem::remove(make_options().file + suffix);
  for (const auto n : {2U, 3U})
    CHECK(error_of(tracker, enqueue(n)) == errc::store_corrupt);
  CHECK(error_of(tracker, enqueue(1)) == errc::store_corrupt); // a duplicate
  CHECK(error_of(tracker, status_of(1)) == errc::store_corrupt);
  const auto health = get(tracker, get_health{});
  CHECK(health.state == health_state::failed);
  CHECK(health.reason.find(suffix + ": was removed") != std::string::npos);
  CHECK(heard.contain("storage is failed"));
  running.stop();
}

TEST_CASE_METHOD(failing_storage,
                 "a tracker that is only asked notices that its files are "
                 "taken away",
                 "[promise-1][promise-11]") {
  const std::string suffix = GENERATE("", "-wal", "-shm", "-lock");
  const auto lists = GENERATE(false, true);
  CAPTURE(suffix, lists);
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  std::filesystem::remove(make_options().file + suffix);
  const auto is_refused = [&](const auto& question) {
    try {
      get(tracker, question);
      return false;
    } catch (const request_error& e) {
      return e.code() == errc::store_corrupt;
    }
  };
  CHECK(eventually([&] {
    return lists ? is_refused(get_history{id_of(1), {}})
                 : is_refused(status_of(1));
  }));
  CHECK(error_of(tracker, get_counts{}) == errc::store_corrupt);
  const auto health = get(tracker, get_health{});
  CHECK(health.state == health_state::failed);
  // Who reads for a list may have found it first, and in other words.
  CHECK((lists
         || health.reason.find(suffix + ": was removed") != std::string::npos));
  CHECK(heard.contain("storage is failed"));
  running.stop();
}

TEST_CASE_METHOD(failing_storage,
                 "health is ok again by itself after a read that failed") {
  auto running = start(system, with_more_than_the_cache_holds());
  database_read = SQLITE_IOERR_READ;
  CHECK(error_of(running.tracker(), status_of(9'999)) == errc::not_stored);
  CHECK_FALSE(healthy(running));
  database_read = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(get(running.tracker(), status_of(9'999)).snapshot);
  CHECK(get(running.tracker(), get_health{}).last_error);
}

TEST_CASE_METHOD(failing_storage,
                 "requests that change nothing do not make health ok while "
                 "nothing can be written") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  wal_write = SQLITE_FULL;
  for (std::uint64_t n = 2; n < 52; ++n) {
    CHECK(error_of(tracker, enqueue(n)) == errc::store_full);
    CHECK_FALSE(healthy(running));
    CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::duplicate);
    CHECK_FALSE(healthy(running));
    CHECK(get(tracker, attempt(n, 1)).outcome == update_outcome::not_found);
    CHECK_FALSE(healthy(running));
  }
  CHECK(heard.all().size() == 1);
  wal_write = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(eventually([&] { return heard.contain("storage works again"); }));
}

namespace {

// For 2 s at least: a machine that is busy looks late.
bool is_running_long(const std::string& reason, const std::string& what) {
  const auto begin = what + " has been running for ";
  return reason.starts_with(begin) && reason != begin + "1s";
}

} // namespace

TEST_CASE_METHOD(failing_storage,
                 "health is answered while the disk hangs, and says for how "
                 "long it has") {
  std::atomic<bool> hangs{false};
  vfs.during_sync = [&hangs](io_file) {
    while (hangs)
      std::this_thread::sleep_for(1ms);
  };
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  hangs = true;
  const auto before = timestamp::now();
  // One alone, or more, which are synced by another thread.
  const std::uint64_t last = GENERATE(2U, 3'000U);
  std::vector<record_enqueue> all;
  for (std::uint64_t n = 2; n <= last; ++n)
    all.push_back(enqueue(n));
  auto answers = std::async(std::launch::async,
                            [&] { return send_all(system, tracker, all); });
  health_reply shown;
  CHECK(eventually([&] {
    shown = get(tracker, get_health{});
    return is_running_long(shown.reason, "a sync");
  }));
  CHECK(shown.state == health_state::degraded);
  CHECK(shown.since >= before - 20ms); // the clock is a coarse one
  CHECK(shown.since <= timestamp::now() - 2s);
  CHECK(shown.waiting_requests > 0);
  hangs = false;
  for (const auto& each : answers.get())
    CHECK(each.reply);
  CHECK(healthy(running));
  CHECK(eventually(
    [&] { return heard.contain("the disk is slow: a sync took "); }));
}

TEST_CASE_METHOD(failing_storage,
                 "health is answered while a checkpoint or a read hangs") {
  const auto is_read = GENERATE(false, true);
  CAPTURE(is_read);
  std::atomic<bool> hangs{false};
  vfs.before = [&](const io_call& call) {
    const auto op = is_read ? io_op::read : io_op::write;
    // A checkpoint begins with the first page; a log's name is written behind
    // its beginning, by whatever writes the file first.
    if (call.file == io_file::database && call.op == op
        && (is_read || call.offset == 0))
      while (hangs)
        std::this_thread::sleep_for(1ms);
    return SQLITE_OK;
  };
  auto x = with_more_than_the_cache_holds();
  x.checkpoint_pages = 100;
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  get(tracker, enqueue(30'000)); // to begin a log writes to the file, too
  hangs = true;
  auto answer = std::async(std::launch::async, [&] {
    if (is_read)
      return get(tracker, status_of(9'999)).snapshot.has_value();
    for (std::uint64_t n = 30'001; hangs; ++n)
      get(tracker, enqueue(n));
    return true;
  });
  const std::string what = is_read ? "a request" : "a checkpoint";
  health_reply shown;
  CHECK(eventually([&] {
    shown = get(tracker, get_health{});
    return is_running_long(shown.reason, what);
  }));
  CHECK(shown.state == health_state::degraded);
  hangs = false;
  CHECK(answer.get());
  CHECK(eventually([&] { return healthy(running); }));
  if (!is_read)
    CHECK(eventually(
      [&] { return heard.contain("the disk is slow: a checkpoint took "); }));
}

TEST_CASE_METHOD(failing_storage,
                 "storage that comes and goes is told a few times, not each") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  for (std::uint64_t n = 1; n <= 15; ++n) {
    wal_write = SQLITE_FULL;
    CHECK_THROWS_AS(get(tracker, enqueue(n)), request_error);
    wal_write = SQLITE_OK;
    REQUIRE(eventually([&] { return healthy(running); }));
  }
  // Each time both, unless this took more than 15 s.
  CHECK(heard.all().size() <= 10);
  CHECK(eventually([&] {
    return heard.contain(" more since that was last told")
           || heard.contain("but was degraded");
  }));
  CHECK(healthy(running));
}

TEST_CASE_METHOD(failing_storage,
                 "health tells of a full disk although a reader holds the log, "
                 "and of the reader again afterwards") {
  auto x = with_faults();
  x.checkpoint_pages = 100;
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  auto reader = open_reader(x.file);
  reader.exec("BEGIN");
  REQUIRE(reader.query_int("SELECT count(*) FROM operation") == 1);
  std::uint64_t n = 1;
  const auto reason_has = [&](const char* part) {
    return get(tracker, get_health{}).reason.find(part) != std::string::npos;
  };
  while (!reason_has("a reader") && n < 2'000)
    get(tracker, enqueue(++n));
  REQUIRE(reason_has("a reader"));
  wal_write = SQLITE_FULL;
  CHECK(error_of(tracker, enqueue(++n)) == errc::store_full);
  CHECK(reason_has("full"));
  wal_write = SQLITE_OK;
  CHECK(eventually([&] { return reason_has("a reader"); }));
  reader.exec("COMMIT");
  CHECK(eventually([&] { return healthy(running); }));
}

TEST_CASE_METHOD(failing_storage,
                 "a purge whose COMMIT fails is answered with the error",
                 "[promise-2]") {
  auto running = start(system, with_faults());
  for (std::uint64_t n = 1; n <= 50; ++n) {
    get(running.tracker(), enqueue(n));
    get(running.tracker(), terminal(n));
  }
  wal_sync = SQLITE_IOERR_FSYNC;
  const auto later = timestamp::now() + 1h;
  CHECK(error_of(running.tracker(), purge_before(later))
        == errc::outcome_unknown);
  wal_sync = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  get(running.tracker(), purge_before(later));
  CHECK(get(running.tracker(), get_counts{}).counts.empty());
}

TEST_CASE_METHOD(failing_storage,
                 "a service whose storage has failed stops in time",
                 "[promise-2]") {
  auto running = start(system, with_faults());
  get(running.tracker(), enqueue(1));
  wal_sync = SQLITE_IOERR_FSYNC;
  CHECK(error_of(running.tracker(), enqueue(2)) == errc::outcome_unknown);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(running.stop());
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
  wal_sync = SQLITE_OK;
  auto next = start(system, with_faults());
  CHECK(get(next.tracker(), status_of(1)).snapshot);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 6, linearizability: a question shows nothing of a "
                 "batch whose COMMIT fails",
                 "[promise-6]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  caf::scoped_actor self{system};
  // Several rounds: not in each do the requests share a batch.
  for (std::uint64_t n = 100; n < 130; ++n) {
    wal_sync = SQLITE_IOERR_FSYNC;
    auto write = request(self, tracker, 10s, enqueue(n));
    auto first = request(self, tracker, 10s, status_of(n));
    auto second = request(self, tracker, 10s, status_of(n));
    std::move(write).receive([](const enqueue_reply&) { FAIL("not stored"); },
                             [](const caf::error&) {});
    for (auto* const question : {&first, &second})
      std::move(*question).receive(
        [](const status_reply& x) { CHECK_FALSE(x.snapshot); },
        [](const caf::error&) {});
    wal_sync = SQLITE_OK;
    REQUIRE(eventually([&] { return healthy(running); }));
  }
}

// -- waits --------------------------------------------------------------------

TEST_CASE_METHOD(failing_storage,
                 "promise 6: nobody who waits is told of an end that is undone",
                 "[promise-6][queries]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  auto answer = record_and_wait(tracker);
  wal_write = SQLITE_FULL;
  CHECK(error_of(tracker, terminal(1, tracking_status::failed))
        == errc::store_full);
  CHECK(answer.wait_for(50ms) == std::future_status::timeout);
  wal_write = SQLITE_OK;
  CHECK(get(tracker, terminal(1, tracking_status::parked)).outcome
        == update_outcome::applied);
  const auto reply = answer.get();
  CHECK(reply.finished);
  CHECK(reply.operations.at(0).snapshot->status == tracking_status::parked);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 2, outcomes: who waits hears what became of an end "
                 "whose COMMIT was in doubt",
                 "[promise-2][queries]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  auto answer = record_and_wait(tracker);
  wal_sync = SQLITE_IOERR_FSYNC;
  CHECK(error_of(tracker, terminal(1)) == errc::outcome_unknown);
  CHECK(answer.wait_for(20ms) == std::future_status::timeout);
  wal_sync = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  if (get(tracker, status_of(1)).snapshot->status != tracking_status::delivered)
    get(tracker, terminal(1));
  CHECK(answer.get().finished);
}

// -- questions to the query actor ---------------------------------------------

TEST_CASE_METHOD(
  failing_storage,
  "promise 1, durability: while a COMMIT is in doubt, lists show "
  "nothing that a power loss could take back",
  "[promise-1][promise-6][queries]") {
  auto running = start(system, with_faults());
  const auto& tracker = running.tracker();
  get(tracker, enqueue(1));
  wal_sync = SQLITE_IOERR_FSYNC; // of the recovery too
  CHECK(error_of(tracker, enqueue(2)) == errc::outcome_unknown);
  for (int i = 0; i < 20; ++i) {
    CHECK(error_of(tracker, list_operations{}) == errc::not_stored);
    std::this_thread::sleep_for(5ms);
  }
  wal_sync = SQLITE_OK;
  REQUIRE(eventually([&] { return healthy(running); }));
  get(tracker, enqueue(2));
  CHECK(get(tracker, list_operations{}).operations.size() == 2);
}

TEST_CASE_METHOD(failing_storage,
                 "promise 11, corruption: damage that a list finds stops the "
                 "store",
                 "[promise-11][queries]") {
  const auto x = with_more_than_the_cache_holds();
  auto bytes = read_file(x.file);
  for (auto page = bytes.size() / 4 / 4'096 * 4'096; page < bytes.size() / 2;
       page += 4'096)
    bytes.replace(page + 100, 100, std::string(100, '\xAA'));
  write_file(x.file, bytes);
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  list_operations question;
  question.page_size = limits::max_page_size;
  question.order = list_order::oldest_first;
  CHECK(eventually([&] {
    try {
      question.cursor = get(tracker, question).next_cursor;
      return !question.cursor;
    } catch (const request_error& e) {
      CHECK(e.code() == errc::store_corrupt);
      return true;
    }
  }));
  // What has met no damage itself hears of it too.
  CHECK(get(tracker, get_health{}).state == health_state::failed);
  CHECK(error_of(tracker, status_of(20'000)) == errc::store_corrupt);
  const auto before = read_file(x.file);
  CHECK(error_of(tracker, enqueue(99'999)) == errc::store_corrupt);
  CHECK(error_of(tracker, question) == errc::store_corrupt);
  running.stop();
  CHECK(read_file(x.file) == before);
}
