// `waybill errors`: why operations were parked or failed.

#include <array>

#include "output/text_width.hpp"
#include "support/hostile.hpp"
#include "tools/waybill_program.hpp"
#include "waybill/json.hpp"

using namespace waybill;
using namespace waybill::test;

namespace {

struct errors_cli_fixture : cli_fixture {
  void end(std::uint64_t n, tracking_status status, const std::string& error) {
    auto ended = terminal(n, status);
    ended.last_error = error;
    store.record_terminal(ended, at(100 + static_cast<std::int64_t>(n)));
  }

  void end_some() {
    record(5);
    end(1, tracking_status::parked, "no answer within 2s");
    end(2, tracking_status::parked, "no answer within 14s");
    end(3, tracking_status::failed, "422 Unprocessable\nContent");
    end(4, tracking_status::delivered, "");
  }

  std::vector<std::string> shown(unsigned short columns) {
    return lines_of(without_sequences(
      test::shown(options.file, columns, {.arguments = {"errors"}})));
  }
};

} // namespace

TEST_CASE_METHOD(errors_cli_fixture,
                 "errors shows the largest group first, and how often") {
  end_some();
  const auto x = waybill({"errors", "--times"});
  CHECK(x.code == 0);
  CHECK(x.err.empty());
  CHECK(
    lines_of(x.out)
    == std::vector<std::string>{
      "count  status  first                       last                        "
      "kind                       target                     error",
      "    2  Parked  2026-11-23 08:17:11 +00:00  2026-11-23 08:17:12 +00:00  "
      "ExternalSystem.CachedCall  https://plant.example/api  no answer within "
      "#s",
      "    1  Failed  2026-11-23 08:17:13 +00:00  2026-11-23 08:17:13 +00:00  "
      "ExternalSystem.CachedCall  https://plant.example/api  422 "
      "Unprocessable Content"});
  // Which operations these are.
  CHECK(json_lines(waybill({"list", "--json", "--status", "parked",
                            "--error-shape", "no answer within #s"})
                     .out)
          .size()
        == 2);
}

TEST_CASE_METHOD(errors_cli_fixture, "errors fit the terminal") {
  end_some();
  for (const auto columns : std::array<unsigned short, 3>{60, 80, 120}) {
    CAPTURE(columns);
    const auto lines = shown(columns);
    REQUIRE(lines.size() == 3);
    for (const auto& line : lines)
      CHECK(cli::width_of(line) <= columns);
    CHECK(lines[1].find("no answer") != std::string::npos);
  }
}

TEST_CASE_METHOD(errors_cli_fixture, "errors go by filters and to programs") {
  end_some();
  const auto x = waybill({"errors", "--json", "--status", "failed"}).json();
  CHECK(from_json<errors_reply>(x).groups.size() == 1);
  CHECK(x["searched"] == 1);
  CHECK(
    lines_of(waybill({"errors", "--format", "csv", "--status", "parked"}).out)
      .size()
    == 2);
  CHECK(waybill({"errors", "--group-by", "target"}).out.find("no answer")
        == std::string::npos);
  const auto few = waybill({"errors", "--limit", "1"});
  CHECK(lines_of(few.out).size() == 2);
  CHECK(few.complains("1 operations are in groups that are not shown"));
  CHECK(waybill({"errors", "--finished-since", "1s"}).out.empty());
  CHECK(waybill({"errors", "--group-by", "node"})
          .complains("--group-by must be error or target"));
}

TEST_CASE_METHOD(errors_cli_fixture, "errors escape what could steer") {
  record(2);
  end(1, tracking_status::parked, "\x1b[31mred\x1b[m");
  CHECK(waybill({"errors"}).out.find('\x1b') == std::string::npos);
}
