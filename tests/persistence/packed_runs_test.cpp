// Sorted runs: against a model that is simple, with runs so small that they are
// merged, forgotten and swept all the time; and what was crafted.

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/random_seed.hpp"
#include "waybill/packed_runs.hpp"
#include "waybill/run_check.hpp"
#include "waybill/tombstone_entry.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

constexpr run_layout wide_layout{"thing", 16, 8, is_random_key};

// As ids hashed to 64 bits would have it.
constexpr run_layout narrow_layout{"thing", 8, 0, [](const run_key&) noexcept {
                                     return true;
                                   }};

constexpr run_sizes tiny{.page_entries = 3,
                         .fan_in = 2,
                         .full = 64,
                         .fresh = 8};

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 30U) * 0xBF58'476D'1CE4'E5B9U;
  x = (x ^ x >> 27U) * 0x94D0'49BB'1331'11EBU;
  return x ^ x >> 31U;
}

// Of each three one bears its time.
run_key key_of(const run_layout& layout, std::uint64_t n) {
  if (layout.key_bytes == 8)
    return {mixed(n + 1), 0};
  if (n % 3 == 0)
    return {(0x0193'0000'0000U + n / 9) << 16U | 0x7000U,
            std::uint64_t{1} << 63U | n};
  return {mixed(n + 1) & ~std::uint64_t{0xF000}, mixed(n + 1'000'000)};
}

sqlite::connection make_tables() {
  sqlite::connection db{":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        ""};
  db.exec("CREATE TABLE thing_run (run INTEGER PRIMARY KEY, "
          "first INTEGER NOT NULL, next INTEGER NOT NULL, "
          "entries INTEGER NOT NULL, random INTEGER NOT NULL, "
          "last BLOB NOT NULL, fences BLOB NOT NULL, filter BLOB NOT NULL) "
          "STRICT; "
          "CREATE TABLE thing_page (number INTEGER PRIMARY KEY, "
          "entries BLOB NOT NULL) STRICT");
  return db;
}

struct run_model {
  struct state {
    std::vector<run_entry> entries; // in the order of their numbers
    std::int64_t first = 1;
    std::int64_t next = 1;
    std::int64_t next_run = 1;
  };

  const run_layout& layout;
  run_sizes sizes = tiny;
  std::mt19937_64 random;
  sqlite::connection db = make_tables();
  std::optional<packed_runs> runs;
  state now;
  state committed;
  int merged = 0; // how often there were fewer runs after a part of it

  run_model(const run_layout& of, std::uint64_t seed)
    : layout{of}, random{seed} {
    open();
  }

  std::uint64_t any(std::uint64_t n) { return random() % n; }

  void open() {
    runs.emplace(layout, sizes);
    runs->load(db, committed.next_run);
  }

  void begin() {
    if (!db.in_transaction())
      db.exec("BEGIN");
  }

  void add(std::uint64_t most) {
    begin();
    std::vector<run_entry> lot;
    const auto first = now.next;
    for (auto n = 1 + any(most); n > 0; --n)
      lot.push_back({key_of(layout, any(300)), now.next++,
                     layout.value_bytes == 0 ? 0 : any(1'000'000)});
    now.entries.insert(now.entries.end(), lot.begin(), lot.end());
    std::ranges::sort(lot);
    runs->add(lot, first, now.next);
  }

  void merge(std::int64_t limit) {
    begin();
    const auto before = runs->size();
    runs->merge(limit, now.first);
    merged += runs->size() < before ? 1 : 0;
  }

  void forget(std::uint64_t most) {
    begin();
    now.first = std::min(now.next,
                         now.first + static_cast<std::int64_t>(any(most)));
    std::erase_if(now.entries,
                  [&](const auto& x) { return x.number < now.first; });
    runs->forget(now.first);
  }

  void sweep() {
    begin();
    runs->sweep(1 + static_cast<std::int64_t>(any(9)));
  }

  void commit() {
    if (!db.in_transaction())
      return;
    db.exec("COMMIT");
    now.next_run = runs->next_run();
    committed = now;
    runs->on_commit();
  }

  void roll_back() {
    if (!db.in_transaction())
      return;
    db.exec("ROLLBACK");
    now = committed;
    runs->on_rollback();
  }

  // After a stop, or an abrupt end: what is in memory is gone.
  void reopen() {
    runs->close();
    if (db.in_transaction())
      db.exec("ROLLBACK");
    now = committed;
    open();
  }

  std::optional<run_entry> expected(const run_key& key) const {
    const auto at = std::find_if(now.entries.rbegin(), now.entries.rend(),
                                 [&](const auto& x) { return x.key == key; });
    return at == now.entries.rend() ? std::nullopt : std::optional{*at};
  }

  void ask(std::uint64_t n) {
    const auto key = key_of(layout, n);
    CAPTURE(n);
    REQUIRE(runs->find(key, now.first) == expected(key));
  }

  void check() {
    std::vector<std::string> faults;
    std::map<std::int64_t, run_entry> found;
    check_runs(
      db, layout, [&](const std::string& x) { faults.push_back(x); },
      [&](const run_entry& x) { found.emplace(x.number, x); },
      [] { return true; });
    CAPTURE(faults);
    REQUIRE(faults.empty());
    for (const auto& x : now.entries)
      REQUIRE(found.at(x.number) == x);
    for (std::uint64_t n = 0; n < 310; ++n)
      ask(n);
  }

  void step() {
    const auto dice = any(100);
    if (dice < 30)
      add(12);
    else if (dice < 55)
      merge(1 + static_cast<std::int64_t>(any(40)));
    else if (dice < 60)
      forget(60);
    else if (dice < 67)
      sweep();
    else if (dice < 80)
      commit();
    else if (dice < 86)
      roll_back();
    else if (dice < 88)
      reopen();
    else if (dice < 90)
      check();
    else
      ask(any(310));
  }
};

} // namespace

