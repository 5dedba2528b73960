// Shared by the checks of requests: one rule for each sort of field. Each says
// what is wrong, naming the field and the value.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "waybill/limits.hpp"
#include "waybill/operator_act.hpp"
#include "waybill/timestamp.hpp"
#include "waybill/tracked_operation_id.hpp"
#include "waybill/tracking_status.hpp"

namespace waybill::detail {

using fault = std::optional<std::string>;

/// The first fault of several checks, each run only if those before found none.
template <class... Checks>
fault first_fault(Checks&&... checks) {
  fault result;
  static_cast<void>(((result = checks()) || ...));
  return result;
}

/// The first fault of several things, named as elements of `name`.
template <class Range, class Check>
fault first_fault_in(const char* name, const Range& range, Check&& check) {
  std::size_t index = 0;
  for (const auto& each : range) {
    const auto full_name = std::string{name} + "[" + std::to_string(index++)
                           + "]";
    if (auto found = check(full_name.c_str(), each))
      return found;
  }
  return std::nullopt;
}

// Those that every request runs are inline.

fault check_text(const char* name, std::string_view text,
                 std::size_t max_bytes);

inline fault check_text(const char* name,
                        const std::optional<std::string>& text,
                        std::size_t max_bytes) {
  return text ? check_text(name, std::string_view{*text}, max_bytes)
              : std::nullopt;
}

inline fault check_id(const char* name, const tracked_operation_id& id) {
  if (id.is_nil())
    return std::string{name} + ": must not be the nil id " + to_string(id);
  return std::nullopt;
}

inline fault check_kind(const char* name, const std::string& kind) {
  if (kind.empty())
    return std::string{name} + ": must not be empty";
  if (kind == other_kinds)
    return std::string{name} + ": must not be " + other_kinds
           + ", which stands for kinds without a counter";
  return check_text(name, std::string_view{kind}, limits::max_kind);
}

inline fault check_time(const char* name, const std::optional<timestamp>& t) {
  if (t && (*t < min_timestamp || *t > max_timestamp))
    return std::string{name} + ": must be between " + to_string(min_timestamp)
           + " and " + to_string(max_timestamp) + ", but is "
           + std::to_string(t->us()) + " µs since 1970";
  return std::nullopt;
}

/// A text that must say something.
inline fault check_name(const char* name, const std::string& text,
                        std::size_t max_bytes) {
  if (text.empty())
    return std::string{name} + ": must not be empty";
  return check_text(name, std::string_view{text}, max_bytes);
}

/// Who wants something, if anybody is named.
inline fault check_operator(const char* name,
                            const std::optional<std::string>& who) {
  return who ? check_name(name, *who, limits::max_operator) : std::nullopt;
}

/// For bytes of any sort.
fault check_size(const char* name, std::size_t bytes, std::size_t max_bytes);

/// Whether `value` is `min` to `max`.
inline fault check_range(const char* name, std::int64_t value, std::int64_t min,
                         std::int64_t max) {
  if (value < min || value > max)
    return std::string{name} + ": must be " + std::to_string(min) + " to "
           + std::to_string(max) + ", but is " + std::to_string(value);
  return std::nullopt;
}

inline fault check_http_status(const std::optional<std::int32_t>& status) {
  return status ? check_range("http_status", *status, 100, 599) : std::nullopt;
}

inline fault check_retry_count(std::int32_t count) {
  if (count < 0)
    return "retry_count: must be 0 or more, but is " + std::to_string(count);
  return std::nullopt;
}

inline fault check_status(const char* name, tracking_status status) {
  if (!is_valid(status))
    return std::string{name} + ": is no status, but " + to_string(status);
  return std::nullopt;
}

/// A question about one operation: which one, and until when somebody wants to
/// know.
template <class Question>
fault check_question(const Question& x) {
  return first_fault([&] { return check_id("id", x.id); },
                     [&] { return check_time("deadline", x.deadline); });
}

/// What an operator's request does something to.
fault check_acted_on(const std::vector<tracked_operation_id>& ids);

fault check_act(const std::optional<operator_act>& x);

/// What an operation is about and whose it is.
template <class T>
fault check_descriptions(const T& x) {
  return first_fault(
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
    });
}

} // namespace waybill::detail
