// Operators' commands and the service that runs on the store: what they reach,
// and what becomes of them when it ends.

#include <sys/stat.h>

#include <atomic>
#include <future>
#include <optional>

#include <nlohmann/json.hpp>

#include "support/actors.hpp"
#include "support/child_process.hpp"
#include "support/forwarding.hpp"
#include "support/line_client.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/operator_messages.hpp"
#include "waybill/unix_socket.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct operator_fixture : actor_fixture {
  options with = make_options();
  std::optional<service> running;

  void run() { running.emplace(start(system, with)); }

  cli_result waybill(std::vector<std::string> words) const {
    return run_waybill(with.file, std::move(words));
  }

  template <class Request>
  auto tell(Request x) {
    return get(running->tracker(), std::move(x));
  }
};

} // namespace

TEST_CASE_METHOD(operator_fixture, "an operation is discarded by the service "
                                   "that runs on the store") {
  run();
  tell(enqueue(1));
  const auto x = waybill({"discard", "--reason", "cancelled", id_text(1)});
  CHECK(x.code == 0);
  CHECK(x.says(id_text(1) + " is discarded"));
  const auto found = tell(status_of(1)).snapshot;
  REQUIRE(found);
  CHECK(found->status == tracking_status::discarded);
  CHECK(found->last_error == "cancelled");
  const auto again = waybill({"discard", "--reason", "again", id_text(1)});
  CHECK(again.code == 3);
  CHECK(again.complains("has finished already, as Discarded"));
  const auto unknown = waybill({"discard", "--reason", "x", id_text(2)});
  CHECK(unknown.code == 1);
}

TEST_CASE_METHOD(operator_fixture,
                 "a call that waits is not delivered once it is discarded") {
  run();
  std::atomic<int> delivered{0};
  const auto deliver = [&](const forward_call&) {
    ++delivered;
    return delivery_result{.what = delivery_result::kind::transient,
                           .error = "503"};
  };
  auto plant = patient();
  plant.target = "plant";
  auto mill = patient();
  mill.target = "mill";
  const auto to = running->spawn_store_and_forward(plant, deliver);
  const auto other = running->spawn_store_and_forward(mill, deliver);
  get(to, call(1));
  CHECK(eventually([&] {
    const auto found = tell(status_of(1)).snapshot;
    return found && found->status == tracking_status::retrying;
  }));
  CHECK(waybill({"discard", "--reason", "cancelled", id_text(1)}).code == 0);
  CHECK(get(to, get_backlog{}).calls == 0);
  CHECK(eventually([&] { return get(to, get_backlog{}).backing_off == 0; }));
  CHECK(tell(status_of(1)).snapshot->status == tracking_status::discarded);
  CHECK(delivered == 1);
}

TEST_CASE_METHOD(operator_fixture,
                 "parked calls are requeued by the service that runs on the "
                 "store, or by the command when none does") {
  run();
  std::atomic<int> attempts{0};
  const auto deliver = takes_requeued_calls(attempts);
  const auto to = running->spawn_store_and_forward(quick(), deliver);
  for (std::uint64_t n = 1; n <= 3; ++n)
    get(to, call(n));
  CHECK(eventually([&] { return attempts == 3; }));
  CHECK(eventually([&] { return get(to, get_backlog{}).calls == 0; }));
  const auto x = waybill(
    {"requeue", "--json", "--reason", "it is back", id_text(1), id_text(2)});
  CHECK(x.code == 0);
  CHECK(eventually([&] { return attempts == 5; }));
  CHECK(eventually([&] { return get(to, get_backlog{}).calls == 0; }));
  const auto again = waybill({"requeue", id_text(1)});
  CHECK(again.code == 0);
  CHECK(again.complains(id_text(1) + " was requeued before, as "));
  CHECK(waybill({"requeue", id_text(9)}).code == 1);
  running->stop();
  const auto alone = waybill({"requeue", id_text(3)});
  CHECK(alone.code == 0);
  CHECK(alone.says(id_text(3) + " is requeued as "));
  const auto told = waybill({"status", id_text(3)});
  CHECK(told.says("requeued as"));
  const auto json = waybill({"status", "--json", id_text(3)}).json();
  const auto successor = json["requeue"]["requeued_as"].get<std::string>();
  const auto next = waybill({"status", "--json", successor}).json();
  CHECK(next["requeue"]["requeue_of"] == id_text(3));
  CHECK(next["requeue"]["root"] == id_text(3));
  CHECK(next["requeue"]["generation"] == 1);
  CHECK(next["call"]["root"] == id_text(3));
  CHECK(waybill({"history", id_text(3)}).says("(requeued)"));
  CHECK(waybill({"status", successor}).says("requeue of"));
  CHECK(waybill({"payload", id_text(3)})
          .complains("was requeued, and its successor has it"));
  CHECK(waybill({"check"}).code == 0);
}

