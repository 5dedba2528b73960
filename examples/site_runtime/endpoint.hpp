// A small HTTP endpoint on loopback that misbehaves, the same way each time.
//
// What becomes of a call is a function of the seed and of its id: taken, taken
// after a few failures, refused, or never taken. How a single attempt fails is
// one of the seed, the id and the attempt's number, which the caller tells in a
// header. So the totals of a run depend neither on timing nor on restarts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "waybill/tracked_operation_id.hpp"

namespace site_runtime {

/// The headers of each request: its idempotency key, an operation's id, and
/// its attempt, from 1.
inline constexpr const char* key_header = "Idempotency-Key";
inline constexpr const char* attempt_header = "Attempt";

/// How the endpoint treats one attempt.
struct endpoint_answer {
  enum class kind : std::uint8_t {
    /// Answer with `status`.
    respond,
    /// Close the connection in the middle of the answer.
    drop,
    /// Say nothing until the caller has given up.
    stall,
  };

  kind what = kind::respond;
  int status = 200;
  std::string_view text;
  /// Sent as Retry-After if it is not 0, in seconds.
  int retry_after = 0;
  /// Takes this many times as long as usual.
  int slowness = 1;
};

/// @param attempt from 1.
endpoint_answer answer_to(std::uint64_t seed,
                          const waybill::tracked_operation_id& id,
                          std::int64_t attempt);

struct endpoint_options {
  std::uint64_t seed = 1;
  /// How long an answer usually takes.
  std::chrono::milliseconds latency{20};
  /// How long it stalls: longer than its callers wait.
  std::chrono::milliseconds stall{2'500};
  /// Requests that are served at a time.
  std::size_t threads = 20;
  /// Called for each request with a valid id, by several threads at a time.
  std::function<void(const waybill::tracked_operation_id&)> on_request;
};

/// Runs from construction to destruction.
class endpoint {
public:
  /// @throws std::system_error if it cannot listen.
  explicit endpoint(endpoint_options options);
  ~endpoint();
  endpoint(const endpoint&) = delete;
  endpoint& operator=(const endpoint&) = delete;

  /// `http://127.0.0.1:PORT`, with a free port.
  [[nodiscard]] std::string url() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace site_runtime
