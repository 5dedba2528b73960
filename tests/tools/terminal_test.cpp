// What the command does with a terminal, a pipe that is closed, a disk that is
// full, and streams that are not there.

#include <algorithm>
#include <array>
#include <chrono>

#include "output/text_width.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/text.hpp"

using namespace std::chrono_literals;
using namespace waybill;
using namespace waybill::test;

namespace {

void record_wide(operation_tracking_store& store) {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    auto request = enqueue(n);
    request.target_summary = "https://plant.example/\u65e5\u672c\u8a9e/"
                             + std::string(60, 'x');
    store.record_enqueue(request, at(static_cast<std::int64_t>(n)));
    auto failed = attempt(n, 1);
    failed.last_error = "caf\u00e9 \U0001F600 " + std::string(90, 'e');
    store.record_attempt(failed, at(static_cast<std::int64_t>(n) + 10));
  }
}

} // namespace

TEST_CASE_METHOD(cli_fixture, "a table fits the terminal") {
  record_wide(store);
  constexpr std::array<unsigned short, 5> widths{60, 80, 100, 120, 160};
  for (const auto columns : widths) {
    CAPTURE(columns);
    const auto text = without_sequences(
      shown(options.file, columns, {.arguments = {"list"}}));
    const auto lines = lines_of(text);
    REQUIRE(lines.size() == 6);
    for (const auto& line : lines) {
      CAPTURE(line);
      CHECK(is_valid_utf8(line));
      CHECK(cli::width_of(line) <= columns);
    }
    // Their ids differ in the last digit only.
    CHECK(lines[1].starts_with(id_text(5) + "  Retrying"));
  }
  const auto full = without_sequences(
    shown(options.file, 80, {.arguments = {"list", "--full"}}));
  CHECK(full.find(std::string(90, 'e')) != std::string::npos);
}

