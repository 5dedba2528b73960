// Which answer a path leads to, and what all answers have in common.
#pragma once

#include "waybill/answer_context.hpp"
#include "waybill/audit_messages.hpp"
#include "waybill/event_feed.hpp"

namespace waybill::dashboard {

/// Answers requests, one after the other. Whatever happens there is an answer,
/// which tells nothing of exceptions that nobody has foreseen.
class router {
public:
  router(site about, std::string file);

  http_response answer(const http_request& asked);

  /// Ends the streams that it has answered with, and those who wait hear where
  /// to go on; to be called, by any thread, while there is who sends that.
  void close() { feed_.close(); }

private:
  http_response refuse_or_find(const http_request& asked);
  http_response begin_session(const http_request& asked);
  http_response act(const http_request& asked, audit_verb verb);
  http_response find(const http_request& asked);
  http_response find_in_store(const http_request& asked);

  const site about_;
  store_source source_;
  event_feed feed_;
};

} // namespace waybill::dashboard
