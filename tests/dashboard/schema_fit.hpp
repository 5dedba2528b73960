// Holds JSON against the schemas of the API's description.
#pragma once

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace waybill::test {

/// What of `x` is not as `schema` says; empty if all is.
inline std::string misfit(const nlohmann::json& x, const nlohmann::json& schema,
                          const nlohmann::json& all,
                          const std::string& path = "answer") {
  if (schema.contains("$ref")) {
    const auto name = schema["$ref"].get<std::string>();
    return misfit(x, all.at(name.substr(name.rfind('/') + 1)), all, path);
  }
  if (schema.contains("anyOf")) {
    for (const auto& each : schema["anyOf"])
      if (misfit(x, each, all, path).empty())
        return "";
    return path + " fits none";
  }
  const auto type = schema.at("type").get<std::string>();
  if (type == "null")
    return x.is_null() ? "" : path + " is not null";
  if (type == "string") {
    if (!x.is_string())
      return path + " is no text";
    if (schema.contains("enum")
        && std::find(schema["enum"].begin(), schema["enum"].end(), x)
             == schema["enum"].end())
      return path + " has no such value";
    return "";
  }
  if (type == "integer")
    return x.is_number_integer() ? "" : path + " is no whole number";
  if (type == "boolean")
    return x.is_boolean() ? "" : path + " is no boolean";
  if (type == "array") {
    if (!x.is_array())
      return path + " is no array";
    for (const auto& each : x)
      if (auto fault = misfit(each, schema.at("items"), all, path + "[]");
          !fault.empty())
        return fault;
    return "";
  }
  if (!x.is_object())
    return path + " is no object";
  for (const auto& name : schema.at("required"))
    if (!x.contains(name.get<std::string>()))
      return path + " lacks " + name.get<std::string>();
  for (const auto& [name, value] : x.items()) {
    if (!schema.at("properties").contains(name))
      return path + " has " + name + " that is not described";
    if (auto fault = misfit(value, schema["properties"][name], all,
                            path + '.' + name);
        !fault.empty())
      return fault;
  }
  return "";
}

} // namespace waybill::test