TEST_CASE("5,000 random steps of sorted runs do what a simple model says",
          "[runs]") {
  const auto* const layout = GENERATE(&wide_layout, &narrow_layout);
  run_model model{*layout, seed_for("sorted runs")};
  for (int i = 0; i < 5'000; ++i) {
    CAPTURE(i);
    model.step();
  }
  model.check();
  CHECK(model.merged > 50);
  // All is given back.
  model.forget(1);
  model.now.first = model.now.next;
  model.now.entries.clear();
  model.runs->forget(model.now.first);
  while (model.runs->has_garbage())
    model.sweep();
  model.commit();
  model.check();
  CHECK(model.db.query_int("SELECT count(*) FROM thing_run") == 0);
  CHECK(model.db.query_int("SELECT count(*) FROM thing_page") == 0);
}

TEST_CASE("a merge that is cut off at any place loses nothing, and begins anew",
          "[runs]") {
  const auto is_abrupt = GENERATE(false, true);
  for (int parts = 1; parts < 40; ++parts) {
    run_model model{wide_layout, 5};
    CAPTURE(parts, is_abrupt);
    for (int i = 0; i < 12; ++i)
      model.add(6);
    model.commit();
    for (int i = 0; i < parts; ++i) {
      model.merge(1);
      model.commit();
    }
    model.merge(3);
    if (is_abrupt)
      model.reopen();
    else
      model.roll_back();
    model.check();
    for (int i = 0; i < 20; ++i)
      model.merge(1'000);
    while (model.runs->has_garbage())
      model.sweep();
    model.commit();
    model.check();
    // Only what is listed has pages.
    std::int64_t pages = 0;
    for (const auto& each : model.runs->list())
      pages += each->pages();
    CHECK(model.db.query_int("SELECT count(*) FROM thing_page") == pages);
  }
}

TEST_CASE("there are few runs, however many lots there were", "[runs]") {
  const auto most = GENERATE(1U, 5U, 16U);
  run_model model{wide_layout, 7};
  model.sizes = {.page_entries = 8, .fan_in = 4, .full = 2'048, .fresh = 64};
  model.reopen();
  std::size_t runs = 0;
  for (int lot = 0; lot < 600; ++lot) {
    const auto before = model.now.next;
    model.add(most);
    model.merge(2 * (model.now.next - before) + 4);
    model.sweep();
    runs = std::max(runs, model.runs->size());
  }
  CAPTURE(most);
  CHECK(runs < 40);
  model.commit();
  model.check();
}

TEST_CASE("the newest of what has the same key is found, in a page, over pages "
          "and over runs",
          "[runs]") {
  run_model model{wide_layout, 9};
  const auto key = key_of(wide_layout, 1);
  for (std::int64_t n = 1; n <= 20; n += 5) {
    model.begin();
    std::vector<run_entry> lot;
    for (std::int64_t i = 0; i < 5; ++i)
      lot.push_back({key, n + i, static_cast<std::uint64_t>(n + i)});
    model.runs->add(lot, n, n + 5);
    CHECK(model.runs->find(key, 1)->number == n + 4);
  }
  for (int i = 0; i < 9; ++i)
    model.runs->merge(1'000, 1);
  CHECK(model.runs->size() == 1);
  CHECK(model.runs->find(key, 1)->number == 20);
  CHECK(model.runs->find(key, 20)->number == 20);
  CHECK_FALSE(model.runs->find(key, 21));
}

TEST_CASE("a run takes no entry whose number is not one of its own", "[runs]") {
  run_model model{wide_layout, 9};
  struct place {
    std::int64_t number;
    std::int64_t first;
    std::int64_t next;
  };
  const auto x = GENERATE(place{9, 10, 12}, place{12, 10, 12},
                          place{1, 1, std::int64_t{1} << 40U});
  CAPTURE(x.number, x.first, x.next);
  const std::vector<run_entry> lot{{{7, 7}, x.number, 1}};
  CHECK(error_of([&] { model.runs->add(lot, x.first, x.next); }).code
        == errc::store_corrupt);
}

TEST_CASE("a page of a run is no larger than a page of the file", "[runs]") {
  std::vector<std::uint8_t> bytes(8 + 150 * wide_layout.entry_bytes());
  bytes[7] = 1;
  CHECK(error_of([&] {
          run_page{wide_layout, bytes};
        }).code
        == errc::store_corrupt);
  bytes.resize(8 + 140 * wide_layout.entry_bytes());
  CHECK(run_page{wide_layout, bytes}.size() == 140);
}

TEST_CASE("a filter has all that it was given, and few others", "[runs]") {
  const auto keys = GENERATE(1, 40, 1'000);
  run_filter filter{keys};
  const auto key = [](int n) {
    const auto x = static_cast<std::uint64_t>(n);
    return run_hash{{mixed(x), mixed(x + 5'000'000)}};
  };
  for (int n = 0; n < keys; ++n)
    filter.add(key(n));
  int others = 0;
  for (int n = 0; n < keys; ++n) {
    CHECK(filter.may_have(key(n)));
    others += filter.may_have(key(1'000'000 + n)) ? 1 : 0;
  }
  CHECK(others <= 1 + keys / 33);
  const auto again = run_filter::of(filter.bytes());
  CHECK(again->may_have(key(0)));
  CHECK_FALSE(run_filter{}.may_have(key(0)));
  CHECK_FALSE(run_filter::of(filter.bytes().first(63)));
}

namespace {

// What someone has put in the place of a number, or of bytes.
struct crafted_value {
  std::mt19937_64& random;

  std::int64_t number(std::int64_t was) {
    constexpr std::int64_t edges[]
      = {0, -1, 1, INT64_MAX, INT64_MIN, max_run, max_run_number, UINT32_MAX};
    const auto dice = random() % 12;
    if (dice < std::size(edges))
      return edges[dice];
    const auto beside = static_cast<std::uint64_t>(was)
                        + (dice % 2 == 0 ? 1U : ~std::uint64_t{0});
    return static_cast<std::int64_t>(beside);
  }

  std::vector<std::uint8_t> bytes(std::span<const std::uint8_t> was) {
    std::vector<std::uint8_t> x{was.begin(), was.end()};
    const auto dice = random() % 4;
    if (dice == 0)
      x.resize(random() % (x.size() + 1));
    else if (dice == 1)
      x.resize(x.size() + 1 + random() % 64, 0xFF);
    for (auto n = 1 + random() % 4; n > 0 && !x.empty(); --n)
      x[random() % x.size()] = static_cast<std::uint8_t>(random());
    return x;
  }
};

void craft(sqlite::connection& db, std::mt19937_64& random) {
  constexpr std::pair<const char*, const char*> places[]
    = {{"run", "first"},    {"run", "next"},    {"run", "entries"},
       {"run", "random"},   {"run", "run"},     {"run", "last"},
       {"run", "fences"},   {"run", "filter"},  {"page", "number"},
       {"page", "entries"}, {"page", "entries"}};
  const auto& [of, column] = places[random() % std::size(places)];
  const std::string name = std::string{"thing_"} + of;
  auto rows = db.prepare("SELECT rowid, " + std::string{column} + " FROM "
                         + name + " ORDER BY random() LIMIT 1");
  REQUIRE(rows.step());
  auto update = db.prepare("UPDATE OR REPLACE " + name + " SET " + column
                           + " = ?2 WHERE rowid = ?1");
  update.bind(1, rows.integer(0));
  crafted_value crafted{random};
  std::vector<std::uint8_t> bytes;
  if (rows.is_integer(1)) {
    update.bind(2, crafted.number(rows.integer(1)));
  } else {
    bytes = crafted.bytes(rows.blob(1));
    bytes.reserve(1); // or it would be NULL
    update.bind_borrowed(2, bytes);
  }
  rows.reset();
  update.run();
}

} // namespace

TEST_CASE("runs that were crafted are answered from, or are damaged, and a "
          "check never breaks off otherwise",
          "[runs]") {
  run_model model{wide_layout, 3};
  for (int i = 0; i < 8; ++i) {
    model.add(9);
    model.merge(10);
  }
  model.commit();
  std::mt19937_64 random{seed_for("crafted runs")};
  int damaged = 0;
  for (int i = 0; i < 400; ++i) {
    CAPTURE(i);
    model.db.exec("SAVEPOINT sound");
    for (auto n = 1 + random() % 2; n > 0; --n)
      craft(model.db, random);
    const auto use = [&] {
      packed_runs runs{wide_layout, tiny};
      runs.load(model.db, 1);
      for (std::uint64_t n = 0; n < 310; ++n)
        runs.find(key_of(wide_layout, n), 1);
      for (int part = 0; part < 4; ++part)
        runs.merge(50, 9);
      runs.forget(20);
      runs.sweep(1'000);
    };
    const auto check = [&] {
      check_runs(
        model.db, wide_layout, [&](const std::string&) { ++damaged; },
        [](const run_entry&) {}, [] { return true; });
    };
    for (const auto& e : {error_of(check), error_of(use)}) {
      CAPTURE(e.text);
      CHECK((!e.code || e.code == errc::store_corrupt));
      damaged += e.code ? 1 : 0;
    }
    model.db.exec("ROLLBACK TO sound; RELEASE sound");
  }
  CHECK(damaged > 200);
  model.check();
}

TEST_CASE("a check finds what is wrong with runs", "[runs][promise-11]") {
  run_model model{wide_layout, 3};
  model.sizes.fan_in = 100; // nothing is merged
  model.reopen();
  for (int i = 0; i < 3; ++i) {
    model.begin();
    std::vector<run_entry> lot;
    const auto first = model.now.next;
    for (std::uint64_t n = 0; n < 10; ++n)
      lot.push_back({{100 * n, 7}, model.now.next++, n});
    model.runs->add(lot, first, model.now.next);
  }
  model.commit();
  const auto [sql, fault] = GENERATE(table<const char*, const char*>({
    // The last entry of a page before the others.
    {"UPDATE thing_page SET entries = CAST(substr(entries, 1, 8) || "
     "substr(entries, 65, 28) || substr(entries, 37, 28) || "
     "substr(entries, 9, 28) AS BLOB) WHERE number = 16777217",
     "thing run 1: number 5 is not in its place"},
    {"UPDATE thing_page SET entries = substr(entries, 1, 36) "
     "WHERE number = 16777216",
     "thing run 1: has 8 entries"},
    {"UPDATE thing_run SET entries = 9, random = 9 WHERE run = 2",
     "thing run 2: has 10 entries"},
    {"UPDATE thing_run SET next = 30, entries = 9, random = 9 WHERE run = 3",
     "number 30 does not belong there"},
    {"UPDATE thing_run SET last = x'00000000000003840000000000000008' "
     "WHERE run = 1",
     "thing run 1: does not end as is said"},
    {"UPDATE thing_run SET filter = zeroblob(length(filter)) WHERE run = 1",
     "thing run 1: number 1 is not in the filter"},
    {"UPDATE thing_run SET fences = CAST(zeroblob(16) || substr(fences, 17) "
     "AS BLOB) "
     "WHERE run = 1",
     "thing run 1: page 0 does not begin as is said"},
    {"DELETE FROM thing_page WHERE number = 16777217",
     "thing run 1: a row holds run 1, whose page 1 is missing"},
    {"UPDATE thing_page SET entries = (SELECT entries FROM thing_page "
     "WHERE number = 33554432) WHERE number = 16777216",
     "thing run 1: a row holds run 1, whose page 0 is missing, or another "
     "one's"},
    {"INSERT INTO thing_page SELECT 16777230, entries FROM thing_page "
     "WHERE number = 16777216",
     "thing run 1: has 5 pages, but should have 4"},
  }));
  CAPTURE(sql);
  model.db.exec(sql);
  std::string all;
  check_runs(
    model.db, wide_layout, [&](const std::string& x) { all += x + "\n"; },
    [](const run_entry&) {}, [] { return true; });
  CAPTURE(all);
  CHECK(all.find(fault) != std::string::npos);
}
