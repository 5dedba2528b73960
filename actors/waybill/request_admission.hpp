// Counts requests in, in their senders' threads, before they are queued.
#pragma once

#include <optional>

#include "waybill/admission.hpp"
#include "waybill/caf_content.hpp"
#include "waybill/request_weight.hpp"

namespace waybill {

/// Counts `content` in if it is one of `Requests`; what is none of them is
/// admitted and not counted.
template <class... Requests>
admission::verdict admit(message_list<Requests...>, const content_view& content,
                         admission& waiting) {
  auto verdict = admission::verdict::admitted;
  const auto admit_one = [&]<class Request>(const Request* x) {
    if (x != nullptr)
      verdict = waiting.enter(weight(*x), request_count(*x));
    return x != nullptr;
  };
  static_cast<void>((admit_one(as<Requests>(content)) || ...));
  return verdict;
}

/// Does so.
/// @param if_stopped what is answered once nothing is admitted any more.
/// @returns what to answer instead of queueing `content`, or none.
template <class... Requests>
std::optional<caf::message>
find_refusal(message_list<Requests...> requests, const content_view& content,
             admission& waiting, const char* if_overloaded,
             const char* if_stopped) {
  switch (admit(requests, content, waiting)) {
    case admission::verdict::overloaded:
      return caf::make_message(to_error(errc::overloaded, if_overloaded));
    case admission::verdict::stopped:
      return caf::make_message(to_error(errc::stopped, if_stopped));
    default:
      return std::nullopt;
  }
}

} // namespace waybill
