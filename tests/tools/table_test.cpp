// Widths of texts, tables and lists of details.

#include "output/table.hpp"

#include "output/text_width.hpp"
#include "support/catch.hpp"
#include "waybill/text.hpp"

using namespace waybill::cli;

TEST_CASE("wide characters count as two columns and marks as none") {
  CHECK(width_of("") == 0);
  CHECK(width_of("abc") == 3);
  CHECK(width_of("caf\u00e9") == 4);
  CHECK(width_of("e\u0301") == 1);
  CHECK(width_of("\u65e5\u672c") == 4);
  CHECK(width_of("\U0001F600") == 2);
  CHECK(width_of("\u2026") == 1);
}

TEST_CASE("a text is cut between characters with a mark at the end") {
  CHECK(fit("abcdef", 6, "…") == "abcdef");
  CHECK(fit("abcdef", 5, "…") == "abcd…");
  CHECK(fit("abcdef", 1, "…") == "…");
  CHECK(fit("abcdef", 0, "…").empty());
  CHECK(fit("", 0, "…").empty());
  CHECK(fit("caf\u00e9s", 4, "~") == "caf~");
  CHECK(fit("caf\u00e9", 4, "~") == "caf\u00e9");
  CHECK(fit("\u65e5\u672c\u8a9e", 5, "…") == "\u65e5\u672c…");
  // A wide character that does not fit leaves a column free.
  CHECK(fit("\u65e5\u672c\u8a9e", 4, "…") == "\u65e5…");
  CHECK(fit("e\u0301e\u0301e\u0301", 2, "…") == "e\u0301…");
}

TEST_CASE("a text is cut in its middle where its end tells something") {
  CHECK(fit_middle("abcdef", 6, "…") == "abcdef");
  CHECK(fit_middle("ExternalSystem.CachedCall", 8, "…") == "Ext…Call");
  CHECK(fit_middle("abcdef", 5, "~") == "ab~ef");
  CHECK(fit_middle("abcdef", 2, "…") == "a…");
  CHECK(fit_middle("abcdef", 0, "…").empty());
  CHECK(fit_middle("\u65e5\u672c\u8a9e\u65e5", 6, "…") == "\u65e5…\u65e5");
}

TEST_CASE("whatever is cut fits") {
  const std::string text = "a\u00e9\u65e5b\U0001F600c\u0301d\u8a9e";
  for (std::size_t columns = 0; columns < 12; ++columns) {
    CAPTURE(columns);
    const auto cut = fit(text, columns, "…");
    CHECK(width_of(cut) <= columns);
    CHECK(waybill::is_valid_utf8(cut));
    const auto middle = fit_middle(text, columns, "…");
    CHECK(width_of(middle) <= columns);
    CHECK(waybill::is_valid_utf8(middle));
  }
}

TEST_CASE("columns are as wide as what is in them") {
  const terminal plain;
  table x{{{"name"}, {"n", alignment::right}, {"text"}}, plain};
  x.add({{"a"}, {"1"}, {"first"}});
  x.add({{"longer"}, {"100"}, {""}});
  CHECK(x.take()
        == "name      n  text\n"
           "a         1  first\n"
           "longer  100\n");
}

TEST_CASE("the headings come once and columns never get narrower") {
  const terminal plain;
  table x{{{"name"}, {"text"}}, plain};
  x.add({{"longest"}, {"x"}});
  CHECK(x.take() == "name     text\nlongest  x\n");
  x.add({{"a"}, {"y"}});
  CHECK(x.take() == "a        y\n");
  CHECK(x.size() == 0);
}

TEST_CASE("wide texts keep the columns aligned") {
  const terminal plain;
  table x{{{"name"}, {"text"}}, plain};
  x.add({{"\u65e5\u672c\u8a9e"}, {"x"}});
  CHECK(x.take() == "name    text\n\u65e5\u672c\u8a9e  x\n");
}

TEST_CASE("zeros are dots") {
  CHECK(count_cell(0).text == ".");
  CHECK(count_cell(12).text == "12");
  CHECK(count_cell(-1).text == "-1");
}

TEST_CASE("details have their values in one column") {
  const terminal plain;
  detail_list x{plain};
  x.add("status", "Parked");
  x.add("HTTP status", "503");
  CHECK(x.text()
        == "  status       Parked\n"
           "  HTTP status  503\n");
}
