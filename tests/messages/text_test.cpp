// UTF-8: what is valid, how texts are shortened, and that what is printed
// cannot steer a terminal.

#include "support/catch.hpp"
#include "support/hostile.hpp"
#include "waybill/text.hpp"

using namespace waybill;
using namespace waybill::test;

TEST_CASE("valid UTF-8 is told from invalid, byte for byte") {
  for (const auto valid :
       {""sv, "plain"sv, "\0"sv, "\x7f"sv, "\u0080\u07FF"sv, "\u0800\uFFFF"sv,
        "\uD7FF\uE000"sv, "\U00010000\U0010FFFF"sv,
        "seven b\u00e9fore and after the block"sv}) {
    CAPTURE(valid);
    CHECK(is_valid_utf8(valid));
  }
  for (const auto invalid :
       {"\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc2"sv, "\xc2 "sv,
        "\xc2\xc0"sv, "\xe0\x80\x80"sv, "\xe0\x9f\xbf"sv, "\xe2\x82"sv,
        "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf0\x80\x80\x80"sv,
        "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv,
        "\xfe"sv, "\xff"sv}) {
    // Also where the fast path for eight ASCII bytes starts, ends and resumes.
    for (std::size_t before = 0; before < 18; ++before) {
      const auto text = std::string(before, 'a') + std::string{invalid}
                        + "and some more";
      CAPTURE(before, invalid);
      CHECK_FALSE(is_valid_utf8(text));
      CHECK_FALSE(is_valid_utf8(text.substr(0, before + invalid.size())));
    }
  }
}

TEST_CASE("a text may hold any character but NUL, at any place") {
  for (std::size_t before = 0; before < 18; ++before)
    for (std::size_t after = 0; after < 10; ++after) {
      const auto around = [&](std::string_view middle) {
        return std::string(before, 'a') + std::string{middle}
               + std::string(after, '\x7f');
      };
      CAPTURE(before, after);
      for (const auto valid : {""sv, "\x01"sv, "~"sv, "\u00e9"sv, "\uFFFD"sv})
        CHECK(is_valid_text(around(valid)));
      for (const auto invalid :
           {"\0"sv, "\0\0"sv, "\x80"sv, "\xff"sv, "\u00e9\0"sv})
        CHECK_FALSE(is_valid_text(around(invalid)));
    }
}

TEST_CASE("sanitizing replaces what is invalid and keeps the rest") {
  CHECK(sanitize_utf8("caf\u00e9") == "caf\u00e9");
  CHECK(sanitize_utf8("a\0b"sv) == "a\uFFFDb");
  CHECK(sanitize_utf8("a\xff\xfe z") == "a\uFFFD\uFFFD z");
  CHECK(sanitize_utf8("end\xe2\x82") == "end\uFFFD\uFFFD");
  for (const auto& bad : bad_texts) {
    const auto clean = sanitize_utf8(bad.text);
    CHECK(is_valid_utf8(clean));
    CHECK(clean.find('\0') == std::string::npos);
  }
}

TEST_CASE("a tidy text has no control characters but newline and tab, and "
          "nothing blank at its end") {
  for (const auto kept : {""sv, "a"sv, " a\n\tb"sv, "\u00a0\u00e9\uFFFD"sv}) {
    CHECK(is_tidy(kept));
    CHECK(tidy(kept) == kept);
  }
  const std::pair<std::string_view, std::string_view> changed[]
    = {{" ", ""},
       {"a \t\n", "a"},
       {"a\r\nb\rc", "a\nb c"},
       {"a\r\r\nb", "a \nb"},
       {"a\x01\x1f", "a"},
       {"\x7fz", " z"},
       {"\u0080z", " z"},
       {"z\u009f", "z"},
       {"\u0085\r\n", ""}};
  for (const auto& [text, to] : changed) {
    CAPTURE(text);
    CHECK_FALSE(is_tidy(text));
    CHECK(tidy(text) == to);
    CHECK(is_tidy(tidy(text)));
  }
  for (const auto& bad : bad_texts)
    CHECK(is_tidy(tidy(bad.text)));
}

TEST_CASE("a text that fits is not shortened") {
  CHECK(truncate_utf8("", 64).empty());
  CHECK(truncate_utf8(std::string(64, 'x'), 64) == std::string(64, 'x'));
}

TEST_CASE("a shortened text ends in the mark and cuts no character") {
  // Characters of one to four bytes, at every offset to the cut.
  for (const std::string character : {"x", "\u00e9", "\u20ac", "\U0001F600"})
    for (std::size_t shift = 0; shift < 4; ++shift)
      for (std::size_t max = truncation_mark.size(); max < 40; ++max) {
        std::string text(shift, '.');
        while (text.size() <= 60)
          text += character;
        const auto cut = truncate_utf8(text, max);
        CAPTURE(character, shift, max, cut);
        REQUIRE(cut.ends_with(truncation_mark));
        CHECK(cut.size() <= max);
        // As much as fits is kept.
        CHECK(cut.size() + character.size() > max);
        CHECK(is_valid_utf8(cut));
        CHECK(
          text.starts_with(cut.substr(0, cut.size() - truncation_mark.size())));
      }
}

TEST_CASE("escaping leaves nothing that steers a terminal or ends a line") {
  CHECK(escape("plain caf\u00e9 \U0001F600") == "plain caf\u00e9 \U0001F600");
  CHECK(escape("a\n\r\t\"\\") == "a\\n\\r\\t\\\"\\\\");
  CHECK(escape("\x1b[2J\x07\x7f") == "\\x1B[2J\\x07\\x7F");
  CHECK(escape("\0"sv) == "\\x00");
  CHECK(escape("\u009b31m") == "\\u{009B}31m");
  CHECK(escape("\u2028\u2029\u202E\u2066\uFEFF\u061C\u200F")
        == "\\u{2028}\\u{2029}\\u{202E}\\u{2066}\\u{FEFF}\\u{061C}\\u{200F}");
  CHECK(escape("\U000E0041") == "\\u{E0041}");
  CHECK(escape("\xff\xc3") == "\\xFF\\xC3");
  for (unsigned c = 0; c < 256; ++c)
    for (const auto byte : escape(std::string(1, static_cast<char>(c))))
      CHECK((byte >= ' ' && byte <= '~'));
}
