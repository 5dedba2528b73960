// Interned texts: whether a text has become a number or not, it reads the same.

#include "support/store_fixture.hpp"
#include "waybill/name_table.hpp"

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
                 "a kind that is called (other) is counted with the others") {
  store.record_enqueue(enqueue(1'000, other_kinds), at(0));
  store.begin();
  for (std::uint64_t n = 1; n <= 256; ++n)
    store.record_enqueue(numbered(n), at(0));
  store.commit();
  std::vector<status_count> others;
  for (const auto& each : store.get_counts().counts)
    if (each.kind == other_kinds)
      others.push_back(each);
  CHECK(
    others
    == std::vector<status_count>{{other_kinds, tracking_status::submitted, 2}});
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
