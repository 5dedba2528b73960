// The reader: lists, cursors, counts, and that it leaves the store alone.

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "support/fault_vfs.hpp"
#include "support/random_seed.hpp"
#include "support/small_disk.hpp"
#include "support/store_fixture.hpp"
#include "waybill/row_filter.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;
using namespace std::chrono_literals;

namespace {

struct reader_fixture : store_fixture {
  store_reader reader{options.file};

  // Records operation n at `at(n)`.
  void record(std::uint64_t n, std::string kind = "call") {
    store.record_enqueue(enqueue(n, std::move(kind)),
                         at(static_cast<std::int64_t>(n)));
  }

  void finish(std::uint64_t n, tracking_status status, std::int64_t when) {
    store.record_terminal(terminal(n, status), at(when));
  }

  // The numbers of all operations that `x` lists, page after page.
  std::vector<std::uint64_t> all(list_operations x) {
    std::vector<std::uint64_t> numbers;
    for (;;) {
      const auto page = reader.list(x);
      REQUIRE(page.operations.size() <= static_cast<std::size_t>(x.page_size));
      for (const auto& each : page.operations)
        numbers.push_back(each.id.low() - id_of(0).low());
      if (!page.next_cursor)
        return numbers;
      x.cursor = page.next_cursor;
    }
  }

  std::vector<std::uint64_t> all(operation_filter x) {
    list_operations question;
    question.filter = std::move(x);
    return all(std::move(question));
  }
};

using numbers = std::vector<std::uint64_t>;

list_operations page_of(std::int32_t size,
                        list_order order = list_order::newest_first) {
  list_operations x;
  x.page_size = size;
  x.order = order;
  return x;
}

} // namespace

TEST_CASE_METHOD(reader_fixture, "a list shows all operations, newest first",
                 "[reader]") {
  CHECK(all(page_of(2)).empty());
  for (std::uint64_t n = 1; n <= 5; ++n)
    record(n);
  finish(2, tracking_status::delivered, 10);
  for (const auto size : {1, 2, 5, 100}) {
    CHECK(all(page_of(size)) == numbers{5, 4, 3, 2, 1});
    CHECK(all(page_of(size, list_order::oldest_first))
          == numbers{1, 2, 3, 4, 5});
  }
  CHECK(reader.list(page_of(5)).next_cursor == std::nullopt);
  CHECK(reader.list(page_of(5)).operations.at(3) == snapshot_of(2));
}

TEST_CASE_METHOD(reader_fixture,
                 "a list of terminal statuses goes by the time of the end",
                 "[reader]") {
  for (std::uint64_t n = 1; n <= 4; ++n)
    record(n);
  finish(1, tracking_status::parked, 30);
  finish(2, tracking_status::failed, 20);
  finish(3, tracking_status::parked, 10);
  operation_filter x;
  x.statuses = {tracking_status::parked, tracking_status::failed};
  CHECK(all(x) == numbers{1, 2, 3});
  x.statuses = {tracking_status::parked};
  CHECK(all(x) == numbers{1, 3});
  x.terminal_from = at(10);
  x.terminal_until = at(30);
  CHECK(all(x) == numbers{3});
  x.statuses.clear(); // a terminal time lets nothing in flight through
  CHECK(all(x) == numbers{2, 3});
  x.statuses = {tracking_status::submitted};
  CHECK(all(x).empty());
}

