// Schemas of OpenAPI, made from the field lists of the messages.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "waybill/call_queries.hpp"
#include "waybill/discard_messages.hpp"
#include "waybill/pause_messages.hpp"
#include "waybill/requeue_messages.hpp"

namespace waybill::dashboard {

using ojson = nlohmann::ordered_json;

inline ojson typed(const char* type) {
  return {{"type", type}};
}

inline ojson formatted(const char* type, const char* format) {
  return {{"type", type}, {"format", format}};
}

inline ojson reference(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string{name}}};
}

template <class T>
struct enumerators;

template <>
struct enumerators<tracking_status> {
  static constexpr int count = num_tracking_statuses;
};

template <>
struct enumerators<call_state> {
  static constexpr int count = num_call_states;
};

template <>
struct enumerators<health_state> {
  static constexpr int count = num_health_states;
};

template <>
struct enumerators<requeue_outcome> {
  static constexpr int count = num_requeue_outcomes;
};

template <>
struct enumerators<discard_outcome> {
  static constexpr int count = num_discard_outcomes;
};

template <>
struct enumerators<pause_outcome> {
  static constexpr int count = num_pause_outcomes;
};

template <class T>
inline constexpr bool is_list = false;

template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

// The schema of a field's value.
template <class T>
ojson schema_of() {
  if constexpr (is_optional<T>) {
    return {{"anyOf", ojson::array(
                        {schema_of<typename T::value_type>(), typed("null")})}};
  } else if constexpr (is_list<T>) {
    return {{"type", "array"}, {"items", schema_of<typename T::value_type>()}};
  } else if constexpr (has_fields<T>) {
    return reference(T::type_name);
  } else if constexpr (std::is_same_v<T, bool>) {
    return typed("boolean");
  } else if constexpr (std::integral<T>) {
    return formatted("integer", sizeof(T) > 4 ? "int64" : "int32");
  } else if constexpr (std::is_same_v<T, timestamp>) {
    return formatted("string", "date-time");
  } else if constexpr (std::is_same_v<T, tracked_operation_id>) {
    return formatted("string", "uuid");
  } else if constexpr (std::is_enum_v<T>) {
    auto names = ojson::array();
    for (int i = 0; i < enumerators<T>::count; ++i)
      names.push_back(to_string(static_cast<T>(i)));
    return {{"type", "string"}, {"enum", names}};
  } else {
    return typed("string");
  }
}

inline ojson object_of(ojson properties) {
  auto required = ojson::array();
  for (const auto& [name, ignored] : properties.items())
    required.push_back(name);
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

template <has_fields T>
void add_schema(ojson& to) {
  auto properties = ojson::object();
  const T x{};
  for_each_field(x, [&](const char* name, const auto& value) {
    properties[name] = schema_of<std::remove_cvref_t<decltype(value)>>();
  });
  to[T::type_name] = object_of(std::move(properties));
}

inline ojson answer_of(const char* description, const char* type,
                       const ojson& schema) {
  return {{"description", description},
          {"content", {{type, {{"schema", schema}}}}}};
}

/// What operators do: the schemas of the answers, and the paths.
void add_act_schemas(ojson& to);
void add_act_paths(ojson& to);

/// The parameters of `GET operations` that make a filter, by their names.
ojson filter_properties();

} // namespace waybill::dashboard
