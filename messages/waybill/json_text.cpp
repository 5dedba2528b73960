// Reads JSON texts: finds names that an object has twice, which the parser
// would let the last of win, and says in words of its own where a text stops to
// be JSON.

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using nlohmann::json;

constexpr std::size_t longest_shown = 60;

std::string printable(std::string_view text) {
  return escape(truncate_utf8(sanitize_utf8(text), longest_shown));
}

// -- names that come twice ----------------------------------------------------

// Goes along with the parser and knows where it is.
class name_watch {
public:
  // Returns true: all is kept.
  bool operator()(json::parse_event_t event, const json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        open_.emplace_back();
        break;
      case json::parse_event_t::key:
        take_name(parsed.get_ref<const std::string&>());
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        open_.pop_back();
        [[fallthrough]];
      case json::parse_event_t::value:
        if (!open_.empty())
          ++open_.back().values;
        break;
    }
    return true;
  }

private:
  // An object or array that has not ended yet.
  struct container {
    std::set<std::string> names;
    std::string name; // of the value that is read; empty in an array
    std::size_t values = 0;
  };

  void take_name(const std::string& name) {
    auto& object = open_.back();
    object.name = name;
    if (!object.names.insert(name).second)
      throw json_error{path(), "is there twice"};
  }

  [[nodiscard]] std::string path() const {
    std::string all;
    for (const auto& each : open_)
      if (each.names.empty())
        all += '[' + std::to_string(each.values) + ']';
      else
        all += (all.empty() ? "" : ".") + printable(each.name);
    return truncate_utf8(all, 4 * longest_shown);
  }

  std::vector<container> open_;
};

// -- where JSON ends ----------------------------------------------------------

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Reads a text by the grammar of RFC 8259 up to the first fault.
class json_scanner {
public:
  explicit json_scanner(std::string_view text) : text_{text} {}

