// What a waiting request counts against `max_waiting_bytes`: its texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/request_bundle.hpp"

namespace waybill {

inline std::int64_t size_of(const std::optional<std::string>& text) noexcept {
  return text ? static_cast<std::int64_t>(text->size()) : 0;
}

inline std::int64_t weight(const record_enqueue& x) noexcept {
  return static_cast<std::int64_t>(x.kind.size()) + size_of(x.target_summary)
         + size_of(x.source_instance_id) + size_of(x.source_script)
         + size_of(x.source_node);
}

inline std::int64_t weight(const record_attempt& x) noexcept {
  return size_of(x.last_error);
}

inline std::int64_t weight(const record_terminal& x) noexcept {
  return size_of(x.last_error);
}

// Questions have none.
template <class Request>
std::int64_t weight(const Request&) noexcept {
  return 0;
}

inline std::int64_t weight(const request_bundle& x) noexcept {
  std::int64_t sum = 0;
  for (const auto& each : x.enqueues)
    sum += weight(each);
  for (const auto& each : x.attempts)
    sum += weight(each);
  for (const auto& each : x.terminals)
    sum += weight(each);
  return sum;
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
