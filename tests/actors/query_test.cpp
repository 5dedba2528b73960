// Lists, histories, waits, watches and statistics, asked of a running tracker.

#include <future>
#include <thread>

#include "support/actors.hpp"
#include "support/fault_vfs.hpp"
#include "support/large_store.hpp"
#include "waybill/answer_size.hpp"
#include "waybill/request_weight.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct query_fixture : actor_fixture {
  service running = start(system, make_options());

  [[nodiscard]] const tracking_actor& tracker() const noexcept {
    return running.tracker();
  }

  template <class Request>
  typename Request::reply get(Request x) {
    return actor_fixture::get(tracker(), std::move(x));
  }

  template <class Request>
  errc error_of(Request x) {
    return actor_fixture::error_of(tracker(), std::move(x));
  }

  // Asks in a thread of its own.
  template <class Request>
  std::future<typename Request::reply> later(Request x) {
    return std::async(std::launch::async,
                      [this, x = std::move(x)] { return get(x); });
  }

  // Goes on with a store of so many operations; see `fill_store`.
  void restart_with(int rows) {
    running.stop();
    const auto options = make_options();
    std::filesystem::remove(options.file);
    fill_store(options.file, rows);
    running = start(system, options);
  }

  // Waits until the tracker has `n` open waits, or the query actor watches.
  bool has_waits(std::int64_t n) {
    return eventually([&] { return get(get_stats{}).waits == n; });
  }

  bool has_watches(std::int64_t n) {
    return eventually([&] { return get(get_stats{}).watches == n; });
  }
};

template <class T>
bool is_ready(std::future<T>& x, std::chrono::milliseconds limit = 0ms) {
  return x.wait_for(limit) == std::future_status::ready;
}

timestamp soon(std::chrono::milliseconds x) {
  return timestamp::now() + x;
}

await_terminal wait_for(std::vector<std::uint64_t> numbers,
                        wait_mode mode = wait_mode::all_of) {
  await_terminal x;
  for (const auto n : numbers)
    x.ids.push_back(id_of(n));
  x.mode = mode;
  x.deadline = soon(9s);
  return x;
}

std::vector<tracking_status> statuses(const wait_reply& x) {
  std::vector<tracking_status> all;
  for (const auto& each : x.operations)
    all.push_back(each.snapshot.value().status);
  return all;
}

} // namespace

// -- waits --------------------------------------------------------------------

TEST_CASE_METHOD(query_fixture, "a wait ends when the operation has finished",
                 "[queries]") {
  get(enqueue(1));
  auto answer = later(wait_for({1}));
  REQUIRE(has_waits(1));
  get(attempt(1, 1));
  CHECK_FALSE(is_ready(answer, 20ms));
  get(terminal(1, tracking_status::parked));
  REQUIRE(is_ready(answer, 1s));
  const auto reply = answer.get();
  CHECK(reply.finished);
  CHECK(reply.operations.at(0) == get(status_of(1)));
  CHECK(has_waits(0));
}

TEST_CASE_METHOD(query_fixture, "a wait for what has finished ends at once",
                 "[queries]") {
  get(enqueue(1));
  get(terminal(1));
  const auto reply = get(wait_for({1}));
  CHECK(reply.finished);
  CHECK(statuses(reply) == std::vector{tracking_status::delivered});
}

TEST_CASE_METHOD(query_fixture,
                 "at its deadline a wait shows where the operation stands",
                 "[queries]") {
  get(enqueue(1));
  get(attempt(1, 1));
  auto x = wait_for({1});
  x.deadline = soon(30ms);
  const auto reply = get(x);
  CHECK(timestamp::now() >= *x.deadline);
  CHECK_FALSE(reply.finished);
  CHECK(statuses(reply) == std::vector{tracking_status::retrying});
  x.deadline.reset();
  CHECK_FALSE(get(x).finished);
  CHECK(has_waits(0));
}

