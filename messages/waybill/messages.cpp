#include "waybill/messages.hpp"

#include "waybill/enum_names.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

constexpr std::array<std::string_view, num_enqueue_outcomes> enqueue_names{
  "inserted", "duplicate"};
constexpr std::array<std::string_view, num_update_outcomes> update_names{
  "applied", "already_terminal", "not_found"};
constexpr std::array<std::string_view, num_health_states> health_names{
  "ok", "degraded", "failed"};

using fault = std::optional<std::string>;

// The first fault of several checks, each run only if those before found none.
template <class... Checks>
fault first_fault(Checks&&... checks) {
  fault result;
  static_cast<void>(((result = checks()) || ...));
  return result;
}

fault check_id(const tracked_operation_id& id) {
  if (id.is_nil())
    return "id: must not be the nil id " + to_string(id);
  return std::nullopt;
}

fault check_text(const char* name, std::string_view text,
                 std::size_t max_bytes) {
  const auto too_long = text.size() > max_bytes;
  const auto has_nul = !too_long && text.find('\0') != text.npos;
  if (!too_long && !has_nul && is_valid_utf8(text))
    return std::nullopt;
  const auto prefix = std::string{name} + ": ";
  if (too_long)
    return prefix + "must be at most " + std::to_string(max_bytes)
           + " bytes, but is " + std::to_string(text.size());
  // A value that fails is shown escaped, and only its beginning.
  return prefix + (has_nul ? "must not contain NUL" : "must be valid UTF-8")
         + " (\"" + escape(text.substr(0, 40)) + "\""
         + (text.size() > 40 ? "…)" : ")");
}

fault check_text(const char* name, const std::optional<std::string>& text,
                 std::size_t max_bytes) {
  return text ? check_text(name, std::string_view{*text}, max_bytes)
              : std::nullopt;
}

fault check_kind(const std::string& kind) {
  if (kind.empty())
    return "kind: must not be empty";
  return check_text("kind", std::string_view{kind}, limits::max_kind);
}

fault check_time(const char* name, const std::optional<timestamp>& t) {
  if (t && (*t < min_timestamp || *t > max_timestamp))
    return std::string{name} + ": must be between " + to_string(min_timestamp)
           + " and " + to_string(max_timestamp) + ", but is "
           + std::to_string(t->us()) + " µs since 1970";
  return std::nullopt;
}

fault check_http_status(const std::optional<std::int32_t>& status) {
  if (status && (*status < 100 || *status > 599))
    return "http_status: must be 100 to 599, but is " + std::to_string(*status);
  return std::nullopt;
}

fault check_retry_count(std::int32_t count) {
  if (count < 0)
    return "retry_count: must be 0 or more, but is " + std::to_string(count);
  return std::nullopt;
}

fault check_terminal(tracking_status status) {
  if (!is_terminal(status))
    return "status: must be Delivered, Parked, Failed or Discarded, but is "
           + to_string(status);
  return std::nullopt;
}

fault check_in_flight(tracking_status status) {
  if (!is_in_flight(status))
    return "status: must be Submitted or Retrying, but is " + to_string(status);
  return std::nullopt;
}

} // namespace

std::string to_string(enqueue_outcome x) {
  return detail::enum_name<0>(enqueue_names, x);
}

std::optional<enqueue_outcome>
parse_enqueue_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, enqueue_outcome>(enqueue_names, text);
}

std::string to_string(update_outcome x) {
  return detail::enum_name<0>(update_names, x);
}

std::optional<update_outcome>
parse_update_outcome(std::string_view text) noexcept {
  return detail::enum_value<0, update_outcome>(update_names, text);
}

std::string to_string(health_state x) {
  return detail::enum_name<0>(health_names, x);
}

std::optional<health_state> parse_health_state(std::string_view text) noexcept {
  return detail::enum_value<0, health_state>(health_names, text);
}

fault find_fault(const record_enqueue& x) {
  return first_fault(
    [&] { return check_id(x.id); }, [&] { return check_kind(x.kind); },
    [&] {
      return check_text("target_summary", x.target_summary, limits::max_target);
    },
    [&] {
      return check_text("source_instance_id", x.source_instance_id,
                        limits::max_source);
    },
    [&] {
      return check_text("source_script", x.source_script, limits::max_source);
    },
    [&] {
      return check_text("source_node", x.source_node, limits::max_source);
    },
    [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const record_attempt& x) {
  return first_fault([&] { return check_id(x.id); },
                     [&] { return check_in_flight(x.status); },
                     [&] { return check_retry_count(x.retry_count); },
                     [&] {
                       return check_text("last_error", x.last_error,
                                         limits::max_last_error);
                     },
                     [&] { return check_http_status(x.http_status); },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const record_terminal& x) {
  return first_fault([&] { return check_id(x.id); },
                     [&] { return check_terminal(x.status); },
                     [&] {
                       return check_text("last_error", x.last_error,
                                         limits::max_last_error);
                     },
                     [&] { return check_http_status(x.http_status); },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const get_status& x) {
  return first_fault([&] { return check_id(x.id); },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const purge_terminal& x) {
  return first_fault([&] { return check_time("older_than", x.older_than); },
                     [&] {
                       return x.status ? check_terminal(*x.status) : fault{};
                     },
                     [&] { return check_time("deadline", x.deadline); });
}

fault find_fault(const get_counts& x) {
  return check_time("deadline", x.deadline);
}

} // namespace waybill
