#include "waybill/act_request.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "waybill/call_table.hpp"
#include "waybill/json_text.hpp"
#include "waybill/list_query.hpp"
#include "waybill/text.hpp"

namespace waybill::dashboard {

namespace {

using nlohmann::json;

[[noreturn]] void refuse_field(const std::string& name, const char* expected) {
  throw query_error{name + " must be " + expected};
}

std::string read_text(const std::string& name, const json& x) {
  if (!x.is_string())
    refuse_field(name, "a text");
  return x.get<std::string>();
}

std::vector<std::string> read_texts(const std::string& name, const json& x) {
  if (!x.is_array())
    refuse_field(name, "an array");
  std::vector<std::string> all;
  for (const auto& each : x)
    all.push_back(read_text(name, each));
  return all;
}

// None would leave everything through.
std::vector<std::string> read_some_texts(const std::string& name,
                                         const json& x) {
  auto all = read_texts(name, x);
  if (all.empty())
    refuse_field(name, "an array with something in it");
  return all;
}

tracked_operation_id read_id(const std::string& name, const json& x) {
  const auto id = tracked_operation_id::parse(read_text(name, x));
  if (!id || id->is_nil())
    refuse_field(name, "an id like 01932c07-f2a1-7000-8000-0123456789ab");
  return *id;
}

// Numbers and lists stand in it as they would in a URL.
parameters read_parameters(const std::string& name, const json& x) {
  if (!x.is_object())
    refuse_field(name, "an object with the parameters of operations");
  parameters all;
  for (const auto& [key, value] : x.items()) {
    if (value.is_number_integer())
      all.emplace_back(key, value.dump());
    else if (value.is_string())
      all.emplace_back(key, value.get<std::string>());
    else
      for (auto& each :
           read_some_texts(name + '.' + escape(key.substr(0, 60)), value))
        all.emplace_back(key, std::move(each));
  }
  return all;
}

template <class T>
void read_act_field(const std::string& name, const json& from, T& to) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!from.is_boolean())
      refuse_field(name, "true or false");
    to = from.get<bool>();
  } else if constexpr (std::is_same_v<T, std::optional<std::int32_t>>) {
    if (!from.is_number_integer() || from < 1 || from > limits::max_acted_on)
      refuse_field(name, "a whole number from 1 to 256");
    to = from.get<std::int32_t>();
  } else if constexpr (std::is_same_v<T, std::optional<parameters>>) {
    to = read_parameters(name, from);
  } else if constexpr (std::is_same_v<T, std::optional<std::string>>) {
    to = read_text(name, from);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    to = read_texts(name, from);
  } else if constexpr (std::is_same_v<T, std::optional<tracked_operation_id>>) {
    to = read_id(name, from);
  } else {
    if (!from.is_array())
      refuse_field(name, "an array of ids");
    for (const auto& each : from)
      to.push_back(read_id(name, each));
  }
}

json object_in(const std::string& body) {
  try {
    auto object = parse_json(body);
    if (object.is_object())
      return object;
  } catch (const json_error& e) {
    throw query_error{std::string{"the body must be a JSON object: "}
                      + escape(e.what())};
  }
  throw query_error{"the body must be a JSON object"};
}

} // namespace

static_assert(limits::max_acted_on == 256); // as is said above

bool has_field(audit_verb verb, std::string_view name) noexcept {
  const auto among = [name](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
  if (among({"reason", "who"}))
    return true;
  switch (verb) {
    case audit_verb::requeue:
    case audit_verb::discard:
      return among(
        {"ids", "filter", "act", "dry_run", "bound", "cursor", "limit"});
    case audit_verb::pause:
    case audit_verb::resume:
      return name == "target";
    case audit_verb::purge:
      return among(
        {"older_than", "status", "with_payload", "act", "dry_run", "cursor"});
  }
  return false;
}

act_request parse_act(const std::string& body, audit_verb verb) {
  auto object = object_in(body);
  act_request x;
  for_each_field(x, [&](const char* name, auto& member) {
    const auto found = has_field(verb, name) ? object.find(name) : object.end();
    if (found == object.end())
      return;
    if (!found->is_null())
      read_act_field(name, *found, member);
    object.erase(found);
  });
  if (!object.empty())
    throw query_error{
      to_string(verb) + " has no field \""
      + escape(truncate_utf8(sanitize_utf8(object.begin().key()), 60)) + '"'};
  return x;
}

bool may_be_meant(audit_verb verb, tracking_status status) noexcept {
  switch (verb) {
    case audit_verb::requeue:
      return call_table::keeps(status);
    case audit_verb::discard:
      return is_in_flight(status) || call_table::keeps(status);
    case audit_verb::pause:
    case audit_verb::resume:
      break;
    case audit_verb::purge:
      return is_terminal(status);
  }
  return false;
}

} // namespace waybill::dashboard
