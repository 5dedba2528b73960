// `audit`, and what exports and imports do with it.

#include <algorithm>
#include <array>

#include "output/text_width.hpp"
#include "support/calls.hpp"
#include "tools/waybill_program.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;

namespace {

struct audit_cli_fixture : cli_fixture {
  const timestamp now = timestamp::now();

  // A pause and its end, two days old; 300 discards, an hour old.
  void fill() {
    store.calls().open_target({"plant", {}, 3, {}}, now - 48h);
    store.calls().pause({"plant", "anna",
                         "the MES is being updated, and nobody "
                         "knows for how long"},
                        now - 48h);
    store.calls().resume({"plant"}, now - 47h);
    record(300);
    discard_many some{.reason = "line 7 is gone",
                      .act = operator_act{id_of(999), "bert",
                                          "--status in-flight --target 'POST "
                                          "https://plant.example/mes/*'"}};
    for (std::uint64_t n = 1; n <= 300; ++n) {
      some.ids.push_back(id_of(n));
      if (some.ids.size() < 100)
        continue;
      store.calls().discard(some, now - 1h);
      some.ids.clear();
    }
  }

  std::vector<std::string> verbs(std::vector<std::string> words) {
    words.insert(words.begin(), {"audit", "--json"});
    std::vector<std::string> all;
    for (const auto& each : json_lines(waybill(words).out))
      all.push_back(each["verb"].get<std::string>());
    return all;
  }
};

using verb_list = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(audit_cli_fixture,
                 "audit tells who has done what, the newest first") {
  fill();
  const auto x = waybill({"audit", "--utc"});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  const auto lines = lines_of(x.out);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].starts_with("when"));
  CHECK(lines[1].find("bert") != std::string::npos);
  CHECK(lines[1].find("discard") != std::string::npos);
  CHECK(lines[1].find("300") != std::string::npos);
  CHECK(lines[1].find("--status in-flight --target 'POST https://plant.example/"
                      "mes/*'")
        != std::string::npos);
  CHECK(lines[2].find("(host)") != std::string::npos);
  CHECK(lines[2].find("resume") != std::string::npos);
  CHECK(lines[3].ends_with("nobody knows for how long"));
  const auto json = json_lines(waybill({"audit", "--json"}).out);
  REQUIRE(json.size() == 3);
  CHECK(json[0]["operations"] == 300);
  CHECK(json[0]["at"] == to_string(now - 1h));
  CHECK(json[0]["last"] == id_text(300));
  CHECK(json[1]["who"].is_null());
  CHECK(waybill({"audit", "--format", "csv"})
          .out.starts_with("id,verb,at,last_at,who,what,operations,last,"
                           "reason\r\n"));
  CHECK(lines_of(waybill({"audit", "--format", "csv"}).out).size() == 4);
}

TEST_CASE_METHOD(audit_cli_fixture, "audit goes by verbs, times and a limit") {
  fill();
  CHECK(verbs({}) == verb_list{"discard", "resume", "pause"});
  CHECK(verbs({"--verb", "pause,resume"}) == verb_list{"resume", "pause"});
  CHECK(verbs({"--verb", "pause", "--verb", "discard"})
        == verb_list{"discard", "pause"});
  CHECK(verbs({"--since", "2850min"}) == verb_list{"discard", "resume"});
  CHECK(verbs({"--until", "2h"}) == verb_list{"resume", "pause"});
  const auto some = waybill({"audit", "--json", "--limit", "2"});
  CHECK(json_lines(some.out).size() == 2);
  CHECK(some.complains("there are others; --limit or --all shows them"));
  CHECK(waybill({"audit", "--limit", "3"}).err.empty());
  CHECK(waybill({"audit", "--all"}).err.empty());
  CHECK(waybill({"audit", "--verb", "Pause"})
          .complains("--verb must be of requeue, discard, pause, resume and "
                     "purge"));
  CHECK(waybill({"audit", "--since", "soon"}).code == 2);
  CHECK(waybill({"audit", "--all", "--limit", "1"}).code == 2);
}

TEST_CASE_METHOD(audit_cli_fixture, "an audit fits into every terminal, and an "
                                    "empty one is empty") {
  CHECK(waybill({"audit"}).out.empty());
  fill();
  for (const auto columns : std::array<unsigned short, 3>{60, 80, 120}) {
    pseudo_terminal terminal{columns};
    auto running = start_waybill(options.file, {.arguments = {"audit"},
                                                .stdout_fd = terminal.get(),
                                                .stderr_fd = terminal.get()});
    auto text = terminal.shown_by(running);
    CHECK(running.wait() == 0);
    std::erase(text, '\r');
    const auto lines = lines_of(without_sequences(text));
    CHECK(lines.size() == 4);
    for (const auto& line : lines) {
      CAPTURE(line);
      CHECK(cli::width_of(line) <= columns);
    }
    CHECK(text.find("bert") != std::string::npos);
    CHECK(text.find("discard") != std::string::npos);
    CHECK((text.find("line 7") != std::string::npos) == (columns > 60));
  }
}

