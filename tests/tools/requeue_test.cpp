// `requeue` of a store at rest, by ids and by filter. What a running service
// does is among the tests of the operators' socket.

#include <algorithm>
#include <csignal>

#include "commands/bulk_act.hpp"
#include "interruption.hpp"
#include "support/calls.hpp"
#include "tools/command_run.hpp"
#include "waybill/store_reader.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;

namespace {

struct requeue_cli_fixture : cli_fixture {
  const timestamp then = timestamp::now() - 3h;

  void open(const target_bounds& bounds = {}) {
    store.calls().open_target({"plant", bounds, 3, {}}, then);
  }

  void end_call_of(std::uint64_t n, tracking_status status) {
    const auto head = store.calls().take(take_of(n), then).head;
    store.calls().end(end_of(head, status), then + 1min);
  }

  // Three parked, one failed, one delivered, and a parked one without a call.
  void fill() {
    open();
    for (std::uint64_t n = 1; n <= 3; ++n)
      end_call_of(n, tracking_status::parked);
    end_call_of(4, tracking_status::failed);
    end_call_of(5, tracking_status::delivered);
    store.record_enqueue(enqueue(6), then);
    store.record_terminal(terminal(6, tracking_status::parked), then);
    store.close();
  }

  void park(std::uint64_t count) {
    open();
    for (std::uint64_t n = 1; n <= count; ++n)
      end_call_of(n, tracking_status::parked);
    store.close();
  }

  [[nodiscard]] std::int64_t successors() const {
    return open_reader(options.file).query_int("SELECT count(*) FROM requeue");
  }

  // Runs `requeue` in this process, by a clock that goes while it waits.
  // @param waited is told for how long it has waited in all, each time.
  template <class F>
  cli_result requeue_by_clock(std::vector<std::string> words, F&& waited) {
    std::chrono::milliseconds time{0};
    return run_here(options.file, std::move(words),
                    [&](cli::settings& given, const std::string&) {
                      given.steady = [&] {
                        return std::chrono::steady_clock::time_point{1h} + time;
                      };
                      given.pause = [&](std::chrono::milliseconds d) {
                        waited(time);
                        time += d;
                        return true;
                      };
                    });
  }

  cli_result requeue_all(std::vector<std::string> words = {}) {
    words.insert(words.begin(),
                 {"requeue", "--status", "parked,failed", "--rate", "0"});
    return waybill(std::move(words));
  }
};

} // namespace

TEST_CASE_METHOD(
  requeue_cli_fixture,
  "all calls that a filter lets through are requeued, each once") {
  fill();
  CHECK(waybill({"requeue", "--status", "parked", "--dry-run"})
          .says("would requeue 3 operations"));
  CHECK(requeue_all({"--dry-run", "--json"}).json()["due"] == 4);
  CHECK(requeue_all({"--kind", "other", "--dry-run"})
          .says("would requeue 0 operations"));
  const auto x = requeue_all({"--json"});
  CHECK(x.code == 0);
  CHECK(x.json()["requeued"] == 4);
  CHECK(x.json()["refused"] == 0);
  CHECK(x.json()["finished"] == true);
  CHECK(requeue_all().says("requeued 0 operations"));
  CHECK(store_reader{options.file}.check()->faults.empty());
  CHECK(waybill({"targets", "--json"}).json()["targets"][0]["calls"] == 4);
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "requeue by ids tells of each, and of those that cannot be") {
  fill();
  const auto x = waybill(
    {"requeue", "--rate", "1000", id_text(1), id_text(5), id_text(6)});
  CHECK(x.code == 3);
  CHECK(x.says(id_text(1) + " is requeued as "));
  CHECK(x.complains(id_text(5) + " is Delivered; there is nothing to try"));
  CHECK(x.complains(id_text(6) + " has no payload"));
  CHECK(waybill({"requeue", id_text(9)}).code == 1);
  CHECK(waybill({"requeue", id_text(1)})
          .complains(id_text(1) + " was requeued before, as "));
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "requeue by filter ends at a target's bound, and can go on") {
  target_bounds bounds;
  bounds.max_calls = 2;
  open(bounds);
  for (std::uint64_t n = 1; n <= 5; ++n)
    end_call_of(n, tracking_status::parked);
  store.close();
  const auto x = requeue_all();
  CHECK(x.code == 3);
  CHECK(x.says("requeued 2 operations"));
  CHECK(x.complains("max_calls is 2"));
  CHECK(x.complains("requeue again to go on"));
  CHECK(requeue_all({"--dry-run"}).says("would requeue 3 operations"));
}