TEST_CASE_METHOD(reader_fixture, "each filter lets through what fits it",
                 "[reader]") {
  record(1, "a");
  record(2, "b");
  record(3, "c");
  auto other = enqueue(4, "a");
  other.target_summary = other.source_instance_id = other.source_script
    = std::nullopt;
  other.source_node = "other";
  store.record_enqueue(other, at(4));
  store.record_attempt(attempt(2, 1), at(5));
  auto failed = terminal(3, tracking_status::failed);
  failed.last_error = "no such plant: 4711";
  failed.http_status = 404;
  store.record_terminal(failed, at(6));

  const auto with = [&](auto&& set) {
    operation_filter x;
    set(x);
    return all(x);
  };
  CHECK(with([](auto& x) { x.kinds = {"a"}; }) == numbers{4, 1});
  CHECK(with([](auto& x) { x.kinds = {"a", "c"}; }) == numbers{4, 3, 1});
  CHECK(with([](auto& x) { x.kinds = {"never"}; }).empty());
  CHECK(with([](auto& x) { x.statuses = {tracking_status::retrying}; })
        == numbers{2});
  CHECK(with([](auto& x) {
          x.statuses = {tracking_status::failed, tracking_status::submitted};
        })
        == numbers{4, 3, 1});
  CHECK(with([](auto& x) { x.target_summary = "https://plant.example/api"; })
        == numbers{3, 2, 1});
  CHECK(with([](auto& x) { x.target_pattern = "https://*/api"; })
        == numbers{3, 2, 1});
  CHECK(with([](auto& x) { x.target_pattern = "*"; }) == numbers{3, 2, 1});
  CHECK(with([](auto& x) { x.target_pattern = "https://"; }).empty());
  CHECK(with([](auto& x) { x.retry_count_from = 1; }) == numbers{2});
  CHECK(with([](auto& x) { x.retry_count_from = 0; }) == numbers{4, 3, 2, 1});
  CHECK(with([](auto& x) { x.source_node = "other"; }) == numbers{4});
  CHECK(with([](auto& x) { x.source_instance_id = "instance-7"; })
        == numbers{3, 2, 1});
  CHECK(with([](auto& x) { x.source_script = "scripts/send.csx"; })
        == numbers{3, 2, 1});
  CHECK(with([](auto& x) { x.created_from = at(2), x.created_until = at(4); })
        == numbers{3, 2});
  CHECK(with([](auto& x) { x.updated_from = at(5); }) == numbers{3, 2});
  CHECK(with([](auto& x) { x.updated_until = at(4); }) == numbers{1});
  CHECK(with([](auto& x) { x.error_contains = "plant"; }) == numbers{3});
  CHECK(with([](auto& x) { x.error_contains = ""; }) == numbers{3, 2});
  CHECK(with([](auto& x) { x.http_status = 503; }) == numbers{2});
  CHECK(with([](auto& x) { x.http_class = 4; }) == numbers{3});
  CHECK(with([](auto& x) { x.http_class = 4, x.http_status = 503; }).empty());
  CHECK(with([](auto& x) { x.http_class = 5, x.http_status = 503; })
        == numbers{2});
  CHECK(with([](auto& x) { x.number_until = 3; }) == numbers{2, 1});
  CHECK(with([](auto& x) { x.number_until = 4; }) == numbers{3, 2, 1});
  // That it failed is the sixth transition.
  CHECK(with([](auto& x) {
          x.statuses = {tracking_status::failed};
          x.number_until = 6;
        }).empty());
  CHECK(with([](auto& x) {
          x.statuses = {tracking_status::failed};
          x.number_until = 7;
        })
        == numbers{3});
  CHECK(with([](auto& x) {
          x.statuses = {tracking_status::retrying};
          x.number_until = 3;
        })
        == numbers{2});
}

TEST_CASE("a star in a pattern stands for any text", "[reader]") {
  CHECK(matches("", ""));
  CHECK(matches("*", ""));
  CHECK(matches("a*", "a"));
  CHECK(matches("a*c", "abbc"));
  CHECK(matches("*b*", "abc"));
  CHECK(matches("a**c", "ac"));
  CHECK(matches("*ab", "aab"));
  CHECK(matches("*a*b", "xaxbxab"));
  CHECK_FALSE(matches("a", ""));
  CHECK_FALSE(matches("", "a"));
  CHECK_FALSE(matches("a*c", "acb"));
  CHECK_FALSE(matches("*ab", "aba"));
  CHECK_FALSE(matches("a*b*c", "acb"));
  // As long as a target can be, and the worst that can be asked of it.
  const std::string long_text(limits::max_target, 'a');
  CHECK_FALSE(matches("*a*a*a*a*a*a*b", long_text));
}

