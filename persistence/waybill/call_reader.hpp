// The questions about calls and targets that a reader answers.
#pragma once

#include <vector>

#include "waybill/call_queries.hpp"
#include "waybill/call_source.hpp"
#include "waybill/operation_finder.hpp"
#include "waybill/reader_connection.hpp"

namespace waybill {

/// See store_reader, which has the same verbs.
class call_reader {
public:
  /// Both are used as long as this lives.
  call_reader(reader_connection& connection, operation_finder& operations)
    : connection_{connection},
      operations_{operations},
      source_{connection.db()} {}

  call_reply get_call(const waybill::get_call& request);
  std::vector<call_reply>
  get_calls(const std::vector<tracked_operation_id>& ids);
  payload_reply get_payload(const waybill::get_payload& request);
  targets_reply list_targets(const waybill::list_targets& request,
                             timestamp now);

private:
  call_reply call_of(const tracked_operation_id& id);
  payload_reply payload_of(const tracked_operation_id& id);

  reader_connection& connection_;
  operation_finder& operations_;
  call_source source_;
};

} // namespace waybill
