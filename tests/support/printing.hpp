// Lets Catch2 show the project's own values when a check fails.
#pragma once

#include <optional>
#include <string>

#include "support/catch.hpp"
#include "waybill/forward_messages.hpp"
#include "waybill/json.hpp"
#include "waybill/messages.hpp"

namespace Catch {

template <class T>
  requires waybill::has_fields<T>
struct StringMaker<T> {
  static std::string convert(const T& x) { return waybill::to_string(x); }
};

template <class T>
  requires requires(const T& x) {
    waybill::to_string(x);
  } &&(!waybill::has_fields<T>)struct StringMaker<T> {
    static std::string convert(const T& x) { return waybill::to_string(x); }
  };

  template <class T>
  struct StringMaker<std::optional<T>> {
    static std::string convert(const std::optional<T>& x) {
      return x ? Detail::stringify(*x) : std::string{"(none)"};
    }
  };

} // namespace Catch
