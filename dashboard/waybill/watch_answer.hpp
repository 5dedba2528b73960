// `GET /api/v1/watch`: what is committed, to programs and to pages.
#pragma once

#include "waybill/answer_context.hpp"
#include "waybill/event_feed.hpp"

namespace waybill::dashboard {

/// What is there, or what comes within a while; server-sent events for those
/// who want them, up to as many as there may be. Throws as the other answers
/// do.
http_response answer_watch(const answer_context& c, event_feed& feed);

} // namespace waybill::dashboard
