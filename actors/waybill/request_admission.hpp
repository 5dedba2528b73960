// Counts requests in, in their senders' threads, before they are queued.
#pragma once

#include <cstdint>

#include "waybill/admission.hpp"
#include "waybill/caf_interception.hpp"
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

} // namespace waybill
