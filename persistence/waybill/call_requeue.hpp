// The verb that tries calls again: what requeue_messages.hpp asks for, on
// SQLite.
#pragma once

#include <cstdint>
#include <optional>

#include "waybill/call_table.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/store_error.hpp"
#include "waybill/store_parts.hpp"

namespace waybill {

/// A view of an open store, like call_store.
class call_requeue {
public:
  explicit call_requeue(store_parts& parts) noexcept : parts_{parts} {}

  /// All or nothing, as the store's verbs are.
  requeue_reply run(const requeue& request, timestamp now);

private:
  requeue_result run_one(const tracked_operation_id& id, const requeue& request,
                         timestamp now);
  std::optional<requeue_outcome>
  find_refusal(const operation_table::found_row& row,
               const std::optional<call_row>& call, timestamp now);
  requeue_result hand_on(const tracked_operation_id& id, const call_row& call,
                         const requeue& request, timestamp now);
  [[nodiscard]] std::optional<target_bounds>
  bounds_of(std::int64_t target) const;

  store_parts& parts_;
};

} // namespace waybill
