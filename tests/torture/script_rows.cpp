// Rows that need builds of their own: damage and fuzzing (15), the tests under
// sanitizers (18), planted bugs (19). scripts/torture.sh makes these builds.

#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "support/temp_dir.hpp"
#include "torture/rows.hpp"

namespace waybill::torture {

namespace {

/// Runs `command --json FILE`, and reports what it has written there.
void run(report& r, const std::string& command) {
  const test::temp_dir dir;
  const auto file = dir / "result.json";
  // What it prints is progress; standard output is the table's.
  const auto status
    = std::system(("exec " + command + " --json '" + file + "' >&2").c_str());
  const auto found = nlohmann::json::parse(std::ifstream{file}, nullptr, false);
  if (!found.is_object()) {
    r.violation(command + " gave no result, status " + std::to_string(status));
    return;
  }
  r.tried(found.at("tried").get<std::int64_t>());
  const auto violations = found.at("violations").get<std::int64_t>();
  for (std::int64_t i = 0; i < violations; ++i)
    r.violation("see above");
  r.require(status == 0 || violations > 0, command + " failed");
  r.figure(found.at("figures").get<std::string>());
}

void run_script(report& r, const std::string& words) {
  // What is random in the tests that it runs follows from the row's seed.
  ::setenv("WAYBILL_TEST_SEED", std::to_string(r.seed()).c_str(), 1);
  run(r, "'" WAYBILL_SOURCE_DIR "/scripts/'" + words);
}

} // namespace

void sanitized_damage_row(report& r) {
  const auto* const program = std::getenv("WAYBILL_SANITIZED_ROWS");
  if (program == nullptr) {
    r.violation("scripts/torture.sh builds what this row runs");
    return;
  }
  run(r, "'" + std::string{program} + "' --row damage --seed "
           + std::to_string(r.seed()) + r.pick(" --quick", " --full"));
}

void fuzz_row(report& r) {
  run_script(r, "fuzz.sh --seconds " + std::to_string(r.pick(6, 480))
                  + " --seed " + std::to_string(1 + r.seed() % 1'000'000));
}

void sanitizers_row(report& r) {
  run_script(r, "sanitizers.sh");
}

void planted_bugs_row(report& r) {
  run_script(r, r.pick("planted.sh", "planted.sh --rows"));
}

} // namespace waybill::torture
