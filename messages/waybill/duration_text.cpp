#include "waybill/duration_text.hpp"

#include <array>
#include <cstdint>

namespace waybill {

namespace {

struct unit {
  std::string_view name;
  std::int64_t milliseconds;
};

// The largest first; a name that is only read behind the one that is written.
constexpr std::array<unit, 6> units{{{"d", 86'400'000},
                                     {"h", 3'600'000},
                                     {"min", 60'000},
                                     {"m", 60'000},
                                     {"s", 1'000},
                                     {"ms", 1}}};

} // namespace

std::optional<std::chrono::milliseconds>
parse_duration(std::string_view text) noexcept {
  std::int64_t value = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9';
       ++digits) {
    if (digits == 15)
      return std::nullopt;
    value = value * 10 + (text[digits] - '0');
  }
  if (digits == 0)
    return std::nullopt;
  for (const auto& x : units) {
    if (x.name != text.substr(digits))
      continue;
    std::int64_t us = 0;
    if (__builtin_mul_overflow(value, x.milliseconds * 1'000, &us))
      return std::nullopt;
    return std::chrono::milliseconds{us / 1'000};
  }
  return std::nullopt;
}

std::string to_text(std::chrono::milliseconds duration) {
  const std::int64_t value = duration.count();
  if (value == 0)
    return "0s";
  auto best = units.begin();
  while (value % best->milliseconds != 0)
    ++best;
  return std::to_string(value / best->milliseconds) + std::string{best->name};
}

} // namespace waybill
