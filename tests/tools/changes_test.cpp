// `purge`, `discard` and `vacuum`, end to end, and what a running service means
// to the commands that change a store.

#include "support/small_disk.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/json.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;
using nlohmann::json;

namespace {

// Operations that finished so long before now, in hours.
void record_finished(operation_tracking_store& store,
                     const std::vector<int>& hours) {
  std::uint64_t n = 0;
  for (const auto age : hours) {
    const auto then = timestamp::now() - std::chrono::hours{age};
    store.record_enqueue(enqueue(++n), then);
    store.record_terminal(terminal(n, n % 2 == 0 ? tracking_status::failed
                                                 : tracking_status::delivered),
                          then);
  }
}

} // namespace

TEST_CASE_METHOD(cli_fixture, "commands that change a store need it for "
                              "themselves") {
  record(1);
  store.record_terminal(terminal(1), at(2));
  const auto before = content();
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"import"},
         {"purge", "--older-than", "0s"},
         {"discard", id_text(1), "--reason", "x"},
         {"vacuum"}}) {
    CAPTURE(words);
    const auto x = waybill(words);
    CHECK(x.code == 3);
    CHECK(x.out.empty());
    CHECK(x.err
          == "waybill: a running service, or another waybill command, holds "
               + options.file + "; stop it first\n");
  }
  CHECK(content() == before);
}

TEST_CASE_METHOD(cli_fixture, "purge deletes what finished long ago") {
  record_finished(store, {1, 50, 50, 100});
  const auto now = timestamp::now();
  store.record_enqueue(enqueue(9), now - 1'000h);
  CHECK(waybill({"purge", "--older-than", "2d", "--dry-run"})
          .says("would delete 3 operations"));
  CHECK(waybill({"purge", "--older-than", "2d", "--dry-run", "--json",
                 "--status", "failed"})
          .json()["due"]
        == 2);
  const auto failed
    = waybill_alone({"purge", "--older-than", "2d", "--status", "failed"});
  CHECK(failed.code == 0);
  CHECK(failed.says("deleted 2 operations"));
  CHECK(total() == 3);
  const auto rest = waybill_alone({"purge", "--older-than", "2d", "--json"});
  CHECK(rest.json()["deleted"] == 1);
  CHECK(rest.json()["finished"] == true);
  CHECK(snapshot_of(1));
  CHECK(snapshot_of(9));
}

TEST_CASE_METHOD(cli_fixture, "purge never deletes what is in flight") {
  record(1);
  const auto x
    = waybill_alone({"purge", "--older-than", "0s", "--status", "retrying"});
  CHECK(x.code == 2);
  CHECK(x.complains("what is in flight is never deleted"));
  CHECK(waybill_alone({"purge", "--older-than", "0s"})
          .says("deleted 0 operations"));
  CHECK(snapshot_of(1));
}

TEST_CASE_METHOD(cli_fixture, "discard gives an operation up with a reason") {
  record(2);
  const auto x
    = waybill_alone({"discard", id_text(1), "--reason", "order cancelled"});
  CHECK(x.code == 0);
  CHECK(x.out == id_text(1) + " is discarded\n");
  const auto snapshot = snapshot_of(1);
  REQUIRE(snapshot);
  CHECK(snapshot->status == tracking_status::discarded);
  CHECK(snapshot->last_error == "order cancelled");

  const auto again
    = waybill_alone({"discard", id_text(1), "--reason", "once more"});
  CHECK(again.code == 3);
  CHECK(again.complains("has finished already, as Discarded, and stays so"));
  CHECK(snapshot_of(1) == snapshot);

  const auto missing
    = waybill_alone({"discard", "--json", id_text(9), "--reason", "x"});
  CHECK(missing.code == 1);
  CHECK(missing.json() == json{{"id", id_text(9)}, {"outcome", "not_found"}});

  const auto wrong
    = waybill_alone({"discard", id_text(2), "--reason", "\xff\x1b"});
  CHECK(wrong.code == 2);
  CHECK(wrong.complains("--reason: "));
  CHECK(snapshot_of(2)->status == tracking_status::submitted);
}

TEST_CASE_METHOD(cli_fixture, "vacuum makes the file smaller") {
  record(20'000);
  store.begin();
  for (std::uint64_t n = 1; n <= 20'000; ++n)
    store.record_terminal(terminal(n), at(30'000));
  store.commit();
  store.purge_terminal(purge_before(at(40'000)), at(50'000));
  const auto x = waybill_alone({"vacuum", "--json"});
  CHECK(x.code == 0);
  const auto sizes = x.json();
  CHECK(sizes["after_bytes"] < sizes["before_bytes"]);
  CHECK(sizes["finished"] == true);
  CHECK(waybill({"stats", "--json"}).json()["free_bytes"] == 0);
  CHECK(waybill_alone({"vacuum"}).says("the file had "));
}

TEST_CASE("a disk that a store has filled is cleared by purge and vacuum") {
  CHECK(on_small_disk([](const small_disk& disk) {
          const auto options = options_for(disk.file());
          const auto then = timestamp::now() - 1h;
          const auto fault = error_of([&] {
            operation_tracking_store store{options};
            for (std::uint64_t n = 1;; ++n) {
              store.record_enqueue(enqueue(n), then);
              store.record_terminal({id_of(n),
                                     n % 2 == 0 ? tracking_status::failed
                                                : tracking_status::parked,
                                     std::string(4'000, 'x'),
                                     500,
                                     {}},
                                    then);
            }
          });
          disk.fill();
          if (fault.code != errc::store_full || disk.free_bytes() != 0)
            return 1;
          if (run_waybill(options.file, {"counts"}).code != 0)
            return 2;
          const auto purged = run_waybill(options.file,
                                          {"purge", "--older-than", "30min",
                                           "--status", "failed"});
          if (purged.code != 0 || disk.free_bytes() < 1'000'000)
            return 3;
          operation_tracking_store{options}.purge_terminal(
            purge_before(timestamp::now()), timestamp::now());
          disk.fill();
          if (run_waybill(options.file, {"vacuum"}).code != 0
              || disk.free_bytes() < 1'000'000)
            return 4;
          return 0;
        })
        == 0);
}
