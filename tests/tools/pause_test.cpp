// `pause`, `resume`, and what else tells of targets that are paused, on a store
// at rest.

#include <array>

#include "output/text_width.hpp"
#include "support/calls.hpp"
#include "tools/waybill_program.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;

namespace {

struct pause_cli_fixture : cli_fixture {
  void open(const std::string& target) {
    store.calls().open_target({target, {}, 3, {}}, at(0));
  }

  std::optional<target_pause> pause_of(const std::string& target) {
    return store.calls().open_target({target, {}, 3, {}}, at(0)).pause;
  }
};

} // namespace

TEST_CASE_METHOD(pause_cli_fixture,
                 "a target of a store at rest is paused and resumed by who "
                 "owns the store meanwhile") {
  open("plant");
  open("mill");
  const auto needs_it = waybill({"pause", "plant", "--reason", "x"});
  CHECK(needs_it.code == 3);
  CHECK(needs_it.complains("stop it first"));
  const auto x = waybill_alone(
    {"pause", "plant", "--reason", "MES is updated", "--by", "anna"});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  CHECK(x.out == "plant is paused: no attempt begins until it is resumed\n");
  const auto kept = pause_of("plant");
  REQUIRE(kept);
  CHECK(kept->who == "anna");
  CHECK(kept->reason == "MES is updated");
  CHECK_FALSE(pause_of("mill"));

  const auto again = waybill_alone({"pause", "plant", "--reason", "holiday"});
  CHECK(again.code == 0);
  CHECK(again.says("plant is paused already, since "));
  CHECK(again.says(" by anna: MES is updated\n"));
  CHECK(pause_of("plant") == kept);

  const auto on = waybill_alone({"resume", "plant", "--reason", "it is back"});
  CHECK(on.code == 0);
  CHECK(json_lines(waybill({"audit", "--json"}).out)[0]["reason"]
        == "it is back");
  CHECK(on.says("plant goes on; it was paused since "));
  CHECK_FALSE(pause_of("plant"));
  CHECK(waybill_alone({"resume", "plant"}).out == "plant is not paused\n");
}

TEST_CASE_METHOD(pause_cli_fixture, "who pauses a target and gives no name is "
                                    "the user who does") {
  open("plant");
  const auto x
    = waybill_alone({"pause", "plant", "--reason", "x", "--json"}).json();
  CHECK(x["target"] == "plant");
  CHECK(x["outcome"] == "applied");
  CHECK(x["pause"]["reason"] == "x");
  CHECK_FALSE(x["pause"]["who"].get<std::string>().empty());
  const auto on = waybill_alone({"resume", "plant", "--json"}).json();
  CHECK(on["outcome"] == "applied");
  CHECK(on["pause"] == x["pause"]);
  const auto none = waybill_alone({"resume", "plant", "--json"}).json();
  CHECK(none["outcome"] == "unchanged");
  CHECK(none["pause"].is_null());
}

TEST_CASE_METHOD(pause_cli_fixture,
                 "pausing what is not there, or with a text that cannot be "
                 "stored, changes nothing and says why") {
  open("plant");
  const auto missing = waybill_alone({"pause", "mi\x1bll", "--reason", "x"});
  CHECK(missing.code == 1);
  CHECK(missing.out.empty());
  CHECK(missing.err
        == "waybill: there is no target \"mi\\x1Bll\"; waybill targets lists "
           "them\n");
  CHECK(waybill_alone({"resume", "mill", "--json"}).json()["outcome"]
        == "not_found");
  for (const auto& [option, text] :
       {std::pair{"--reason", std::string(5'000, 'x')},
        std::pair{"--by", std::string(300, 'x')}}) {
    std::vector<std::string> words{"pause", "plant", option, text};
    if (words[2] != "--reason")
      words.insert(words.end(), {"--reason", "x"});
    const auto wrong = waybill_alone(words);
    CHECK(wrong.code == 2);
    CHECK(wrong.complains("waybill: " + std::string{option} + ": "));
  }
  CHECK_FALSE(pause_of("plant"));
}

TEST_CASE_METHOD(pause_cli_fixture, "targets, stats and health tell of targets "
                                    "that are paused") {
  open("plant");
  open("POST https://plant.example/mes/work-orders");
  CHECK(waybill({"health", "--exit-code", "--max-paused", "0"}).code == 0);
  store.calls().pause({"POST https://plant.example/mes/work-orders", "anna",
                       "the MES is being updated, and nobody knows for how "
                       "long; see ticket 4711"},
                      timestamp::now() - 5min - 10s);
  const auto x = waybill({"targets"});
  CHECK(x.code == 0);
  const auto lines = lines_of(x.out);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].find("state") != std::string::npos);
  CHECK(lines[1].find("paused") == std::string::npos);
  CHECK(lines[2].find("paused") != std::string::npos);
  CHECK(lines[4].starts_with(
    "  POST https://plant.example/mes/work-orders is paused since "));
  CHECK(lines[4].ends_with(" (5 min ago) by anna: the MES is being updated, "
                           "and nobody knows for how long; see ticket 4711"));
  for (const auto columns : std::array<unsigned short, 3>{60, 80, 120}) {
    pseudo_terminal terminal{columns};
    auto running = start_waybill(options.file, {.arguments = {"targets"},
                                                .stdout_fd = terminal.get(),
                                                .stderr_fd = terminal.get()});
    auto text = terminal.shown_by(running);
    CHECK(running.wait() == 0);
    std::erase(text, '\r');
    for (const auto& line : lines_of(without_sequences(text))) {
      CAPTURE(line);
      CHECK(cli::width_of(line) <= columns);
    }
  }
  const auto data = waybill({"targets", "--json"}).json()["targets"];
  CHECK(data[0]["paused_since"].is_null());
  CHECK(data[1]["paused_by"] == "anna");
  CHECK(data[1]["pause_reason"].get<std::string>().ends_with("ticket 4711"));
  CHECK(waybill({"stats"}).says("paused: 1; see targets\n"));
  const auto stats = waybill({"stats", "--json"}).json();
  CHECK(stats["paused_targets"] == 1);
  CHECK(waybill({"stats", "--prometheus"})
          .says("waybill_target_paused{target=\"plant\"} 0\n"));
  const auto health = waybill({"health", "--json", "--max-paused", "0"}).json();
  CHECK(health["findings"][5]["name"] == "paused_targets");
  CHECK(health["findings"][5]["value"] == 1);
  CHECK(health["findings"][5]["ok"] == false);
  CHECK(waybill({"health", "--exit-code", "--max-paused", "0"}).code == 5);
}
