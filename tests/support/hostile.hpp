// Values that no request may carry, and odd ones that every request may.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace waybill::test {

using namespace std::string_view_literals;

/// A text that must be refused, and a word of the reason.
struct bad_text {
  std::string text;
  std::string_view reason;
};

/// Texts that are wrong whatever their length.
inline const std::array bad_texts{
  bad_text{std::string{"a\0b"sv}, "NUL"},
  bad_text{std::string{"\0"sv}, "NUL"},
  bad_text{"\xff", "UTF-8"},
  bad_text{"cut \xe2\x82", "UTF-8"},
  bad_text{"overlong \xc0\xaf", "UTF-8"},
  bad_text{"surrogate \xed\xa0\x80", "UTF-8"},
  bad_text{"too high \xf4\x90\x80\x80", "UTF-8"},
};

/// Texts that mean trouble to careless code, and must come back as they were.
inline const std::array odd_texts{
  std::string{" "},
  std::string{"'; DROP TABLE operation; --"},
  std::string{"\" OR 1=1 --"},
  std::string{"%s%n%x"},
  std::string{"?1 :a @b $c"},
  std::string{"123"},
  std::string{"1e3"},
  std::string{"NULL"},
  std::string{"\x1b[2J\x1b]0;title\x07"},
  std::string{"line\r\nbreak\ttab\x7f"},
  std::string{"\u202Eright to left"},
  std::string{"caf\u00e9 \U0001F600 \uFFFD"},
};

} // namespace waybill::test
