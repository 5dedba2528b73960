// Numbers at their edges in a file: found by a check, and never calculated
// with.

#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct crafted_fixture : store_fixture {
  crafted_fixture() {
    for (std::uint64_t n = 1; n <= 4; ++n) {
      store.record_enqueue(enqueue(n), at(1));
      store.record_attempt(attempt(n, 1), at(2));
      store.record_attempt(attempt(n, 2), at(3));
    }
    store.record_terminal(terminal(3), at(4));
    store.record_terminal(terminal(4, tracking_status::parked), at(5));
    store.close();
  }

  // What someone else does to the file.
  void meddle(const std::string& sql) {
    auto db = open_writer(options.file);
    db.exec("PRAGMA ignore_check_constraints = ON");
    db.exec(sql.c_str());
  }

  // An answer, or that the file is damaged; of a purge that some steps of it
  // were done before that was found.
  template <class F>
  static void is_answered_or_damaged(F&& f) {
    try {
      f();
    } catch (const store_error& e) {
      CAPTURE(e.what());
      const auto is_of_a_part = e.code() == errc::outcome_unknown
                                && std::string{e.what()}.starts_with("after ");
      CHECK((is_of_a_part || e.code() == errc::store_corrupt));
    }
  }

  void ask_everything() {
    store_reader reader{options.file};
    list_operations list;
    is_answered_or_damaged([&] { reader.list(list); });
    for (const auto status :
         {tracking_status::retrying, tracking_status::delivered}) {
      list.filter.statuses = {status};
      is_answered_or_damaged([&] { reader.list(list); });
    }
    watch_transitions watch;
    is_answered_or_damaged([&] { reader.read_transitions(watch); });
    watch.after = "0";
    is_answered_or_damaged([&] { reader.read_transitions(watch); });
    is_answered_or_damaged([&] { reader.get_counts(); });
    for (std::uint64_t n = 1; n <= 4; ++n) {
      is_answered_or_damaged([&] { reader.get_status(status_of(n)); });
      is_answered_or_damaged([&] { reader.get_history({id_of(n), {}}); });
    }
  }

  void own_it() {
    is_answered_or_damaged([&] {
      operation_tracking_store owner{options};
      is_answered_or_damaged([&] { owner.get_counts(); });
      for (std::uint64_t n = 1; n <= 4; ++n) {
        is_answered_or_damaged([&] { owner.get_status(status_of(n), at(6)); });
        is_answered_or_damaged(
          [&] { owner.record_attempt(attempt(n, 3), at(6)); });
        is_answered_or_damaged(
          [&] { owner.record_terminal(terminal(n), at(7)); });
      }
      is_answered_or_damaged([&] { owner.record_enqueue(enqueue(9), at(8)); });
      is_answered_or_damaged(
        [&] { owner.purge_terminal(purge_before(at(20)), at(30)); });
    });
  }
};

constexpr const char* largest = "9223372036854775807";
constexpr const char* smallest = "-9223372036854775808";

} // namespace

TEST_CASE_METHOD(crafted_fixture,
                 "promise 11: numbers at their edges are found by a check, and "
                 "are answered or are damage to everyone else",
                 "[reader][promise-11]") {
  const auto change = GENERATE(values<std::string>({
    "UPDATE store SET last_number = N",
    "UPDATE store SET opens = N",
    "UPDATE epoch SET first = N WHERE first > 0",
    "UPDATE counter SET operations = N",
    "UPDATE in_flight_block SET operations = N",
    "UPDATE in_flight_block SET block = N WHERE in_status = 1",
    "UPDATE operation SET seq = N WHERE seq = 1",
    "UPDATE operation SET retry_count = N WHERE seq = 1",
    "UPDATE operation SET http_status = N WHERE seq = 1",
    "UPDATE operation SET last_transition = N WHERE seq = 1",
    "UPDATE operation SET created_at = N",
    "UPDATE operation SET updated_at = N",
    "UPDATE transition SET number = N WHERE number = 2",
    "UPDATE transition SET previous = N WHERE number = 2",
    "UPDATE transition SET nth = N",
    "UPDATE transition SET retry_count = N",
    "UPDATE transition SET at = N WHERE number = 2",
    "UPDATE transition SET http_status = N WHERE number = 2",
    "UPDATE transition SET operation = N WHERE number = 2",
    "UPDATE store SET missing_to = N",
    "UPDATE store SET off_to = N",
    "UPDATE identity SET incarnation = N",
    "UPDATE counter SET kind = N",
    "UPDATE in_flight_block SET in_status = N WHERE in_status = 1",
    "UPDATE operation SET status = N WHERE seq = 1",
    "UPDATE operation SET kind = N WHERE seq = 1",
    "UPDATE operation SET source_node = N WHERE seq = 1",
  }));
  const auto number = GENERATE(
    values<std::string>({largest, smallest, "9223372036854775806",
                         "4611686018427387904", "4294967296", "2147483647"}));
  static stride some{"numbers at their edges"};
  if (!some.takes_next())
    return;
  auto sql = change;
  sql.replace(sql.find(" N"), 2, " " + number);
  CAPTURE(sql);
  meddle(sql);
  const auto report = store_reader{options.file}.check();
  REQUIRE(report);
  // Some are large, and nothing more.
  const auto has = [&](const std::string& part) {
    return sql.find(part) != std::string::npos;
  };
  const auto is_possible
    = has(std::string{"missing_to = "} + largest) // the history is off
      || (number.size() <= 10 && !has("last_transition")
          && !has("http_status"));
  if (!is_possible)
    CHECK_FALSE(report->faults.empty());
  ask_everything();
  own_it();
}

