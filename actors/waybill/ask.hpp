// Requests from threads that are no actors: ask and wait.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>

#include "waybill/protocol.hpp"

namespace waybill {

/// A request that was not done; `certainty_of(code())` says whether it may be
/// stored all the same.
class request_error : public std::runtime_error {
public:
  explicit request_error(const failure& x)
    : std::runtime_error{to_string(x.code) + ": " + x.text}, code_{x.code} {}

  [[nodiscard]] errc code() const noexcept { return code_; }

private:
  errc code_;
};

/// Sends `message` to `to` and waits for the answer. Must not be called from an
/// actor: it blocks the thread.
/// @throws request_error if the request is refused or its fate unknown, also
///         after `timeout`.
template <class Handle, class Request>
typename Request::reply
ask(caf::actor_system& system, const Handle& to, Request message,
    std::chrono::nanoseconds timeout = std::chrono::seconds{10}) {
  using reply_type = typename Request::reply;
  caf::scoped_actor self{system};
  std::optional<reply_type> reply;
  failure why;
  waybill::request(self, to, timeout, std::move(message))
    .receive([&](reply_type& x) { reply = std::move(x); },
             [&](const caf::error& x) { why = to_failure(x); });
  if (!reply)
    throw request_error{why};
  return std::move(*reply);
}

} // namespace waybill
