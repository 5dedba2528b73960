// Counts requests in, in their senders' threads, before they are queued.
#pragma once

#include <cstdint>

#include "waybill/admission.hpp"
#include "waybill/caf_interception.hpp"
#include "waybill/request_weight.hpp"

namespace waybill {

/// How far above the bound on requests one of that type may go.
template <class Request>
inline constexpr std::int64_t reserved_for = 0;

// Questions about health get through when nothing else does.
template <>
inline constexpr std::int64_t reserved_for<get_health> = 256;

/// Counts `content` in if it is one of `Requests`; what is none of them is
/// admitted and not counted.
template <class... Requests>
admission::verdict admit(message_list<Requests...>, const content_view& content,
                         admission& waiting) {
  auto verdict = admission::verdict::admitted;
  const auto admit_one = [&]<class Request>(const Request* x) {
    if (x != nullptr)
      verdict = waiting.enter(weight(*x), reserved_for<Request>,
                              request_count(*x));
    return x != nullptr;
  };
  static_cast<void>((admit_one(as<Requests>(content)) || ...));
  return verdict;
}

} // namespace waybill
