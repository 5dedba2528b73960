// Numbers in what is asked.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace waybill::dashboard {

/// @returns none if `text` is anything but a whole number that fits.
template <class Integer>
std::optional<Integer> whole_number(std::string_view text) noexcept {
  Integer x{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, x);
  if (error != std::errc{} || stop != end)
    return std::nullopt;
  return x;
}

} // namespace waybill::dashboard
