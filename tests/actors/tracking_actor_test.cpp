// The contract and the promises, through the tracking actor on a real file.

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "support/actors.hpp"
#include "support/calls.hpp"
#include "support/random_seed.hpp"
#include "waybill/internal_protocol.hpp"
#include "waybill/operation_tracking_store.hpp"
#include "waybill/store_reader.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

tracking_status_snapshot snapshot_of(actor_fixture& fixture,
                                     const service& running, std::uint64_t n) {
  auto reply = fixture.get(running.tracker(), status_of(n));
  REQUIRE(reply.snapshot);
  return *reply.snapshot;
}

// The store as it is on disk, after the service has stopped.
operation_tracking_store reopen(const actor_fixture& fixture) {
  return operation_tracking_store{
    {.file = fixture.make_options().file, .vfs = {}}};
}

// An actor that writes and asks at once, as many rounds as it is told, and
// answers how often the question was answered first.
using racing_actor = caf::typed_actor<handles<std::int64_t, std::int64_t>>;

template <class Question>
class racer : public racing_actor::base {
public:
  racer(caf::actor_config& config, tracking_actor tracker, Question question,
        std::uint64_t first, bool in_bundles)
    : racing_actor::base{config},
      tracker_{std::move(tracker)},
      question_{std::move(question)},
      next_{first},
      in_bundles_{in_bundles} {}

  behavior_type make_behavior() override {
    return {[this](std::int64_t rounds) {
      left_ = rounds;
      to_ = this->make_response_promise<std::int64_t>();
      begin_round();
      return to_;
    }};
  }

private:
  void begin_round() {
    open_ = 2;
    if (in_bundles_) {
      request_bundle some;
      some.add(waybill::test::enqueue(next_++));
      write(std::move(some));
    } else {
      write(waybill::test::enqueue(next_++));
    }
    waybill::request(this, tracker_, 10s, question_)
      .then(
        [this](const typename Question::reply&) {
          overtook_ += open_ == 2 ? 1 : 0;
          end_one();
        },
        [this](const caf::error& e) { fail(e); });
  }

  template <class Write>
  void write(Write what) {
    waybill::request(this, tracker_, 10s, std::move(what))
      .then([this](const typename Write::reply&) { end_one(); },
            [this](const caf::error& e) { fail(e); });
  }

  void end_one() {
    if (--open_ > 0)
      return;
    if (--left_ > 0)
      begin_round();
    else
      to_.deliver(overtook_);
  }

  void fail(const caf::error& e) { to_.deliver(e); }

  tracking_actor tracker_;
  Question question_;
  std::uint64_t next_;
  bool in_bundles_;
  std::int64_t left_ = 0;
  int open_ = 0;
  std::int64_t overtook_ = 0;
  caf::typed_response_promise<std::int64_t> to_;
};

// The two share a batch if the question comes before the COMMIT.
template <class Question>
std::int64_t overtaking(caf::actor_system& system, const service& running,
                        const Question& question, std::uint64_t& next,
                        bool in_bundles = false) {
  constexpr std::int64_t rounds = 100;
  const auto asker = system.spawn<racer<Question>>(running.tracker(), question,
                                                   next, in_bundles);
  next += rounds;
  caf::scoped_actor self{system};
  std::int64_t result = -1;
  waybill::request(self, asker, 60s, rounds)
    .receive([&](std::int64_t n) { result = n; }, [](const caf::error&) {});
  return result;
}

} // namespace

TEST_CASE_METHOD(actor_fixture,
                 "an operation is recorded, retried, delivered and asked about",
                 "[contract]") {
  fake_clock clock;
  auto x = make_options();
  x.clock = clock.source();
  auto running = start(system, x);
  const auto& tracker = running.tracker();

  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::inserted);
  CHECK(snapshot_of(*this, running, 1) == fresh(1, t0));

  clock.advance(1s);
  CHECK(get(tracker, attempt(1, 1)).outcome == update_outcome::applied);
  auto expected = fresh(1, t0);
  expected.status = tracking_status::retrying;
  expected.retry_count = 1;
  expected.last_error = attempt(1, 1).last_error;
  expected.http_status = 503;
  expected.updated_at = at(1);
  CHECK(snapshot_of(*this, running, 1) == expected);

  clock.advance(1s);
  CHECK(get(tracker, terminal(1)).outcome == update_outcome::applied);
  expected.status = tracking_status::delivered;
  expected.last_error = std::nullopt;
  expected.http_status = 200;
  expected.updated_at = at(2);
  expected.terminal_at = at(2);
  CHECK(snapshot_of(*this, running, 1) == expected);
}

