#include "waybill/openapi.hpp"

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "waybill/error_queries.hpp"
#include "waybill/filter_text.hpp"
#include "waybill/openapi_schema.hpp"
#include "waybill/queries.hpp"
#include "waybill/stats.hpp"

namespace waybill::dashboard {

namespace {

// What is not a message.
void add_other_schemas(ojson& to) {
  const auto number = formatted("integer", "int64");
  const auto time = schema_of<std::optional<timestamp>>();
  auto by_status = ojson::object();
  for (int i = 0; i < num_tracking_statuses; ++i)
    by_status[to_string(static_cast<tracking_status>(i))] = number;
  to["stats"]
    = object_of({{"file_bytes", number},
                 {"free_bytes", number},
                 {"wal_bytes", number},
                 {"operations", object_of(by_status)},
                 {"oldest_in_flight", time},
                 {"oldest_parked", time},
                 {"targets", schema_of<std::vector<target_total>>()},
                 {"other_targets", number},
                 {"paused_targets", number},
                 {"tombstones", number},
                 {"remembered_since", time},
                 {"service", schema_of<std::optional<stats_reply>>()}});
  to["health"] = object_of(
    {{"state",
      {{"type", "string"}, {"enum", {"at_rest", "ok", "degraded", "failed"}}}},
     {"live", typed("boolean")},
     {"last_written", time},
     {"service", schema_of<std::optional<health_reply>>()}});
  to["problem"] = object_of({{"title", typed("string")},
                             {"status", typed("integer")},
                             {"detail", typed("string")}});
}

ojson all_schemas() {
  auto all = ojson::object();
  add_schema<list_reply>(all);
  add_schema<tracking_status_snapshot>(all);
  add_schema<call_reply>(all);
  add_schema<requeue_link>(all);
  add_schema<purged_operation>(all);
  add_schema<call_snapshot>(all);
  add_schema<history_reply>(all);
  add_schema<transition>(all);
  add_schema<payload_discard>(all);
  add_schema<errors_reply>(all);
  add_schema<error_group>(all);
  add_schema<watch_reply>(all);
  add_schema<transition_gap>(all);
  add_schema<counts_reply>(all);
  add_schema<status_count>(all);
  add_schema<targets_reply>(all);
  add_schema<target_snapshot>(all);
  add_schema<target_total>(all);
  add_schema<health_reply>(all);
  add_schema<target_health>(all);
  add_schema<stats_reply>(all);
  add_schema<histogram>(all);
  add_schema<status_total>(all);
  add_other_schemas(all);
  return all;
}

ojson parameter(const std::string& name, const char* in, const ojson& schema) {
  return {{"name", name},
          {"in", in},
          {"required", std::string_view{in} == "path"},
          {"schema", schema}};
}

ojson filter_parameters() {
  auto all = ojson::array();
  const auto properties = filter_properties();
  for (const auto& [name, schema] : properties.items())
    all.push_back(parameter(name, "query", schema));
  all.push_back(parameter("cursor", "query", typed("string")));
  return all;
}

ojson error_parameters() {
  auto all = filter_parameters();
  all.push_back(parameter("group-by", "query",
                          {{"type", "string"},
                           {"enum", ojson::array({"error", "target"})}}));
  return all;
}

ojson watch_parameters() {
  auto all = ojson::array();
  for (const auto* name : {"after", "wait"})
    all.push_back(parameter(name, "query", typed("string")));
  for (const auto* name : {"status", "kind", "id"})
    all.push_back(parameter(name, "query",
                            {{"type", "array"}, {"items", typed("string")}}));
  all.push_back(parameter("limit", "query",
                          {{"type", "integer"},
                           {"minimum", 1},
                           {"maximum", limits::max_page_size},
                           {"default", 100}}));
  return all;
}

ojson list_parameters() {
  auto all = filter_parameters();
  all.push_back(parameter("limit", "query",
                          {{"type", "integer"},
                           {"minimum", 1},
                           {"maximum", limits::max_page_size},
                           {"default", 50}}));
  all.push_back(parameter("oldest-first", "query", typed("boolean")));
  all.push_back(parameter("full", "query", typed("boolean")));
  return all;
}

ojson path_of(const char* summary, std::string_view schema,
              const ojson& parameters) {
  const auto failed = answer_of("what is wrong", "application/problem+json",
                                reference("problem"));
  ojson responses{{"200", answer_of("the answer", "application/json",
                                    reference(schema))},
                  {"default", failed}};
  if (schema == watch_reply::type_name)
    responses["200"]["content"]["text/event-stream"]
      = {{"schema", typed("string")}};
  if (schema == "health")
    responses["503"] = answer_of("it has failed", "application/json",
                                 reference(schema));
  return {{"get",
           {{"summary", summary},
            {"parameters", parameters},
            {"responses", std::move(responses)}}}};
}

} // namespace

ojson filter_properties() {
  auto all = ojson::object();
  const filter_arguments x;
  for_each_field(x, [&](const char* name, const auto& member) {
    using type = std::remove_cvref_t<decltype(member)>;
    all[name] = is_list<type>
                  ? ojson{{"type", "array"}, {"items", typed("string")}}
                  : typed(std::is_same_v<type, std::optional<std::int64_t>>
                            ? "integer"
                            : "string");
  });
  return all;
}

ojson openapi_document(const std::string& version, bool has_acts) {
  const auto none = ojson::array();
  const auto id
    = ojson::array({parameter("id", "path", formatted("string", "uuid"))});
  ojson x{{"openapi", "3.1.0"},
          {"info", {{"title", "waybill"}, {"version", version}}},
          {"servers", ojson::array({{{"url", "."}}})}};
  x["paths"]
    = {{"/operations", path_of("Operations that a filter lets through",
                               list_reply::type_name, list_parameters())},
       {"/operations/{id}",
        path_of("An operation, and its call", call_reply::type_name, id)},
       {"/operations/{id}/history",
        path_of("The steps of an operation", history_reply::type_name, id)},
       {"/errors", path_of("Why operations were parked or failed, in groups",
                           errors_reply::type_name, error_parameters())},
       {"/watch", path_of("What has been committed since, or is next",
                          watch_reply::type_name, watch_parameters())},
       {"/counts", path_of("Operations by kind and status",
                           counts_reply::type_name, none)},
       {"/stats", path_of("Sizes, totals, the oldest", "stats", none)},
       {"/health", path_of("How the service is, if one runs", "health", none)},
       {"/targets",
        path_of("What waits for each target", targets_reply::type_name, none)}};
  auto schemas = all_schemas();
  if (has_acts) {
    add_act_schemas(schemas);
    add_act_paths(x["paths"]);
  }
  x["components"] = {{"schemas", std::move(schemas)}};
  return x;
}

} // namespace waybill::dashboard
