// Rows that need builds of their own, and are therefore scripts: fuzzing (15),
// the tests under sanitizers (18), planted bugs (19).

#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "support/temp_dir.hpp"
#include "torture/rows.hpp"

namespace waybill::torture {

namespace {

/// Runs `scripts/WORDS --json FILE`, and reports what it has written there.
void run_script(report& r, const std::string& words) {
  const test::temp_dir dir;
  const auto file = dir / "result.json";
  // What it prints is progress; standard output is the table's.
  const auto command = "exec '" WAYBILL_SOURCE_DIR "/scripts/'" + words
                       + " --json '" + file + "' >&2";
  const auto status = std::system(command.c_str());
  const auto found = nlohmann::json::parse(std::ifstream{file}, nullptr, false);
  if (found.is_discarded()) {
    r.violation(words + " gave no result, status " + std::to_string(status));
    return;
  }
  r.tried(found.at("tried").get<std::int64_t>());
  const auto violations = found.at("violations").get<std::int64_t>();
  for (std::int64_t i = 0; i < violations; ++i)
    r.violation("see above");
  r.require(status == 0 || violations > 0, words + " failed");
  r.figure(found.at("figures").get<std::string>());
}

} // namespace

void fuzz_row(report& r) {
  run_script(r, "fuzz.sh --seconds " + std::to_string(r.pick(60, 3'600))
                  + " --seed " + std::to_string(1 + r.seed() % 1'000'000));
}

void sanitizers_row(report& r) {
  run_script(r, "sanitizers.sh");
}

void planted_bugs_row(report& r) {
  run_script(r, "planted.sh");
}

} // namespace waybill::torture