TEST_CASE_METHOD(query_fixture,
                 "a wait for what was never recorded ends at once, unless "
                 "that is what it waits for",
                 "[queries]") {
  auto reply = get(wait_for({1}));
  CHECK(reply.finished);
  CHECK(reply.operations == std::vector{status_reply{}});

  auto x = wait_for({1});
  x.until_recorded = true;
  auto answer = later(x);
  REQUIRE(has_waits(1));
  // What changes nothing ends nothing.
  CHECK(get(terminal(1)).outcome == update_outcome::not_found);
  CHECK_FALSE(is_ready(answer, 20ms));
  get(enqueue(1));
  CHECK_FALSE(is_ready(answer, 20ms));
  get(terminal(1));
  reply = answer.get();
  CHECK(reply.finished);
  CHECK(statuses(reply) == std::vector{tracking_status::delivered});
}

TEST_CASE_METHOD(query_fixture, "a wait for several ends with all, or any",
                 "[queries]") {
  for (std::uint64_t n = 1; n <= 3; ++n)
    get(enqueue(n));
  auto all = later(wait_for({1, 2, 3}));
  auto any = later(wait_for({1, 2, 3}, wait_mode::any_of));
  REQUIRE(has_waits(2));
  get(terminal(2, tracking_status::failed));
  const auto first = any.get();
  CHECK(first.finished);
  CHECK(statuses(first)
        == std::vector{tracking_status::submitted, tracking_status::failed,
                       tracking_status::submitted});
  get(terminal(1));
  CHECK_FALSE(is_ready(all, 20ms));
  get(terminal(3));
  CHECK(all.get().finished);
}

TEST_CASE_METHOD(query_fixture, "many may wait for one operation",
                 "[queries]") {
  get(enqueue(1));
  std::vector<std::future<wait_reply>> answers;
  for (int i = 0; i < 10; ++i)
    answers.push_back(later(wait_for({1})));
  REQUIRE(has_waits(10));
  get(terminal(1));
  for (auto& each : answers)
    CHECK(each.get().finished);
}

TEST_CASE_METHOD(query_fixture,
                 "promise 6: a wait in a batch waits for its commit",
                 "[queries][promise-6]") {
  // All in one go: the wait comes while the batch is open.
  std::vector<tracked_operation_id> ids;
  caf::scoped_actor self{system};
  for (std::uint64_t n = 1; n <= 200; ++n) {
    tell(self, tracker(), enqueue(n));
    tell(self, tracker(), terminal(n));
    ids.push_back(id_of(n));
  }
  await_terminal x;
  x.ids = ids;
  x.deadline = soon(9s);
  bool finished = false;
  waybill::request(self, tracker(), 10s, x)
    .receive([&](const wait_reply& reply) { finished = reply.finished; },
             [](const caf::error&) {});
  CHECK(finished);
}

TEST_CASE_METHOD(query_fixture, "waits are bounded", "[queries]") {
  running.stop();
  auto x = make_options();
  x.max_waits = 3;
  running = start(system, x);
  get(enqueue(1));
  get(enqueue(2));
  auto first = later(wait_for({1, 2}));
  REQUIRE(has_waits(1));
  CHECK(error_of(wait_for({1, 2})) == errc::overloaded);
  auto second = later(wait_for({1}));
  REQUIRE(has_waits(2));
  get(terminal(1));
  get(terminal(2));
  CHECK(first.get().finished);
  CHECK(second.get().finished);
  CHECK(get(wait_for({1, 2})).finished);
}

