// Shared by the enums that have names: text for a value and back.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace waybill::detail {

/// The name of `value`, whose enumerators count from `First`.
template <int First, class Enum, std::size_t N>
std::string enum_name(const std::array<std::string_view, N>& names,
                      Enum value) {
  const auto number = static_cast<int>(value);
  const auto index = static_cast<std::size_t>(number - First);
  if (number < First || index >= N)
    return "invalid(" + std::to_string(number) + ")";
  return std::string{names[index]};
}

/// The enumerator with exactly that name.
template <int First, class Enum, std::size_t N>
constexpr std::optional<Enum>
enum_value(const std::array<std::string_view, N>& names,
           std::string_view text) noexcept {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text)
      return static_cast<Enum>(First + static_cast<int>(i));
  return std::nullopt;
}

} // namespace waybill::detail
