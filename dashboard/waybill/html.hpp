// Writes HTML: markup can only be written by us, and every text is escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace waybill::dashboard {

/// Markup that stands in our own sources: nothing that is read at run time can
/// become one.
class markup {
public:
  template <std::size_t Size>
  consteval markup(const char (&literal)[Size]) : text_{literal, Size - 1} {}

  [[nodiscard]] constexpr std::string_view text() const noexcept {
    return text_;
  }

private:
  std::string_view text_;
};

/// `text` as it may stand in an element, or between the quotes of an attribute.
/// What is not UTF-8, or steers how text is shown, becomes U+FFFD.
std::string escaped_html(std::string_view text);

/// A piece of a page.
class html {
public:
  html& add(markup x) {
    text_ += x.text();
    return *this;
  }
  html& add(const html& x) {
    text_ += x.text_;
    return *this;
  }
  html& text(std::string_view x) {
    text_ += escaped_html(x);
    return *this;
  }
  html& number(std::int64_t x);

  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }

private:
  std::string text_;
};

/// `1,204,377`.
std::string grouped(std::int64_t x);

} // namespace waybill::dashboard
