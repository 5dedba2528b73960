// Delivers ExternalSystem.CachedCall: one HTTP request an attempt.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "waybill/store_and_forward.hpp"

namespace site_runtime {

/// Where requests go, taken apart from a URL.
struct base_url {
  /// Scheme, host and port.
  std::string origin;
  /// What comes before each call's path; empty or begins with `/`.
  std::string prefix;

  /// @throws std::invalid_argument that says what is wrong with `text`.
  static base_url parse(const std::string& text);
};

/// An HTTP server that takes calls. Thread-safe.
class external_system {
public:
  /// Tells how many attempts of an operation failed in earlier runs, or were
  /// interrupted by their end.
  using retry_source
    = std::function<std::int64_t(const waybill::tracked_operation_id&)>;

  external_system(base_url url, std::chrono::milliseconds timeout,
                  retry_source earlier_retries);

  /// Makes one attempt. 2xx is delivered; 408, 425, 429, 5xx, lost connections
  /// and time-outs are transient; any other answer is permanent.
  waybill::delivery_result deliver(const waybill::delivery& call);

private:
  std::int64_t next_attempt(const waybill::tracked_operation_id& id);
  void forget(const waybill::tracked_operation_id& id);

  const base_url url_;
  const std::chrono::milliseconds timeout_;
  const retry_source earlier_retries_;
  std::mutex mutex_;
  /// The attempts so far, of operations that are not finished.
  std::unordered_map<waybill::tracked_operation_id, std::int64_t> attempts_;
};

} // namespace site_runtime
