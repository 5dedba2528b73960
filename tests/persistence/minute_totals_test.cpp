// What happened in each minute.

#include "support/fault_vfs.hpp"
#include "support/store_fixture.hpp"
#include "waybill/minute_totals.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct minute_fixture : store_fixture {
  // t0 is in the middle of a minute.
  static constexpr timestamp minute0 = t0 - 30s;

  void end(std::uint64_t n, tracking_status status, std::int64_t when) {
    store.record_terminal(terminal(n, status), at(when));
  }

  std::vector<minute_total> totals(timestamp from = min_timestamp) {
    return store_reader{options.file}.minute_totals(from);
  }
};

} // namespace

TEST_CASE_METHOD(minute_fixture, "what happens is counted by the minute",
                 "[minutes]") {
  using enum tracking_status;
  store.begin();
  for (std::uint64_t n = 1; n <= 6; ++n)
    store.record_enqueue(enqueue(n), at(1));
  store.record_enqueue(enqueue(1), at(1)); // it is there
  store.record_attempt(attempt(1, 1), at(2));
  store.record_attempt(attempt(1, 1), at(2)); // a repeat
  end(1, delivered, 3);
  end(1, failed, 4); // too late
  store.commit();
  CHECK(totals()
        == std::vector<minute_total>{{.begin = minute0,
                                      .taken = 6,
                                      .delivered = 1,
                                      .retries = 1,
                                      .in_flight = 5}});
  end(2, parked, 40);
  end(3, failed, 41);
  end(4, discarded, 61);
  CHECK(totals()
        == std::vector<minute_total>{{.begin = minute0,
                                      .taken = 6,
                                      .delivered = 1,
                                      .retries = 1,
                                      .in_flight = 5},
                                     {.begin = minute0 + 1min,
                                      .parked = 1,
                                      .failed = 1,
                                      .discarded = 1,
                                      .in_flight = 2}});
  CHECK(totals(at(35)).size() == 1);
}

TEST_CASE_METHOD(minute_fixture, "totals are written each ten seconds at most",
                 "[minutes]") {
  store.record_enqueue(enqueue(1), at(0));
  for (std::uint64_t n = 2; n <= 10; ++n)
    store.record_enqueue(enqueue(n), at(9));
  CHECK(totals().front().taken == 1);
  store.record_enqueue(enqueue(11), at(10));
  CHECK(totals().front().taken == 11);
  CHECK(totals().front().in_flight == 11);
}

TEST_CASE_METHOD(minute_fixture, "what is rolled back is not counted",
                 "[minutes]") {
  store.begin();
  store.record_enqueue(enqueue(1), at(0));
  store.rollback();
  store.record_enqueue(enqueue(2), at(0));
  store.begin();
  store.record_enqueue(enqueue(3), at(1));
  store.rollback();
  store.record_enqueue(enqueue(4), at(20));
  CHECK(totals().front().taken == 2);
}

TEST_CASE_METHOD(minute_fixture, "a day is kept, and nothing that is to come",
                 "[minutes]") {
  constexpr std::int64_t day = 24 * 3'600;
  store.record_enqueue(enqueue(1), at(0));
  store.record_enqueue(enqueue(2), at(day - 60));
  CHECK(totals().size() == 2);
  store.record_enqueue(enqueue(3), at(day));
  CHECK(totals().size() == 2);
  CHECK(totals().front().begin == minute0 + 24h - 1min);
  // The clock is set back.
  store.record_enqueue(enqueue(4), at(3'600));
  REQUIRE(totals().size() == 1);
  CHECK(totals().front().begin == minute0 + 1h);
}

TEST_CASE_METHOD(minute_fixture, "totals survive a restart and add up",
                 "[minutes]") {
  store.record_enqueue(enqueue(1), at(0));
  restart();
  store.record_enqueue(enqueue(2), at(1));
  CHECK(totals().front().taken == 2);
}

TEST_CASE_METHOD(minute_fixture,
                 "the end of a store writes what came since the last write",
                 "[minutes]") {
  store.record_enqueue(enqueue(1), at(0));
  store.record_enqueue(enqueue(2), at(1));
  end(1, tracking_status::parked, 2);
  CHECK(totals().front().taken == 1);
  store.close();
  CHECK(totals()
        == std::vector<minute_total>{
          {.begin = minute0, .taken = 2, .parked = 1, .in_flight = 1}});
}

TEST_CASE_METHOD(minute_fixture,
                 "what came since the last write can be written without an "
                 "operation",
                 "[minutes]") {
  CHECK_FALSE(store.write_totals(true)); // there is nothing
  store.record_enqueue(enqueue(1), at(0));
  CHECK_FALSE(store.write_totals(false));
  store.record_enqueue(enqueue(2), at(1));
  CHECK(store.write_totals(false));
  CHECK(totals().front().taken == 1);
  store.begin();
  CHECK(store.write_totals(true)); // the commit may write it
  store.rollback();
  CHECK(totals().front().taken == 1);
  CHECK_FALSE(store.write_totals(true));
  CHECK(totals().front().taken == 2);
  CHECK(totals().front().in_flight == 2);
  // From then on it is as before.
  store.record_enqueue(enqueue(3), at(2));
  CHECK(totals().front().taken == 2);
  CHECK_FALSE(store.write_totals(true));
  CHECK(totals().front().taken == 3);
}

TEST_CASE("totals that find no space are written later", "[minutes]") {
  const temp_dir dir;
  fault_vfs vfs;
  auto options = options_for(dir / "ops.db");
  options.vfs = vfs.name();
  operation_tracking_store store{options};
  store.record_enqueue(enqueue(1), at(0));
  store.record_enqueue(enqueue(2), at(1));
  vfs.fail(io_op::write, io_file::wal, SQLITE_FULL);
  CHECK(error_of([&] { store.write_totals(true); }).code == errc::store_full);
  vfs.heal();
  CHECK(store.write_totals(false));
  CHECK_FALSE(store.write_totals(true));
  const auto totals = store_reader{options.file}.minute_totals(min_timestamp);
  REQUIRE(totals.size() == 1);
  CHECK(totals.front().taken == 2);
}

TEST_CASE_METHOD(minute_fixture,
                 "a minute that is written late has what was in flight in it",
                 "[minutes]") {
  store.record_enqueue(enqueue(1), at(20));
  store.record_enqueue(enqueue(2), at(25)); // not written yet
  store.record_enqueue(enqueue(3), at(3'600));
  REQUIRE(totals().size() == 2);
  CHECK(totals().front().in_flight == 2);
  CHECK(totals().back().in_flight == 3);
}

TEST_CASE_METHOD(minute_fixture, "absurd totals of a file do no harm",
                 "[minutes]") {
  store.record_enqueue(enqueue(1), at(0));
  store.close();
  open_writer(options.file)
    .exec("UPDATE minute_total SET taken = 9223372036854775807, parked = -5; "
          "INSERT INTO minute_total VALUES "
          "(9223372036854775807, 1, 1, 1, 1, 1, 1, 1)");
  store = operation_tracking_store{options};
  REQUIRE(totals().size() == 1);
  CHECK(totals().front().taken == std::int64_t{1} << 48);
  CHECK(totals().front().parked == 0);
  store.record_enqueue(enqueue(2), at(1));
  CHECK(totals().front().taken == std::int64_t{1} << 48);
}
