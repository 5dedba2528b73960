// What a waiting request counts against `max_waiting_bytes`: its texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "waybill/queries.hpp"
#include "waybill/request_bundle.hpp"

namespace waybill {

inline std::int64_t size_of(const std::string& text) noexcept {
  return static_cast<std::int64_t>(text.size());
}

inline std::int64_t size_of(const std::optional<std::string>& text) noexcept {
  return text ? size_of(*text) : 0;
}

// Single ids, times and numbers are no texts.
template <class Value>
std::int64_t size_of(const Value&) noexcept {
  return 0;
}

template <has_fields Request>
std::int64_t weight(const Request& x) noexcept;

// A part of a request, for example a filter.
template <has_fields Part>
std::int64_t size_of(const Part& x) noexcept {
  return weight(x);
}

inline std::int64_t size_of(const std::vector<std::string>& texts) noexcept {
  std::int64_t bytes = 0;
  for (const auto& each : texts)
    bytes += size_of(each);
  return bytes;
}

// A bundle's requests; or ids and statuses, of which there may be many.
template <class Value>
std::int64_t size_of(const std::vector<Value>& values) noexcept {
  if constexpr (has_fields<Value>) {
    std::int64_t bytes = 0;
    for (const auto& each : values)
      bytes += weight(each);
    return bytes;
  } else {
    return static_cast<std::int64_t>(values.size() * sizeof(Value));
  }
}

template <has_fields Request>
std::int64_t weight(const Request& x) noexcept {
  std::int64_t bytes = 0;
  for_each_field(x, [&bytes](const char*, const auto& value) {
    bytes += size_of(value);
  });
  return bytes;
}

/// A question in JSON is one text.
inline std::int64_t weight(const std::string& text) noexcept {
  return size_of(text);
}

/// How many requests a message counts as.
template <class Request>
std::int64_t request_count(const Request&) noexcept {
  return 1;
}

inline std::int64_t request_count(const request_bundle& x) noexcept {
  return static_cast<std::int64_t>(x.size());
}

} // namespace waybill
