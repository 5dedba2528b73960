// A log that cannot be copied into the file: nobody's request fails, but health
// and the operator hear of it, and it heals by itself.

#include <atomic>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "support/files.hpp"
#include "support/plain_sqlite.hpp"
#include "waybill/operation_tracking_store.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct failing_checkpoints : actor_fixture {
  fault_vfs vfs;
  std::atomic<int> database_write{SQLITE_OK};
  std::atomic<int> wal_write{SQLITE_OK};
  std::atomic<int> wal_sync{SQLITE_OK};
  std::atomic<int> tries{0}; // to write to the database file, in vain
  std::uint64_t last = 0;

  failing_checkpoints() {
    vfs.before = [this](const io_call& call) -> int {
      if (call.file == io_file::wal && call.op == io_op::write)
        return wal_write;
      if (call.file == io_file::wal && call.op == io_op::sync)
        return wal_sync;
      if (call.file != io_file::database || call.op != io_op::write)
        return SQLITE_OK;
      if (database_write != SQLITE_OK)
        ++tries;
      return database_write;
    };
  }

  options with_faults() {
    auto x = make_options();
    x.vfs = vfs.name();
    x.checkpoint_pages = 100;
    return x;
  }

  health_reply health(const service& x) {
    return get(x.tracker(), get_health{});
  }

  bool healthy(const service& x) { return health(x).state == health_state::ok; }

  /// Whether health says that the log cannot be copied.
  bool is_stuck(const service& x) {
    const auto shown = health(x);
    return shown.state == health_state::degraded
           && shown.reason.starts_with(
             "the write-ahead log cannot be copied into the file: ");
  }

  void record(const service& x) {
    CHECK(get(x.tracker(), enqueue(++last)).outcome
          == enqueue_outcome::inserted);
  }

  /// Records operations until it does.
  void stick(const service& x, int code = SQLITE_IOERR_WRITE) {
    record(x); // to begin a log writes to the file, too
    database_write = code;
    for (auto n = 0; n < 500 && !is_stuck(x); ++n)
      record(x);
    REQUIRE(is_stuck(x));
  }

  std::uintmax_t log_size() {
    std::error_code none;
    const auto size = std::filesystem::file_size(dir / "track.db-wal", none);
    return none ? 0 : size;
  }

  std::int64_t count(const service& x) {
    std::int64_t sum = 0;
    for (const auto& each : get(x.tracker(), get_counts{}).counts)
      sum += each.operations;
    return sum;
  }
};

} // namespace

TEST_CASE_METHOD(failing_checkpoints,
                 "a log that cannot be copied into the file fails no request, "
                 "but makes health degraded, and heals without traffic") {
  auto running = start(system, with_faults());
  const auto code = GENERATE(SQLITE_IOERR_WRITE, SQLITE_FULL, SQLITE_READONLY);
  stick(running, code);
  const auto shown = health(running);
  CHECK(shown.reason.find("(SQLite code " + std::to_string(code) + ")")
        != std::string::npos);
  CHECK(shown.last_error == shown.reason);
  CHECK(get(running.tracker(), get_stats{}).health == health_state::degraded);
  // Commits do not hide it.
  for (auto n = 0; n < 50; ++n)
    record(running);
  CHECK(is_stuck(running));
  CHECK(health(running).wal_bytes > shown.wal_bytes);
  CHECK(health(running).since == shown.since);
  CHECK(heard.all().size() == 1);
  CHECK(heard.contain("storage is degraded: the write-ahead log cannot be "
                      "copied into the file: "));

  // Nobody asks for anything but health.
  const auto before = tries.load();
  CHECK(eventually([&] { return tries > before + 1; }));
  database_write = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(health(running).wal_bytes == 0);
  CHECK(log_size() == 0);
  CHECK(eventually([&] { return heard.contain("storage works again"); }));
  CHECK(count(running) == static_cast<std::int64_t>(last));
  CHECK(running.stop());
}