TEST_CASE_METHOD(reader_fixture,
                 "a page of records has the histories and one sync for all of "
                 "it",
                 "[reader]") {
  fault_vfs vfs;
  int syncs = 0;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    record(n);
    store.record_attempt(attempt(n, 1), at(30));
  }
  reader_options options_of_reader;
  options_of_reader.file = options.file;
  options_of_reader.vfs = vfs.name();
  store_reader counted{options_of_reader};
  vfs.during_sync = [&](io_file) { ++syncs; };
  auto request = page_of(15, list_order::oldest_first);
  request.full = true;
  const auto page = counted.list_records(request);
  CHECK(syncs == 1);
  REQUIRE(page.records.size() == 15);
  for (const auto& each : page.records) {
    const auto history
      = reader.get_history({.id = each.snapshot.id, .deadline = std::nullopt});
    CHECK(each.snapshot == history.snapshot);
    CHECK(each.transitions == history.transitions);
  }
  request.cursor = page.next_cursor;
  const auto rest = counted.list_records(request);
  CHECK(rest.records.size() == 5);
  CHECK_FALSE(rest.next_cursor);
  CHECK(syncs == 2);
  CHECK(counted.get_statuses({id_of(1), id_of(2), id_of(99)}).size() == 3);
  CHECK(syncs == 3);
  vfs.during_sync = {};
}

TEST_CASE_METHOD(reader_fixture, "several states are told in their order",
                 "[reader]") {
  record(1);
  record(2);
  const auto replies = reader.get_statuses({id_of(2), id_of(9), id_of(1)});
  REQUIRE(replies.size() == 3);
  CHECK(replies[0].snapshot == snapshot_of(2));
  CHECK_FALSE(replies[1].snapshot);
  CHECK(replies[2].snapshot == snapshot_of(1));
  CHECK(reader.get_statuses({}).empty());
}

TEST_CASE_METHOD(reader_fixture, "ids are found between two others",
                 "[reader]") {
  for (const std::uint64_t n : {3U, 1U, 2U, 7U})
    record(n);
  using list = std::vector<tracked_operation_id>;
  CHECK(reader.ids_between(id_of(1), id_of(3), 9)
        == list{id_of(1), id_of(2), id_of(3)});
  CHECK(reader.ids_between(id_of(1), id_of(7), 2) == list{id_of(1), id_of(2)});
  CHECK(reader.ids_between(id_of(7), id_of(7), 9) == list{id_of(7)});
  CHECK(reader.ids_between(id_of(4), id_of(6), 9).empty());
}

TEST_CASE_METHOD(reader_fixture,
                 "a number that the store has not reached is refused",
                 "[reader]") {
  record(1);
  record(2);
  watch_transitions x;
  x.after = "2";
  const auto reply = reader.read_transitions(x);
  CHECK(number_in(reply.next) == 2);
  CHECK(reply.transitions.empty());
  for (const auto* const ahead : {"3", "150", "9223372036854775807"}) {
    x.after = ahead;
    const auto e = error_of([&] { reader.read_transitions(x); });
    CHECK(e.code == errc::invalid_request);
    CHECK(e.mentions("after: must be at most 2, the last number of this store, "
                     "but is "));
  }
  // Also if nothing has happened in it yet.
  const temp_dir other;
  operation_tracking_store empty{options_for(other / "ops.db")};
  x.after = "0";
  CHECK(number_in(store_reader{other / "ops.db"}.read_transitions(x).next)
        == 0);
  x.after = "1";
  CHECK_THROWS_AS(store_reader{other / "ops.db"}.read_transitions(x),
                  store_error);
}

