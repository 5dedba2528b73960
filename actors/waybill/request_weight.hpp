// What a waiting request counts against `max_waiting_bytes`: its texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/field_list.hpp"

namespace waybill {

inline std::int64_t size_of(const std::string& text) noexcept {
  return static_cast<std::int64_t>(text.size());
}

inline std::int64_t size_of(const std::optional<std::string>& text) noexcept {
  return text ? size_of(*text) : 0;
}

// Ids, times and numbers are no texts.
template <class Value>
std::int64_t size_of(const Value&) noexcept {
  return 0;
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

} // namespace waybill
