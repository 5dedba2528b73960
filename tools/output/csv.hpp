// Structs as CSV (RFC 4180): a record a line, ended by CR LF, its fields in the
// order of the struct's field list.
//
// Texts are data and come as they are, line breaks and control characters too;
// nothing guards a spreadsheet against texts that look like formulas. A field
// without a value is empty, a text that is empty is `""`.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "waybill/messages.hpp"

namespace waybill::cli {

/// `text` as a field: in quotes if it must be.
std::string csv_field(std::string_view text);

inline std::string csv_value(const std::string& x) {
  return csv_field(x);
}

template <std::integral T>
std::string csv_value(T x) {
  return std::to_string(x);
}

template <class T>
  requires(!std::integral<T>)
std::string csv_value(const T& x) {
  return csv_field(to_string(x));
}

template <class T>
std::string csv_value(const std::optional<T>& x) {
  return x ? csv_value(*x) : std::string{};
}

/// The record of field names.
template <has_fields T>
std::string csv_header() {
  std::string record;
  const T x{};
  for_each_field(x, [&](const char* name, const auto&) {
    record += (record.empty() ? "" : ",") + std::string{name};
  });
  return record + "\r\n";
}

template <has_fields T>
std::string csv_record(const T& x) {
  std::string record;
  bool first = true;
  for_each_field(x, [&](const char*, const auto& value) {
    if (!first)
      record += ',';
    first = false;
    record += csv_value(value);
  });
  return record + "\r\n";
}

} // namespace waybill::cli