TEST_CASE_METHOD(cli_fixture,
                 "a list tells of each operation what it is about, at 80 "
                 "columns too") {
  const auto now = timestamp::now();
  for (std::uint64_t n = 1; n <= 3; ++n) {
    auto request = enqueue(n);
    request.id = tracked_operation_id{0x0193'2C07'F2A1'7000U + (n << 20U),
                                      0x8000'0000'0000'0000U};
    request.target_summary = "POST /mes/work-orders/WO-4823"
                             + std::to_string(n);
    store.record_enqueue(request, now - 23min - 10s);
    auto failed = attempt(n, 4);
    failed.id = request.id;
    failed.last_error = "503 Service Unavailable: maintenance\r\n";
    store.record_attempt(failed, now - 5min - 10s);
  }
  const auto line = [&](unsigned short columns) {
    const auto text = without_sequences(
      shown(options.file, columns, {.arguments = {"list", "--limit", "1"}}));
    return lines_of(text).at(1);
  };
  CHECK(line(60)
        == "01932c07-f2d1  Retrying  23m  POST /…O-48233  503 Service U…");
  CHECK(
    line(80)
    == "01932c07-f2d1  Retrying  23m      4   503  Ext…Call  POST /…-48233  "
       "503 Service…");
  CHECK(
    line(120)
    == "01932c07-f2d1  Retrying  23m    5m      4   503  ExternalS…achedCall  "
       "POST /mes/w…ers/WO-48233  503 Service Unavailable…");
  CHECK(line(200)
        == "01932c07-f2d1-7000-8000-000000000000  Retrying  23m    5m      4   "
           "503  ExternalSystem.CachedCall  POST /mes/work-orders/WO-48233  "
           "503 Service Unavailable: maintenance");
  // What a list shows of an id stands for it.
  CHECK(waybill({"status", "01932c07-f2d1"}).code == 0);
}

TEST_CASE_METHOD(
  cli_fixture, "a history tells how often an attempt failed and with what, at "
               "60 columns too") {
  store.record_enqueue(enqueue(1), at(1));
  auto failed = attempt(1, 4);
  failed.http_status = 503;
  failed.last_error = "503 Service Unavailable: maintenance";
  store.record_attempt(failed, at(31));
  const auto line = [&](unsigned short columns) {
    const auto text = without_sequences(
      shown(options.file, columns, {.arguments = {"history", id_text(1)}}));
    return lines_of(text).at(2);
  };
  CHECK(line(60)
        == "2026-11-23 08:16:01.000  Retrying       4   503  503 Servic…");
  CHECK(line(80)
        == "     2  2026-11-23 08:16:01.000  30.00 s  Retrying       4   503  "
           "503 Service U…");
}

TEST_CASE_METHOD(cli_fixture, "COLUMNS overrides the terminal's width") {
  record_wide(store);
  const auto text = without_sequences(shown(
    options.file, 200, {.arguments = {"list"}, .environment = {"COLUMNS=90"}}));
  for (const auto& line : lines_of(text))
    CHECK(cli::width_of(line) <= 90);
  // Off a terminal there is no width.
  const auto off = run_waybill(options.file,
                               program::setting{.arguments = {"list"},
                                                .environment = {"COLUMNS=90"}});
  CHECK(off.says(std::string(60, 'x')));
}

TEST_CASE_METHOD(cli_fixture,
                 "where characters are not UTF-8 a cut is a tilde") {
  record_wide(store);
  const auto text = shown(options.file, 100,
                          {.arguments = {"list"}, .environment = {"LC_ALL=C"}});
  CHECK(text.find('~') != std::string::npos);
  CHECK(text.find("…") == std::string::npos);
}

TEST_CASE_METHOD(cli_fixture, "colours come on a terminal or when asked for") {
  record_wide(store);
  const auto coloured = [&](std::vector<std::string> words,
                            std::vector<std::string> environment) {
    return shown(options.file, 100,
                 {.arguments = std::move(words),
                  .environment = std::move(environment)})
             .find("\x1b[36m")
           != std::string::npos;
  };
  CHECK(coloured({"list"}, {}));
  CHECK_FALSE(coloured({"list"}, {"NO_COLOR=1"}));
  CHECK_FALSE(coloured({"list"}, {"TERM=dumb"}));
  CHECK_FALSE(coloured({"list", "--color", "never"}, {}));
  CHECK(coloured({"list", "--color=always"}, {"NO_COLOR=1"}));
  CHECK_FALSE(waybill({"list"}).says("\x1b"));
  CHECK(waybill({"list", "--colour", "always"}).says("\x1b[36m"));
}

TEST_CASE_METHOD(cli_fixture,
                 "on a terminal JSON and CSV do not steer it, and JSON means "
                 "the same") {
  auto hostile = enqueue(1);
  hostile.target_summary = "a\x1b[2Jb\x7f\u009b\u202ec \u65e5\U000e0041";
  store.record_enqueue(hostile, at(1));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"list", "--json"},
        {"list", "--format", "csv"},
        {"status", "--json", id_text(1)},
        {"export"}}) {
    CAPTURE(words);
    auto text = shown(options.file, 0, {.arguments = words});
    for (const auto* const bad : {"\x1b", "\x7f", "\u009b", "\u202e"})
      CHECK(text.find(bad) == std::string::npos);
    CHECK(text.find("\\u202E") != std::string::npos);
    CHECK(text.find("\u65e5") != std::string::npos);
    // Off a terminal it is as it was recorded.
    CHECK(waybill(words).says("\u202e"));
    if (words.size() == 2 && words[1] == "--json")
      CHECK(nlohmann::json::parse(text)["target_summary"]
            == *hostile.target_summary);
  }
}

TEST_CASE_METHOD(cli_fixture, "a narrow terminal gets lines that fit it") {
  record_wide(store);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"counts"},
        {"stats"},
        {"wait", "--timeout", "0s", id_text(1)}}) {
    CAPTURE(words);
    pseudo_terminal terminal{50};
    program::setting x{.arguments = words};
    x.stdout_fd = terminal.get();
    auto running = start_waybill(options.file, x);
    for (const auto& line :
         lines_of(without_sequences(terminal.shown_by(running))))
      CHECK(cli::width_of(line.substr(0, line.find('\r'))) <= 50);
    running.wait();
  }
  constexpr std::array<unsigned short, 4> widths{40, 60, 80, 120};
  for (const auto columns : widths) {
    pseudo_terminal terminal{columns};
    program::setting x{.arguments = {"watch", "--after", "0"}};
    x.stdout_fd = terminal.get();
    auto running = start_waybill(options.file, x);
    const auto text = without_sequences(
      terminal.shown_by(running, [](const std::string& shown) {
        return std::count(shown.begin(), shown.end(), '\n') == 11;
      }));
    running.wait();
    CHECK(lines_of(text).size() == 11);
    for (const auto& line : lines_of(text))
      CHECK(cli::width_of(line.substr(0, line.find('\r'))) <= columns);
    if (columns >= 60)
      CHECK(text.find("http") != std::string::npos);
  }
}

