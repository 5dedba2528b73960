// Values of command-line options, and refusals that name option and value.
#pragma once

#include <charconv>
#include <string>
#include <system_error>

#include "exit_code.hpp"

namespace waybill::cli {

/// `value` in quotes, escaped.
std::string quoted(const std::string& value);

/// @throws usage_error `OPTION must be WHAT, but is "VALUE"HINT`.
[[noreturn]] void must_be(const std::string& option, const std::string& what,
                          const std::string& value,
                          const std::string& hint = {});

/// Reads a whole number within a range.
/// @throws usage_error
template <class Number>
Number read_number(const std::string& option, const std::string& text,
                   Number min, Number max) {
  Number x{};
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, x);
  if (error != std::errc{} || stop != end || x < min || x > max)
    must_be(option,
            "a whole number from " + std::to_string(min) + " to "
              + std::to_string(max),
            text);
  return x;
}

} // namespace waybill::cli
