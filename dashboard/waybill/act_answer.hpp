// What operators do: each POST is passed on to the service that runs on the
// store, over its socket. Nothing here changes a store, or owns it.
#pragma once

#include <optional>
#include <string_view>

#include "waybill/answer_context.hpp"
#include "waybill/audit_messages.hpp"

namespace waybill::dashboard {

/// The verb that a path asks for; none: it is no act.
std::optional<audit_verb> act_in(std::string_view path) noexcept;

/// Whether the body is said to be JSON, which no form of another site can send.
bool is_json(const http_request& asked);

/// Has a step of it done, or counts what would be.
/// @pre `c.about.actions` is there.
/// @throws query_error, and store_error as store_reader does.
http_response answer_act(const answer_context& c, audit_verb verb);

} // namespace waybill::dashboard
