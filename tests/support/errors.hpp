// What a call throws, as values to check.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/printing.hpp"
#include "waybill/store_error.hpp"

namespace waybill::test {

/// The store_error of a call; no code if it threw none.
struct caught_error {
  std::optional<errc> code;
  std::string text;
  int sqlite_code = 0;

  /// What stands before the first colon: the field or the file.
  [[nodiscard]] std::string subject() const {
    return text.substr(0, text.find(':'));
  }

  [[nodiscard]] bool mentions(std::string_view part) const {
    return text.find(part) != std::string::npos;
  }
};

template <class F>
caught_error error_of(F&& f) {
  try {
    f();
  } catch (const store_error& e) {
    return {e.code(), e.what(), e.sqlite_code()};
  }
  return {};
}

/// The call must throw `code`, and the text begin with `subject` and a colon.
template <class F>
void expect_error(errc code, std::string_view subject, F&& f) {
  const auto e = error_of(f);
  CAPTURE(e.text);
  CHECK(e.code == code);
  CHECK(e.subject() == subject);
}

} // namespace waybill::test