TEST_CASE_METHOD(
  crafted_fixture,
  "promise 11: a store whose numbers are used up is refused, and "
  "stays as it is",
  "[promise-11]") {
  const auto* const change
    = GENERATE(as<const char*>{}, "UPDATE store SET last_number = ",
               "UPDATE counter SET operations = ", "UPDATE store SET opens = ");
  meddle(std::string{change} + largest);
  const auto before = bytes_in(dir.path());
  CHECK(error_of([&] { operation_tracking_store{options}; }).code
        == errc::store_corrupt);
  CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(crafted_fixture,
                 "promise 11: numbers of names that leave a gap are damage to "
                 "owner and reader",
                 "[reader][promise-11]") {
  for (const auto* const number :
       {largest, smallest, "0", "-1", "4294967296", "9223372036854775806"}) {
    CAPTURE(number);
    meddle(std::string{"UPDATE name SET id = "} + number
           + " WHERE id = (SELECT max(id) FROM name)");
    CHECK(error_of([&] { store_reader{options.file}; }).code
          == errc::store_corrupt);
    CHECK(error_of([&] { operation_tracking_store{options}; }).code
          == errc::store_corrupt);
  }
}

TEST_CASE_METHOD(store_fixture,
                 "a clock that shows no time of the years 0 to 9999 stores "
                 "nothing",
                 "[contract]") {
  store.record_enqueue(enqueue(1), at(1));
  for (const auto now : {timestamp{INT64_MAX}, max_timestamp + 1us,
                         min_timestamp - 1us, timestamp{INT64_MIN}}) {
    expect_error(errc::invalid_request, "now",
                 [&] { store.record_enqueue(enqueue(2), now); });
    expect_error(errc::invalid_request, "now",
                 [&] { store.record_attempt(attempt(1, 1), now); });
    expect_error(errc::invalid_request, "now",
                 [&] { store.record_terminal(terminal(1), now); });
  }
  CHECK(snapshot_of(1) == fresh(1, at(1)));
  CHECK(total() == 1);
  for (const auto now : {min_timestamp, max_timestamp})
    store.record_enqueue(enqueue(now == min_timestamp ? 3 : 4), now);
  CHECK(store_reader{options.file}.list({}, 1min).operations.size() == 3);
}

TEST_CASE_METHOD(crafted_fixture,
                 "a row whose time is at an edge is in every list",
                 "[reader]") {
  for (const auto* const number : {largest, smallest}) {
    meddle(std::string{"UPDATE operation SET created_at = "} + number
           + ", updated_at = " + number);
    store_reader reader{options.file};
    for (const auto order :
         {list_order::newest_first, list_order::oldest_first}) {
      list_operations x;
      x.order = order;
      CHECK(reader.list(x, 1min).operations.size() == 4);
      x.filter.statuses = {tracking_status::delivered, tracking_status::parked};
      CHECK(reader.list(x, 1min).operations.size() == 2);
      x.page_size = 1;
      x.cursor = reader.list(x).next_cursor;
      REQUIRE(x.cursor);
      CHECK(reader.list(x, 1min).operations.size() == 1);
    }
  }
}