TEST_CASE_METHOD(cli_fixture, "progress is shown on a terminal only") {
  record(8'000);
  pseudo_terminal terminal{70};
  auto exporting = start_waybill(
    options.file, {.arguments = {"export", "-o", dir / "all.jsonl"},
                   .stderr_fd = terminal.get()});
  const auto text = terminal.shown_by(exporting);
  CHECK(exporting.wait() == 0);
  // A fast machine may be done before there is anything to show.
  if (text.empty())
    WARN("the export was over too soon to show progress");
  else
    CHECK(text.find("\rexported ") != std::string::npos);
  if (!text.empty())
    CHECK(text.ends_with("\r\x1b[K"));
  CHECK(waybill({"export", "--force", "-o", dir / "all.jsonl"}).err.empty());
}

TEST_CASE_METHOD(cli_fixture, "a reader that has had enough is no error") {
  record(5'000);
  for (const std::string command :
       {"list --all", "list --all --json", "list --all --format csv", "export",
        "counts", "--help"}) {
    CAPTURE(command);
    const auto line = "set -o pipefail; \"$0\" --db \"$1\" " + command
                      + " | head -1";
    program x{"/bin/bash",
              {.arguments = {"-c", line, WAYBILL_COMMAND, options.file}}};
    CHECK(x.wait() == 0);
    CHECK(x.err().empty());
    CHECK(lines_of(x.out()).size() == 1);
  }
}

TEST_CASE_METHOD(cli_fixture, "a full disk under the output is said") {
  record(10);
  const descriptor full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"list"},
                                             {"list", "--json"},
                                             {"export"},
                                             {"counts"},
                                             {"schema"},
                                             {"status", id_text(1)},
                                             {"check"},
                                             {"--help"}}) {
    CAPTURE(words);
    const auto x = run_waybill(options.file,
                               program::setting{.arguments = words,
                                                .stdout_fd = full.get()});
    CHECK(x.code == 3);
    CHECK(x.err == "waybill: standard output: No space left on device\n");
  }
}

TEST_CASE_METHOD(cli_fixture, "closed streams take no harm to the store") {
  record(10);
  const auto before = content();
  program x{"/bin/sh",
            {.arguments = {"-c", "exec \"$0\" --db \"$1\" list >&- 2>&- <&-",
                           WAYBILL_COMMAND, options.file}}};
  CHECK(x.wait() == 3);
  CHECK(content() == before);
  // What it writes to a file of its own is not mixed with what it says.
  const auto to = dir / "copy";
  for (const auto* const command :
       {"export -o \"$2\"", "backup \"$2\"", "recover \"$1\" \"$2\""}) {
    CAPTURE(command);
    const auto is_recover = std::string{command}.starts_with("recover");
    if (is_recover)
      store.close();
    program closed{"/bin/sh",
                   {.arguments = {"-c",
                                  std::string{"exec \"$0\" --db \"$1\" "}
                                    + command + " >&- 2>&- <&-",
                                  WAYBILL_COMMAND, options.file, to}}};
    CHECK(closed.wait() == 3); // it could not say that all is done
    if (std::string{command}.starts_with("export"))
      CHECK(json_lines(read_file(to)).size() == 10);
    else
      CHECK(run_waybill(to, {"check"}).says("sound: 10 operations"));
    for (const auto* const suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(to + suffix);
  }
}

TEST_CASE_METHOD(cli_fixture, "errors are one escaped line") {
  const auto x = waybill({"list", "--since", "\x1b[2J\n"});
  CHECK(x.code == 2);
  CHECK(x.out.empty());
  CHECK(lines_of(x.err).size() == 1);
  CHECK(x.err.starts_with("waybill: --since must be "));
  CHECK(x.err.find('\x1b') == std::string::npos);
  const auto y = waybill({"--\x1b[2J"});
  CHECK(y.code == 2);
  CHECK(lines_of(y.err).size() == 1);
  CHECK(y.err.find('\x1b') == std::string::npos);
}
