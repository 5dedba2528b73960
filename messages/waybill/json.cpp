#include "waybill/json.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>

#include <nlohmann/json.hpp>

#include "waybill/audit_messages.hpp"
#include "waybill/call_messages.hpp"
#include "waybill/call_queries.hpp"
#include "waybill/control_messages.hpp"
#include "waybill/delivery_messages.hpp"
#include "waybill/discard_messages.hpp"
#include "waybill/error_queries.hpp"
#include "waybill/forward_bundle.hpp"
#include "waybill/forward_messages.hpp"
#include "waybill/messages.hpp"
#include "waybill/pause_messages.hpp"
#include "waybill/queries.hpp"
#include "waybill/request_bundle.hpp"
#include "waybill/requeue_messages.hpp"
#include "waybill/stats.hpp"
#include "waybill/text.hpp"

namespace waybill {

namespace {

using nlohmann::json;

// -- writing ------------------------------------------------------------------

json write(const std::string& x) {
  return x;
}

template <std::integral T>
json write(T x) {
  return x;
}

template <class T>
  requires std::is_enum_v<T> json write(T x) {
    return to_string(x);
  }

json write(timestamp x) {
  return to_string(x);
}

json write(const tracked_operation_id& x) {
  return to_string(x);
}

template <class T>
json write(const std::vector<T>& xs);

template <has_fields T>
json write(const T& x) {
  auto object = json::object();
  for_each_field(x, [&](const char* name, const auto& value) {
    using value_type = std::remove_cvref_t<decltype(value)>;
    if constexpr (is_optional<value_type>) {
      object[name] = value ? write(*value) : json(nullptr);
    } else {
      object[name] = write(value);
    }
  });
  return object;
}

template <class T>
json write(const std::vector<T>& xs) {
  auto array = json::array();
  for (const auto& x : xs)
    array.push_back(write(x));
  return array;
}

// -- reading ------------------------------------------------------------------

// A text as it can be shown in an error: escaped, and not endless.
std::string shown(const std::string& text) {
  return escape(truncate_utf8(text, 60));
}

// What arrays and objects hold is not shown: writing it out would recurse as
// deep as a hostile text nests them.
std::string shown(const json& value) {
  if (value.is_array())
    return "an array";
  if (value.is_object())
    return "an object";
  if (value.is_string())
    return '"' + shown(value.get_ref<const std::string&>()) + '"';
  return value.dump();
}

[[noreturn]] void wrong(const std::string& path, const std::string& expected,
                        const json& got) {
  throw json_error{path, "must be " + expected + ", but is " + shown(got)};
}

const std::string& text_of(const std::string& path, const json& value,
                           const char* expected) {
  if (!value.is_string())
    wrong(path, expected, value);
  return value.get_ref<const std::string&>();
}

void read(const std::string& path, const json& value, std::string& x) {
  x = text_of(path, value, "a text");
}

template <std::signed_integral T>
void read(const std::string& path, const json& value, T& x) {
  using range = std::numeric_limits<T>;
  const auto expected = [] {
    return "a whole number from " + std::to_string(range::min()) + " to "
           + std::to_string(range::max());
  };
  if (!value.is_number_integer())
    wrong(path, expected(), value);
  if (value.is_number_unsigned()
      && value.get<std::uint64_t>() > static_cast<std::uint64_t>(range::max()))
    wrong(path, expected(), value);
  const auto number = value.get<std::int64_t>();
  if (number < range::min() || number > range::max())
    wrong(path, expected(), value);
  x = static_cast<T>(number);
}

void read(const std::string& path, const json& value, bool& x) {
  if (!value.is_boolean())
    wrong(path, "true or false", value);
  x = value.get<bool>();
}

void read(const std::string& path, const json& value, timestamp& x) {
  constexpr auto expected = "a UTC time like 2026-11-23T08:15:30.000250Z";
  const auto parsed = parse_timestamp(text_of(path, value, expected));
  if (!parsed)
    wrong(path, expected, value);
  x = *parsed;
}

void read(const std::string& path, const json& value, tracked_operation_id& x) {
  constexpr auto expected = "an id like 01932c07-f2a1-7000-8000-0123456789ab";
  const auto parsed
    = tracked_operation_id::parse(text_of(path, value, expected));
  if (!parsed)
    wrong(path, expected, value);
  x = *parsed;
}

template <class Enum>
struct enum_info;

template <>
struct enum_info<tracking_status> {
  static constexpr int count = num_tracking_statuses;
  static constexpr auto parse = &parse_tracking_status;
};

template <>
struct enum_info<enqueue_outcome> {
  static constexpr int count = num_enqueue_outcomes;
  static constexpr auto parse = &parse_enqueue_outcome;
};

template <>
struct enum_info<update_outcome> {
  static constexpr int count = num_update_outcomes;
  static constexpr auto parse = &parse_update_outcome;
};

template <>
struct enum_info<forward_outcome> {
  static constexpr int count = num_forward_outcomes;
  static constexpr auto parse = &parse_forward_outcome;
};

template <>
struct enum_info<breaker_state> {
  static constexpr int count = num_breaker_states;
  static constexpr auto parse = &parse_breaker_state;
};

template <>
struct enum_info<pause_outcome> {
  static constexpr int count = num_pause_outcomes;
  static constexpr auto parse = &parse_pause_outcome;
};

template <>
struct enum_info<health_state> {
  static constexpr int count = num_health_states;
  static constexpr auto parse = &parse_health_state;
};

template <>
struct enum_info<list_order> {
  static constexpr int count = num_list_orders;
  static constexpr auto parse = &parse_list_order;
};

template <>
struct enum_info<wait_mode> {
  static constexpr int count = num_wait_modes;
  static constexpr auto parse = &parse_wait_mode;
};

template <>
struct enum_info<call_state> {
  static constexpr int count = num_call_states;
  static constexpr auto parse = &parse_call_state;
};

template <>
struct enum_info<payload_outcome> {
  static constexpr int count = num_payload_outcomes;
  static constexpr auto parse = &parse_payload_outcome;
};

template <>
struct enum_info<requeue_outcome> {
  static constexpr int count = num_requeue_outcomes;
  static constexpr auto parse = &parse_requeue_outcome;
};

template <>
struct enum_info<discard_outcome> {
  static constexpr int count = num_discard_outcomes;
  static constexpr auto parse = &parse_discard_outcome;
};

template <>
struct enum_info<audit_verb> {
  static constexpr int count = num_audit_verbs;
  static constexpr auto parse = &parse_audit_verb;
};

template <class T>
  requires std::is_enum_v<T>
void read(const std::string& path, const json& value, T& x) {
  const auto expected = [] {
    std::string all = "one of";
    for (int i = 0; i < enum_info<T>::count; ++i)
      all += (i == 0 ? " " : ", ") + to_string(static_cast<T>(i));
    return all;
  };
  if (!value.is_string())
    wrong(path, expected(), value);
  const auto parsed
    = enum_info<T>::parse(value.template get_ref<const std::string&>());
  if (!parsed)
    wrong(path, expected(), value);
  x = *parsed;
}

template <has_fields T>
void read(const std::string& path, const json& value, T& x);

template <class T>
void read(const std::string& path, const json& value, std::vector<T>& xs) {
  if (!value.is_array())
    wrong(path, "an array", value);
  xs.clear();
  for (std::size_t i = 0; i < value.size(); ++i)
    read(path + "[" + std::to_string(i) + "]", value[i], xs.emplace_back());
}

std::string joined(const std::string& path, const char* name) {
  return path.empty() ? std::string{name} : path + "." + name;
}

template <has_fields T>
void read(const std::string& path, const json& value, T& x) {
  if (!value.is_object())
    wrong(path, "an object", value);
  for_each_field(x, [&](const char* name, auto& member) {
    using member_type = std::remove_cvref_t<decltype(member)>;
    const auto at = value.find(name);
    const auto full_name = joined(path, name);
    if constexpr (is_optional<member_type>) {
      member.reset();
      if (at != value.end() && !at->is_null())
        read(full_name, *at, member.emplace());
    } else {
      if (at == value.end())
        throw json_error{full_name, "is missing"};
      read(full_name, *at, member);
    }
  });
  for (const auto& [name, ignored] : value.items()) {
    bool known = false;
    for_each_field(x, [&, &key = name](const char* field_name, const auto&) {
      known = known || key == field_name;
    });
    if (!known)
      throw json_error{joined(path, shown(name).c_str()),
                       std::string{"is no field of "} + T::type_name};
  }
}

// -- printing -----------------------------------------------------------------

std::string print(const std::string& x) {
  return '"' + escape(x) + '"';
}

std::string print(bool x) {
  return x ? "true" : "false";
}

template <std::integral T>
std::string print(T x) {
  return std::to_string(x);
}

std::string print(std::chrono::milliseconds x) {
  return std::to_string(x.count()) + " ms";
}

std::string print(delivery_result::kind x) {
  constexpr std::array kinds{"delivered", "transient", "permanent"};
  const auto i = static_cast<std::size_t>(x);
  return i < kinds.size() ? kinds[i] : std::to_string(i);
}

template <has_fields T>
std::string print(const T& x);

template <class T>
std::string print(const std::vector<T>& xs);

template <class T>
  requires(!has_fields<T> && !std::integral<T>)
std::string print(const T& x) {
  return to_string(x);
}

template <class T>
std::string print(const std::vector<T>& xs) {
  std::string out = "[";
  for (const auto& x : xs)
    out += (out.size() > 1 ? ", " : "") + print(x);
  return out + "]";
}

template <has_fields T>
std::string print(const T& x) {
  std::string out = T::type_name;
  out += '{';
  bool first = true;
  const auto append = [&](const char* name, const auto& value) {
    if (!first)
      out += ", ";
    first = false;
    out += name;
    out += '=';
    out += print(value);
  };
  for_each_field(x, [&](const char* name, const auto& value) {
    if constexpr (is_optional<std::remove_cvref_t<decltype(value)>>) {
      if (value)
        append(name, *value);
    } else {
      append(name, value);
    }
  });
  return out + '}';
}

} // namespace

template <has_fields T>
json to_json(const T& x) {
  return write(x);
}

template <has_fields T>
T from_json(const json& value) {
  T x;
  read({}, value, x);
  return x;
}

template <has_fields T>
std::string to_json_text(const T& x) {
  return write(x).dump(-1, ' ', false, json::error_handler_t::replace);
}

template <has_fields T>
T from_json_text(std::string_view text) {
  return from_json<T>(parse_json(text));
}

template <has_fields T>
std::string to_string(const T& x) {
  return print(x);
}

// One line for each message; a struct that is missing here does not link.
#define WAYBILL_INSTANTIATE(type)                                              \
  template json to_json<type>(const type&);                                    \
  template type from_json<type>(const json&);                                  \
  template std::string to_json_text<type>(const type&);                        \
  template type from_json_text<type>(std::string_view);                        \
  template std::string to_string<type>(const type&);

WAYBILL_INSTANTIATE(record_enqueue)
WAYBILL_INSTANTIATE(record_attempt)
WAYBILL_INSTANTIATE(record_terminal)
WAYBILL_INSTANTIATE(get_status)
WAYBILL_INSTANTIATE(get_many)
WAYBILL_INSTANTIATE(many_reply)
WAYBILL_INSTANTIATE(purge_terminal)
WAYBILL_INSTANTIATE(get_counts)
WAYBILL_INSTANTIATE(get_health)
WAYBILL_INSTANTIATE(enqueue_reply)
WAYBILL_INSTANTIATE(update_reply)
WAYBILL_INSTANTIATE(tracking_status_snapshot)
WAYBILL_INSTANTIATE(purged_operation)
WAYBILL_INSTANTIATE(status_reply)
WAYBILL_INSTANTIATE(purge_reply)
WAYBILL_INSTANTIATE(status_count)
WAYBILL_INSTANTIATE(counts_reply)
WAYBILL_INSTANTIATE(target_health)
WAYBILL_INSTANTIATE(health_reply)
WAYBILL_INSTANTIATE(operation_filter)
WAYBILL_INSTANTIATE(list_operations)
WAYBILL_INSTANTIATE(list_reply)
WAYBILL_INSTANTIATE(transition)
WAYBILL_INSTANTIATE(get_history)
WAYBILL_INSTANTIATE(payload_discard)
WAYBILL_INSTANTIATE(history_reply)
WAYBILL_INSTANTIATE(watch_transitions)
WAYBILL_INSTANTIATE(transition_gap)
WAYBILL_INSTANTIATE(watch_reply)
WAYBILL_INSTANTIATE(await_terminal)
WAYBILL_INSTANTIATE(wait_reply)
WAYBILL_INSTANTIATE(operation_record)
WAYBILL_INSTANTIATE(error_group)
WAYBILL_INSTANTIATE(errors_reply)
WAYBILL_INSTANTIATE(histogram)
WAYBILL_INSTANTIATE(status_total)
WAYBILL_INSTANTIATE(get_stats)
WAYBILL_INSTANTIATE(target_total)
WAYBILL_INSTANTIATE(stats_reply)
WAYBILL_INSTANTIATE(forward_call)
WAYBILL_INSTANTIATE(forward_reply)
WAYBILL_INSTANTIATE(discard)
WAYBILL_INSTANTIATE(get_backlog)
WAYBILL_INSTANTIATE(backlog_reply)
WAYBILL_INSTANTIATE(get_backlogs)
WAYBILL_INSTANTIATE(target_backlog)
WAYBILL_INSTANTIATE(backlogs_reply)
WAYBILL_INSTANTIATE(target_pause)
WAYBILL_INSTANTIATE(pause_target)
WAYBILL_INSTANTIATE(resume_target)
WAYBILL_INSTANTIATE(pause_reply)
WAYBILL_INSTANTIATE(get_call)
WAYBILL_INSTANTIATE(call_snapshot)
WAYBILL_INSTANTIATE(requeue_link)
WAYBILL_INSTANTIATE(call_reply)
WAYBILL_INSTANTIATE(get_payload)
WAYBILL_INSTANTIATE(payload_reply)
WAYBILL_INSTANTIATE(list_targets)
WAYBILL_INSTANTIATE(target_snapshot)
WAYBILL_INSTANTIATE(targets_reply)
WAYBILL_INSTANTIATE(requeue)
WAYBILL_INSTANTIATE(requeue_result)
WAYBILL_INSTANTIATE(requeue_reply)
WAYBILL_INSTANTIATE(operator_act)
WAYBILL_INSTANTIATE(discard_many)
WAYBILL_INSTANTIATE(discard_result)
WAYBILL_INSTANTIATE(discard_reply)
WAYBILL_INSTANTIATE(audit_record)
WAYBILL_INSTANTIATE(exported_audit)
WAYBILL_INSTANTIATE(shut_down)

#undef WAYBILL_INSTANTIATE

// Only actors say these to each other: they are printed, but are no JSON.
template std::string to_string<request_bundle>(const request_bundle&);
template std::string to_string<bundled_failure>(const bundled_failure&);
template std::string to_string<bundle_reply>(const bundle_reply&);
template std::string to_string<forward_bundle>(const forward_bundle&);
template std::string to_string<bundled_duplicate>(const bundled_duplicate&);
template std::string
to_string<forward_bundle_reply>(const forward_bundle_reply&);
template std::string to_string<target_bounds>(const target_bounds&);
template std::string to_string<call_head>(const call_head&);
template std::string to_string<open_target>(const open_target&);
template std::string to_string<get_target>(const get_target&);
template std::string to_string<target_reply>(const target_reply&);
template std::string to_string<take_call>(const take_call&);
template std::string to_string<take_reply>(const take_reply&);
template std::string to_string<begin_call>(const begin_call&);
template std::string to_string<begin_reply>(const begin_reply&);
template std::string to_string<retry_call>(const retry_call&);
template std::string to_string<end_call>(const end_call&);
template std::string to_string<find_calls>(const find_calls&);
template std::string to_string<find_due>(const find_due&);
template std::string to_string<find_keyed>(const find_keyed&);
template std::string to_string<find_reply>(const find_reply&);
template std::string to_string<commit_tick>(const commit_tick&);
template std::string to_string<work_tick>(const work_tick&);
template std::string to_string<recovery_tick>(const recovery_tick&);
template std::string to_string<drained>(const drained&);
template std::string to_string<calls_requeued>(const calls_requeued&);
template std::string to_string<calls_discarded>(const calls_discarded&);
template std::string to_string<delivery_result>(const delivery_result&);
template std::string to_string<delivery_done>(const delivery_done&);
template std::string to_string<sync_ended>(const sync_ended&);
template std::string to_string<purge_tick>(const purge_tick&);
template std::string to_string<log_tick>(const log_tick&);
template std::string to_string<store_changed>(const store_changed&);
template std::string to_string<read_tick>(const read_tick&);
template std::string to_string<retry_tick>(const retry_tick&);

} // namespace waybill
