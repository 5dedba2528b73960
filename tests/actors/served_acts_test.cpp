// What operators do in the browser, done by the service that runs on the store:
// the real command between them.

#include <atomic>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "support/actors.hpp"
#include "support/forwarding.hpp"
#include "support/web_client.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/unix_socket.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct served_fixture : actor_fixture {
  options with = make_options();
  std::optional<service> running;
  std::optional<program> server;
  int port = 0;

  void run() {
    running.emplace(start(system, with));
    server.emplace(WAYBILL_COMMAND,
                   program::setting{.arguments = {"serve", with.file,
                                                  "--actions", "--listen",
                                                  "127.0.0.1:0"}});
    port = port_of(*server);
  }

  nlohmann::json act(const std::string& verb, const nlohmann::json& body) {
    const auto x = post_json(port, "/api/v1/" + verb, body.dump());
    CAPTURE(verb, x);
    CHECK(x.starts_with("HTTP/1.1 200 "));
    return nlohmann::json::parse(x.substr(x.find("\r\n\r\n") + 4));
  }
};

} // namespace

TEST_CASE_METHOD(served_fixture,
                 "what operators do in the browser is done by the service that "
                 "runs, and recorded with who and why") {
  run();
  std::atomic<int> attempts{0};
  const auto deliver = takes_requeued_calls(attempts);
  auto plant = quick();
  plant.target = "plant";
  const auto to = running->spawn_store_and_forward(plant, deliver);
  for (std::uint64_t n = 1; n <= 3; ++n)
    get(to, call(n));
  CHECK(eventually([&] { return attempts == 3; }));
  CHECK(eventually([&] { return get(to, get_backlog{}).calls == 0; }));

  CHECK(act("pause", {{"target", "plant"}, {"reason", "update"}})["outcome"]
        == "applied");
  CHECK(get(to, get_backlog{}).pause->reason == "update");
  CHECK(act("resume", {{"target", "plant"}, {"reason", "done"}})["outcome"]
        == "applied");

  const auto one
    = act("requeue",
          {{"ids", {id_text(1)}}, {"reason", "it is back"}, {"who", "anna"}});
  CHECK(one["results"][0]["outcome"] == "requeued");
  const nlohmann::json filter{{"status", {"failed"}}};
  const auto due = act("discard", {{"filter", filter}, {"dry_run", true}});
  CHECK(due["count"] == 2);
  const auto rest = act("discard", {{"filter", filter},
                                    {"bound", due["bound"]},
                                    {"reason", "cancelled"}});
  CHECK(rest["results"].size() == 2);
  CHECK(eventually([&] { return get(to, get_backlog{}).calls == 0; }));
  CHECK(attempts == 4);
  const auto purged = act("purge", {{"older_than", "0s"}, {"reason", "full"}});
  CHECK(purged["deleted"] == 4);

  const auto acts = json_lines(run_waybill(with.file, {"audit", "--json"}).out);
  REQUIRE(acts.size() == 5);
  const auto user = user_name(::geteuid());
  CHECK(acts[0]["verb"] == "purge");
  CHECK(acts[0]["reason"] == "full");
  CHECK(acts[1]["what"] == "--status failed");
  CHECK(acts[1]["operations"] == 2);
  CHECK(acts[1]["who"] == user);
  CHECK(acts[2]["who"] == "anna (" + user + ")");
  CHECK(acts[2]["reason"] == "it is back");
  CHECK(acts[3]["reason"] == "done");
  running->stop();
  CHECK(post_json(port, "/api/v1/pause", R"({"target":"plant","reason":"x"})")
          .starts_with("HTTP/1.1 503 "));
}
