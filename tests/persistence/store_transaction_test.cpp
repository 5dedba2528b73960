// A transaction and those who take part in it, without a store.

#include <string>
#include <vector>

#include "support/store_fixture.hpp"
#include "waybill/store_transaction.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

// Writes down what it is told.
class witness final : public transaction_participant {
public:
  void load(sqlite::connection& /*db*/) override { add("load"); }
  void close() noexcept override { add("close"); }
  void on_begin(bool /*unfinished*/) noexcept override { add("begin"); }
  void flush() override {
    add("flush");
    if (fails_with)
      throw store_error{*fails_with, "no room"};
  }
  void on_commit() noexcept override { add("commit"); }
  void on_finish() noexcept override { add("finish"); }
  void on_rollback(bool /*unfinished*/) noexcept override { add("rollback"); }

  // What there was since the last look.
  std::string told() { return std::exchange(told_, {}); }

  std::optional<errc> fails_with;

private:
  void add(const char* what) {
    told_ += told_.empty() ? "" : " ";
    told_ += what;
  }

  std::string told_;
};

struct one_transaction {
  temp_dir dir;
  sqlite::connection db{dir / "plain.db",
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ""};
  sqlite::log_syncer syncer;
  damage_latch damage;
  witness first;
  witness second;
  store_transaction transaction{db, syncer, damage, {&first, &second}};

  one_transaction() {
    db.exec("PRAGMA journal_mode = WAL");
    transaction.load();
    first.told();
    second.told();
  }

  // What all who take part were told; they hear the same.
  std::string told() {
    const auto text = first.told();
    CHECK(second.told() == text);
    return text;
  }
};

} // namespace

TEST_CASE_METHOD(one_transaction,
                 "all who take part in a transaction are told of its steps") {
  transaction.begin();
  CHECK(transaction.is_open());
  CHECK(told() == "begin");
  db.exec("CREATE TABLE x (a)");
  transaction.commit();
  CHECK_FALSE(transaction.is_undoable());
  CHECK(told() == "flush commit");
  transaction.begin();
  transaction.rollback();
  CHECK_FALSE(transaction.is_begun());
  CHECK(told() == "begin rollback");
  transaction.close();
  CHECK_FALSE(transaction.is_usable());
  CHECK(told() == "close");
  transaction.load();
  CHECK(transaction.is_usable());
  CHECK(told() == "load");
}

TEST_CASE_METHOD(one_transaction,
                 "what cannot be written by one rolls all of them back") {
  transaction.begin();
  db.exec("CREATE TABLE x (a)");
  second.fails_with = errc::store_full;
  CHECK(error_of([&] { transaction.commit(); }).code == errc::store_full);
  CHECK(told() == "begin flush rollback");
  CHECK_FALSE(transaction.is_begun());
  CHECK(transaction.is_usable());
  CHECK(db.query_int("SELECT count(*) FROM sqlite_schema") == 0);
}

TEST_CASE_METHOD(one_transaction,
                 "damage that one of them finds is the end of all commits") {
  transaction.begin();
  first.fails_with = errc::store_corrupt;
  CHECK(error_of([&] { transaction.commit(); }).code == errc::store_corrupt);
  CHECK(damage.is_found());
  first.fails_with.reset();
  transaction.begin();
  CHECK(error_of([&] { transaction.commit(); }).code == errc::store_corrupt);
  CHECK_FALSE(transaction.is_begun());
}

TEST_CASE_METHOD(one_transaction,
                 "a transaction that SQLite has ended is known to be lost") {
  transaction.begin();
  db.exec("ROLLBACK");
  CHECK(transaction.is_begun());
  CHECK_FALSE(transaction.is_open());
  CHECK(error_of([&] { transaction.commit(); }).code == errc::not_stored);
  CHECK_FALSE(transaction.is_begun());
}

TEST_CASE_METHOD(one_transaction,
                 "who has begun a transaction that was undone has to end it") {
  transaction.begin();
  transaction.undo();
  CHECK(told() == "begin rollback");
  CHECK(transaction.is_begun());
  CHECK(error_of([&] { transaction.begin(); }).code == errc::not_stored);
  transaction.rollback();
  CHECK_FALSE(transaction.is_begun());
}
