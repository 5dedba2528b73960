// Makers of requests and times, so that a test says only what it is about.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "waybill/messages.hpp"

namespace waybill::test {

/// 2026-11-23T08:15:30Z: when tests happen.
inline constexpr timestamp t0{1'795'421'730'000'000};

/// `s` seconds after (or before) `t0`.
constexpr timestamp at(std::int64_t s) {
  return t0 + std::chrono::seconds{s};
}

/// The n-th id of a test; never nil.
constexpr tracked_operation_id id_of(std::uint64_t n) {
  return {0x0193'2c07'f2a1'7000U, 0x8000'0000'0000'0000U + n};
}

/// An enqueue request with a value in each field.
inline record_enqueue enqueue(std::uint64_t n,
                              std::string kind = "ExternalSystem.CachedCall") {
  return {id_of(n),     std::move(kind),    "https://plant.example/api",
          "instance-7", "scripts/send.csx", "node-a",
          std::nullopt};
}

inline record_attempt attempt(std::uint64_t n, std::int32_t retry_count) {
  return {id_of(n),    tracking_status::retrying,
          retry_count, "503 Service Unavailable",
          503,         std::nullopt};
}

inline record_terminal terminal(std::uint64_t n, tracking_status status
                                                 = tracking_status::delivered) {
  return {id_of(n), status, std::nullopt, 200, std::nullopt};
}

inline get_status status_of(std::uint64_t n) {
  return {id_of(n), std::nullopt};
}

inline purge_terminal purge_before(timestamp older_than) {
  return {older_than, std::nullopt, std::nullopt};
}

/// The snapshot of `enqueue(n)` right after it was recorded.
inline tracking_status_snapshot fresh(std::uint64_t n, timestamp now) {
  const auto request = enqueue(n);
  return {.id = request.id,
          .kind = request.kind,
          .target_summary = request.target_summary,
          .status = tracking_status::submitted,
          .retry_count = 0,
          .last_error = std::nullopt,
          .http_status = std::nullopt,
          .created_at = now,
          .updated_at = now,
          .terminal_at = std::nullopt,
          .source_instance_id = request.source_instance_id,
          .source_script = request.source_script,
          .source_node = request.source_node};
}

/// The number in a cursor of a watch.
inline std::int64_t number_in(const std::string& cursor) {
  return std::stoll(cursor.substr(cursor.rfind('-') + 1));
}

inline constexpr tracking_status terminal_statuses[]
  = {tracking_status::delivered, tracking_status::parked,
     tracking_status::failed, tracking_status::discarded};

} // namespace waybill::test