TEST_CASE_METHOD(
  operator_fixture,
  "hundreds of operations are discarded by the service that runs "
  "on the store, and the audit tells who has done it") {
  run();
  for (std::uint64_t n = 1; n <= 300; ++n)
    tell(enqueue(n));
  tell(terminal(300));
  CHECK(waybill({"discard", "--status", "in-flight", "--dry-run"})
          .says("would discard 299 operations"));
  const auto x = waybill({"discard", "--status", "in-flight", "--reason",
                          "line 7 is gone", "--by", "anna", "--json"});
  CHECK(x.code == 0);
  CHECK(x.json()["discarded"] == 299);
  CHECK(x.json()["finished"] == true);
  CHECK(tell(get_stats{}).discarded == 299);
  line_client client{with.file + ".sock"};
  tell(enqueue(301));
  client.send(to_operator_line(discard_many{.ids = {id_of(301)}}) + "\n");
  client.receive();
  CHECK(
    waybill({"purge", "--older-than", "0s", "--by", "bert", "--reason", "full"})
      .code
    == 0);
  const auto acts = json_lines(waybill({"audit", "--json"}).out);
  REQUIRE(acts.size() == 3);
  CHECK(acts[0]["verb"] == "purge");
  CHECK(acts[0]["who"] == "bert");
  CHECK(acts[0]["what"] == "--older-than 0s");
  CHECK(acts[0]["reason"] == "full");
  CHECK(acts[0]["operations"] == 301);
  CHECK(acts[1]["who"] == user_name(::geteuid()));
  CHECK(acts[1]["what"] == id_text(301));
  CHECK(acts[2]["who"] == "anna");
  CHECK(acts[2]["what"] == "--status in-flight");
  CHECK(acts[2]["operations"] == 299);
  CHECK(acts[2]["reason"] == "line 7 is gone");
}

TEST_CASE_METHOD(operator_fixture,
                 "of calls that are requeued by a filter and one by one at a "
                 "time each has one successor") {
  constexpr std::uint64_t count = 60;
  run();
  auto plant = quick();
  plant.max_attempts = 1;
  std::atomic<std::uint64_t> attempts{0};
  const auto to
    = running->spawn_store_and_forward(plant, [&attempts](const delivery& x) {
        ++attempts;
        return x.id == x.idempotency_key ? busy : taken;
      });
  send_all(system, to, calls(count));
  REQUIRE(eventually([&] { return get(to, get_backlog{}).calls == 0; }));
  auto bulk = start_waybill(with.file,
                            {.arguments = {"requeue", "--json", "--status",
                                           "parked", "--rate", "400"}});
  std::int64_t singly = 0;
  for (std::uint64_t n = count; n > 0; --n) {
    const auto done = tell(requeue{.ids = {id_of(n)}}).results.front();
    CHECK(done.successor);
    singly += done.outcome == requeue_outcome::requeued ? 1 : 0;
  }
  const auto end = end_of(bulk);
  CHECK(end.code == 0);
  CHECK(end.json()["requeued"].get<std::int64_t>() + singly == count);
  CHECK(end.json()["refused"] == 0);
  REQUIRE(eventually([&] { return get(to, get_backlog{}).calls == 0; }));
  CHECK(attempts == 2 * count);
  CHECK(waybill({"check"}).code == 0);
}

