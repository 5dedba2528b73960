// The answers for programs: JSON, made from the field lists of the messages.
#pragma once

#include <string>

#include "waybill/answer_context.hpp"

namespace waybill::dashboard {

// Each takes the request apart, asks the store and gives the answer. They throw
// query_error, and store_error as store_reader does.
http_response answer_operations(const answer_context& c);
http_response answer_operation(const answer_context& c, const std::string& id);
http_response answer_history(const answer_context& c, const std::string& id);
http_response answer_counts(const answer_context& c);
http_response answer_stats(const answer_context& c);
http_response answer_errors(const answer_context& c);
http_response answer_targets(const answer_context& c);
/// 503 if the service has failed for good.
http_response answer_health(const answer_context& c);
/// Prometheus' text format; what the service counts if one runs.
http_response answer_metrics(const answer_context& c);

} // namespace waybill::dashboard
