// What a waiting request counts against `max_waiting_bytes`: its texts.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "waybill/forward_bundle.hpp"
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

template <has_fields Part>
std::int64_t size_of(const std::optional<Part>& x) noexcept {
  return x ? weight(*x) : 0;
}

inline std::int64_t size_of(const std::vector<std::string>& texts) noexcept {
  std::int64_t bytes = 0;
  for (const auto& each : texts)
    bytes += size_of(each);
  return bytes;
}

// There may be many of these. (Of a bundle's verbs there is one for each
// request.)
template <class Value>
  requires std::same_as<Value, tracked_operation_id> || std::same_as<
    Value, tracking_status>
    std::int64_t size_of(const std::vector<Value>& values)
noexcept {
  return static_cast<std::int64_t>(values.size() * sizeof(Value));
}

// A bundle's requests.
template <has_fields Request>
std::int64_t size_of(const std::vector<Request>& requests) noexcept {
  std::int64_t bytes = 0;
  for (const auto& each : requests)
    bytes += weight(each);
  return bytes;
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

inline std::int64_t request_count(const get_many& x) noexcept {
  return std::max<std::int64_t>(1, std::ssize(x.ids));
}

inline std::int64_t request_count(const request_bundle& x) noexcept {
  return static_cast<std::int64_t>(x.size());
}

// An empty one is a message, too.
inline std::int64_t request_count(const forward_bundle& x) noexcept {
  return std::max<std::int64_t>(1, std::ssize(x.calls));
}

} // namespace waybill