TEST_CASE_METHOD(actor_fixture, "an id that was never recorded has no snapshot",
                 "[contract]") {
  auto running = start(system, make_options());
  CHECK_FALSE(get(running.tracker(), status_of(1)).snapshot);
  CHECK(get(running.tracker(), attempt(1, 1)).outcome
        == update_outcome::not_found);
  CHECK(get(running.tracker(), terminal(1)).outcome
        == update_outcome::not_found);
}

TEST_CASE_METHOD(actor_fixture,
                 "an explicit purge answers how many rows went, in-flight "
                 "operations stay",
                 "[contract]") {
  fake_clock clock;
  auto x = make_options();
  x.clock = clock.source();
  x.purge_chunk_rows = 7; // several steps
  auto running = start(system, x);
  const auto& tracker = running.tracker();
  for (std::uint64_t n = 1; n <= 60; ++n)
    get(tracker, enqueue(n));
  for (std::uint64_t n = 1; n <= 50; ++n)
    get(tracker, terminal(n));
  clock.advance(1s);
  CHECK(get(tracker, purge_before(t0)).deleted == 0);
  CHECK(get(tracker, purge_before(at(1))).deleted == 50);
  CHECK_FALSE(get(tracker, status_of(50)).snapshot);
  CHECK(get(tracker, status_of(51)).snapshot);
  const auto counts = get(tracker, get_counts{}).counts;
  REQUIRE(counts.size() == 1);
  CHECK(counts[0].operations == 10);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 1, durability: what was answered is in the file "
                 "after a kill",
                 "[promise-1]") {
  auto running = start(system, make_options());
  for (std::uint64_t n = 1; n <= 20; ++n)
    get(running.tracker(), enqueue(n));
  // What a kill leaves is what is in the files at this moment.
  const auto file = make_options().file;
  const auto copy = (dir.path() / "copy.db").string();
  std::filesystem::copy_file(file, copy);
  std::filesystem::copy_file(file + "-wal", copy + "-wal");
  operation_tracking_store store{{.file = copy, .vfs = {}}};
  for (std::uint64_t n = 1; n <= 20; ++n)
    CHECK(store.get_status(status_of(n), t0).snapshot);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 2, outcomes: every request is answered when the "
                 "tracker is killed",
                 "[promise-2]") {
  auto running = start(system, make_options());
  const auto& tracker = running.tracker();
  std::vector<record_enqueue> requests;
  for (std::uint64_t n = 1; n <= 2'000; ++n)
    requests.push_back(enqueue(n));
  const auto behind = tracker_behind(system, tracker);
  const auto begin = std::chrono::steady_clock::now();
  const auto outcomes = send_all(system, tracker, requests, [&] {
    caf::anon_send_exit(behind, caf::exit_reason::kill);
  });
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  running.stop();
  auto store = reopen(*this);
  std::size_t answered = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto& x = outcomes[i];
    answered += x.reply || (x.error && x.error->code != errc::timed_out);
    const auto stored
      = store.get_status(status_of(i + 1), t0).snapshot.has_value();
    if (x.reply)
      CHECK(stored);
    if (x.error && certainty_of(x.error->code) == certainty::refused)
      CHECK_FALSE(stored);
  }
  CHECK(answered == outcomes.size());
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 2, outcomes: every request is answered at shutdown, "
                 "and those that are done are stored",
                 "[promise-2]") {
  auto running = start(system, make_options());
  std::vector<record_enqueue> requests;
  for (std::uint64_t n = 1; n <= 5'000; ++n)
    requests.push_back(enqueue(n));
  const auto outcomes = send_all(system, running.tracker(), requests,
                                 [&] { CHECK(running.stop()); });
  auto store = reopen(*this);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    // All were admitted before stop() was called.
    REQUIRE(outcomes[i].reply);
    CHECK(store.get_status(status_of(i + 1), t0).snapshot);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 2, outcomes: a stopped tracker says that it has "
                 "stopped",
                 "[promise-2]") {
  auto running = start(system, make_options());
  const auto tracker = running.tracker();
  CHECK(running.stop());
  CHECK(error_of(tracker, enqueue(1)) == errc::stopped);
  CHECK(error_of(tracker, status_of(1)) == errc::stopped);
  CHECK(error_of(tracker, get_health{}) == errc::stopped);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 3, atomicity: a bad request in a batch fails alone",
                 "[promise-3]") {
  auto running = start(system, make_options());
  for (const std::size_t bad : {0U, 1U, 255U, 510U, 511U}) {
    std::vector<record_enqueue> requests;
    for (std::uint64_t n = 0; n < 512; ++n)
      requests.push_back(enqueue(10'000 * (bad + 1) + n));
    requests[bad].kind.clear();
    const auto outcomes = send_all(system, running.tracker(), requests);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (i == bad) {
        REQUIRE(outcomes[i].error);
        CHECK(outcomes[i].error->code == errc::invalid_request);
        CHECK(outcomes[i].error->text.starts_with("kind: "));
      } else {
        REQUIRE(outcomes[i].reply);
      }
      CHECK(get(running.tracker(), get_status{requests[i].id, std::nullopt})
              .snapshot.has_value()
            == (i != bad));
    }
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 4, idempotency: repeating any request is harmless",
                 "[promise-4]") {
  auto running = start(system, make_options());
  const auto& tracker = running.tracker();
  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::inserted);
  CHECK(get(tracker, enqueue(1, "other")).outcome
        == enqueue_outcome::duplicate);
  CHECK(get(tracker, attempt(1, 1)).outcome == update_outcome::applied);
  CHECK(get(tracker, attempt(1, 1)).outcome == update_outcome::applied);
  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::duplicate);
  CHECK(get(tracker, terminal(1)).outcome == update_outcome::applied);
  const auto final = snapshot_of(*this, running, 1);
  CHECK(get(tracker, terminal(1)).outcome == update_outcome::already_terminal);
  CHECK(get(tracker, attempt(1, 2)).outcome
        == update_outcome::already_terminal);
  CHECK(get(tracker, enqueue(1)).outcome == enqueue_outcome::duplicate);
  CHECK(snapshot_of(*this, running, 1) == final);
  CHECK(final.kind == enqueue(1).kind);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 5, first write wins: of many clients that finish an "
                 "operation at once, one is applied and stays",
                 "[promise-5]") {
  auto running = start(system, make_options());
  const auto& tracker = running.tracker();
  for (std::uint64_t n = 1; n <= 50; ++n) {
    get(tracker, enqueue(n));
    std::vector<std::thread> clients;
    std::array<update_outcome, 4> outcomes{};
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      clients.emplace_back([&, i] {
        outcomes[i]
          = ask(system, tracker, terminal(n, terminal_statuses[i])).outcome;
      });
    for (auto& client : clients)
      client.join();
    REQUIRE(std::ranges::count(outcomes, update_outcome::applied) == 1);
    REQUIRE(std::ranges::count(outcomes, update_outcome::already_terminal)
            == 3);
    const auto winner = static_cast<std::size_t>(
      std::ranges::find(outcomes, update_outcome::applied) - outcomes.begin());
    CHECK(snapshot_of(*this, running, n).status == terminal_statuses[winner]);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 6, linearizability: a sender sees its own writes, "
                 "and no answer comes before its COMMIT",
                 "[promise-6]") {
  auto running = start(system, make_options());
  const auto file = make_options().file;
  caf::scoped_actor self{system};
  for (std::uint64_t n = 1; n <= 200; ++n) {
    // Pipelined: the write is still uncommitted when the question arrives.
    auto write = waybill::request(self, running.tracker(), 10s, enqueue(n));
    auto look = waybill::request(self, running.tracker(), 10s, status_of(n));
    bool seen = false;
    std::move(look).receive(
      [&](const status_reply& x) { seen = x.snapshot.has_value(); },
      [](const caf::error&) {});
    REQUIRE(seen);
    // What the answer showed is committed: another connection sees it too.
    if (n % 20 == 0) {
      const auto copy = (dir.path() / "look.db").string();
      std::filesystem::remove(copy);
      std::filesystem::remove(copy + "-wal");
      std::filesystem::copy_file(file, copy);
      std::filesystem::copy_file(file + "-wal", copy + "-wal");
      operation_tracking_store other{{.file = copy, .vfs = {}}};
      CHECK(other.get_status(status_of(n), t0).snapshot);
    }
    bool done = false;
    std::move(write).receive([&](const enqueue_reply&) { done = true; },
                             [](const caf::error&) {});
    REQUIRE(done);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "a question about what the open batch has not touched waits "
                 "for no COMMIT") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  std::uint64_t next = 2;
  CHECK(overtaking(system, running, status_of(1), next) > 0);
  request_bundle bundle;
  bundle.add(status_of(1));
  CHECK(overtaking(system, running, bundle, next) > 0);
  bundle.add(enqueue(1)); // whose answer depends on the batch
  CHECK(overtaking(system, running, bundle, next) == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "a pause is answered behind all that shares its batch: what "
                 "that has let begin has begun before it") {
  auto running = start(system, make_options());
  const pause_target pause{"plant", "anna", "MES is updated"};
  std::uint64_t next = 1;
  CHECK(overtaking(system, running, pause, next) == 0);
  CHECK(overtaking(system, running, pause, next, true) == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "a bundle takes, begins and ends calls, each for itself") {
  auto running = start(system, make_options());
  get(running.tracker(), open_target{.target = "plant",
                                     .bounds = {},
                                     .max_interruptions = 3,
                                     .under_way = {}});
  request_bundle bundle;
  bundle.add(take_of(1));
  auto elsewhere = take_of(2);
  elsewhere.target = "nobody's";
  bundle.add(elsewhere);
  bundle.add(enqueue(3));
  auto begun = take_of(4);
  begun.begin = true;
  bundle.add(begun);
  const auto taken = get(running.tracker(), bundle);
  CHECK(taken.outcomes
        == std::vector<std::uint8_t>{0, bundle_reply::failed, 0, 0});
  REQUIRE(taken.failures.size() == 1);
  CHECK(taken.failures.front().place == 1);
  CHECK(taken.failures.front().code == errc::invalid_request);
  REQUIRE(taken.takes.size() == 3);
  CHECK_FALSE(taken.takes[0].begun);
  CHECK(taken.takes[2].begun);

  bundle = {};
  bundle.add(begin_of(taken.takes[0].head));
  bundle.add(begin_of(taken.takes[0].head));
  bundle.add(end_of(taken.takes[2].head));
  bundle.add(end_of(taken.takes[2].head));
  bundle.add(retry_of(taken.takes[0].head));
  const auto ended = get(running.tracker(), bundle);
  const auto again
    = static_cast<std::uint8_t>(update_outcome::already_terminal);
  CHECK(ended.outcomes == std::vector<std::uint8_t>{0, 0, 0, again, 0});
  REQUIRE(ended.begins.size() == 2);
  CHECK(ended.begins[0].call.payload == "payload");
  CHECK_FALSE(ended.begins[1].begun);
  CHECK(snapshot_of(*this, running, 1).status == tracking_status::retrying);
  CHECK(snapshot_of(*this, running, 4).status == tracking_status::delivered);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 7, order: one sender's requests apply in send order",
                 "[promise-7]") {
  auto running = start(system, make_options());
  caf::scoped_actor self{system};
  // Each chain is right in send order only.
  for (std::uint64_t n = 1; n <= 300; ++n) {
    tell(self, running.tracker(), enqueue(n));
    for (std::int32_t retry = 1; retry <= 3; ++retry)
      tell(self, running.tracker(), attempt(n, retry));
    tell(self, running.tracker(), terminal(n));
    tell(self, running.tracker(), attempt(n, 9));
  }
  for (std::uint64_t n = 1; n <= 300; ++n) {
    std::optional<tracking_status_snapshot> found;
    waybill::request(self, running.tracker(), 10s, status_of(n))
      .receive([&](const status_reply& reply) { found = reply.snapshot; },
               [](const caf::error&) {});
    REQUIRE(found);
    CHECK(found->status == tracking_status::delivered);
    CHECK(found->retry_count == 3);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 8, bounded: past the bound the answer is overloaded, "
                 "not stored",
                 "[promise-8]") {
  auto x = make_options();
  x.max_waiting_requests = 100;
  auto running = start(system, x);
  std::vector<record_enqueue> requests;
  for (std::uint64_t n = 1; n <= 20'000; ++n)
    requests.push_back(enqueue(n));
  const auto outcomes = send_all(system, running.tracker(), requests);
  std::size_t refused = 0;
  for (const auto& each : outcomes) {
    REQUIRE((each.reply || each.error));
    if (each.error) {
      REQUIRE(each.error->code == errc::overloaded);
      ++refused;
    }
  }
  CHECK(refused > 0);
  CHECK(refused < outcomes.size());
  CHECK(get(running.tracker(), get_health{}).waiting_requests == 0);
  running.stop();
  auto store = reopen(*this);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    REQUIRE(store.get_status(status_of(i + 1), t0).snapshot.has_value()
            == outcomes[i].reply.has_value());
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 8, bounded: the bytes that wait are counted too",
                 "[promise-8]") {
  auto x = make_options();
  x.max_waiting_bytes = 100'000;
  auto running = start(system, x);
  std::vector<record_terminal> requests;
  for (std::uint64_t n = 1; n <= 500; ++n) {
    requests.push_back(terminal(n, tracking_status::failed));
    requests.back().last_error = std::string(100'000, 'x');
  }
  const auto outcomes = send_all(system, running.tracker(), requests);
  const auto overloaded = std::ranges::count_if(outcomes, [](const auto& each) {
    return each.error && each.error->code == errc::overloaded;
  });
  CHECK(overloaded > 0);
  CHECK(get(running.tracker(), get_health{}).waiting_bytes == 0);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 8, bounded: health is answered while all else is "
                 "overloaded",
                 "[promise-8]") {
  auto x = make_options();
  x.max_waiting_requests = 1;
  auto running = start(system, x);
  std::atomic<bool> stop{false};
  std::thread flood{[&] {
    caf::scoped_actor self{system};
    for (std::uint64_t n = 1; !stop; ++n)
      tell(self, running.tracker(), status_of(n));
  }};
  for (int i = 0; i < 50; ++i)
    CHECK(get(running.tracker(), get_health{}).state == health_state::ok);
  stop = true;
  flood.join();
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 9, purge: requests go between the steps of a long "
                 "purge",
                 "[promise-9]") {
  const auto x = make_options();
  {
    operation_tracking_store store{{.file = x.file, .vfs = {}}};
    store.begin();
    for (std::uint64_t n = 1; n <= 100'000; ++n) {
      store.record_enqueue(enqueue(n), t0);
      store.record_terminal(terminal(n), t0);
    }
    store.record_enqueue(enqueue(200'000), t0);
    store.commit();
  }
  auto running = start(system, x);
  caf::scoped_actor self{system};
  auto purge = waybill::request(self, running.tracker(), 60s,
                                purge_before(at(1)));
  int answered_meanwhile = 0;
  std::int64_t left = 100'000;
  for (std::uint64_t n = 300'000; left > 0 && n < 400'000; ++n) {
    get(running.tracker(), enqueue(n));
    left = 0;
    for (const auto& each : get(running.tracker(), get_counts{}).counts)
      if (each.status == tracking_status::delivered)
        left = each.operations;
    answered_meanwhile += left > 0;
  }
  std::int64_t deleted = 0;
  std::move(purge).receive(
    [&](const purge_reply& reply) { deleted = reply.deleted; },
    [](const caf::error&) {});
  CHECK(deleted == 100'000);
  CHECK(answered_meanwhile >= 10);
  CHECK(get(running.tracker(), status_of(200'000)).snapshot);
}

TEST_CASE_METHOD(actor_fixture,
                 "the space of a purge is given back while the tracker runs",
                 "[promise-9]") {
  auto x = make_options();
  x.checkpoint_pages = 100;
  {
    operation_tracking_store store{{.file = x.file, .vfs = {}}};
    store.begin();
    for (std::uint64_t n = 1; n <= 100'000; ++n) {
      store.record_enqueue(enqueue(n), t0);
      store.record_terminal(terminal(n), t0);
    }
    store.commit();
  }
  const auto before = std::filesystem::file_size(x.file);
  auto running = start(system, x);
  CHECK(ask(system, running.tracker(), purge_before(at(1)), 60s).deleted
        == 100'000);
  CHECK(eventually(
    [&] { return std::filesystem::file_size(x.file) < before / 2; }, 30s));
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 10, single owner: a second tracker on the file is "
                 "refused and the first goes on",
                 "[promise-10]") {
  auto running = start(system, make_options());
  get(running.tracker(), enqueue(1));
  try {
    auto second = start(system, make_options());
    FAIL("a second owner was let in");
  } catch (const store_error& e) {
    CHECK(e.code() == errc::store_locked);
  }
  CHECK(get(running.tracker(), status_of(1)).snapshot);
  CHECK(running.stop());
  auto next = start(system, make_options());
  CHECK(get(next.tracker(), status_of(1)).snapshot);
}

TEST_CASE_METHOD(actor_fixture,
                 "promise 11, corruption: a damaged file is not opened and not "
                 "changed",
                 "[promise-11]") {
  const auto file = make_options().file;
  {
    auto running = start(system, make_options());
    for (std::uint64_t n = 1; n <= 100; ++n)
      get(running.tracker(), enqueue(n));
  }
  {
    std::fstream damage{file, std::ios::in | std::ios::out | std::ios::binary};
    damage.seekp(100);
    damage << std::string(4'000, '\xA5');
  }
  const auto content = [&] {
    std::ifstream in{file, std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{in}, {}};
  };
  const auto before = content();
  try {
    auto running = start(system, make_options());
    FAIL("a damaged file was opened");
  } catch (const store_error& e) {
    CHECK(e.code() == errc::store_corrupt);
    CHECK(std::string{e.what()}.find(file) != std::string::npos);
  }
  CHECK(content() == before);
}

TEST_CASE_METHOD(actor_fixture,
                 "a request whose deadline has passed is refused, not stored",
                 "[contract]") {
  fake_clock clock;
  auto x = make_options();
  x.clock = clock.source();
  auto running = start(system, x);
  auto late = enqueue(1);
  late.deadline = at(-1);
  CHECK(error_of(running.tracker(), late) == errc::deadline_passed);
  auto in_time = enqueue(2);
  in_time.deadline = at(1);
  CHECK(get(running.tracker(), in_time).outcome == enqueue_outcome::inserted);
  CHECK_FALSE(get(running.tracker(), status_of(1)).snapshot);
  get_status question{id_of(2), at(-1)};
  CHECK(error_of(running.tracker(), question) == errc::deadline_passed);
  get_counts counting{at(-1)};
  CHECK(error_of(running.tracker(), counting) == errc::deadline_passed);
  counting.deadline = timestamp{INT64_MAX}; // has no text form
  CHECK(error_of(running.tracker(), counting) == errc::invalid_request);
  auto purge = purge_before(at(5));
  purge.deadline = at(-1);
  CHECK(error_of(running.tracker(), purge) == errc::deadline_passed);
}

TEST_CASE_METHOD(actor_fixture, "every bad field is refused by its name") {
  auto running = start(system, make_options());
  const auto& tracker = running.tracker();
  const auto reason = [&](auto request) -> std::string {
    try {
      ask(system, tracker, std::move(request));
    } catch (const request_error& e) {
      CHECK(e.code() == errc::invalid_request);
      return e.what();
    }
    return "(accepted)";
  };
  const auto names = [&](auto request, const std::string& field) {
    return reason(request).starts_with("invalid_request: " + field + ": ");
  };
  auto e = enqueue(1);
  e.id = {};
  CHECK(names(e, "id"));
  e = enqueue(1);
  e.source_node = std::string(limits::max_source + 1, 'x');
  CHECK(names(e, "source_node"));
  auto a = attempt(1, -1);
  CHECK(names(a, "retry_count"));
  a = attempt(1, 1);
  a.http_status = 600;
  CHECK(names(a, "http_status"));
  auto t = terminal(1, static_cast<tracking_status>(200));
  CHECK(names(t, "status"));
  t = terminal(1);
  t.last_error = "\xff";
  CHECK(names(t, "last_error"));
  purge_terminal p{timestamp{INT64_MAX}, std::nullopt, std::nullopt};
  CHECK(names(p, "older_than"));
  p = {t0, tracking_status::retrying, std::nullopt};
  CHECK(names(p, "status"));
  CHECK(get(tracker, get_counts{}).counts.empty());
}

TEST_CASE_METHOD(actor_fixture,
                 "requests that arrive together share transactions") {
  auto running = start(system, make_options());
  std::vector<record_enqueue> requests;
  for (std::uint64_t n = 1; n <= 4'000; ++n)
    requests.push_back(enqueue(n));
  send_all(system, running.tracker(), requests);
  const auto health = get(running.tracker(), get_health{});
  CHECK(health.batched_requests == 4'000);
  CHECK(health.batches < 2'000);
}

TEST_CASE_METHOD(actor_fixture,
                 "a tracker agrees with a model under random requests of many "
                 "clients and restarts",
                 "[promise-4][promise-6]") {
  std::mt19937_64 random{seed_for("tracker against model")};
  std::map<std::uint64_t, tracking_status> model;
  for (int round = 0; round < 5; ++round) {
    auto running = start(system, make_options());
    for (int i = 0; i < 400; ++i) {
      const auto n = 1 + random() % 60;
      const auto known = model.find(n);
      switch (random() % 3) {
        case 0: {
          const auto inserted = get(running.tracker(), enqueue(n)).outcome
                                == enqueue_outcome::inserted;
          REQUIRE(inserted == (known == model.end()));
          model.emplace(n, tracking_status::submitted);
          break;
        }
        case 1: {
          const auto outcome = get(running.tracker(), attempt(n, 1)).outcome;
          if (known == model.end()) {
            REQUIRE(outcome == update_outcome::not_found);
          } else if (is_terminal(known->second)) {
            REQUIRE(outcome == update_outcome::already_terminal);
          } else {
            REQUIRE(outcome == update_outcome::applied);
            known->second = tracking_status::retrying;
          }
          break;
        }
        default: {
          const auto status = terminal_statuses[random() % 4];
          if (random() % 3 != 0)
            break;
          const auto outcome
            = get(running.tracker(), terminal(n, status)).outcome;
          if (known != model.end() && is_in_flight(known->second)) {
            REQUIRE(outcome == update_outcome::applied);
            known->second = status;
          } else {
            REQUIRE(outcome != update_outcome::applied);
          }
          break;
        }
      }
    }
    for (const auto& [n, status] : model)
      REQUIRE(snapshot_of(*this, running, n).status == status);
  }
}

TEST_CASE_METHOD(actor_fixture,
                 "an idle tracker writes the totals of minutes that no commit "
                 "has taken along") {
  const fake_clock clock;
  auto x = make_options();
  x.clock = clock.source();
  auto running = start(system, x);
  const auto taken = [&] {
    std::int64_t sum = 0;
    for (const auto& each : store_reader{x.file}.minute_totals(min_timestamp))
      sum += each.taken;
    return sum;
  };
  get(running.tracker(), enqueue(1));
  get(running.tracker(), enqueue(2));
  CHECK(taken() == 1);
  // As its timer does when ten seconds are over.
  tell_from_nobody(tracker_behind(system, running.tracker()), log_tick{true});
  CHECK(eventually([&] { return taken() == 2; }));
}
