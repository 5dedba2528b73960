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

/// @throws store_error `invalid_request` if the clock shows what has no text
///         form, and so is no time that a row can bear.
inline void require_storable(timestamp now) {
  if (now < min_timestamp || now > max_timestamp)
    throw store_error{errc::invalid_request,
                      "now: the clock shows " + std::to_string(now.us())
                        + " µs since 1970, which is not in the years 0 to "
                          "9999; not stored"};
}

/// The first two.
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
