// Histories: the transitions of operations, their numbers, and what is left of
// them after purges, restarts and with the history off.

#include "support/store_fixture.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct history_fixture : store_fixture {
  history_reply history_of(std::uint64_t n) {
    return store_reader{options.file}.get_history({id_of(n), {}});
  }

  watch_reply transitions_after(const std::string& place,
                                const watch_transitions& like = {}) {
    auto x = like;
    x.after = place;
    x.page_size = limits::max_page_size;
    return store_reader{options.file}.read_transitions(x);
  }

  // As `n Status retry_count`, in order.
  static std::vector<std::string>
  lines(const std::vector<transition>& transitions) {
    std::vector<std::string> all;
    for (const auto& x : transitions)
      all.push_back(std::to_string(x.id.low() - id_of(0).low()) + " "
                    + to_string(x.status) + " "
                    + std::to_string(x.retry_count));
    return all;
  }

  void reopen_with_history(std::int32_t history) {
    store.close();
    options.history = history;
    store = operation_tracking_store{options};
  }
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(history_fixture, "a history has each transition as it was",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_attempt(attempt(1, 1), at(2));
  auto second = attempt(1, 2);
  second.last_error = "other";
  second.http_status.reset();
  store.record_attempt(second, at(3));
  auto last = terminal(1, tracking_status::parked);
  last.last_error = "gave up";
  last.http_status = 500;
  store.record_terminal(last, at(4));

  const auto history = history_of(1);
  CHECK(history.complete);
  CHECK(history.snapshot == snapshot_of(1));
  REQUIRE(history.transitions.size() == 4);
  const auto kind = enqueue(1).kind;
  const auto& x = history.transitions;
  CHECK(x[0]
        == transition{x[0].number, id_of(1), kind, tracking_status::submitted,
                      0, std::nullopt, std::nullopt, at(1)});
  CHECK(x[1]
        == transition{x[1].number, id_of(1), kind, tracking_status::retrying, 1,
                      "503 Service Unavailable", 503, at(2)});
  CHECK(x[2]
        == transition{x[2].number, id_of(1), kind, tracking_status::retrying, 2,
                      "other", std::nullopt, at(3)});
  CHECK(x[3]
        == transition{x[3].number, id_of(1), kind, tracking_status::parked, 2,
                      "gave up", 500, at(4)});
  for (std::size_t i = 1; i < x.size(); ++i)
    CHECK(x[i - 1].number < x[i].number);
}

TEST_CASE_METHOD(history_fixture, "what was never recorded has no history",
                 "[history]") {
  CHECK(history_of(1) == history_reply{});
}

TEST_CASE_METHOD(history_fixture, "what changes nothing is no transition",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_enqueue(enqueue(1), at(2));
  store.record_attempt(attempt(1, 1), at(3));
  store.record_attempt(attempt(1, 1), at(4)); // a report that is repeated
  store.record_terminal(terminal(1), at(5));
  store.record_terminal(terminal(1), at(6));
  store.record_attempt(attempt(1, 2), at(7));
  store.record_attempt(attempt(2, 1), at(8));
  CHECK(lines(history_of(1).transitions)
        == texts{"1 Submitted 0", "1 Retrying 1", "1 Delivered 1"});
  CHECK(lines(transitions_after("0").transitions)
        == texts{"1 Submitted 0", "1 Retrying 1", "1 Delivered 1"});
}