TEST_CASE_METHOD(
  query_fixture,
  "promise 8: one asker can wait for a quarter of all operations "
  "that are waited for",
  "[queries][promise-8]") {
  running.stop();
  auto options = make_options();
  options.max_waits = 1'200;
  running = start(system, options);
  const auto wait_from = [](std::uint64_t first, std::uint64_t count) {
    auto x = wait_for({});
    for (auto n = first; n < first + count; ++n)
      x.ids.push_back(id_of(n));
    x.until_recorded = true;
    return x;
  };
  const auto code_of = [&](caf::scoped_actor& from, const await_terminal& x) {
    std::optional<errc> code;
    waybill::request(from, tracker(), 10s, x)
      .receive([](const wait_reply&) {},
               [&](const caf::error& e) { code = to_failure(e).code; });
    return code;
  };
  caf::scoped_actor greedy{system};
  static_cast<void>(
    waybill::request(greedy, tracker(), 10s, wait_from(1, 256)));
  REQUIRE(has_waits(1));
  CHECK(code_of(greedy, wait_from(1'001, 45)) == errc::overloaded);
  static_cast<void>(
    waybill::request(greedy, tracker(), 10s, wait_from(1'001, 44)));
  REQUIRE(has_waits(2));
  auto other = later(wait_from(2'001, 256));
  REQUIRE(has_waits(3));
  // What has ended gives its part back.
  for (std::uint64_t n = 1'001; n <= 1'044; ++n) {
    get(enqueue(n));
    get(terminal(n));
  }
  REQUIRE(has_waits(2));
  static_cast<void>(
    waybill::request(greedy, tracker(), 10s, wait_from(3'001, 44)));
  CHECK(has_waits(3));
  running.stop();
  CHECK_THROWS_AS(other.get(), request_error);
}

TEST_CASE_METHOD(query_fixture, "a waiter that dies is forgotten",
                 "[queries]") {
  get(enqueue(1));
  {
    caf::scoped_actor self{system};
    static_cast<void>(waybill::request(self, tracker(), 10s, wait_for({1})));
    REQUIRE(has_waits(1));
  }
  CHECK(has_waits(0));
}

TEST_CASE_METHOD(query_fixture,
                 "promise 2: who waits while the tracker stops is answered",
                 "[queries][promise-2]") {
  get(enqueue(1));
  auto answer = std::async(std::launch::async,
                           [&] { return error_of(wait_for({1})); });
  auto watched = std::async(std::launch::async, [&] {
    watch_transitions x;
    x.deadline = soon(9s);
    return error_of(x);
  });
  REQUIRE(has_waits(1));
  REQUIRE(has_watches(1));
  running.stop();
  CHECK(answer.get() == errc::stopped);
  CHECK(watched.get() == errc::stopped);
}

TEST_CASE_METHOD(query_fixture, "a waiting request counts for no bound",
                 "[queries]") {
  get(enqueue(1));
  auto answer = later(wait_for({1}));
  REQUIRE(has_waits(1));
  CHECK(get(get_health{}).waiting_requests == 0);
  get(terminal(1));
  answer.get();
}

// -- watches ------------------------------------------------------------------

TEST_CASE_METHOD(query_fixture, "a watch shows what is committed after it",
                 "[queries]") {
  get(enqueue(1));
  watch_transitions x;
  x.deadline = soon(9s);
  auto answer = later(x);
  REQUIRE(has_watches(1));
  CHECK_FALSE(is_ready(answer, 20ms));
  get(attempt(1, 1));
  auto reply = answer.get();
  REQUIRE(reply.transitions.size() == 1);
  CHECK(reply.transitions[0].status == tracking_status::retrying);
  CHECK(has_watches(0));

  // What comes between two questions is not missed.
  get(terminal(1));
  x.after = reply.next;
  reply = get(x);
  REQUIRE(reply.transitions.size() == 1);
  CHECK(reply.transitions[0].status == tracking_status::delivered);
  CHECK(reply.gap == std::nullopt);
}

TEST_CASE_METHOD(query_fixture, "a watch passes over what is not watched",
                 "[queries]") {
  get(enqueue(1, "a"));
  get(enqueue(2, "b"));
  watch_transitions x;
  x.after = get(watch_transitions{}).next;
  x.deadline = soon(9s);
  x.kinds = {"b"};
  x.statuses = {tracking_status::failed};
  auto answer = later(x);
  REQUIRE(has_watches(1));
  get(terminal(1, tracking_status::failed));
  get(attempt(2, 1));
  CHECK_FALSE(is_ready(answer, 20ms));
  get(terminal(2, tracking_status::failed));
  const auto reply = answer.get();
  REQUIRE(reply.transitions.size() == 1);
  CHECK(reply.transitions[0].id == id_of(2));
}

TEST_CASE_METHOD(query_fixture,
                 "a watch behind a number that is not reached is refused",
                 "[queries]") {
  get(enqueue(1));
  watch_transitions x;
  x.after = "100";
  x.deadline = soon(9s);
  CHECK(error_of(x) == errc::invalid_request);
}

TEST_CASE_METHOD(query_fixture, "at its deadline a watch ends with nothing",
                 "[queries]") {
  get(enqueue(1));
  watch_transitions x;
  x.deadline = soon(30ms);
  const auto reply = get(x);
  CHECK(timestamp::now() >= *x.deadline);
  CHECK(reply.transitions.empty());
  x.after = reply.next;
  x.deadline.reset();
  CHECK(get(x).transitions.empty());
}

TEST_CASE_METHOD(query_fixture,
                 "who follows a busy tracker page by page misses nothing",
                 "[queries]") {
  constexpr std::uint64_t operations = 500;
  auto writer = std::async(std::launch::async, [&] {
    for (std::uint64_t n = 1; n <= operations; ++n) {
      get(enqueue(n));
      get(terminal(n));
    }
  });
  watch_transitions x;
  x.after = "0";
  x.page_size = 16;
  std::uint64_t seen = 0;
  std::int64_t last = 0;
  while (seen < 2 * operations) {
    x.deadline = soon(5s);
    const auto reply = get(x);
    REQUIRE_FALSE(reply.transitions.empty());
    REQUIRE(reply.gap == std::nullopt);
    for (const auto& each : reply.transitions) {
      CHECK(each.number > last);
      last = each.number;
      ++seen;
    }
    x.after = reply.next;
  }
  writer.get();
}

TEST_CASE_METHOD(query_fixture,
                 "numbers go on after the service has been started again",
                 "[queries]") {
  get(enqueue(1));
  watch_transitions x;
  x.after = get(watch_transitions{}).next;
  running.stop();
  running = start(system, make_options());
  get(terminal(1));
  const auto reply = get(x);
  REQUIRE(reply.transitions.size() == 1);
  CHECK(reply.transitions[0].number > number_in(*x.after));
}

TEST_CASE_METHOD(query_fixture,
                 "a watch finds what is far behind others, though nothing "
                 "more is committed",
                 "[queries]") {
  restart_with(200'000);
  watch_transitions x;
  x.after = "0";
  x.ids = {filled_id(200'000)};
  x.deadline = soon(9s);
  CHECK(get(x).transitions.size() == 1);
  CHECK(timestamp::now() < *x.deadline);
}

TEST_CASE_METHOD(query_fixture,
                 "a stop does not wait for the questions in the "
                 "queue",
                 "[queries]") {
  restart_with(100'000);
  list_operations slow;
  slow.filter.error_contains = "no such error";
  // 20 ms each, and as many as one asker may have.
  std::vector<list_operations> questions(limits::max_questions, slow);
  const auto outcomes = send_all(system, tracker(), questions, [&] {
    const auto stopping = std::chrono::steady_clock::now();
    CHECK(running.stop());
    CHECK(std::chrono::steady_clock::now() - stopping < 4s);
  });
  // All are answered: with a page, or that there will be none.
  for (const auto& each : outcomes)
    CHECK((each.reply
           || (each.error
               && (each.error->code == errc::stopped
                   || each.error->code == errc::tracker_gone))));
}

TEST_CASE("ids weigh what they take in memory") {
  await_terminal wait;
  wait.ids = {id_of(1), id_of(2), id_of(3)};
  CHECK(weight(wait) == 3 * 16);
  list_operations list;
  list.filter.statuses = {tracking_status::parked, tracking_status::failed};
  list.filter.target_summary = "12345";
  CHECK(weight(list)
        == static_cast<std::int64_t>(2 * sizeof(tracking_status) + 5));
}

TEST_CASE_METHOD(query_fixture, "watches are bounded, and the dead forgotten",
                 "[queries]") {
  running.stop();
  auto x = make_options();
  x.max_watches = 2;
  running = start(system, x);
  watch_transitions question;
  question.deadline = soon(9s);
  auto first = later(question);
  {
    caf::scoped_actor self{system};
    static_cast<void>(waybill::request(self, tracker(), 10s, question));
    REQUIRE(has_watches(2));
    CHECK(error_of(question) == errc::overloaded);
  }
  auto second = later(question);
  get(enqueue(1));
  CHECK(first.get().transitions.size() == 1);
  CHECK(second.get().transitions.size() <= 1);
}

TEST_CASE_METHOD(query_fixture,
                 "the watches of who has died are not counted, though nothing "
                 "else happens",
                 "[queries]") {
  {
    caf::scoped_actor self{system};
    watch_transitions x;
    x.deadline = soon(1h);
    static_cast<void>(waybill::request(self, tracker(), 10s, x));
    REQUIRE(has_watches(1));
  }
  CHECK(has_watches(0));
}

TEST_CASE_METHOD(query_fixture, "with the history off nothing can be watched",
                 "[queries]") {
  running.stop();
  auto x = make_options();
  x.history = 0;
  running = start(system, x);
  CHECK(error_of(watch_transitions{}) == errc::invalid_request);
  get(enqueue(1));
  auto answer = later(wait_for({1}));
  REQUIRE(has_waits(1));
  get(terminal(1));
  CHECK(answer.get().finished);
}

// -- lists and histories ------------------------------------------------------

TEST_CASE_METHOD(query_fixture, "a tracker lists what is committed",
                 "[queries]") {
  for (std::uint64_t n = 1; n <= 5; ++n)
    get(enqueue(n));
  get(terminal(3, tracking_status::parked));
  list_operations x;
  x.page_size = 2;
  auto page = get(x);
  CHECK(page.operations.at(0).id == id_of(5));
  CHECK(page.operations.at(1).id == id_of(4));
  x.cursor = page.next_cursor;
  page = get(x);
  CHECK(page.operations.at(0) == get(status_of(3)).snapshot);
  x = {};
  x.filter.statuses = {tracking_status::parked};
  CHECK(get(x).operations.size() == 1);
  x.page_size = 0;
  CHECK(error_of(x) == errc::invalid_request);
  x = {};
  x.deadline = t0 - 1s;
  CHECK(error_of(x) == errc::deadline_passed);
}

TEST_CASE_METHOD(query_fixture, "a tracker tells an operation's history",
                 "[queries]") {
  get(enqueue(1));
  get(attempt(1, 1));
  get(terminal(1));
  const auto history = get(get_history{id_of(1), {}});
  CHECK(history.snapshot == get(status_of(1)).snapshot);
  CHECK(history.transitions.size() == 3);
  CHECK(get(get_history{id_of(2), {}}) == history_reply{});
}

TEST_CASE_METHOD(query_fixture,
                 "lists are answered while the tracking actor is gone",
                 "[queries]") {
  get(enqueue(1));
  kill_tracker_behind(system, tracker());
  CHECK(eventually([&] {
    try {
      return get(list_operations{}).operations.size() == 1;
    } catch (const request_error& e) {
      // It went with the actor, or came while that was ending.
      REQUIRE((e.code() == errc::tracker_gone || e.code() == errc::not_stored));
      return false;
    }
  }));
  CHECK(
    eventually([&] { return get(get_health{}).state == health_state::ok; }));
}

TEST_CASE_METHOD(query_fixture, "after the stop nothing is answered",
                 "[queries]") {
  running.stop();
  CHECK(error_of(list_operations{}) == errc::stopped);
  CHECK(error_of(watch_transitions{}) == errc::stopped);
  CHECK(error_of(wait_for({1})) == errc::stopped);
  CHECK(error_of(get_stats{}) == errc::stopped);
  // The query actor has closed its connection before.
  CHECK_FALSE(std::filesystem::exists(dir / "track.db-wal"));
}

// -- turns --------------------------------------------------------------------

namespace {

// A service whose query actor answers as many questions as a test allows: it
// syncs the log before each answer. Nothing is written meanwhile.
struct turns_fixture : query_fixture {
  std::atomic<int> allowed{1'000};
  std::atomic<int> synced{0};
  fake_clock clock;
  fault_vfs vfs;

  turns_fixture() {
    running.stop();
    vfs.during_sync = [this](io_file) {
      while (synced >= allowed)
        std::this_thread::sleep_for(1ms);
      ++synced;
    };
    auto x = make_options();
    x.vfs = vfs.name();
    x.clock = clock.source();
    x.max_watches = 8;
    running = start(system, x);
    get(enqueue(1));
    get(list_operations{}); // the file is open from here on
  }

  ~turns_fixture() { allow_all(); }

  void allow(int questions) { allowed = synced + questions; }
  void allow_all() { allowed = INT_MAX; }

  // Sends `count` lists, and waits for no answer.
  template <class Self>
  auto flood(Self& self, int count, const list_operations& x = {}) {
    using pending = decltype(waybill::request(self, tracker(), 10s, x));
    std::vector<pending> all;
    for (int i = 0; i < count; ++i)
      all.push_back(waybill::request(self, tracker(), 10s, x));
    all_have_come();
    return all;
  }

  // The tracking actor has passed on what was sent before.
  void all_have_come() { get(get_counts{}); }

  // Asks for a history, and lets so many questions be answered from then on.
  // Returns whether there was an answer.
  bool is_answered_within(int questions) {
    caf::scoped_actor self{system};
    auto answer = waybill::request(self, tracker(), 10s,
                                   get_history{id_of(1), {}});
    all_have_come();
    allow(questions);
    bool found = false;
    std::move(answer).receive(
      [&](const history_reply& x) { found = x.snapshot.has_value(); },
      [](const caf::error&) {});
    return found;
  }

  // How many of the answers are the error `code`, if not pages.
  template <class Pending>
  static int count_errors(std::vector<Pending> pending, errc code) {
    auto errors = 0;
    for (auto& each : pending)
      std::move(each).receive([](const list_reply&) {},
                              [&](const caf::error& e) {
                                CHECK(to_failure(e).code == code);
                                ++errors;
                              });
    return errors;
  }
};

// A service that answers `question` with about 1 MiB.
struct unread_fixture : query_fixture {
  static constexpr int much = 40;

  const get_history question{id_of(1), {}};

  unread_fixture() {
    running.stop();
    auto x = make_options();
    x.last_error_cap = limits::max_last_error;
    running = start(system, x);
    get(enqueue(1));
    for (int n = 1; n <= 15; ++n)
      get(record_attempt{id_of(1),
                         tracking_status::retrying,
                         n,
                         std::string(64 * 1'024, 'x'),
                         {},
                         {}});
  }

  // Far more than one may leave unread.
  template <class Self>
  auto ask_much(Self& self) {
    using pending = decltype(waybill::request(self, tracker(), 60s, question));
    std::vector<pending> all;
    for (int i = 0; i < much; ++i)
      all.push_back(waybill::request(self, tracker(), 60s, question));
    return all;
  }

  // As many questions of somebody else: one for each of theirs.
  void wait_for_turns() {
    get(get_counts{}); // the tracking actor has passed theirs on
    caf::scoped_actor self{system};
    for (int i = 0; i < much + 2; ++i)
      waybill::request(self, tracker(), 60s, get_history{id_of(2), {}})
        .receive([](const history_reply&) {}, [](const caf::error&) {});
  }

  // The last one begins below the bound.
  std::size_t answers_of_share() {
    const auto reply = get(question);
    auto bytes = bytes_of(reply.snapshot.value());
    for (const auto& each : reply.transitions)
      bytes += bytes_of(each);
    return (limits::max_unread_bytes / 4 + bytes - 1) / bytes;
  }

  template <class Pending>
  static std::size_t count_answers(std::vector<Pending> pending) {
    std::size_t answers = 0;
    for (auto& each : pending)
      std::move(each).receive([&](const history_reply&) { ++answers; },
                              [](const caf::error& e) {
                                CHECK(to_failure(e).code == errc::overloaded);
                              });
    return answers;
  }

  bool is_refused() {
    try {
      get(question);
    } catch (const request_error& e) {
      CHECK(e.code() == errc::overloaded);
      return true;
    }
    return false;
  }
};

} // namespace

TEST_CASE_METHOD(turns_fixture,
                 "a question waits for one turn of another asker, however many "
                 "that one has asked",
                 "[queries]") {
  allow(0);
  caf::scoped_actor greedy{system};
  auto theirs = flood(greedy, 50);
  for (int i = 0; i < 10; ++i)
    REQUIRE(is_answered_within(2)); // the one that is being answered, and this
  allow_all();
  CHECK(count_errors(std::move(theirs), errc::overloaded) == 0);
}

TEST_CASE_METHOD(turns_fixture, "what the dead have asked is not looked for",
                 "[queries]") {
  allow(0);
  {
    caf::scoped_actor greedy{system};
    flood(greedy, 50);
  }
  REQUIRE(is_answered_within(2));
  CHECK(is_answered_within(1));
}

TEST_CASE_METHOD(turns_fixture,
                 "promise 8: the questions of one asker that may wait are "
                 "bounded, those of others are not refused",
                 "[queries][promise-8]") {
  allow(0);
  caf::scoped_actor greedy{system};
  auto theirs = flood(greedy, int{limits::max_questions} + 16);
  REQUIRE(is_answered_within(2));
  allow_all();
  // One may have been in the making.
  const auto refused = count_errors(std::move(theirs), errc::overloaded);
  CHECK((refused == 15 || refused == 16));
}

TEST_CASE_METHOD(unread_fixture,
                 "promise 8: answers that one asker does not read are bounded, "
                 "and others get theirs",
                 "[queries][promise-8]") {
  caf::scoped_actor deaf{system};
  auto theirs = ask_much(deaf);
  watch_transitions watch{.after = "0",
                          .ids = {},
                          .kinds = {},
                          .statuses = {},
                          .page_size = 100,
                          .deadline = {}};
  auto watched = waybill::request(deaf, tracker(), 60s, watch);
  wait_for_turns();
  CHECK(get(question).transitions.size() == 16);
  CHECK(count_answers(std::move(theirs)) == answers_of_share());
  auto code = errc{};
  std::move(watched).receive([](const watch_reply&) {},
                             [&](const caf::error& e) {
                               code = to_failure(e).code;
                             });
  CHECK(code == errc::overloaded);
  // It has read them.
  CHECK(count_answers(ask_much(deaf)) > answers_of_share() / 2);
}

TEST_CASE_METHOD(unread_fixture,
                 "answers that nobody reads are bounded together, and end with "
                 "their askers",
                 "[queries][promise-8]") {
  std::vector<std::unique_ptr<caf::scoped_actor>> deaf;
  std::vector<decltype(ask_much(*deaf.front()))> asked;
  for (int i = 0; i < 4; ++i) {
    deaf.push_back(std::make_unique<caf::scoped_actor>(system));
    asked.push_back(ask_much(*deaf.back()));
  }
  // The question that tries it may be what is refused to one of them.
  CHECK(eventually([&] {
    if (is_refused())
      return true;
    for (const auto& self : deaf)
      asked.push_back(ask_much(*self));
    return false;
  }));
  asked.clear();
  deaf.pop_back();
  CHECK(eventually([&] { return !is_refused(); }));
}

TEST_CASE_METHOD(unread_fixture,
                 "what is kept of an answer does not count as unread",
                 "[queries]") {
  caf::scoped_actor self{system};
  std::vector<history_reply> kept;
  for (int i = 0; i < much; ++i)
    waybill::request(self, tracker(), 60s, question)
      .receive([&](history_reply& x) { kept.push_back(std::move(x)); },
               [](const caf::error&) { FAIL("it has read all others"); });
  CHECK(kept.size() == much);
  const auto copies = kept;
  CHECK(copies == kept);
}

TEST_CASE_METHOD(turns_fixture,
                 "a question whose deadline passes while it waits is refused",
                 "[queries]") {
  allow(0);
  caf::scoped_actor self{system};
  auto before = flood(self, 1);
  list_operations x;
  x.deadline = t0 + 1s;
  auto late = flood(self, 3, x);
  clock.advance(2s);
  allow_all();
  CHECK(count_errors(std::move(before), errc::overloaded) == 0);
  CHECK(count_errors(std::move(late), errc::deadline_passed) == 3);
}

TEST_CASE_METHOD(turns_fixture,
                 "one asker can have a quarter of the watches, no more",
                 "[queries]") {
  watch_transitions x;
  x.deadline = t0 + 1h;
  caf::scoped_actor greedy{system};
  static_cast<void>(waybill::request(greedy, tracker(), 10s, x));
  static_cast<void>(waybill::request(greedy, tracker(), 10s, x));
  REQUIRE(has_watches(2));
  std::optional<errc> code;
  waybill::request(greedy, tracker(), 10s, x)
    .receive([](const watch_reply&) {},
             [&](const caf::error& e) { code = to_failure(e).code; });
  CHECK(code == errc::overloaded);
  auto other = later(x);
  CHECK(has_watches(3));
  get(terminal(1));
  CHECK(other.get().transitions.size() == 1);
}

// -- statistics ---------------------------------------------------------------

TEST_CASE_METHOD(query_fixture, "statistics count what was committed",
                 "[queries]") {
  for (std::uint64_t n = 1; n <= 6; ++n)
    get(enqueue(n));
  get(enqueue(1));
  get(attempt(1, 1));
  get(terminal(1));
  get(terminal(1));
  get(terminal(2, tracking_status::parked));
  get(terminal(3, tracking_status::failed));
  get(terminal(4, tracking_status::discarded));
  get(terminal(99));
  get(status_of(1));
  error_of(enqueue(7, ""));
  get(purge_before(max_timestamp));

  const auto x = get(get_stats{});
  CHECK(x.inserted == 6);
  CHECK(x.duplicates == 1);
  CHECK(x.attempts == 1);
  CHECK(x.delivered == 1);
  CHECK(x.parked == 1);
  CHECK(x.failed == 1);
  CHECK(x.discarded == 1);
  CHECK(x.already_terminal == 1);
  CHECK(x.not_found == 1);
  CHECK(x.refused == 1);
  CHECK(x.status_questions == 1);
  CHECK(x.purged == 4);
  CHECK(x.batches >= 10);
  CHECK(x.batch_size.count() == x.batches);
  CHECK(x.commit_latency.count() == x.batches);
  CHECK(x.queue_latency.count() >= 1);
  CHECK(x.waiting_requests == 0);
  CHECK(x.file_bytes > 0);
  CHECK(x.wal_bytes > 0);
  CHECK(x.operations
        == std::vector<status_total>{{tracking_status::submitted, 2}});
  CHECK(x.oldest_in_flight.has_value());
  CHECK(x.oldest_parked == std::nullopt);
  CHECK(x.health == health_state::ok);
  CHECK_FALSE(to_prometheus(x).empty());
}

TEST_CASE_METHOD(query_fixture,
                 "the purge lag is how long the oldest should have been gone",
                 "[queries]") {
  running.stop();
  const fake_clock clock;
  auto x = make_options();
  x.clock = clock.source();
  x.retention_interval = std::chrono::hours{24 * 30};
  running = start(system, x);
  get(enqueue(1));
  get(terminal(1));
  CHECK(get(get_stats{}).purge_lag_us == 0);
  fake_clock{clock}.advance(std::chrono::hours{24 * 7} + 5s);
  CHECK(get(get_stats{}).purge_lag_us == 5'000'000);
}
