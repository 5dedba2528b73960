// `requeue` of a store at rest, by ids and by filter. What a running service
// does is among the tests of the operators' socket.

#include "support/calls.hpp"
#include "tools/waybill_program.hpp"
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