  // Says what is wrong where; empty if nothing is.
  std::string find_fault() {
    skip_blanks();
    if (take_value_or_begin() && take_rest())
      return {};
    return "expected " + expected_ + " at " + place() + ", but " + found();
  }

private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }

  bool take(char c) {
    if (at_end() || text_[at_] != c)
      return false;
    ++at_;
    return true;
  }

  bool fail(std::string expected) {
    expected_ = std::move(expected);
    return false;
  }

  void skip_blanks() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
  }

  // What follows the first value, or the beginning of it.
  bool take_rest() {
    for (skip_blanks(); !open_.empty(); skip_blanks()) {
      const auto is_object = open_.back() == '{';
      if (take(is_object ? '}' : ']')) {
        open_.pop_back();
        is_first_ = false;
        continue;
      }
      if (!is_first_ && !take(','))
        return fail(is_object ? ", or } behind a value"
                              : ", or ] behind a value");
      skip_blanks();
      if ((is_object && !take_name()) || !take_value_or_begin())
        return false;
    }
    return at_end() || fail("the end");
  }

  bool take_name() {
    if (peek() != '"')
      return fail(is_first_ ? "a name in double quotes, or }"
                            : "a name in double quotes");
    if (!take_text())
      return false;
    skip_blanks();
    if (!take(':'))
      return fail(": behind a name");
    skip_blanks();
    return true;
  }

  // A value without parts, or the beginning of an object or array.
  bool take_value_or_begin() {
    const auto is_first = std::exchange(is_first_, false);
    const auto c = peek();
    if (c == '{' || c == '[') {
      open_ += c;
      is_first_ = true;
      ++at_;
      return true;
    }
    if (c == '"')
      return take_text();
    if (c == '-' || is_digit(c))
      return take_number();
    for (const std::string_view word : {"true", "false", "null"})
      if (text_.substr(at_).starts_with(word)
          && !is_letter(text_.substr(at_ + word.size()).empty()
                          ? '\0'
                          : text_[at_ + word.size()])) {
        at_ += word.size();
        return true;
      }
    return fail(is_first && !open_.empty() && open_.back() == '['
                  ? "a value, or ]"
                  : "a value");
  }

  bool take_text() {
    for (++at_; !take('"');) {
      if (at_end())
        return fail("\" at the end of a text");
      if (static_cast<unsigned char>(peek()) < 0x20U)
        return fail("an escape like \\n for a control character in a text");
      if (take('\\') ? !take_escape() : !take_character())
        return false;
    }
    return true;
  }

  bool take_character() {
    const auto lead = static_cast<unsigned char>(peek());
    const std::size_t size = lead < 0x80U   ? 1
                             : lead < 0xE0U ? 2
                             : lead < 0xF0U ? 3
                                            : 4;
    if (!is_valid_utf8(text_.substr(at_, size)))
      return fail("UTF-8");
    at_ += size;
    return true;
  }

  bool take_escape() {
    if (!take('u')) {
      if (std::string_view{"\"\\/bfnrt"}.find(peek()) == std::string_view::npos
          || at_end())
        return fail("one of \" \\ / b f n r t u behind a backslash");
      ++at_;
      return true;
    }
    const auto first = take_unit();
    if (first < 0xD800 || first > 0xDFFF)
      return first >= 0;
    constexpr const char* pair
      = "\\uDC00 to \\uDFFF behind \\uD800 to \\uDBFF and nowhere else";
    if (first > 0xDBFF || !take('\\') || !take('u'))
      return fail(pair);
    const auto second = take_unit();
    return second < 0 ? false
                      : (second >= 0xDC00 && second <= 0xDFFF) || fail(pair);
  }

  // Four hexadecimal digits; -1 if they are not there.
  int take_unit() {
    int unit = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (!is_hex(peek())) {
        fail("four hexadecimal digits behind \\u");
        return -1;
      }
      const auto c = peek();
      unit = unit * 16 + (is_digit(c) ? c - '0' : ((c | 0x20) - 'a' + 10));
    }
    return unit;
  }

  bool take_number() {
    take('-');
    if (!take('0') && !take_digits())
      return fail("a digit");
    if (take('.') && !take_digits())
      return fail("a digit behind the decimal point");
    if (take('e') || take('E')) {
      if (!take('+'))
        take('-');
      if (!take_digits())
        return fail("a digit in the exponent");
    }
    return true;
  }

  bool take_digits() {
    const auto begin = at_;
    while (is_digit(peek()))
      ++at_;
    return at_ > begin;
  }

  // `column 17`, or with its line if there are several; counted in characters
  // from 1.
  [[nodiscard]] std::string place() const {
    const auto before = text_.substr(0, at_);
    const auto line = std::ranges::count(before, '\n');
    const auto begin = line == 0 ? 0 : before.rfind('\n') + 1;
    const auto column = std::ranges::count_if(before.substr(begin), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    auto text = "column " + std::to_string(column + 1);
    const auto one_line = text_.find('\n') >= text_.size() - 1;
    return one_line ? text : "line " + std::to_string(line + 1) + ", " + text;
  }

  // What is there instead: a word or a character.
  [[nodiscard]] std::string found() const {
    if (at_end())
      return "the text ends there";
    std::size_t size = 0;
    while (at_ + size < text_.size() && is_letter(text_[at_ + size]))
      ++size;
    if (size == 0)
      for (size = 1;
           at_ + size < text_.size() && size < 4
           && (static_cast<unsigned char>(text_[at_ + size]) & 0xC0U) == 0x80U;)
        ++size;
    const auto part = text_.substr(at_, size);
    const auto text = is_valid_utf8(part) ? truncate_utf8(part, longest_shown)
                                          : std::string{part};
    return "found " + (text == "\"" ? text : '"' + escape(text) + '"');
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string open_; // a bracket for each object or array that has not ended
  bool is_first_ = true; // nothing has been read of the last of them
  std::string expected_;
};

} // namespace

json parse_json(std::string_view text) {
  // The parser takes a NUL for the end and would not look at the rest.
  if (text.find('\0') != std::string_view::npos)
    throw json_error{"", "is no JSON: it contains NUL"};
  name_watch names;
  try {
    return json::parse(text, [&](int, json::parse_event_t event,
                                 const json& x) { return names(event, x); });
  } catch (const json::out_of_range&) {
    throw json_error{"", "is no JSON: it has a number that is too large"};
  } catch (const json::exception&) {
    const auto fault = json_scanner{text}.find_fault();
    throw json_error{"", "is no JSON: "
                           + (fault.empty() ? "it cannot be read" : fault)};
  }
}

} // namespace waybill
