// One seed for each random test: printed, and settable to repeat a failure. And
// how many of many places a test tries.
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

/// Which ones of many places a test goes through: each, or in the quick suite
/// every `WAYBILL_TEST_STRIDE`th, from one on that the seed decides.
class stride {
public:
  explicit stride(const char* name) {
    if (const auto* const wanted = std::getenv("WAYBILL_TEST_STRIDE"))
      step_ = std::stoi(wanted);
    if (step_ > 1)
      first_ = static_cast<int>(seed_for(name) % unsigned(step_));
  }

  /// How far it is from one place to the next; the first is below that.
  int step() const { return step_; }
  int first() const { return first_; }

  /// Whether the place that comes next is one of them.
  bool takes_next() { return place_++ % step_ == first_; }

private:
  int step_ = 1;
  int first_ = 0;
  int place_ = 0;
};

} // namespace waybill::test
