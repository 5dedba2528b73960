// What the verbs that record and those that report have in common: an operation
// appears, or takes its next step, in all tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "waybill/messages.hpp"
#include "waybill/store_parts.hpp"

namespace waybill {

/// Records an operation in the open transaction.
/// @returns its number; none if there is one with that id, which stays as it
///          is.
std::optional<std::int64_t>
record_operation(store_parts& x, const record_enqueue& request, timestamp now);

/// What is reported of an operation.
struct operation_report {
  tracking_status status = tracking_status::retrying;
  /// None: stays as it is.
  std::optional<std::int32_t> retry_count;
  std::optional<std::int32_t> http_status;
  /// Borrowed; may be longer than it is stored.
  const std::optional<std::string>& last_error;
  /// Whether it finishes the operation, and with that its call.
  bool ends_call = false;
};

/// Takes an operation in flight to its next state in the open transaction, or
/// leaves it where it is. Its call, if it has one, is another matter.
/// @param row what `find` has found; says nothing any more after that.
void step_operation(store_parts& x, const tracked_operation_id& id,
                    operation_table::found_row& row,
                    const operation_report& report, timestamp now);

/// An operation that has finished keeps its payload no longer, if it has one:
/// its history says so, if it is on, and when, and why.
/// @param row as for step_operation.
/// @returns whether it had one.
bool release_payload(store_parts& x, const tracked_operation_id& id,
                     operation_table::found_row& row,
                     const std::optional<std::string>& reason, timestamp now);

/// The history's part of that.
void note_release(store_parts& x, const tracked_operation_id& id,
                  operation_table::found_row& row,
                  const std::optional<std::string>& reason, timestamp now);

/// Which operation the call of another one was tried again as, if it was; it
/// may be purged.
std::optional<tracked_operation_id> successor_of(store_parts& x,
                                                 std::int64_t seq);

} // namespace waybill
