// One seed for each random test: printed, and settable to repeat a failure.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace waybill::test {

/// The seed of the test `name`: `WAYBILL_TEST_SEED` if that is set, else a
/// new one at each run.
inline std::uint64_t seed_for(const char* name) {
  const auto* const wanted = std::getenv("WAYBILL_TEST_SEED");
  const auto seed = wanted != nullptr ? std::stoull(wanted)
                                      : std::uint64_t{std::random_device{}()};
  std::cout << name << ": WAYBILL_TEST_SEED=" << seed << std::endl;
  return seed;
}

} // namespace waybill::test
