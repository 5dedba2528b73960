// Random numbers, which a seed makes repeatable.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

namespace waybill {

class jitter {
public:
  /// @param seed a random one if none.
  explicit jitter(std::optional<std::uint64_t> seed)
    : engine_{seed ? *seed : std::random_device{}()} {}

  /// From 0 to 1.
  double next() { return std::uniform_real_distribution<double>{}(engine_); }

private:
  std::mt19937_64 engine_;
};

} // namespace waybill
