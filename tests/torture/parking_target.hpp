// The target of rows 22 and 23: it is busy with every eighth call, so that this
// is parked after its second attempt, and takes all others. No process ends, so
// that none is made oftener than that.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "support/requests.hpp"
#include "torture/torture.hpp"
#include "waybill/store_and_forward.hpp"

namespace waybill::torture {

/// Calls are numbered from 0, and number n has the id `id_of(n + 1)`.
template <std::size_t MaxCalls>
class parking_target {
public:
  static forward_options options() {
    forward_options x;
    x.max_attempts = 2;
    x.first_delay = std::chrono::milliseconds{1};
    x.max_delay = std::chrono::milliseconds{2};
    x.breaker_failure_ratio = 0;
    return x;
  }

  static bool is_parked(std::uint32_t n) { return n % 8 == 3; }

  static std::uint32_t number_of(const forward_call& x) {
    return static_cast<std::uint32_t>(x.id.low() - test::id_of(1).low());
  }

  delivery_result deliver(const forward_call& x) {
    const auto n = number_of(x);
    ++attempts_.at(n);
    if (is_parked(n))
      return {.what = delivery_result::kind::transient, .error = "busy"};
    return {};
  }

  /// Looks at a call whose attempts have ended.
  /// @param taken whether its sender was told so.
  /// @returns whether it is in the store.
  bool check(report& r, std::uint32_t n,
             const std::optional<tracking_status_snapshot>& row,
             bool taken) const {
    const auto name = "call " + std::to_string(n) + " ";
    const auto attempts = attempts_.at(n).load();
    if (!row) {
      r.require(!taken, name + "was lost");
      r.require(attempts == 0, name + "was made, and is not there");
      return false;
    }
    const auto end = is_parked(n) ? tracking_status::parked
                                  : tracking_status::delivered;
    r.require(row->status == end, name + "is " + to_string(row->status));
    r.require(attempts == (is_parked(n) ? 2 : 1),
              name + "was made " + std::to_string(attempts) + " times");
    return true;
  }

private:
  std::array<std::atomic<std::uint32_t>, MaxCalls> attempts_{};
};

} // namespace waybill::torture