TEST_CASE_METHOD(audit_cli_fixture,
                 "an audit of more than a page is one table") {
  store.begin();
  store.calls().open_target({"plant", {}, 3, {}}, now - 48h);
  for (auto i = 0; i < 510; ++i) {
    store.calls().pause({"plant", "anna", "x"}, now - 47h + i * 1s);
    store.calls().resume({"plant"}, now - 47h + i * 1s);
  }
  store.commit();
  const auto lines = lines_of(waybill({"audit", "--all"}).out);
  REQUIRE(lines.size() == 1'021);
  CHECK(std::ranges::count_if(lines,
                              [](const std::string& line) {
                                return line.starts_with("when");
                              })
        == 1);
}

TEST_CASE_METHOD(
  audit_cli_fixture,
  "an export without a filter ends with the audit, and an import "
  "has it once") {
  fill();
  CHECK(waybill({"export", "-o", dir / "all.jsonl"})
          .says("exported 300 operations"));
  const auto all = json_lines(read_file(dir / "all.jsonl"));
  REQUIRE(all.size() == 303);
  CHECK(all[300]["audit"]["verb"] == "pause");
  CHECK(all[302]["audit"]["verb"] == "discard");
  CHECK(json_lines(waybill({"export", "--status", "finished"}).out).size()
        == 300);
  const auto copy = dir / "copy.db";
  const auto in = run_waybill(copy, {"import", dir / "all.jsonl"});
  CHECK(in.code == 0);
  CHECK(in.says("300 imported, 0 were there already"));
  const auto audit = waybill({"audit", "--json"}).out;
  CHECK(run_waybill(copy, {"audit", "--json"}).out == audit);
  CHECK(run_waybill(copy, {"import", dir / "all.jsonl"})
          .says("0 imported, 300 were there already"));
  CHECK(run_waybill(copy, {"audit", "--json"}).out == audit);
  CHECK(run_waybill(copy, {"check"}).code == 0);
  auto wrong = all[300];
  wrong["audit"]["verb"] = "shrug";
  write_file(dir / "wrong.jsonl", wrong.dump() + "\n");
  const auto x = run_waybill(copy, {"import", dir / "wrong.jsonl"});
  CHECK(x.code == 2);
  CHECK(x.complains("line 1: audit.verb: must be one of requeue, "));
}

TEST_CASE_METHOD(
  audit_cli_fixture,
  "what a command does to a store at rest is in its audit, under "
  "the name that is given or the user's") {
  store.calls().open_target({"plant", {}, 3, {}}, now);
  store.calls().end(end_of(store.calls().take(take_of(1), now).head,
                           tracking_status::parked),
                    now);
  CHECK(waybill_alone({"pause", "plant", "--reason", "x", "--by", "anna"}).code
        == 0);
  CHECK(waybill_alone({"resume", "plant", "--by", "bert"}).code == 0);
  CHECK(waybill_alone({"requeue", id_text(1), "--by", "carl"}).code == 0);
  CHECK(waybill_alone({"discard", "--status", "in-flight", "--kind", "Erp 'x'",
                       "--reason", "it's over"})
          .says("discarded 0 operations"));
  CHECK(waybill_alone({"discard", "--status", "in-flight", "--since", "1d",
                       "--reason", "it's over"})
          .says("discarded 1 operation\n"));
  CHECK(waybill_alone({"purge", "--older-than", "0s", "--status", "discarded",
                       "--by", "emil"})
          .says("deleted 1 operation"));
  const auto acts = json_lines(waybill({"audit", "--json"}).out);
  REQUIRE(acts.size() == 5);
  CHECK(acts[0]["who"] == "emil");
  CHECK(acts[0]["what"] == "--older-than 0s --status discarded");
  CHECK(acts[1]["what"] == "--status in-flight --since 1d");
  CHECK_FALSE(acts[1]["who"].get<std::string>().empty());
  CHECK(acts[1]["reason"] == "it's over");
  CHECK(acts[2]["who"] == "carl");
  CHECK(acts[2]["what"] == id_text(1));
  CHECK(acts[3]["who"] == "bert");
  CHECK(acts[4]["who"] == "anna");
  const auto wrong = waybill_alone(
    {"purge", "--older-than", "0s", "--by", std::string(300, 'x')});
  CHECK(wrong.code == 2);
  CHECK(wrong.complains("--by: "));
}