TEST_CASE_METHOD(requeue_cli_fixture, "requeue refuses what it cannot mean") {
  fill();
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "requeue");
    const auto x = waybill(words);
    CHECK(x.code == 2);
    return x.err;
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(refused({}), "--status must be of Parked and Failed"));
  CHECK(has(refused({"--status", "in-flight"}), "no others can be requeued"));
  CHECK(has(refused({"--status", "parked", id_text(1)}), "are at odds"));
  CHECK(has(refused({"--dry-run", id_text(1)}), "--dry-run goes with"));
  CHECK(has(refused({"--status", "parked", "--rate", "-1"}), "--rate"));
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "requeue keeps its rate, a step every quarter of a second") {
  park(10);
  const std::int64_t rate = GENERATE(3, 4, 8, 23, 40);
  const auto step = std::clamp<std::int64_t>(rate / 4, 1, 10);
  CAPTURE(rate);
  std::chrono::milliseconds took{0};
  const auto x = requeue_by_clock(
    {"requeue", "--status", "parked", "--rate", std::to_string(rate)},
    [&](std::chrono::milliseconds time) {
      took = time;
      // No more than the rate allows, but for one step; and no fewer.
      const auto allowed = time.count() * rate / 1'000;
      CHECK(successors() <= allowed + step);
      CHECK(successors() >= allowed);
    });
  CHECK(x.code == 0);
  CHECK(x.says("requeued 10 operations"));
  CHECK(successors() == 10);
  CHECK((took > 0ms) == (step < 10)); // as long as the last wait had begun
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "requeue without a rate waits for nothing") {
  park(10);
  const auto x
    = requeue_by_clock({"requeue", "--status", "parked", "--rate", "0"},
                       [](std::chrono::milliseconds) { FAIL("it waits"); });
  CHECK(x.says("requeued 10 operations"));
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "a requeue that is interrupted says how far it has got, and "
                 "another one goes on") {
  park(5);
  const auto interrupt = [&](std::chrono::milliseconds) {
    if (successors() == 3)
      std::raise(SIGINT);
  };
  SECTION("by a filter") {
    const auto x = requeue_by_clock(
      {"requeue", "--status", "parked", "--rate", "4"}, interrupt);
    CHECK(x.code == 130);
    CHECK(x.says("requeued 3 operations"));
    CHECK(x.complains("stopped; requeue again to go on"));
    const auto rest = requeue_all({"--json"});
    CHECK(rest.code == 0);
    CHECK(rest.json()["requeued"] == 2);
  }
  SECTION("by ids") {
    std::vector<std::string> words{"requeue", "--rate", "4"};
    for (std::uint64_t n = 1; n <= 5; ++n)
      words.push_back(id_text(n));
    const auto x = requeue_by_clock(words, interrupt);
    CHECK(x.code == 130);
    CHECK(lines_of(x.out).size() == 3);
    CHECK(x.complains("those that are not named have not been requeued"));
    const auto rest = waybill(words);
    CHECK(rest.code == 0);
    CHECK(lines_of(rest.out).size() == 2);
    CHECK(rest.complains(id_text(3) + " was requeued before, as "));
  }
  CHECK(successors() == 5);
  CHECK(store_reader{options.file}.check()->faults.empty());
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "when a step of many fails, it is told how far those before "
                 "it have got") {
  park(3);
  auto steps = 0;
  cli::bulk_act act;
  act.verb = "requeue";
  act.done = "requeued";
  act.refusals = "";
  act.rate = 4; // one in a step
  act.is_meant = [](const call_reply&) { return true; };
  act.step = [&](const cli::id_list& ids) {
    if (++steps == 3)
      throw cli::failure{"the service is gone"};
    cli::bulk_result done;
    done.what = cli::bulk_result::sort::done;
    done.text = to_string(ids.front());
    return std::vector{done};
  };
  cli::settings given;
  given.file = options.file;
  std::chrono::steady_clock::time_point time{};
  given.steady = [&] { return time += 1s; };
  const auto shown = dir / "shown";
  const descriptor to{
    ::open(shown.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
  cli::writer out{to.get(), "out"};
  cli::context c{given, out};
  cli::bulk_options some;
  const caught_effects effects;
  cli::stop_on_signals(); // none has come
  SECTION("by a filter") {
    list_operations all;
    all.order = list_order::oldest_first;
    CHECK_THROWS_AS(cli::do_bulk(c, act, some, all), cli::failure);
    CHECK(effects.errors()
          == "waybill: requeued 2 operations, and maybe some of the last step; "
             "requeue again to go on\n");
  }
  SECTION("by ids") {
    for (std::uint64_t n = 1; n <= 3; ++n)
      some.ids.push_back(cli::read_id("ID", id_text(n)));
    CHECK_THROWS_AS(cli::do_bulk(c, act, some, std::nullopt), cli::failure);
    CHECK(effects.errors()
          == "waybill: those that are not named have not been requeued, or "
             "some of the last step have\n");
    CHECK(lines_of(read_file(shown)).size() == 2);
  }
}

TEST_CASE_METHOD(requeue_cli_fixture,
                 "a requeue of many that is killed is run again, and each has "
                 "one successor") {
  park(12);
  program::setting with{.arguments = {"requeue", "--rate", "8"}};
  for (std::uint64_t n = 1; n <= 12; ++n)
    with.arguments.push_back(id_text(n));
  auto first = start_waybill(options.file, with);
  REQUIRE(prints(first, id_text(1) + " is requeued as "));
  first.signal(SIGKILL);
  first.wait();
  const auto before = successors();
  CHECK(before > 0);
  const auto rest = requeue_all({"--json"});
  CHECK(rest.code == 0);
  CHECK(rest.json()["requeued"] == 12 - before);
  CHECK(successors() == 12);
  CHECK(requeue_all().says("requeued 0 operations"));
  CHECK(store_reader{options.file}.check()->faults.empty());
}
