// Targets that an operator has paused: no attempt begins, whoever asks for it,
// and the file says who has paused them and why.

#include "support/calls.hpp"
#include "waybill/store_reader.hpp"
#include "waybill/store_recovery.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct pause_fixture : call_fixture {
  pause_reply pause(timestamp now = at(5), const std::string& who = "anna",
                    const std::string& reason = "MES is updated") {
    return store.calls().pause({"plant", who, reason}, now);
  }

  pause_reply resume() { return store.calls().resume({"plant"}, at(9)); }

  std::optional<target_pause> paused() {
    return store.calls().get_target({"plant"}).pause;
  }

  begin_reply begin(const call_head& x) {
    return store.calls().begin(begin_of(x), at(6));
  }
};

const target_pause annas{at(5), "anna", "MES is updated"};

} // namespace

TEST_CASE_METHOD(pause_fixture,
                 "no attempt begins for a target that is paused, until it is "
                 "resumed",
                 "[calls]") {
  const auto first = take(1);
  CHECK(pause() == pause_reply{pause_outcome::applied, annas});
  const auto refused = begin(first);
  CHECK_FALSE(refused.begun);
  CHECK(refused.paused);
  CHECK(refused.call.payload.empty());
  auto x = take_of(2);
  x.begin = true;
  const auto taken = store.calls().take(x, at(6));
  CHECK(taken.outcome == take_outcome::taken);
  CHECK_FALSE(taken.begun);
  CHECK(waiting()
        == std::vector<std::string>{"1: attempt 1, 7 bytes",
                                    "2: attempt 1, 7 bytes"});
  CHECK(resume() == pause_reply{pause_outcome::applied, annas});
  CHECK(begin(first).begun);
  CHECK(begin(taken.head).begun);
}

TEST_CASE_METHOD(pause_fixture,
                 "attempts that had begun when their target was "
                 "paused end as ever",
                 "[calls]") {
  const auto first = take(1, true);
  const auto second = take(2, true);
  const auto waits = take(3);
  pause();
  CHECK(store.calls().retry(retry_of(first), at(7)).outcome
        == update_outcome::applied);
  CHECK(store.calls().end(end_of(second), at(7)).outcome
        == update_outcome::applied);
  CHECK(snapshot_of(2)->status == tracking_status::delivered);
  // Nor does its next one begin.
  auto next = begin_of(first);
  next.attempt = 2;
  CHECK(store.calls().begin(next, at(8)).paused);
  // What has expired is discarded without an attempt.
  CHECK(
    store.calls().end(end_of(waits, tracking_status::discarded), at(8)).outcome
    == update_outcome::applied);
}

TEST_CASE_METHOD(pause_fixture,
                 "the first who pauses a target has paused it, "
                 "and others learn of that",
                 "[promise-4]") {
  pause();
  CHECK(pause(at(6), "bert", "holiday")
        == pause_reply{pause_outcome::unchanged, annas});
  resume();
  CHECK(resume() == pause_reply{pause_outcome::unchanged, std::nullopt});
  const auto berts = pause(at(7), "bert", "holiday");
  CHECK(berts.outcome == pause_outcome::applied);
  CHECK(berts.pause == target_pause{at(7), "bert", "holiday"});
}

TEST_CASE_METHOD(pause_fixture,
                 "a target that is not there is neither paused nor resumed",
                 "[calls]") {
  CHECK(store.calls().pause({"mill", "anna", "x"}, at(5))
        == pause_reply{pause_outcome::not_found, std::nullopt});
  CHECK(store.calls().resume({"mill"}, at(9))
        == pause_reply{pause_outcome::not_found, std::nullopt});
  CHECK(error_of([&] {
          store.calls().pause({"", "anna", "x"}, at(5));
        }).text
        == "target: must not be empty");
  CHECK(error_of([&] {
          store.calls().pause({"plant", "", "x"}, at(5));
        }).text
        == "who: must not be empty");
  CHECK(error_of([&] {
          store.calls().pause({"plant", "anna", ""}, at(5));
        }).text
        == "reason: must not be empty");
  CHECK(error_of([&] { store.calls().resume({""}, at(9)); }).code
        == errc::invalid_request);
  CHECK_FALSE(paused());
}

