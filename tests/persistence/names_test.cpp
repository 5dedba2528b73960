// Interned texts: whether a text has become a number or not, it reads the same.

#include "support/store_fixture.hpp"
#include "waybill/name_table.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

record_enqueue numbered(std::uint64_t n) {
  const auto text = std::to_string(n); // also looks like a name's id
  return {id_of(n), text, text, text, text, text, {}};
}

struct names_fixture : store_fixture {
  void check(std::uint64_t n) {
    const auto x = snapshot_of(n).value();
    const auto text = std::to_string(n);
    CHECK(x.kind == text);
    CHECK(x.target_summary == text);
    CHECK(x.source_instance_id == text);
    CHECK(x.source_script == text);
    CHECK(x.source_node == text);
  }

  std::int64_t stored(const std::string& sql) {
    auto db = open_reader(options.file);
    return db.query_int(sql.c_str());
  }
};

} // namespace

TEST_CASE_METHOD(names_fixture,
                 "texts past their field's quota read as those within it") {
  constexpr std::uint64_t count = 1'100;
  store.begin();
  for (std::uint64_t n = 1; n <= count; ++n)
    store.record_enqueue(numbered(n), at(0));
  store.commit();
  // The quotas are real: names stop, texts go into the rows.
  CHECK(stored("SELECT count(*) FROM name WHERE field = 0")
        == limits::max_counted_kinds);
  for (const auto* const field : {"1", "2", "3", "4"})
    CHECK(
      stored("SELECT count(*) FROM name WHERE field = " + std::string{field})
      == 1'024);
  CHECK(stored("SELECT count(*) FROM operation WHERE typeof(kind) = 'text'")
        == count - limits::max_counted_kinds);
  CHECK(stored("SELECT count(*) FROM operation WHERE typeof(target) = 'text'")
        == count - 1'024);
  for (std::uint64_t n = 1; n <= count; ++n)
    check(n);
  restart();
  for (std::uint64_t n = 1; n <= count; ++n)
    check(n);
}

TEST_CASE_METHOD(names_fixture,
                 "kinds past their quota are counted together as (other)",
                 "[contract]") {
  store.begin();
  for (std::uint64_t n = 1; n <= 300; ++n)
    store.record_enqueue(numbered(n), at(0));
  store.commit();
  const auto other = [&](tracking_status status) {
    std::int64_t sum = 0;
    for (const auto& each : store.get_counts().counts)
      if (each.kind == other_kinds && each.status == status)
        sum += each.operations;
    return sum;
  };
  CHECK(store.get_counts().counts.size() == limits::max_counted_kinds + 1);
  CHECK(other(tracking_status::submitted) == 44);
  store.record_attempt(attempt(300, 1), at(1));
  store.record_terminal(terminal(299), at(1));
  CHECK(other(tracking_status::submitted) == 42);
  CHECK(other(tracking_status::retrying) == 1);
  CHECK(other(tracking_status::delivered) == 1);
  store.purge_terminal(purge_before(at(2)), at(2));
  CHECK(other(tracking_status::delivered) == 0);
  restart();
  CHECK(other(tracking_status::submitted) == 42);
  CHECK(total() == 299);
}

TEST_CASE_METHOD(names_fixture,
                 "no kind can be called what others are counted as") {
  expect_error(errc::invalid_request, "kind",
               [&] { store.record_enqueue(enqueue(1, other_kinds), at(0)); });
  CHECK(total() == 0);
}

TEST_CASE_METHOD(names_fixture,
                 "kinds that no operation has any more make room for others") {
  // A version in the name, say.
  store_reader reader{options.file};
  const auto count_of = [](const counts_reply& x, const std::string& kind) {
    std::int64_t sum = 0;
    for (const auto& each : x.counts)
      if (each.kind == kind)
        sum += each.operations;
    return sum;
  };
  store.record_enqueue(enqueue(1, "stays"), at(0));
  for (std::uint64_t n = 2; n <= 600; ++n) {
    const auto kind = "sync.v" + std::to_string(n);
    store.record_enqueue(enqueue(n, kind), at(1));
    CHECK(count_of(store.get_counts(), kind) == 1);
    CHECK(store.get_status(status_of(n), at(1)).snapshot->kind == kind);
    if (n % 100 == 0) {
      CHECK(count_of(reader.get_counts(), kind) == 1);
      CHECK(reader.get_status(status_of(n)).snapshot->kind == kind);
    }
    store.record_terminal(terminal(n), at(1));
    store.purge_terminal(purge_before(at(2)), at(3));
  }
  CHECK(total() == 1);
  CHECK(count_of(store.get_counts(), "stays") == 1);
  CHECK(count_of(reader.get_counts(), "stays") == 1);
  store.record_enqueue(enqueue(1'000, "invoice.send"), at(4));
  restart();
  CHECK(count_of(store.get_counts(), "invoice.send") == 1);
  CHECK(count_of(store.get_counts(), other_kinds) == 0);
  CHECK(store.get_status(status_of(1), at(5)).snapshot->kind == "stays");
  CHECK(reader.check()->faults.empty());
}

TEST_CASE_METHOD(names_fixture,
                 "promise 3: a kind that made room has its name again after a "
                 "rollback",
                 "[promise-3]") {
  store.begin();
  for (std::uint64_t n = 1; n <= limits::max_counted_kinds; ++n)
    store.record_enqueue(enqueue(n, "kind " + std::to_string(n)), at(0));
  store.record_terminal(terminal(7), at(1));
  store.commit();
  store.begin();
  store.purge_terminal(purge_before(at(2)), at(3));
  store.record_enqueue(enqueue(1'000, "new"), at(3));
  CHECK(store.get_status(status_of(1'000), at(3)).snapshot->kind == "new");
  store.rollback();
  CHECK(store.get_status(status_of(7), at(3)).snapshot->kind == "kind 7");
  // All are in use, and none gives way.
  store.record_enqueue(enqueue(1'001, "new"), at(3));
  CHECK(store.get_status(status_of(1'001), at(3)).snapshot->kind == "new");
  restart();
  for (std::uint64_t n = 1; n <= limits::max_counted_kinds; ++n)
    CHECK(store.get_status(status_of(n), at(4)).snapshot->kind
          == "kind " + std::to_string(n));
}

TEST_CASE_METHOD(names_fixture,
                 "a kind that goes makes room, though there was none before") {
  const auto count_of = [&](const std::string& kind) {
    std::int64_t sum = 0;
    for (const auto& each : store.get_counts().counts)
      if (each.kind == kind)
        sum += each.operations;
    return sum;
  };
  for (std::uint64_t n = 1; n <= limits::max_counted_kinds; ++n)
    store.record_enqueue(enqueue(n, "kind " + std::to_string(n)), at(0));
  store.record_enqueue(enqueue(1'000, "new"), at(0));
  CHECK(count_of("new") == 0);
  // An end leaves the kind in use, as long as its row is there.
  store.record_terminal(terminal(7), at(1));
  store.record_enqueue(enqueue(1'001, "new"), at(1));
  CHECK(count_of("new") == 0);
  CHECK(count_of(other_kinds) == 2);
  store.purge_terminal(purge_before(at(2)), at(3));
  store.record_enqueue(enqueue(1'002, "new"), at(3));
  CHECK(count_of("new") == 1);
  store.record_terminal(terminal(8), at(4));
  store.begin();
  store.purge_terminal(purge_before(at(5)), at(6));
  store.record_enqueue(enqueue(1'003, "newer"), at(6));
  store.record_enqueue(enqueue(1'004, "newest"), at(6));
  CHECK(count_of("newer") == 1);
  CHECK(count_of(other_kinds) == 3);
  store.rollback();
  store.purge_terminal(purge_before(at(5)), at(6));
  store.record_enqueue(enqueue(1'004, "newest"), at(6));
  CHECK(count_of("newest") == 1);
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(names_fixture,
                 "a text is stored once, however often it is used") {
  for (std::uint64_t n = 1; n <= 50; ++n)
    store.record_enqueue(enqueue(n), at(0));
  restart();
  for (std::uint64_t n = 51; n <= 100; ++n)
    store.record_enqueue(enqueue(n), at(0));
  CHECK(stored("SELECT count(*) FROM name") == 5);
  CHECK(snapshot_of(1).value().kind == snapshot_of(100).value().kind);
}

TEST_CASE_METHOD(names_fixture,
                 "names that a rollback took away are given out anew") {
  store.record_enqueue(numbered(1), at(0));
  store.begin();
  store.record_enqueue(numbered(2), at(0));
  store.rollback();
  // Their ids go to other texts now, which must not read as the old ones.
  store.record_enqueue(numbered(3), at(0));
  check(1);
  check(3);
  CHECK(stored("SELECT count(*) FROM name") == 10);
  store.record_enqueue(numbered(2), at(0));
  check(2);
  restart();
  check(1);
  check(2);
  check(3);
  CHECK(store.get_counts().counts
        == std::vector<status_count>{{"1", tracking_status::submitted, 1},
                                     {"2", tracking_status::submitted, 1},
                                     {"3", tracking_status::submitted, 1}});
}

TEST_CASE_METHOD(names_fixture,
                 "a rolled back batch does not use up the quota") {
  for (std::uint64_t round = 0; round < 3; ++round) {
    store.begin();
    for (std::uint64_t n = 1; n <= 200; ++n)
      store.record_enqueue(numbered(1'000 * (round + 1) + n), at(0));
    store.rollback();
  }
  store.begin();
  for (std::uint64_t n = 1; n <= limits::max_counted_kinds; ++n)
    store.record_enqueue(numbered(n), at(0));
  store.commit();
  CHECK(stored("SELECT count(*) FROM operation WHERE typeof(kind) = 'text'")
        == 0);
}
