// How much may wait for the tracker: counted in the senders' threads, before
// the mailbox.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace waybill {

/// Counters of requests admitted and not yet answered. Thread-safe.
class admission {
public:
  enum class verdict : std::uint8_t { admitted, overloaded, stopped };

  admission(std::int64_t max_requests, std::int64_t max_bytes) noexcept
    : max_requests_{max_requests}, max_bytes_{max_bytes} {}

  /// Counts `requests` with `bytes` of text in, all or none, unless that would
  /// pass a bound.
  verdict enter(std::int64_t bytes, std::int64_t requests = 1) noexcept {
    if (stopped_.load(std::memory_order_acquire))
      return verdict::stopped;
    const auto waiting
      = requests_.fetch_add(requests, std::memory_order_relaxed) + requests;
    const auto weight = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    // A request that is larger than all that may wait passes if it is alone:
    // its own limits bound it.
    const auto alone = weight == 0 && requests == 1;
    if (waiting <= max_requests_ && (alone || weight + bytes <= max_bytes_))
      return verdict::admitted;
    leave(bytes, requests);
    return verdict::overloaded;
  }

  /// Counts requests out that have been answered.
  void leave(std::int64_t bytes, std::int64_t requests = 1) noexcept {
    requests_.fetch_sub(requests, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  /// Admits nothing from now on.
  void stop() noexcept { stopped_.store(true, std::memory_order_release); }

  [[nodiscard]] bool is_stopped() const noexcept {
    return stopped_.load(std::memory_order_acquire);
  }

  [[nodiscard]] std::int64_t requests() const noexcept {
    return requests_.load(std::memory_order_relaxed);
  }

  [[nodiscard]] std::int64_t bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }

private:
  const std::int64_t max_requests_;
  const std::int64_t max_bytes_;
  std::atomic<std::int64_t> requests_{0};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<bool> stopped_{false};
};

} // namespace waybill
