// Files that are no store, or a damaged one: a clear error, nothing changed.

#include <random>

#include "support/random_seed.hpp"
#include "support/store_fixture.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct foreign_fixture {
  temp_dir dir;
  std::string file = dir / "ops.db";

  // `file` must be refused, and what it held be there still.
  void refused(errc code, std::string_view reason) {
    const auto before = bytes_in(dir.path());
    const auto e
      = error_of([&] { operation_tracking_store{options_for(file)}; });
    CAPTURE(e.text);
    CHECK(e.code == code);
    CHECK(e.mentions(file));
    CHECK(e.mentions(reason));
    CHECK(changes_since(before, dir.path()) == "");
  }

  // A store with a few operations, closed.
  void make_store(std::uint64_t operations = 3) {
    operation_tracking_store store{options_for(file)};
    store.begin();
    for (std::uint64_t n = 1; n <= operations; ++n)
      store.record_enqueue(enqueue(n), at(0));
    store.commit();
  }

  // What another program does to the file.
  void meddle(const char* sql) {
    auto db = open_writer(file);
    db.exec(sql);
  }
};

} // namespace

TEST_CASE_METHOD(foreign_fixture, "a text file is not a store",
                 "[promise-11]") {
  SECTION("short") {
    write_file(file, "hello\n");
  }
  SECTION("of a page") {
    write_file(file, std::string(4'096, 'x'));
  }
  SECTION("of a page, as long as SQLite's magic is right") {
    write_file(file,
               std::string{"SQLite format 3\0", 16} + std::string(4'080, 'x'));
  }
  SECTION("one byte") {
    write_file(file, "x");
  }
  refused(errc::not_a_store, "ops.db: is not a database");
}

TEST_CASE_METHOD(foreign_fixture,
                 "another program's database is not a store, and stays as it "
                 "is",
                 "[promise-11]") {
  SECTION("with tables") {
    meddle("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  }
  SECTION("with its own application_id") {
    meddle("PRAGMA application_id = 42; CREATE TABLE t (x)");
  }
  SECTION("with an application_id and nothing else") {
    meddle("PRAGMA application_id = 42");
  }
  SECTION("with a user_version and nothing else") {
    meddle("PRAGMA user_version = 1");
  }
  SECTION("in WAL mode") {
    meddle("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
  }
  refused(errc::not_a_store, "another program");
}

TEST_CASE_METHOD(
  foreign_fixture,
  "an empty database whose pages have no room for seals is not a "
  "store",
  "[promise-11]") {
  meddle("PRAGMA journal_mode = WAL");
  refused(errc::not_a_store, "without room");
}

TEST_CASE_METHOD(foreign_fixture,
                 "another program's database that was killed stays as it is",
                 "[promise-11]") {
  const temp_dir other;
  auto db = open_writer(other / "ops.db");
  db.exec("PRAGMA application_id = 42");
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("CREATE TABLE t (x)");
  db.exec("INSERT INTO t VALUES (1)");
  copy_files(other.path(), dir.path());
  std::filesystem::remove(dir / "ops.db-shm");
  refused(errc::not_a_store, "another program");
}

TEST_CASE_METHOD(foreign_fixture,
                 "a store that someone has added to is not a store any more",
                 "[promise-11]") {
  make_store();
  SECTION("a table") {
    meddle("CREATE TABLE extra (x)");
    refused(errc::not_a_store, "table extra does not belong there");
  }
  SECTION("a view") {
    meddle("CREATE VIEW extra AS SELECT * FROM operation");
    refused(errc::not_a_store, "view extra does not belong there");
  }
  SECTION("an index") {
    meddle("CREATE INDEX extra ON operation (kind)");
    refused(errc::not_a_store, "index extra does not belong there");
  }
  SECTION("a trigger") {
    meddle("CREATE TRIGGER extra AFTER INSERT ON operation BEGIN "
           "DELETE FROM operation; END");
    refused(errc::not_a_store, "trigger extra does not belong there");
  }
  SECTION("a name that would steer a terminal") {
    meddle("CREATE TABLE \"\x1b[2J\" (x)");
    refused(errc::not_a_store, "\\x1B[2J");
  }
}

TEST_CASE_METHOD(foreign_fixture,
                 "a store that someone has changed is not a store any more",
                 "[promise-11]") {
  make_store();
  SECTION("a column more") {
    meddle("ALTER TABLE operation ADD COLUMN extra ANY");
    refused(errc::not_a_store, "table operation has another definition");
  }
  SECTION("an index less") {
    meddle("DROP INDEX operation_finished");
    refused(errc::not_a_store, "index operation_finished is missing");
  }
  SECTION("a table less") {
    meddle("DROP TABLE counter");
    refused(errc::not_a_store, "table counter is missing");
  }
  SECTION("without its application_id") {
    meddle("PRAGMA application_id = 0");
    refused(errc::not_a_store, "another program");
  }
}

TEST_CASE_METHOD(foreign_fixture, "what ANALYZE leaves does no harm") {
  make_store();
  meddle("ANALYZE");
  operation_tracking_store store{options_for(file)};
  CHECK(store.get_status(status_of(1), at(0)).snapshot == fresh(1, at(0)));
}

TEST_CASE_METHOD(foreign_fixture, "a newer schema is refused and stays",
                 "[promise-11]") {
  make_store();
  SECTION("far newer") {
    meddle("PRAGMA user_version = 999");
    refused(errc::newer_schema, "999");
  }
  SECTION("the next") {
    meddle(
      ("PRAGMA user_version = " + std::to_string(schema_version + 1)).c_str());
    refused(errc::newer_schema, "use a newer waybill");
  }
  SECTION("and with other tables") {
    meddle("CREATE TABLE later (x); PRAGMA user_version = 2147483647");
    refused(errc::newer_schema, "2147483647");
  }
}

TEST_CASE_METHOD(foreign_fixture, "rows that contradict each other are found",
                 "[promise-11]") {
  make_store();
  SECTION("a gap in the names") {
    meddle("DELETE FROM name WHERE id = 2");
    refused(errc::store_corrupt, "names");
  }
  SECTION("a counter of no kind") {
    meddle("INSERT INTO counter VALUES (-1, 0, 1)");
    refused(errc::store_corrupt, "counter");
  }
  SECTION("no identity") {
    meddle("DELETE FROM identity");
    refused(errc::store_corrupt, "identity");
  }
  SECTION("no row in the table of the store") {
    meddle("DELETE FROM store");
    refused(errc::store_corrupt, "store");
  }
  SECTION("a name that is not there") {
    meddle("UPDATE operation SET kind = 77 WHERE seq = 2");
    operation_tracking_store store{options_for(file)};
    const auto e = error_of([&] { store.get_status(status_of(2), at(1)); });
    CHECK(e.code == errc::store_corrupt);
    CHECK(e.mentions("77"));
  }
}

TEST_CASE_METHOD(foreign_fixture,
                 "a counter that is too low is damage, not a bad request",
                 "[promise-11]") {
  make_store();
  meddle("UPDATE counter SET operations = 0");
  operation_tracking_store store{options_for(file)};
  const auto e = error_of([&] { store.record_terminal(terminal(1), at(1)); });
  CHECK(e.code == errc::store_corrupt);
  // And not stored.
  auto db = open_reader(file);
  CHECK(db.query_int("SELECT count(*) FROM operation WHERE status > 0") == 0);
}

TEST_CASE_METHOD(foreign_fixture,
                 "a block in flight that is not listed is damage",
                 "[promise-11]") {
  make_store();
  meddle("DELETE FROM in_flight_block");
  operation_tracking_store store{options_for(file)};
  const auto e = error_of([&] { store.record_terminal(terminal(1), at(1)); });
  CHECK(e.code == errc::store_corrupt);
  CHECK(e.mentions("not listed"));
}

TEST_CASE_METHOD(foreign_fixture, "a truncated store is damaged",
                 "[promise-11]") {
  make_store(500);
  const auto whole = read_file(file);
  REQUIRE(whole.size() > 40'000);
  for (const std::size_t size :
       {whole.size() - 4'096, whole.size() / 2, std::size_t{4'096},
        std::size_t{8'192 + 100}, std::size_t{1'000}}) {
    write_file(file, whole.substr(0, size));
    CAPTURE(size);
    refused(errc::store_corrupt, "malformed");
  }
}

TEST_CASE_METHOD(foreign_fixture,
                 "promise 11, corruption: once it is found, the store stops "
                 "and changes nothing more",
                 "[promise-11]") {
  make_store(4'000);
  // Pages in the middle are gone; the first, with the schema, and the last,
  // with the largest numbers, are not.
  auto bytes = read_file(file);
  const auto middle = bytes.size() / 4'096 / 2;
  for (auto page = middle - 8; page <= middle; ++page)
    bytes.replace(page * 4'096, 100, std::string(100, '\xAA'));
  write_file(file, bytes);
  operation_tracking_store store{options_for(file)};
  caught_error found;
  SECTION("alone") {
    for (std::uint64_t n = 1; n <= 2'000 && !found.code; ++n)
      found = error_of([&] { store.get_status(status_of(n), at(1)); });
  }
  SECTION("in a transaction, which is not committed then") {
    store.begin();
    for (std::uint64_t n = 1; n <= 2'000 && !found.code; ++n)
      found = error_of([&] { store.record_attempt(attempt(n, 1), at(1)); });
    CHECK(error_of([&] { store.commit(); }).code == errc::store_corrupt);
    CHECK_FALSE(store.in_transaction());
  }
  REQUIRE(found.code == errc::store_corrupt);
  const auto before = bytes_in(dir.path());
  const auto refused = [&](const auto& verb) {
    CHECK(error_of(verb).code == errc::store_corrupt);
  };
  refused([&] { store.record_enqueue(enqueue(9'999), at(2)); });
  refused([&] { store.record_attempt(attempt(1, 1), at(2)); });
  refused([&] { store.record_terminal(terminal(1), at(2)); });
  refused([&] { store.get_status(status_of(1), at(2)); });
  refused([&] { store.purge_terminal(purge_before(at(3)), at(3)); });
  refused([&] { store.begin(); });
  refused([&] { store.give_back_space(10); });
  refused([&] { store.recover(); });
  store.maintain();
  store.close();
  CHECK(changes_since(before, dir.path()) == "");
}

TEST_CASE_METHOD(foreign_fixture,
                 "promise 11, corruption: flipped bits crash nothing and lie "
                 "about no id",
                 "[promise-11]") {
  make_store(200);
  const auto whole = read_file(file);
  std::mt19937_64 random{seed_for("flipped bits")};
  for (int round = 0; round < 60; ++round) {
    auto bytes = whole;
    for (int flips = 0; flips < 8; ++flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << random() % 8);
    write_file(file, bytes);
    std::filesystem::remove(file + "-wal");
    std::filesystem::remove(file + "-shm");
    const auto e = error_of([&] {
      operation_tracking_store store{options_for(file)};
      for (std::uint64_t n = 1; n <= 200; ++n)
        if (const auto x = store.get_status(status_of(n), at(1)).snapshot)
          if (x->id != id_of(n))
            throw std::logic_error{"a snapshot of another id"};
      store.record_terminal(terminal(1), at(1));
    });
    CAPTURE(round, e.text);
    // Most flips go unnoticed; those that do not have a clear name.
    if (e.code) {
      const auto clear = e.code == errc::store_corrupt
                         || e.code == errc::not_a_store
                         || e.code == errc::newer_schema
                         || e.code == errc::store_unavailable;
      CHECK(clear);
      CHECK_FALSE(e.text.empty());
    }
    CHECK(std::filesystem::exists(file));
  }
}
