// A run of transactions that is the same every time, so that what the store
// holds after each is known from a run in which nothing failed.
#pragma once

#include <string>
#include <vector>

#include "support/requests.hpp"
#include "waybill/operation_tracking_store.hpp"

namespace waybill::test {

/// Transaction number `k`, from 0: eight operations come, those of the
/// transaction before fail an attempt with a long error, those before these
/// finish, and now and then old ones go.
inline void run_batch(operation_tracking_store& store, std::uint64_t k) {
  constexpr std::uint64_t size = 8;
  const auto now = at(static_cast<std::int64_t>(k));
  store.begin();
  for (std::uint64_t n = k * size + 1; n <= (k + 1) * size; ++n) {
    store.record_enqueue(enqueue(n, "kind " + std::to_string(k % 5)), now);
    if (k >= 1) {
      auto x = attempt(n - size, 1);
      x.last_error = std::string(800, 'x');
      store.record_attempt(x, now);
    }
    if (k >= 2)
      store.record_terminal(terminal(n - 2 * size), now);
  }
  if (k % 10 == 9)
    store.purge_chunk(purge_before(now - std::chrono::seconds{4}), now, 1'000,
                      std::chrono::hours{1});
  store.commit();
}

} // namespace waybill::test
