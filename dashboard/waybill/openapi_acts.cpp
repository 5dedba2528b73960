// What operators do, in the description of the API.
#include "waybill/act_request.hpp"
#include "waybill/openapi_schema.hpp"

namespace waybill::dashboard {

namespace {

// What each parameter is in a URL, or a list of texts.
ojson filter_in_json() {
  const ojson texts{{"type", "array"},
                    {"items", typed("string")},
                    {"minItems", 1}};
  auto all = filter_properties();
  for (auto& each : all)
    each = {{"anyOf",
             ojson::array(
               {each["type"] == "integer" ? each : typed("string"), texts})}};
  return all;
}

// The body of a verb's requests.
ojson body_of(audit_verb verb) {
  auto properties = ojson::object();
  const act_request x;
  for_each_field(x, [&](const std::string& name, const auto& member) {
    using type = std::remove_cvref_t<decltype(member)>;
    if (!has_field(verb, name))
      return;
    if constexpr (std::is_same_v<type, std::optional<parameters>>)
      properties[name] = {{"type", "object"},
                          {"properties", filter_in_json()},
                          {"required", ojson::array()},
                          {"additionalProperties", false}};
    else if constexpr (is_optional<type>)
      properties[name] = schema_of<typename type::value_type>();
    else
      properties[name] = schema_of<type>();
  });
  if (has_field(verb, "limit"))
    properties["limit"].update(
      {{"minimum", 1}, {"maximum", limits::max_acted_on}});
  if (has_field(verb, "ids"))
    properties["ids"].update(
      {{"minItems", 1}, {"maxItems", limits::max_acted_on}});
  auto required = ojson::array();
  if (has_field(verb, "target"))
    required = ojson::array({"target", "reason"});
  if (has_field(verb, "older_than"))
    required = ojson::array({"older_than"});
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

ojson one_of_these(const char* a, const char* b) {
  return {{"anyOf", ojson::array({reference(a), reference(b)})}};
}

ojson act_path(const char* summary, audit_verb verb, const ojson& answer) {
  return {
    {"post",
     {{"summary", summary},
      {"requestBody",
       {{"required", true},
        {"content", {{"application/json", {{"schema", body_of(verb)}}}}}}},
      {"responses",
       {{"200", answer_of("what became of it", "application/json", answer)},
        {"default", answer_of("what is wrong", "application/problem+json",
                              reference("problem"))}}}}}};
}

} // namespace

void add_act_schemas(ojson& to) {
  const auto number = formatted("integer", "int64");
  const auto id = formatted("string", "uuid");
  const auto cursor = schema_of<std::optional<std::string>>();
  add_schema<requeue_result>(to);
  add_schema<discard_result>(to);
  add_schema<pause_reply>(to);
  add_schema<target_pause>(to);
  to["act_count"] = object_of(
    {{"count", number}, {"bound", typed("string")}, {"next_cursor", cursor}});
  to["requeue_step"]
    = object_of({{"act", id},
                 {"results", schema_of<std::vector<requeue_result>>()},
                 {"next_cursor", cursor}});
  to["discard_step"]
    = object_of({{"act", id},
                 {"results", schema_of<std::vector<discard_result>>()},
                 {"next_cursor", cursor}});
  to["purge_count"]
    = object_of({{"count", number},
                 {"complete", typed("boolean")},
                 {"older_than", formatted("string", "date-time")}});
  to["purge_step"]
    = object_of({{"act", id},
                 {"deleted", number},
                 {"older_than", formatted("string", "date-time")},
                 {"next_cursor", cursor}});
}

void add_act_paths(ojson& to) {
  to["/requeue"] = act_path("Try parked and failed calls again",
                            audit_verb::requeue,
                            one_of_these("requeue_step", "act_count"));
  to["/discard"] = act_path("Give operations up", audit_verb::discard,
                            one_of_these("discard_step", "act_count"));
  to["/pause"] = act_path("Begin no attempts for a target", audit_verb::pause,
                          reference(pause_reply::type_name));
  to["/resume"] = act_path("Begin attempts for it again", audit_verb::resume,
                           reference(pause_reply::type_name));
  to["/purge"] = act_path("Delete operations that finished before a time",
                          audit_verb::purge,
                          one_of_these("purge_step", "purge_count"));
}

} // namespace waybill::dashboard
