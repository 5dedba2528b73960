// What operators' programs say to a running service, and it to them: one JSON
// object a line, on the socket beside the store's file.
//
//   {"waybill": 1, "ask": "get_health", "with": {}}
//   {"waybill": 1, "reply": {"state": "ok", …}}
//   {"waybill": 1, "error": {"code": "overloaded", "message": "…"}}
//
// `waybill` is the version of this form. What stands in `with` and `reply` is
// made from the field lists of the messages that are named.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "waybill/discard_messages.hpp"
#include "waybill/errc.hpp"
#include "waybill/field_list.hpp"
#include "waybill/forward_messages.hpp"
#include "waybill/messages.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/stats.hpp"

namespace waybill {

/// Raised with each change to what requests or replies consist of.
inline constexpr int operator_protocol = 2;

/// Longer lines are no requests.
inline constexpr std::size_t max_operator_line = 65'536;

/// The socket of the service that owns `file`.
std::string operator_socket_of(const std::string& file);

/// All that can be asked.
using operator_request
  = std::variant<get_status, get_counts, get_health, get_stats, purge_terminal,
                 discard_many, pause_target, resume_target, get_backlogs,
                 requeue>;

/// What an error answer says, or why a line is none of these.
class operator_error : public std::runtime_error {
public:
  operator_error(errc code, const std::string& text)
    : std::runtime_error{text}, code_{code} {}

  [[nodiscard]] errc code() const noexcept { return code_; }

private:
  errc code_;
};

/// A line without its end.
std::string to_operator_line(const operator_request& x);

/// @throws operator_error `invalid_request`; what it quotes is escaped.
operator_request parse_operator_request(std::string_view line);

/// The answers, as lines without their ends.
template <has_fields Reply>
std::string to_operator_reply(const Reply& x);
std::string to_operator_error(errc code, const std::string& text);

/// @throws operator_error what the line says, if it is an error;
///         `outcome_unknown` if it is no answer of this form.
template <has_fields Reply>
Reply parse_operator_reply(std::string_view line);

} // namespace waybill