TEST_CASE_METHOD(operator_fixture, "a running service purges what an operator "
                                   "wants it to") {
  run();
  for (std::uint64_t n = 1; n <= 4; ++n) {
    tell(enqueue(n));
    if (n < 4)
      tell(terminal(n, n == 3 ? tracking_status::failed
                              : tracking_status::delivered));
  }
  const auto failed
    = waybill({"purge", "--older-than", "0s", "--status", "failed", "--json"});
  CHECK(failed.code == 0);
  CHECK(failed.json()["deleted"] == 1);
  CHECK(waybill({"purge", "--older-than", "0s"}).says("deleted 2 operations"));
  CHECK(tell(status_of(4)).snapshot);
  CHECK_FALSE(tell(status_of(1)).snapshot);
}

TEST_CASE_METHOD(operator_fixture,
                 "a target is paused and resumed by the service that runs, and "
                 "stays paused across its restart") {
  run();
  std::atomic<int> delivered{0};
  const auto deliver = [&](const forward_call&) {
    ++delivered;
    return taken;
  };
  auto plant = quick();
  plant.target = "plant";
  const auto start_plant = [&] {
    return running->spawn_store_and_forward(plant, deliver);
  };
  get(start_plant(), get_backlog{});
  const auto paused
    = waybill({"pause", "--reason", "MES is updated", "--by", "anna", "plant"});
  CHECK(paused.code == 0);
  CHECK(paused.out
        == "plant is paused: no attempt begins until it is "
           "resumed\n");
  const auto watched = tell(get_health{}).targets;
  REQUIRE(watched.size() == 1);
  CHECK(watched[0].name == "plant");
  CHECK(watched[0].paused_since);
  CHECK(waybill({"health"}).says("  plant: paused since "));
  const auto again = waybill({"pause", "--reason", "x", "--json", "plant"});
  CHECK(again.code == 0);
  CHECK(again.json()["outcome"] == "unchanged");
  CHECK(again.json()["pause"]["who"] == "anna");
  running->stop();
  running.reset();
  run();
  const auto to = start_plant();
  CHECK(get(to, call(1)) == forward_reply{forward_outcome::accepted});
  CHECK(get(to, get_backlog{}).pause->reason == "MES is updated");
  const auto shown = waybill({"targets"});
  CHECK(shown.says("paused"));
  CHECK(shown.says("  plant is paused since "));
  CHECK(shown.says(" by anna: MES is updated\n"));
  CHECK(
    waybill({"resume", "plant"}).says("plant goes on; it was paused since "));
  CHECK(eventually([&] { return delivered == 1; }));
  CHECK(waybill({"resume", "plant"}).out == "plant is not paused\n");
}

TEST_CASE_METHOD(operator_fixture,
                 "a target without an actor is paused all the same, and one "
                 "that is not there is named") {
  run();
  auto plant = quick();
  plant.target = "plant";
  {
    const auto to = running->spawn_store_and_forward(
      plant, [](const forward_call&) { return taken; });
    get(to, get_backlog{});
    const end_watch watch{to};
    running->stop();
    REQUIRE(watch.ended_within(10s));
  }
  running.reset();
  run();
  CHECK(waybill({"pause", "--reason", "x", "plant"}).code == 0);
  const auto missing = waybill({"pause", "--reason", "x", "pl\xc3\xa4nt\n"});
  CHECK(missing.code == 1);
  CHECK(missing.out.empty());
  CHECK(missing.complains("there is no target \"pl\xc3\xa4nt\\n\""));
  CHECK(waybill({"resume", "mill", "--json"}).json()["outcome"] == "not_found");
  CHECK(waybill({"stats", "--json"}).json()["paused_targets"] == 1);
  CHECK(tell(get_stats{}).paused_targets == 1);
}

