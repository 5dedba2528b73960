#include "waybill/call_messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/field_checks.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_take_outcomes> take_names{
  "taken", "attached", "known", "already_terminal", "refused", "duplicate"};

using detail::fault;

fault check_target(const std::string& name) {
  return detail::check_name("target", name, limits::max_target);
}

// Of which attempt of which call a report is.
template <class Report>
fault check_attempt(const Report& x) {
  using namespace detail;
  return first_fault([&] { return check_range("seq", x.seq, 1, INT64_MAX); },
                     [&] { return check_id("id", x.id); },
                     [&] {
                       return check_range("attempt", x.attempt, 1, INT32_MAX);
                     });
}

fault check_bounds(const target_bounds& x) {
  using namespace detail;
  constexpr auto most = limits::max_target_bound;
  return first_fault(
    [&] { return check_range("bounds.max_calls", x.max_calls, 1, most); },
    [&] { return check_range("bounds.max_bytes", x.max_bytes, 1, most); },
    [&] {
      return check_range("bounds.max_kept_calls", x.max_kept_calls, 1, most);
    },
    [&] {
      return check_range("bounds.max_kept_bytes", x.max_kept_bytes, 1, most);
    },
    [&] {
      return check_range("bounds.max_payload", x.max_payload, 1,
                         std::int64_t{limits::max_payload});
    });
}

} // namespace

using namespace detail;

std::string to_string(take_outcome x) {
  return enum_name<0>(take_names, x);
}

fault find_fault(const open_target& x) {
  return first_fault([&] { return check_target(x.target); },
                     [&] { return check_bounds(x.bounds); },
                     [&] {
                       return check_range("max_interruptions",
                                          x.max_interruptions, 1, INT32_MAX);
                     });
}

fault find_fault(const get_target& x) {
  return check_target(x.target);
}

fault find_fault(const take_call& x) {
  return first_fault(
    [&] { return check_target(x.target); }, [&] { return find_fault(x.call); },
    [&] {
      return check_size("payload", x.call.payload.size(), limits::max_payload);
    },
    [&] { return x.root ? check_id("root", *x.root) : fault{}; },
    [&] { return check_text("codec", x.codec, limits::max_codec); },
    [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const begin_call& x) {
  return check_attempt(x);
}

fault find_fault(const retry_call& x) {
  return first_fault([&] { return check_attempt(x); },
                     [&] { return check_time("due", x.due); },
                     [&] {
                       return check_text("last_error", x.last_error,
                                         limits::max_last_error);
                     },
                     [&] { return check_http_status(x.http_status); });
}

fault find_fault(const end_call& x) {
  return first_fault(
    [&] { return check_attempt(x); },
    [&] {
      return find_fault(record_terminal{.id = x.id,
                                        .status = x.status,
                                        .last_error = std::nullopt,
                                        .http_status = x.http_status,
                                        .deadline = std::nullopt});
    },
    [&] {
      return check_text("last_error", x.last_error, limits::max_last_error);
    });
}

fault find_fault(const find_calls& x) {
  return first_fault(
    [&] { return check_target(x.target); },
    [&] { return check_range("after", x.after, 0, INT64_MAX); },
    [&] { return check_range("limit", x.limit, 1, limits::max_found_calls); },
    [&] {
      return check_range("max_scanned", x.max_scanned, 1,
                         limits::max_scanned_calls);
    });
}

fault find_fault(const find_due& x) {
  return first_fault(
    [&] { return check_target(x.target); },
    [&] { return check_range("limit", x.limit, 1, limits::max_found_calls); });
}

fault find_fault(const find_keyed& x) {
  return first_fault([&] { return check_target(x.target); },
                     [&] {
                       return check_text("order_key",
                                         std::string_view{x.order_key},
                                         limits::max_order_key);
                     });
}

} // namespace waybill
