// `discard` of a store at rest, by ids and by filter. What a running service
// does is among the tests of the operators' socket.

#include "support/calls.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/store_reader.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;

namespace {

struct discard_cli_fixture : cli_fixture {
  const timestamp then = timestamp::now() - 3h;

  void end_call_of(std::uint64_t n, tracking_status status) {
    const auto head = store.calls().take(take_of(n), then).head;
    store.calls().end(end_of(head, status), then + 1min);
  }

  // Two calls wait; one is parked, one failed, one delivered; one is parked
  // without a call, and one in flight.
  void fill() {
    store.calls().open_target({"plant", {}, 3, {}}, then);
    for (std::uint64_t n = 1; n <= 2; ++n)
      store.calls().take(take_of(n), then);
    end_call_of(3, tracking_status::parked);
    end_call_of(4, tracking_status::failed);
    end_call_of(5, tracking_status::delivered);
    store.record_enqueue(enqueue(6), then);
    store.record_terminal(terminal(6, tracking_status::parked), then);
    store.record_enqueue(enqueue(7), then);
    store.close();
  }

  cli_result discard(std::vector<std::string> words) {
    words.insert(words.begin(), "discard");
    return waybill(std::move(words));
  }

  tracking_status status_in_file(std::uint64_t n) {
    return store_reader{options.file}
      .get_status(status_of(n))
      .snapshot.value()
      .status;
  }
};

} // namespace

TEST_CASE_METHOD(discard_cli_fixture,
                 "all that a filter lets through is discarded, each once") {
  fill();
  CHECK(discard({"--status", "in-flight", "--dry-run"})
          .says("would discard 3 operations"));
  CHECK(
    discard({"--status", "parked,failed", "--dry-run", "--json"}).json()["due"]
    == 2); // that have a payload
  const auto x = discard(
    {"--status", "in-flight,parked", "--reason", "cancelled", "--json"});
  CHECK(x.code == 0);
  CHECK(x.json()["discarded"] == 4);
  CHECK(x.json()["refused"] == 0);
  CHECK(x.json()["finished"] == true);
  for (const std::uint64_t n : {1U, 2U, 7U})
    CHECK(status_in_file(n) == tracking_status::discarded);
  CHECK(status_in_file(3) == tracking_status::parked);
  CHECK(discard({"--status", "in-flight,parked", "--reason", "x"})
          .says("discarded 0 operations"));
  CHECK(store_reader{options.file}.check()->faults.empty());
  const auto targets = waybill({"targets", "--json"}).json()["targets"];
  CHECK(targets[0]["calls"] == 0);
  CHECK(targets[0]["kept_calls"] == 1);
}

TEST_CASE_METHOD(discard_cli_fixture,
                 "discard by ids tells of each, and of those that stay as they "
                 "are") {
  fill();
  const auto x = discard(
    {"--reason", "x", id_text(1), id_text(3), id_text(5), id_text(6)});
  CHECK(x.code == 3);
  CHECK(x.says(id_text(1) + " is discarded\n"));
  CHECK(x.says(id_text(3) + " stays Parked; its payload is gone\n"));
  CHECK(x.complains(id_text(5)
                    + " has finished already, as Delivered, and "
                      "stays so"));
  CHECK(x.complains(id_text(6)
                    + " has finished already, as Parked, and stays "
                      "so"));
  const auto json = json_lines(
    discard({"--reason", "x", "--json", id_text(2), id_text(4), id_text(9)})
      .out);
  REQUIRE(json.size() == 3);
  CHECK(json[0]["outcome"] == "applied");
  CHECK(json[1]["outcome"] == "payload_discarded");
  CHECK(json[2]["outcome"] == "not_found");
  CHECK(discard({"--reason", "x", id_text(9)}).code == 1);
}

TEST_CASE_METHOD(discard_cli_fixture, "discard refuses what it cannot mean") {
  fill();
  const auto refused = [&](const std::vector<std::string>& words) {
    const auto x = discard(words);
    CHECK(x.code == 2);
    CHECK(x.out.empty());
    return x.err;
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(refused({"--reason", "x"}), "--status must be of Submitted"));
  CHECK(has(refused({"--status", "delivered", "--reason", "x"}),
            "no others can be discarded"));
  CHECK(has(refused({"--status", "parked", "--reason", "x", id_text(1)}),
            "are at odds"));
  CHECK(has(refused({"--dry-run", id_text(1)}), "--dry-run goes with"));
  CHECK(has(refused({id_text(1)}), "--reason is required"));
  CHECK(has(refused({"--status", "parked"}), "--reason is required"));
  CHECK(has(refused({"--reason", "\xff", id_text(1)}), "--reason: "));
  CHECK(has(refused({"--reason", std::string(4'097, 'x'), id_text(1)}),
            "--reason: must be at most 4096 bytes, but is 4097"));
  CHECK(
    has(refused({"--reason", "x", "--by", std::string(300, 'x'), id_text(1)}),
        "--by: "));
  CHECK(status_in_file(1) == tracking_status::submitted);
}