TEST_CASE_METHOD(pause_fixture,
                 "a target stays paused when the store is opened again, and "
                 "only that one",
                 "[calls]") {
  store.calls().open_target({"mill", {}, 3, {}}, at(0));
  const auto waits = take(1);
  pause();
  restart();
  CHECK(open().pause == annas);
  CHECK(begin(waits).paused);
  CHECK_FALSE(store.calls().open_target({"mill", {}, 3, {}}, at(9)).pause);
  auto other = take_of(2);
  other.target = "mill";
  other.begin = true;
  CHECK(store.calls().take(other, at(9)).begun);
  resume();
  restart();
  CHECK_FALSE(open().pause);
  CHECK(begin(waits).begun);
}

TEST_CASE_METHOD(pause_fixture,
                 "a pause that is rolled back has never been, and one that is "
                 "lifted by what is rolled back goes on",
                 "[promise-6]") {
  const auto waits = take(1);
  store.begin();
  CHECK(pause().outcome == pause_outcome::applied);
  CHECK(paused() == annas);
  store.rollback();
  CHECK_FALSE(paused());
  pause();
  store.begin();
  resume();
  CHECK(pause(at(8), "bert", "x").outcome == pause_outcome::applied);
  resume();
  CHECK_FALSE(paused());
  store.rollback();
  CHECK(paused() == annas);
  CHECK(begin(waits).paused);
  store.begin();
  resume();
  store.commit();
  CHECK(begin(waits).begun);
}

TEST_CASE_METHOD(pause_fixture,
                 "statistics and readers tell which targets are "
                 "paused, as of the last commit",
                 "[calls]") {
  store.calls().open_target({"mill", {}, 3, {}}, at(0));
  take(1);
  const auto told = [&] {
    stats_reply x;
    store.calls().describe(x);
    return x;
  };
  CHECK(told().paused_targets == 0);
  store.begin();
  pause();
  CHECK(told().paused_targets == 0);
  CHECK_FALSE(told().targets.front().paused_since);
  store.commit();
  const auto x = told();
  CHECK(x.paused_targets == 1);
  REQUIRE(x.targets.size() == 2);
  CHECK(x.targets[0].paused_since == at(5));
  CHECK_FALSE(x.targets[1].paused_since);
  const auto all = store_reader{options.file}.list_targets({}, at(9)).targets;
  REQUIRE(all.size() == 2);
  CHECK(all[0].paused_since == at(5));
  CHECK(all[0].paused_by == "anna");
  CHECK(all[0].pause_reason == "MES is updated");
  CHECK_FALSE(all[1].paused_since);
  CHECK_FALSE(all[1].paused_by);
}

TEST_CASE_METHOD(pause_fixture,
                 "a check finds pauses that nobody can have "
                 "asked for",
                 "[calls]") {
  const auto [sql, fault] = GENERATE(table<std::string, std::string>(
    {{"UPDATE target_pause SET number = 2",
      "the pause of target 2: there is no such target"},
     {"UPDATE target_pause SET who = ''",
      "the pause of target 1: a row holds a pause since "},
     {"UPDATE target_pause SET reason = printf('%05000d', 0)",
      "the pause of target 1: a row holds a pause since "},
     {"UPDATE target_pause SET since = 9223372036854775807",
      "a pause since 9223372036854775807"}}));
  CAPTURE(sql);
  take(1);
  pause();
  CHECK(store_reader{options.file}.check()->faults.empty());
  store.close();
  open_writer(options.file).exec(sql.c_str());
  const auto faults = store_reader{options.file}.check()->faults;
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].find(fault) != std::string::npos);
}

TEST_CASE_METHOD(pause_fixture,
                 "a store that is recovered keeps its targets paused",
                 "[promise-11]") {
  store.calls().open_target({"mill", {}, 3, {}}, at(0));
  take(1);
  pause();
  store.calls().pause({"mill", "bert", "holiday"}, at(6)); // has no calls
  store.close();
  const auto to = dir / "recovered.db";
  const auto report = recover_store(options.file, to).value();
  CHECK(report.is_whole);
  operation_tracking_store is{options_for(to)};
  CHECK(is.calls().open_target({"plant", {}, 3, {}}, at(9)).pause == annas);
  CHECK(is.calls().open_target({"mill", {}, 3, {}}, at(9)).pause
        == target_pause{at(6), "bert", "holiday"});
  is.close();
  CHECK(store_reader{to}.check()->faults.empty());
}
