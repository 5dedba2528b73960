// The small examples run and show what they are about.

#include "support/catch.hpp"
#include "support/program.hpp"

namespace {

using waybill::test::program;
using waybill::test::temp_dir;

std::string example(const char* name) {
  return std::string{WAYBILL_EXAMPLES_DIR} + '/' + name;
}

} // namespace

TEST_CASE("embed records an operation and asks what became of it") {
  const temp_dir dir;
  program x{example("embed"), {.arguments = {dir / "a.db"}}};
  CHECK(x.wait() == 0);
  CHECK(x.err().empty());
  CHECK(x.out().find(R"("status":"Delivered")") != std::string::npos);
  CHECK(x.out().find(R"("retry_count":1)") != std::string::npos);
}

TEST_CASE("many_requests stores all calls but the one that is refused") {
  const temp_dir dir;
  program x{example("many_requests"), {.arguments = {dir / "a.db"}}};
  CHECK(x.wait() == 0);
  CHECK(x.err().empty());
  CHECK(x.out().starts_with("invalid_request: kind: "));
  CHECK(x.out().ends_with("\n999 stored, 1 not\n"));
}

TEST_CASE("store_only needs no actors to do the same") {
  const temp_dir dir;
  program x{example("store_only"), {.arguments = {dir / "a.db"}}};
  CHECK(x.wait() == 0);
  CHECK(x.err().empty());
  CHECK(x.out().find("outcome=duplicate") != std::string::npos);
  CHECK(x.out().find("outcome=already_terminal") != std::string::npos);
  CHECK(x.out().find(R"("status":"Failed")") != std::string::npos);
}

TEST_CASE("the small examples say why a file cannot be used") {
  const temp_dir dir;
  for (const auto* name : {"embed", "many_requests", "store_only"}) {
    program x{example(name), {.arguments = {dir.path().string()}}};
    CHECK(x.wait() == 1);
    CHECK(x.out().empty());
    CHECK(x.err().find("directory") != std::string::npos);
  }
}
