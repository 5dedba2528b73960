// What every request has to pass before anything is done for it.
#pragma once

#include <cstdint>
#include <string>

#include "waybill/messages.hpp"
#include "waybill/queries.hpp"
#include "waybill/stats.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

/// @throws store_error `invalid_request` with what find_fault() finds.
template <class Request>
void require_valid(const Request& x) {
  if (const auto fault = find_fault(x))
    throw store_error{errc::invalid_request, *fault};
}

/// Says that a request came after its deadline.
inline store_error too_late(timestamp deadline) {
  return store_error{errc::deadline_passed, "deadline: " + to_string(deadline)
                                              + " has passed; not stored"};
}

/// @throws store_error `deadline_passed` if `x` has one and it was before
///         `now`.
template <class Request>
void require_in_time(const Request& x, timestamp now) {
  if (x.deadline && now > *x.deadline)
    throw too_late(*x.deadline);
}

/// Both of them.
template <class Request>
void require_acceptable(const Request& x, timestamp now) {
  require_valid(x);
  require_in_time(x, now);
}

/// For numbers that come beside a request.
/// @throws store_error `invalid_request` naming the number.
inline void require_positive(const char* name, std::int64_t value) {
  if (value < 1)
    throw store_error{errc::invalid_request, std::string{name}
                                               + ": must be 1 or more, but is "
                                               + std::to_string(value)};
}

} // namespace waybill
