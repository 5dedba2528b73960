// What every fuzz target checks with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "waybill/text.hpp"

namespace waybill::fuzz {

/// Ends the process, which libFuzzer reports with the input, unless `holds`.
inline void require(bool holds, std::string_view what) {
  if (holds)
    return;
  std::cerr << "property violated: " << what << std::endl;
  std::abort();
}

/// What is shown to people steers no terminal and is no broken text.
inline void require_printable(std::string_view text, std::string_view what) {
  require(is_valid_utf8(text), std::string{what} + " is not UTF-8");
  require(std::ranges::none_of(text,
                               [](char c) {
                                 const auto x = static_cast<unsigned char>(c);
                                 return x < 0x20 || x == 0x7F;
                               }),
          std::string{what} + " has control characters");
}

/// The input as text.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

} // namespace waybill::fuzz