TEST_CASE_METHOD(reader_fixture,
                 "texts that are not interned are filtered as well",
                 "[reader]") {
  // More kinds than there are numbers for.
  store.begin();
  for (std::uint64_t n = 1; n <= 300; ++n)
    record(n, "kind " + std::to_string(n));
  store.commit();
  operation_filter x;
  x.kinds = {"kind 299", "kind 1"};
  CHECK(all(x) == numbers{299, 1});
}

TEST_CASE_METHOD(reader_fixture,
                 "a page of a list that is not full shortens errors",
                 "[reader]") {
  record(1);
  auto x = attempt(1, 1);
  x.last_error = std::string(1'000, 'x');
  store.record_attempt(x, at(2));
  auto question = page_of(1);
  const auto text = *reader.list(question).operations.at(0).last_error;
  CHECK(text.size() <= limits::summary_error);
  CHECK(text.ends_with("…[truncated]"));
  question.full = true;
  CHECK(reader.list(question).operations.at(0).last_error == x.last_error);
}

TEST_CASE_METHOD(reader_fixture,
                 "operations that stay appear once while others come and go",
                 "[reader]") {
  std::mt19937_64 random{seed_for("pages while rows come and go")};
  std::uint64_t next = 1;
  std::set<std::uint64_t> staying;
  for (; next <= 200; ++next) {
    record(next);
    if (random() % 2 == 0)
      finish(next, tracking_status::delivered, 1);
    else
      staying.insert(next);
  }
  for (const auto order :
       {list_order::newest_first, list_order::oldest_first}) {
    auto x = page_of(7, order);
    std::multiset<std::uint64_t> seen;
    for (;;) {
      const auto page = reader.list(x);
      for (const auto& each : page.operations)
        seen.insert(each.id.low() - id_of(0).low());
      if (!page.next_cursor)
        break;
      x.cursor = page.next_cursor;
      record(next++);
      store.purge_chunk(purge_before(at(2 + 1'000)), at(2'000), 3, 1s);
    }
    for (const auto n : staying)
      CHECK(seen.count(n) == 1);
    for (const auto n : seen)
      CHECK(seen.count(n) == 1);
  }
}

TEST_CASE_METHOD(reader_fixture,
                 "a page ends after a while, and the next goes on there",
                 "[reader]") {
  store.begin();
  for (std::uint64_t n = 1; n <= 1'000; ++n)
    record(n);
  store.commit();
  auto x = page_of(10);
  x.filter.created_until = at(2);
  std::size_t pages = 0;
  std::vector<tracking_status_snapshot> found;
  for (;; ++pages) {
    const auto page = reader.list(x, 0us);
    found.insert(found.end(), page.operations.begin(), page.operations.end());
    if (!page.next_cursor)
      break;
    x.cursor = page.next_cursor;
  }
  CHECK(pages > 5);
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == id_of(1));
}

TEST_CASE_METHOD(reader_fixture,
                 "promise 8: a page ends before it is too large, and the next "
                 "goes on there",
                 "[reader][promise-8]") {
  constexpr std::uint64_t operations = 100;
  // Each takes a 40th of what an answer may have.
  constexpr auto error_bytes = limits::max_answer_bytes / 40;
  store.close();
  options.last_error_cap = limits::max_last_error;
  store = operation_tracking_store{options};
  store.begin();
  for (std::uint64_t n = 1; n <= operations; ++n) {
    record(n);
    auto x = attempt(n, 1);
    x.last_error = std::string(error_bytes, 'x');
    store.record_attempt(x, at(1'000));
  }
  store.commit();

  auto list = page_of(limits::max_page_size);
  list.full = true;
  CHECK(reader.list(list, 1min).operations.size() <= 40);
  CHECK(all(list).size() == operations);
  list.full = false;
  CHECK(reader.list(list, 1min).operations.size() == operations);

  watch_transitions watch;
  watch.after = "0";
  watch.page_size = limits::max_page_size;
  std::size_t seen = 0;
  for (;;) {
    const auto page = reader.read_transitions(watch, 1min);
    if (page.transitions.empty())
      break;
    CHECK(page.transitions.size() <= operations + 40);
    seen += page.transitions.size();
    watch.after = page.next;
  }
  CHECK(seen == 2 * operations);
}

TEST_CASE_METHOD(reader_fixture,
                 "a page has one operation at least, however large that is",
                 "[reader]") {
  store.close();
  options.last_error_cap = limits::max_last_error;
  store = operation_tracking_store{options};
  for (std::uint64_t n = 1; n <= 3; ++n) {
    record(n);
    auto x = attempt(n, 1);
    x.last_error = std::string(limits::max_last_error, 'x');
    store.record_attempt(x, at(1'000));
  }
  auto list = page_of(10);
  list.full = true;
  CHECK(reader.list(list, 1min).operations.size() == 1);
  CHECK(all(list) == numbers{3, 2, 1});
}

TEST_CASE_METHOD(reader_fixture, "a cursor of another list is refused",
                 "[reader]") {
  record(1);
  record(2);
  auto x = page_of(1);
  x.cursor = reader.list(x).next_cursor;
  REQUIRE(x.cursor);
  const auto good = x;
  x.order = list_order::oldest_first;
  expect_error(errc::invalid_request, "cursor", [&] { reader.list(x); });
  x = good;
  x.filter.kinds = {"a"};
  expect_error(errc::invalid_request, "cursor", [&] { reader.list(x); });
  for (const auto* const text : {"", "1", "1.2", "1.2.3.4", "x.y.z", "1.2.",
                                 "-1.2.3", "99999999999999999.1.1"}) {
    x = good;
    x.cursor = text;
    expect_error(errc::invalid_request, "cursor", [&] { reader.list(x); });
  }
  CHECK(reader.list(good).operations.at(0).id == id_of(1));
}

TEST_CASE_METHOD(reader_fixture, "questions are checked, naming the field",
                 "[reader]") {
  expect_error(errc::invalid_request, "page_size",
               [&] { reader.list(page_of(0)); });
  expect_error(errc::invalid_request, "page_size",
               [&] { reader.list(page_of(1'001)); });
  expect_error(errc::invalid_request, "http_class", [&] {
    operation_filter x;
    x.http_class = 6;
    all(x);
  });
  expect_error(errc::invalid_request, "kinds[1]", [&] {
    operation_filter x;
    x.kinds = {"a", ""};
    all(x);
  });
  expect_error(errc::invalid_request, "id", [&] { reader.get_status({}); });
}

TEST_CASE_METHOD(reader_fixture, "a reader sees each commit, and no more",
                 "[reader]") {
  CHECK_FALSE(reader.has_changed());
  record(1);
  CHECK(reader.has_changed());
  CHECK_FALSE(reader.has_changed());
  CHECK(reader.get_status(status_of(1)).snapshot == snapshot_of(1));
  store.begin();
  record(2, "a kind that is new");
  CHECK(reader.get_status(status_of(2)).snapshot == std::nullopt);
  store.commit();
  CHECK(reader.get_status(status_of(2)).snapshot == snapshot_of(2));
  CHECK(reader.get_counts() == store.get_counts());
}

TEST_CASE_METHOD(reader_fixture, "counts tell how old the oldest are",
                 "[reader]") {
  CHECK(store.get_counts().oldest_in_flight == std::nullopt);
  for (std::uint64_t n = 1; n <= 4; ++n)
    record(n);
  finish(1, tracking_status::parked, 20);
  finish(3, tracking_status::parked, 10);
  store.record_attempt(attempt(2, 1), at(15));
  for (const auto& counts : {store.get_counts(), reader.get_counts()}) {
    CHECK(counts.oldest_in_flight == at(2));
    CHECK(counts.oldest_parked == at(10));
  }
}

TEST_CASE_METHOD(reader_fixture,
                 "what was recorded while the clock was ahead is stuck, and no "
                 "age is below zero",
                 "[reader]") {
  for (std::uint64_t n = 1; n <= 200; ++n)
    store.record_enqueue(enqueue(n), at(10'000'000)); // 115 days ahead
  store.record_enqueue(enqueue(201), at(1'000));
  store.record_enqueue(enqueue(202), at(500)); // it was set back once more
  store.record_enqueue(enqueue(203), at(9'999));
  const auto now = at(10'000);
  auto stuck = stuck_operations(now, 60s);
  stuck.page_size = limits::max_page_size;
  const auto listed = all(stuck);
  CHECK(listed.size() == 202); // all but the last one
  CHECK(std::ranges::count(listed, 203) == 0);
  for (const auto& counts : {store.get_counts(now), reader.get_counts(now)})
    CHECK(counts.oldest_in_flight == at(1'000));
  // Also in the transaction that has recorded it.
  store.begin();
  store.record_terminal(terminal(201), now);
  CHECK(store.get_counts(now).oldest_in_flight == at(500));
  store.rollback();
  store.record_terminal(terminal(201), now);
  store.record_terminal(terminal(202), now);
  store.record_terminal(terminal(203), now);
  for (const auto& counts : {store.get_counts(now), reader.get_counts(now)})
    CHECK(counts.oldest_in_flight == now);
  store.record_terminal(terminal(1, tracking_status::parked), now);
  for (const auto& counts : {store.get_counts(now), reader.get_counts(now)})
    CHECK(counts.oldest_parked == now);
}

TEST_CASE_METHOD(
  reader_fixture,
  "a filter by times before one and after another leaves out what "
  "is between",
  "[reader]") {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    record(n);
    finish(n, tracking_status::parked, static_cast<std::int64_t>(10 * n));
  }
  operation_filter x;
  x.updated_until = at(20);
  x.or_updated_after = at(40);
  CHECK(all(x) == numbers{5, 1});
  x.statuses = {tracking_status::parked};
  CHECK(all(x) == numbers{5, 1});
  x.updated_from = at(20);
  CHECK(all(x) == numbers{5});
}

TEST_CASE_METHOD(reader_fixture, "promise 10: a reader takes no ownership",
                 "[reader][promise-10]") {
  store.close();
  store_reader other{options.file};
  operation_tracking_store owner{options};
  owner.record_enqueue(enqueue(1), at(1));
  CHECK(other.get_status(status_of(1)).snapshot);
}

TEST_CASE_METHOD(reader_fixture,
                 "promise 10: a reader changes no byte and empties no log",
                 "[reader][promise-10]") {
  for (std::uint64_t n = 1; n <= 50; ++n)
    record(n);
  const auto before = bytes_in(dir.path());
  REQUIRE(store.wal_bytes() > 0);
  {
    store_reader other{options.file};
    other.list(page_of(100));
    other.get_history({id_of(1), {}});
    other.check();
  }
  CHECK(changes_since(before, dir.path()).empty());
}

TEST_CASE("a reader says why a file cannot be read", "[reader]") {
  const temp_dir dir;
  const auto open = [&](const std::string& name) {
    return error_of([&] { store_reader{dir / name.c_str()}; });
  };
  CHECK(open("missing.db").code == errc::store_unavailable);
  write_file(dir / "text.db", std::string(5'000, 'x'));
  CHECK(open("text.db").code == errc::not_a_store);
  write_file(dir / "empty.db", "");
  CHECK(open("empty.db").code == errc::store_unavailable);
  {
    auto db = open_writer(dir / "other.db");
    db.exec("CREATE TABLE t (x)");
  }
  CHECK(open("other.db").code == errc::not_a_store);
}

// -- care ---------------------------------------------------------------------

TEST_CASE("a store on a disk that is mounted to be read only is read",
          "[reader]") {
  CHECK(on_small_disk([](const small_disk& disk) {
          const auto options = options_for(disk.file());
          operation_tracking_store{options}.record_enqueue(enqueue(1), at(1));
          const auto folder
            = std::filesystem::path{disk.file()}.parent_path().string();
          if (::mount(nullptr, folder.c_str(), nullptr, MS_REMOUNT | MS_RDONLY,
                      nullptr)
              != 0)
            return 1;
          store_reader reader{options.file};
          if (!reader.get_status(status_of(1)).snapshot
              || reader.list({}).operations.size() != 1
              || !reader.check().value().faults.empty())
            return 2;
          const auto e = error_of([&] { operation_tracking_store{options}; });
          return e.code == errc::store_unavailable && e.mentions(options.file)
                   ? 0
                   : 3;
        })
        == 0);
}

TEST_CASE_METHOD(reader_fixture, "check finds a sound store sound",
                 "[reader]") {
  for (std::uint64_t n = 1; n <= 100; ++n) {
    record(n);
    for (int i = 1; i <= 3; ++i)
      store.record_attempt(attempt(n, i), at(200));
    if (n % 2 == 0)
      finish(n, tracking_status::parked, 300);
  }
  store.purge_chunk(purge_before(at(1'000)), at(1'000), 10, 1s);
  std::int64_t last = 0;
  const auto report = reader.check([&](std::int64_t done, std::int64_t total) {
    CHECK(done <= total);
    CHECK(done >= last);
    last = done;
    return true;
  });
  REQUIRE(report);
  CHECK(report->faults == std::vector<std::string>{});
  CHECK(report->operations == 90);
  CHECK(report->transitions == 40 * 5 + 50 * 4);
}

TEST_CASE_METHOD(reader_fixture, "check finds what does not fit together",
                 "[reader]") {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    record(n);
    store.record_attempt(attempt(n, 1), at(10));
  }
  store.close();
  const auto faults_after = [&](const char* sql) {
    const temp_dir copy;
    copy_files(dir.path(), copy.path());
    {
      auto db = open_writer(copy / "ops.db");
      db.exec(sql);
    }
    const auto report = store_reader{copy / "ops.db"}.check();
    return report->faults.empty() ? std::string{} : report->faults.front();
  };
  CHECK(faults_after("UPDATE store SET opens = opens") == "");
  CHECK_THAT(faults_after("UPDATE counter SET operations = 7"),
             Catch::Contains("is 7, but there are "));
  CHECK_THAT(faults_after("UPDATE in_flight_block SET operations = 77"),
             Catch::Contains("is 77, but there are "));
  CHECK_THAT(faults_after("DELETE FROM in_flight_block"),
             Catch::Contains("is 0, but there are "));
  CHECK_THAT(faults_after("DELETE FROM operation WHERE seq = 3"),
             Catch::Contains("counter"));
  CHECK_THAT(faults_after("UPDATE transition SET operation = 99"),
             Catch::Contains("is not its own"));
  CHECK_THAT(faults_after("INSERT INTO transition VALUES "
                          "(999, 1, 0, 1, 1, 1, 1, NULL, NULL)"),
             Catch::Contains("belong to no operation"));
  CHECK_THAT(faults_after("UPDATE operation SET kind = 99 WHERE seq = 1"),
             Catch::Contains("the name 99"));
}

TEST_CASE_METHOD(reader_fixture,
                 "operations in flight are found among many, whatever was "
                 "rolled back",
                 "[reader]") {
  std::mt19937_64 random{seed_for("operations in flight")};
  std::map<std::uint64_t, tracking_status> in_flight;
  std::uint64_t last = 0;
  for (int round = 0; round < 60 || last <= 1'000; ++round) {
    auto changed = in_flight;
    auto next = last;
    store.begin();
    for (int i = 0; i < 100; ++i) {
      const auto n = 1 + random() % (next + 1);
      const auto is_there = changed.contains(n);
      if (n == next + 1 || random() % 4 == 0) {
        record(++next);
        changed[next] = tracking_status::submitted;
      } else if (random() % 2 == 0) {
        store.record_attempt(attempt(n, 1), at(1));
        if (is_there)
          changed[n] = tracking_status::retrying;
      } else {
        finish(n, tracking_status::delivered, 1);
        changed.erase(n);
      }
    }
    if (random() % 3 == 0) {
      store.rollback();
      continue;
    }
    store.commit();
    last = next;
    in_flight = changed;
    for (const auto status :
         {tracking_status::submitted, tracking_status::retrying}) {
      numbers expected;
      for (const auto& [n, is] : in_flight)
        if (is == status)
          expected.push_back(n);
      auto x = page_of(7, list_order::oldest_first);
      x.filter.statuses = {status};
      CHECK(all(x) == expected);
      std::ranges::reverse(expected);
      x.order = list_order::newest_first;
      CHECK(all(x) == expected);
    }
  }
  CHECK(last > 1'000); // several blocks
  CHECK(reader.check()->faults.empty());
}

TEST_CASE_METHOD(reader_fixture, "a backup is a store with the same content",
                 "[reader][threads]") {
  for (std::uint64_t n = 1; n <= 500; ++n)
    record(n);
  const auto copy = dir / "copy.db";
  std::thread writer{[&] {
    for (std::uint64_t n = 501; n <= 600; ++n)
      record(n);
  }};
  REQUIRE(reader.backup(copy));
  writer.join();
  CHECK(mode_of(copy) == 0600);
  CHECK(changes_since(bytes_in(dir.path()), dir.path()).empty());
  for (const auto* const suffix : {".part", ".part-wal", ".part-shm"})
    CHECK_FALSE(std::filesystem::exists(copy + suffix));
  operation_tracking_store restored{options_for(copy)};
  for (std::uint64_t n = 1; n <= 500; ++n)
    CHECK(restored.get_status(status_of(n), at(0)).snapshot == snapshot_of(n));
}

TEST_CASE_METHOD(reader_fixture, "a backup replaces nothing", "[reader]") {
  record(1);
  write_file(dir / "there", "precious");
  const auto e = error_of([&] { reader.backup(dir / "there"); });
  CHECK(e.code == errc::store_unavailable);
  CHECK(read_file(dir / "there") == "precious");
  write_file(dir / "copy.db.part", "of someone else");
  CHECK(error_of([&] { reader.backup(dir / "copy.db"); }).code
        == errc::store_unavailable);
  CHECK(read_file(dir / "copy.db.part") == "of someone else");
  CHECK(error_of([&] { reader.backup(options.file); }).code
        == errc::store_unavailable);
  CHECK(snapshot_of(1));
}

TEST_CASE_METHOD(reader_fixture, "a backup that is stopped leaves no file",
                 "[reader]") {
  store.begin();
  for (std::uint64_t n = 1; n <= 50'000; ++n)
    record(n);
  store.commit();
  CHECK_FALSE(reader.backup(dir / "copy.db",
                            [](std::int64_t, std::int64_t) { return false; }));
  for (const auto& each : std::filesystem::directory_iterator{dir.path()})
    CHECK_THAT(each.path().filename().string(), !Catch::Contains("copy"));
}

TEST_CASE_METHOD(reader_fixture, "a dry run counts what a purge deletes",
                 "[reader]") {
  for (std::uint64_t n = 1; n <= 10; ++n) {
    record(n);
    finish(n, n % 2 == 0 ? tracking_status::parked : tracking_status::failed,
           static_cast<std::int64_t>(10 + n));
  }
  auto purge = purge_before(at(15));
  CHECK(reader.count_due(purge) == 4);
  purge.status = tracking_status::parked;
  CHECK(reader.count_due(purge) == 2);
  CHECK(store.purge_terminal(purge, at(100)).deleted == 2);
  CHECK(reader.count_due(purge) == 0);
}
