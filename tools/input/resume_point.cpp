#include "input/resume_point.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include "input/options.hpp"

namespace waybill::cli {

std::string to_string(const resume_point& x) {
  std::array<char, 16> digits{};
  const auto us = static_cast<std::uint64_t>(x.moment.us());
  const auto end
    = std::to_chars(digits.data(), digits.data() + digits.size(), us, 16).ptr;
  return std::string{digits.data(), end} + '-' + x.cursor;
}

std::optional<resume_point>
parse_resume_point(const std::optional<std::string>& text) {
  if (!text)
    return std::nullopt;
  const auto dash = text->find('-');
  std::uint64_t us = 0;
  const auto* const begin = text->data();
  const auto* const end = begin + (dash == std::string::npos ? 0 : dash);
  const auto [stop, error] = std::from_chars(begin, end, us, 16);
  const timestamp moment{static_cast<std::int64_t>(us)};
  if (error != std::errc{} || stop != end || moment < min_timestamp
      || moment > max_timestamp)
    must_be("--cursor", "what a list or an export ended with", *text);
  return resume_point{.moment = moment, .cursor = text->substr(dash + 1)};
}

} // namespace waybill::cli