TEST_CASE_METHOD(operator_fixture,
                 "targets shows what a running service delivers, and which "
                 "target it leaves alone") {
  run();
  std::promise<void> release;
  const auto gate = release.get_future().share();
  auto plant = quick();
  plant.target = "plant";
  plant.max_rate = 100;
  auto mill = patient();
  mill.target = "mill";
  mill.breaker_failure_ratio = 0.5;
  mill.breaker_min_attempts = 1;
  mill.breaker_first_pause = 1h;
  mill.breaker_max_pause = 1h;
  const auto to_plant
    = running->spawn_store_and_forward(plant, [gate](const forward_call&) {
        gate.wait();
        return taken;
      });
  get(to_plant, get_backlog{}); // it is the first in the file
  const auto to_mill = running->spawn_store_and_forward(
    mill, [](const forward_call&) { return busy; });
  get(to_plant, call(1));
  get(to_mill, call(2));
  REQUIRE(eventually([&] {
    return get(to_plant, get_backlog{}).delivering == 1
           && get(to_mill, get_backlog{}).breaker == breaker_state::open;
  }));
  const auto x = waybill({"targets"});
  CHECK(x.code == 0);
  CHECK(x.says("runs"));
  CHECK(x.says("6000/min"));
  CHECK(x.says("failing"));
  CHECK(x.says("  mill fails: no attempt begins until "));
  const auto all = waybill({"targets", "--json"}).json()["targets"];
  REQUIRE(all.size() == 2);
  CHECK(all[0]["service"]["delivering"] == 1);
  CHECK(all[0]["service"]["max_a_minute"] == 6'000);
  CHECK(all[1]["service"]["breaker"] == "open");
  const auto health = waybill({"health", "--json"}).json()["service"];
  REQUIRE(health["targets"].size() == 1);
  CHECK(health["targets"][0]["name"] == "mill");
  CHECK(health["targets"][0]["breaker_open"] == true);
  CHECK(waybill({"health"})
          .says("  mill: left alone, for too many attempts fail\n"));
  release.set_value();
  running->stop();
  CHECK(
    waybill({"targets", "--json"}).json()["targets"][0]["service"].is_null());
}

TEST_CASE_METHOD(operator_fixture, "health is what the service says, too") {
  run();
  auto x = waybill({"health"});
  CHECK(x.code == 0);
  CHECK(x.says("the service is ok since "));
  x = waybill({"health", "--json", "--exit-code"});
  CHECK(x.code == 0);
  CHECK(x.json()["service"]["state"] == "ok");
  running->stop();
  x = waybill({"health", "--json"});
  CHECK(x.json()["service"].is_null());
  CHECK_FALSE(waybill({"health"}).says("the service"));
}

TEST_CASE_METHOD(operator_fixture,
                 "without a socket, commands want the store for themselves") {
  with.operator_socket = on_off::off;
  run();
  tell(enqueue(1));
  CHECK_FALSE(std::filesystem::exists(with.file + ".sock"));
  const auto x = waybill({"discard", "--reason", "x", id_text(1)});
  CHECK(x.code == 3);
  CHECK(x.complains("stop it first"));
  running->stop();
  CHECK(waybill({"discard", "--reason", "x", id_text(1)}).code == 0);
}

TEST_CASE_METHOD(operator_fixture,
                 "a service runs without a socket where there "
                 "cannot be one, and says so") {
  std::filesystem::create_directory(with.file + ".sock");
  run();
  CHECK(tell(enqueue(1)).outcome == enqueue_outcome::inserted);
  CHECK(heard.contain("operators' commands do not reach this service: "));
  running->stop();
  CHECK(std::filesystem::is_directory(with.file + ".sock"));
}

TEST_CASE_METHOD(operator_fixture,
                 "commands reach a service whose socket has a longer path than "
                 "an address holds") {
  const auto folder = dir / std::string(120, 'd').c_str();
  std::filesystem::create_directory(folder);
  with.file = folder + "/track.db";
  run();
  tell(enqueue(1));
  CHECK(waybill({"health"}).says("the service is ok since "));
  CHECK(waybill({"discard", "--reason", "x", id_text(1)}).code == 0);
  CHECK(tell(status_of(1)).snapshot->status == tracking_status::discarded);
}

TEST_CASE_METHOD(operator_fixture,
                 "of a service that ends before or in its answer, or answers "
                 "nonsense, it is not said whether it has acted") {
  run();
  tell(enqueue(1));
  running->stop();
  const std::string answer = GENERATE("", R"({"waybill":2,"reply":{"res)",
                                      "nonsense\n");
  CAPTURE(answer);
  const descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const socket_address address{with.file + ".sock"};
  REQUIRE(::bind(listener.get(), address.get(), socket_address::size()) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  const auto served = std::async(std::launch::async, [&] {
    pollfd polled{listener.get(), POLLIN, 0};
    if (::poll(&polled, 1, 10'000) <= 0)
      return;
    const descriptor client{::accept(listener.get(), nullptr, nullptr)};
    char byte = 0;
    while (::recv(client.get(), &byte, 1, 0) == 1 && byte != '\n') {
      // Its question.
    }
    ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  });
  const auto x = waybill({"discard", "--reason", "x", id_text(1)});
  served.wait();
  CHECK(x.code == 3);
  CHECK(x.out.empty());
  CHECK(x.complains("what it was asked may be done all the same"));
}

TEST_CASE_METHOD(operator_fixture,
                 "a line is answered once, whatever it asks") {
  run();
  line_client client{with.file + ".sock"};
  const auto answer_to = [&](const std::string& line) {
    client.send(line + "\n");
    return nlohmann::json::parse(client.receive());
  };
  CHECK(answer_to("nonsense")["error"]["code"] == "invalid_request");
  CHECK(answer_to(R"({"waybill":2,"ask":"get_counts"})").contains("reply"));
  CHECK(answer_to(R"({"waybill":2,"ask":"get_stats"})").contains("reply"));
  tell(enqueue(1));
  CHECK(answer_to(to_operator_line(status_of(1)))["reply"]["snapshot"]["id"]
        == id_text(1));
  CHECK(answer_to(to_operator_line(discard_many{
          .ids = {id_of(1)}, .reason = std::string(2, '\0')}))["error"]["code"]
        == "invalid_request");
  const auto past = purge_terminal{.older_than = at(1),
                                   .status = std::nullopt,
                                   .deadline = at(2)};
  CHECK(answer_to(to_operator_line(past))["error"]["code"]
        == "deadline_passed");
}

TEST_CASE_METHOD(operator_fixture,
                 "who asks a service that stops gets an answer or its end") {
  run();
  std::vector<line_client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(with.file + ".sock");
    clients.back().send(to_operator_line(get_counts{}) + "\n");
  }
  running->stop();
  for (auto& each : clients)
    each.receive();
  for (auto& each : clients)
    CHECK(each.is_closed());
  CHECK_FALSE(std::filesystem::exists(with.file + ".sock"));
}

TEST_CASE_METHOD(operator_fixture, "a socket of who does not own the store is "
                                   "not believed") {
  if (::geteuid() != 0)
    return;
  run();
  running->stop();
  const auto path = with.file + ".sock";
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  child_process impostor{[&](const child_process& me) {
    if (::setgid(65'534) != 0 || ::setuid(65'534) != 0)
      return 1;
    const auto socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path, path.c_str(), path.size() + 1);
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address),
               sizeof address)
          != 0
        || ::listen(socket, 5) != 0)
      return 2;
    me.report();
    child_process::linger();
  }};
  REQUIRE(impostor.await_report());
  const auto x = waybill({"health"});
  CHECK(x.code == 3);
  CHECK(x.complains("user 65534 listens there, who does not own"));
}