TEST_CASE_METHOD(failing_checkpoints,
                 "health says that the log cannot be copied also while batches "
                 "are synced by another thread, and heals by itself after") {
  auto running = start(system, with_faults());
  record(running);
  database_write = SQLITE_IOERR_WRITE;
  std::vector<record_enqueue> requests;
  while (last < 5'000)
    requests.push_back(enqueue(++last));
  for (const auto& x : send_all(system, running.tracker(), requests))
    REQUIRE(x.reply);
  CHECK(is_stuck(running));
  // By the log's growth, and by the time; not with each batch.
  CHECK(tries < 100);
  database_write = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(log_size() == 0);
}

TEST_CASE_METHOD(failing_checkpoints,
                 "a log that comes to be copied and not again and again is "
                 "told a few times, not each") {
  auto running = start(system, with_faults());
  for (auto n = 0; n < 6; ++n) {
    stick(running);
    database_write = SQLITE_OK;
    REQUIRE(eventually([&] { return healthy(running); }));
  }
  // Each time both, unless this took more than 15 s.
  CHECK(heard.all().size() <= 10);
}

TEST_CASE_METHOD(failing_checkpoints,
                 "a tracker whose log cannot be copied starts, and says so at "
                 "once") {
  auto x = with_faults();
  {
    auto before = start(system, x);
    record(before);
    database_write = SQLITE_FULL;
    CHECK_FALSE(before.stop());
  }
  auto running = start(system, x);
  CHECK(eventually([&] { return is_stuck(running); }));
  record(running);
  CHECK(count(running) == 2);
  database_write = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(running.stop());
}

TEST_CASE_METHOD(failing_checkpoints,
                 "stop() says that the last checkpoint has failed, and nothing "
                 "is lost",
                 "[promise-1]") {
  auto running = start(system, with_faults());
  SECTION("if it was well until then") {
    record(running);
    database_write = SQLITE_IOERR_WRITE;
  }
  SECTION("if it has failed before") {
    stick(running);
  }
  CHECK_FALSE(running.stop());
  CHECK_FALSE(running.stop()); // nothing has changed
  CHECK(heard.contain("the write-ahead log cannot be copied into the file and "
                      "stays beside it, with nothing lost: "));
  CHECK(log_size() > 0);
  database_write = SQLITE_OK;
  auto next = start(system, with_faults());
  CHECK(healthy(next));
  CHECK(count(next) == static_cast<std::int64_t>(last));
  CHECK(next.stop());
  CHECK(log_size() == 0);
}

TEST_CASE_METHOD(failing_checkpoints,
                 "stop() is content with a log that a reader keeps") {
  auto running = start(system, with_faults());
  record(running);
  auto reader = open_reader(dir / "track.db");
  reader.exec("BEGIN");
  CHECK(reader.query_int("SELECT count(*) FROM operation") == 1);
  record(running);
  CHECK(running.stop());
  reader.exec("COMMIT");
}

TEST_CASE_METHOD(failing_checkpoints,
                 "a full disk is shown before a log that cannot be copied, "
                 "which is shown again after it") {
  auto running = start(system, with_faults());
  stick(running);
  wal_write = SQLITE_FULL;
  CHECK(error_of(running.tracker(), enqueue(last + 1)) == errc::store_full);
  CHECK_FALSE(is_stuck(running));
  CHECK(health(running).reason.find("full") != std::string::npos);
  wal_write = SQLITE_OK;
  CHECK(eventually([&] { return is_stuck(running); }));
  // What was written to find that out is not written all the time.
  const auto are_tried = [&] {
    return eventually(
      [&, before = tries.load()] { return tries > before + 2; });
  };
  CHECK(are_tried());
  const auto bytes = health(running).wal_bytes;
  CHECK(are_tried());
  CHECK(health(running).wal_bytes == bytes);
  database_write = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
}

TEST_CASE_METHOD(failing_checkpoints,
                 "a commit in doubt is recovered from although the log cannot "
                 "be copied, which is shown then") {
  auto running = start(system, with_faults());
  record(running);
  database_write = SQLITE_IOERR_WRITE;
  wal_sync = SQLITE_IOERR_FSYNC;
  CHECK(error_of(running.tracker(), enqueue(last + 1))
        == errc::outcome_unknown);
  wal_sync = SQLITE_OK;
  CHECK(eventually([&] { return is_stuck(running); }));
  CHECK(get(running.tracker(), status_of(1)).snapshot);
  last += 1;
  record(running);
  database_write = SQLITE_OK;
  CHECK(eventually([&] { return healthy(running); }));
  CHECK(running.stop());
}
