// The pages for people, as the server makes them.
#pragma once

#include <string>

#include "waybill/answer_context.hpp"

namespace waybill::dashboard {

http_response overview_page(const answer_context& c);
http_response operations_page(const answer_context& c);
http_response errors_page(const answer_context& c);
http_response live_page(const answer_context& c);
http_response storage_page(const answer_context& c);
http_response stuck_page(const answer_context& c);
http_response operation_page(const answer_context& c, const std::string& id);
http_response targets_page(const answer_context& c);

/// Asks for the token; 401.
/// @param again whether a wrong one has been given.
http_response login_page(const site& about, const http_request& asked,
                         bool again);

http_response error_page(const site& about, const http_request& asked,
                         int status, const std::string& why);

} // namespace waybill::dashboard
