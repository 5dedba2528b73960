// Cursors of watches: good over restarts, and for the store that gave them
// only.

#include <filesystem>

#include "support/store_fixture.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_restore.hpp"
#include "waybill/transition_cursor.hpp"
#include "waybill/transition_log.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct cursor_fixture : store_fixture {
  void record(std::uint64_t first, std::uint64_t last) {
    for (auto n = first; n <= last; ++n)
      store.record_enqueue(enqueue(n), at(1));
  }

  void reopen() {
    store.close();
    store = operation_tracking_store{options};
  }

  // The cursor behind all that is there.
  std::string end() {
    return store_reader{options.file}.read_transitions({}).next;
  }

  // Which operations a watch tells of that begins there.
  std::vector<std::uint64_t> behind(const std::string& cursor) {
    watch_transitions x;
    x.after = cursor;
    std::vector<std::uint64_t> ids;
    for (const auto& each :
         store_reader{options.file}.read_transitions(x).transitions)
      ids.push_back(each.id.low() - id_of(0).low());
    return ids;
  }

  caught_error refusal_of(const std::string& cursor) {
    return error_of([&] { behind(cursor); });
  }

  // As an operator does: stop, restore, start.
  void restore(const std::string& backup) {
    store.close();
    REQUIRE(restore_store(backup, options.file, restore_mode::replace));
    store = operation_tracking_store{options};
  }
};

using ids = std::vector<std::uint64_t>;

} // namespace

TEST_CASE_METHOD(cursor_fixture, "a cursor is good over restarts") {
  const auto none = end();
  record(1, 2);
  const auto two = end();
  reopen();
  CHECK(end() == two); // nothing has happened
  record(3, 3);
  const auto three = end();
  reopen();
  record(4, 4);
  CHECK(behind(none) == ids{1, 2, 3, 4});
  CHECK(behind(two) == ids{3, 4});
  CHECK(behind(three) == ids{4});
  CHECK(behind(end()).empty());
  // That of each transition too, and its bare number.
  store_reader reader{options.file};
  for (std::int64_t number = 0; number <= 4; ++number) {
    const auto n = static_cast<std::size_t>(number);
    CHECK(behind(reader.cursor_of(number)).size() == 4 - n);
    CHECK(behind(std::to_string(number)).size() == 4 - n);
  }
}

TEST_CASE_METHOD(cursor_fixture,
                 "a cursor is refused by a backup that had not come so far, "
                 "also when it has gone on") {
  record(1, 2);
  const auto before = end();
  const temp_dir elsewhere;
  const auto backup = elsewhere / "backup.db";
  store_reader{options.file}.backup(backup);
  record(3, 5);
  const auto after = end();
  const auto restarts = GENERATE(false, true);
  if (restarts) {
    reopen();
    record(6, 6);
  }
  const auto last = end();

  restore(backup);
  for (const auto& cursor : {after, last}) {
    const auto e = refusal_of(cursor);
    CHECK(e.code == errc::invalid_request);
    CHECK(e.mentions("after: is a cursor of "));
    CHECK(e.mentions("backup"));
  }
  CHECK(behind(before).empty());
  record(13, 19); // the same numbers, for other operations
  for (const auto& cursor : {after, last})
    CHECK(refusal_of(cursor).code == errc::invalid_request);
  CHECK(behind(before) == ids{13, 14, 15, 16, 17, 18, 19});
  CHECK(behind(end()).empty());
}

TEST_CASE_METHOD(cursor_fixture, "a cursor of another store is refused") {
  record(1, 3);
  const temp_dir elsewhere;
  auto others = options;
  others.file = elsewhere / "other.db";
  operation_tracking_store other{others};
  for (std::uint64_t n = 1; n <= 3; ++n)
    other.record_enqueue(enqueue(n), at(1));
  store_reader reader{others.file};
  const auto e = refusal_of(reader.read_transitions({}).next);
  CHECK(e.code == errc::invalid_request);
  CHECK(e.mentions("after: is a cursor of another store"));

  list_operations list;
  list.page_size = 1;
  list.cursor = reader.list(list).next_cursor;
  REQUIRE(list.cursor);
  expect_error(errc::invalid_request, "cursor",
               [&] { store_reader{options.file}.list(list); });
}

TEST_CASE_METHOD(cursor_fixture, "what is no cursor is refused") {
  record(1, 3);
  const auto good = end();
  const auto first_dash = good.find('-');
  const auto last_dash = good.rfind('-');
  REQUIRE(first_dash != last_dash);
  for (const auto& text :
       {std::string{}, std::string{"-"}, std::string{"-1"}, std::string{"1x"},
        std::string{" 1"}, std::string{"0x1"}, std::string{"1.0"},
        std::string{"18446744073709551616"}, good + 'x', good + "-1",
        good.substr(0, last_dash), good.substr(0, last_dash + 1),
        good.substr(first_dash), good.substr(1),
        good.substr(0, last_dash) + "--1",
        good.substr(0, first_dash) + "-g" + good.substr(first_dash + 2)}) {
    CAPTURE(text);
    const auto e = refusal_of(text);
    CHECK(e.code == errc::invalid_request);
    CHECK(e.mentions("after: "));
    CHECK(e.mentions('"' + text + '"'));
  }
  CHECK(refusal_of(good.substr(0, last_dash) + "-0").code
        == errc::invalid_request); // older than its epoch
}

TEST_CASE_METHOD(cursor_fixture,
                 "an opening that gives no numbers, or takes them back, is no "
                 "epoch") {
  record(1, 1);
  const auto one = end();
  const auto mark_of = [](const std::string& x) {
    return x.substr(0, x.rfind('-'));
  };
  reopen();
  store.record_enqueue(enqueue(1), at(2)); // a duplicate
  store.begin();
  store.record_enqueue(enqueue(2), at(2));
  store.rollback();
  CHECK(end() == one);
  record(2, 2);
  const auto two = end();
  CHECK(mark_of(two) != mark_of(one));
  record(3, 3);
  CHECK(mark_of(end()) == mark_of(two));
}

TEST_CASE("the oldest epochs are forgotten, and their numbers are bare then") {
  const temp_dir dir;
  const auto file = dir / "ops.db";
  operation_tracking_store{options_for(file)};
  // Not through a store: a thousand openings take their time.
  sqlite::connection db{dir / "plain.db",
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ""};
  db.exec(store_reader{file}.schema().c_str());
  db.exec("INSERT INTO store VALUES (1, 0, 0, 0, 0);"
          "INSERT INTO identity VALUES (1, zeroblob(16), 1);"
          "INSERT INTO epoch VALUES (0, 1)");
  transition_cursors cursors{db};
  std::vector<std::string> given{cursors.at(0)};
  for (std::int64_t n = 1; n <= max_epochs + 5; ++n) {
    transition_log log{8};
    log.load(db);
    CHECK(log.next_number() == n);
    log.flush();
    db.exec(("UPDATE store SET last_number = " + std::to_string(n)).c_str());
    log.on_commit();
    given.push_back(cursors.at(n));
  }
  CHECK(db.query_int("SELECT count(*) FROM epoch") == max_epochs);
  const auto last = max_epochs + 5;
  for (std::int64_t n = 0; n <= last; ++n) {
    const auto& text = given.at(static_cast<std::size_t>(n));
    if (n > last - max_epochs) {
      CHECK(cursors.number_of(text, last) == n);
    } else {
      CHECK(cursors.at(n) == std::to_string(n));
      CHECK_THROWS_AS(cursors.number_of(text, last), store_error);
    }
  }
}