TEST_CASE_METHOD(history_fixture,
                 "a report that says anything new is a transition",
                 "[history]") {
  const auto attempt_with = [](std::optional<std::string> error,
                               std::optional<std::int32_t> http_status) {
    auto x = attempt(1, 1);
    x.last_error = std::move(error);
    x.http_status = http_status;
    return x;
  };
  const std::string long_error(1'000, 'x'); // not kept in memory
  const auto in_memory = GENERATE(true, false);
  store.record_enqueue(enqueue(1), at(1));
  std::size_t steps = 1;
  for (const auto& x :
       {attempt_with("refused", std::nullopt), attempt_with("503", 503),
        attempt_with("503", 504), attempt_with(std::nullopt, 504),
        attempt_with(std::nullopt, std::nullopt),
        attempt_with(long_error, std::nullopt),
        attempt_with(long_error + "y", std::nullopt)}) {
    ++steps;
    for (int i = 0; i < 2; ++i) { // the second time it is repeated
      if (!in_memory)
        restart();
      store.record_attempt(x, at(2));
      const auto history = history_of(1);
      CHECK(history.complete);
      REQUIRE(history.transitions.size() == steps);
      CHECK(history.transitions.back().last_error == x.last_error);
      CHECK(history.transitions.back().http_status == x.http_status);
      CHECK(transitions_after("0").transitions == history.transitions);
    }
  }
}

TEST_CASE_METHOD(history_fixture, "transitions of all operations are in order",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_enqueue(enqueue(2, "other"), at(2));
  store.record_terminal(terminal(2), at(3));
  store.record_attempt(attempt(1, 1), at(4));
  const auto all = transitions_after("0");
  CHECK(lines(all.transitions)
        == texts{"1 Submitted 0", "2 Submitted 0", "2 Delivered 0",
                 "1 Retrying 1"});
  CHECK(all.gap == std::nullopt);
  CHECK(number_in(all.next) == all.transitions.back().number);
  CHECK(transitions_after(all.next).transitions.empty());
  CHECK(
    lines(
      transitions_after(std::to_string(all.transitions[1].number)).transitions)
    == texts{"2 Delivered 0", "1 Retrying 1"});

  watch_transitions x;
  x.kinds = {"other"};
  CHECK(lines(transitions_after("0", x).transitions)
        == texts{"2 Submitted 0", "2 Delivered 0"});
  x.statuses = {tracking_status::delivered};
  CHECK(lines(transitions_after("0", x).transitions) == texts{"2 Delivered 0"});
  x = {};
  x.ids = {id_of(1)};
  CHECK(lines(transitions_after("0", x).transitions)
        == texts{"1 Submitted 0", "1 Retrying 1"});
}

TEST_CASE_METHOD(history_fixture, "transitions are read page by page",
                 "[history]") {
  for (std::uint64_t n = 1; n <= 20; ++n) {
    store.record_enqueue(enqueue(n), at(1));
    store.record_terminal(terminal(n), at(2));
  }
  store_reader reader{options.file};
  watch_transitions x;
  x.page_size = 7;
  x.after = "0";
  std::vector<transition> all;
  for (;;) {
    const auto page = reader.read_transitions(x);
    if (page.transitions.empty())
      break;
    all.insert(all.end(), page.transitions.begin(), page.transitions.end());
    x.after = page.next;
  }
  CHECK(all == transitions_after("0").transitions);
  CHECK(all.size() == 40);
}

TEST_CASE_METHOD(history_fixture, "numbers go on after a restart and a purge",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_terminal(terminal(1), at(2));
  const auto before = transitions_after("0").next;
  store.purge_terminal(purge_before(at(10)), at(10));
  restart();
  CHECK(transitions_after("0").next == before);
  store.record_enqueue(enqueue(2), at(3));
  CHECK(transitions_after(before).transitions.at(0).number > number_in(before));
}

TEST_CASE_METHOD(history_fixture, "a history goes with its operation",
                 "[history]") {
  for (std::uint64_t n = 1; n <= 2; ++n) {
    store.record_enqueue(enqueue(n), at(1));
    store.record_attempt(attempt(n, 1), at(2));
  }
  store.record_terminal(terminal(1), at(3));
  const auto last = transitions_after("0").next;
  store.purge_terminal(purge_before(at(10)), at(10));
  const auto left = transitions_after("0");
  CHECK(lines(left.transitions) == texts{"2 Submitted 0", "2 Retrying 1"});
  CHECK(left.gap == transition_gap{1, number_in(last)});
  auto db = open_reader(options.file);
  CHECK(db.query_int("SELECT count(*) FROM transition") == 1);
}

TEST_CASE_METHOD(history_fixture, "old transitions of an operation are let go",
                 "[history]") {
  reopen_with_history(3);
  store.record_enqueue(enqueue(1), at(1));
  for (int i = 1; i <= 100; ++i) {
    store.record_attempt(attempt(1, i), at(1 + i));
    if (i == 50)
      restart(); // how many there are is looked up
    const auto history = history_of(1);
    const auto kept = history.transitions.size() - 1;
    CHECK(kept >= static_cast<std::size_t>(std::min(i, 3)));
    CHECK(kept < 6);
    CHECK(history.transitions.back().retry_count == i);
    CHECK(history.complete == (kept == static_cast<std::size_t>(i)));
  }
  const auto all = transitions_after("0");
  REQUIRE(all.gap);
  CHECK(all.gap->from == 1);
  CHECK(all.gap->to < number_in(all.next));
  store.record_terminal(terminal(1), at(200));
  store.purge_terminal(purge_before(at(300)), at(300));
  auto db = open_reader(options.file);
  CHECK(db.query_int("SELECT count(*) FROM transition") == 0);
}

TEST_CASE_METHOD(history_fixture,
                 "a history that would be too large has the last transitions, "
                 "and the first",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  for (int i = 1; i <= 10; ++i) {
    auto x = attempt(1, i);
    x.last_error = std::string(4'000, 'x');
    store.record_attempt(x, at(1 + i));
  }
  const auto whole = history_of(1);
  REQUIRE(whole.transitions.size() == 11);
  const auto part = store_reader{options.file}.get_history({id_of(1), {}},
                                                           15'000);
  CHECK_FALSE(part.complete);
  CHECK(part.snapshot == whole.snapshot);
  CHECK(
    lines(part.transitions)
    == texts{"1 Submitted 0", "1 Retrying 8", "1 Retrying 9", "1 Retrying 10"});
}

TEST_CASE_METHOD(history_fixture, "with the history off, none is kept",
                 "[history]") {
  reopen_with_history(0);
  store.record_enqueue(enqueue(1), at(1));
  store.record_attempt(attempt(1, 1), at(2));
  store.record_terminal(terminal(1), at(3));
  auto db = open_reader(options.file);
  CHECK(db.query_int("SELECT count(*) FROM transition") == 0);
  CHECK_FALSE(history_of(1).complete);
  CHECK(lines(history_of(1).transitions) == texts{"1 Submitted 0"});
  CHECK(transitions_after("0").gap.has_value());
}

TEST_CASE_METHOD(history_fixture,
                 "after a time with the history off, a gap tells of it",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_attempt(attempt(1, 1), at(2));
  const auto before = transitions_after("0").next;
  reopen_with_history(0);
  store.record_attempt(attempt(1, 2), at(3));
  reopen_with_history(16);
  store.record_attempt(attempt(1, 3), at(4));
  store.record_enqueue(enqueue(2), at(5));
  const auto after = transitions_after(before);
  REQUIRE(after.gap);
  CHECK(after.gap->from == number_in(before) + 1);
  CHECK(after.gap->to < after.transitions.at(0).number);
  CHECK(lines(after.transitions) == texts{"1 Retrying 3", "2 Submitted 0"});
  CHECK_FALSE(history_of(1).complete);
  CHECK(history_of(2).complete);
}

TEST_CASE_METHOD(history_fixture,
                 "promise 3: a transition that is undone leaves no history",
                 "[history][promise-3]") {
  store.record_enqueue(enqueue(1), at(1));
  const auto before = transitions_after("0");
  store.begin();
  store.record_attempt(attempt(1, 1), at(2));
  store.record_enqueue(enqueue(2), at(2));
  store.rollback();
  CHECK(transitions_after("0") == before);
  store.record_attempt(attempt(1, 1), at(3));
  CHECK(history_of(1).transitions.back().at == at(3));
}

TEST_CASE_METHOD(history_fixture, "the option's range is checked",
                 "[history]") {
  const temp_dir other;
  auto x = options_for(other / "x.db");
  for (const auto n : {-1, 10'001}) {
    x.history = n;
    expect_error(errc::invalid_options, "history",
                 [&] { operation_tracking_store{x}; });
  }
}

TEST_CASE_METHOD(history_fixture,
                 "a history that leads to another operation's is damage",
                 "[history]") {
  for (std::uint64_t n = 1; n <= 2; ++n) {
    store.record_enqueue(enqueue(n), at(1));
    store.record_attempt(attempt(n, 1), at(2));
  }
  store.close();
  {
    auto db = open_writer(options.file);
    db.exec("UPDATE operation SET last_transition = "
            "(SELECT max(number) FROM transition) WHERE seq = 1");
  }
  CHECK(error_of([&] { history_of(1); }).code == errc::store_corrupt);
  CHECK(history_of(2).complete);
}

// -- exports ------------------------------------------------------------------

TEST_CASE_METHOD(history_fixture, "what is exported can be restored",
                 "[history]") {
  store.record_enqueue(enqueue(1), at(1));
  store.record_attempt(attempt(1, 1), at(2));
  store.record_terminal(terminal(1, tracking_status::failed), at(3));
  store.record_enqueue(enqueue(2), at(4));
  store.record_attempt(attempt(2, 1), at(5));

  const temp_dir elsewhere;
  const auto copy = options_for(elsewhere / "copy.db");
  operation_tracking_store other{copy};
  for (std::uint64_t n = 1; n <= 2; ++n) {
    const auto history = history_of(n);
    const operation_record record{*history.snapshot, history.transitions};
    CHECK(other.restore(record).outcome == enqueue_outcome::inserted);
    CHECK(other.restore(record).outcome == enqueue_outcome::duplicate);
  }
  store_reader reader{copy.file};
  for (std::uint64_t n = 1; n <= 2; ++n) {
    const auto restored = reader.get_history({id_of(n), {}});
    CHECK(restored.snapshot == snapshot_of(n));
    CHECK(lines(restored.transitions) == lines(history_of(n).transitions));
    CHECK(restored.complete);
  }
  CHECK(reader.get_counts() == store.get_counts());
  CHECK(reader.check()->faults.empty());
  // It goes on from there.
  CHECK(other.record_terminal(terminal(1), at(9)).outcome
        == update_outcome::already_terminal);
  CHECK(other.record_terminal(terminal(2), at(9)).outcome
        == update_outcome::applied);
}

TEST_CASE_METHOD(history_fixture, "what cannot have been exported is refused",
                 "[history]") {
  const auto subject_of = [&](auto&& change) {
    operation_record x{fresh(1, at(1)), {}};
    change(x);
    return error_of([&] { store.restore(x); }).subject();
  };
  CHECK(subject_of([](auto& x) { x.snapshot.id = {}; }) == "snapshot.id");
  CHECK(subject_of([](auto& x) { x.snapshot.kind = ""; }) == "snapshot.kind");
  CHECK(subject_of([](auto& x) { x.snapshot.updated_at = at(0); })
        == "snapshot.updated_at");
  CHECK(subject_of([](auto& x) { x.snapshot.terminal_at = at(1); })
        == "snapshot.terminal_at");
  CHECK(subject_of([](auto& x) { x.snapshot.status = tracking_status::parked; })
        == "snapshot.terminal_at");
  CHECK(subject_of([](auto& x) {
          x.transitions.resize(2);
          x.transitions[0].id = id_of(1);
          x.transitions[1].id = id_of(2);
        })
        == "transitions[1].id");
  CHECK(total() == 0);
}
