#include "waybill/api.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

#include "waybill/json.hpp"
#include "waybill/list_query.hpp"
#include "waybill/store_stats.hpp"

namespace waybill::dashboard {

namespace {

// Whoever else asks waits so long.
constexpr std::chrono::milliseconds api_search_time{100};

// What is asked without parameters.
void check_no_parameters(const answer_context& c) {
  if (!c.asked.query.empty())
    throw query_error{"takes no parameters"};
}

tracked_operation_id id_in(const std::string& text) {
  const auto id = tracked_operation_id::parse(text);
  if (!id || id->is_nil())
    throw query_error{
      "must be an id like 01932c07-f2a1-7000-8000-0123456789ab"};
  return *id;
}

// Times in the filter count back from the same moment on all pages.
void note_moment(std::optional<std::string>& cursor, const list_query& query,
                 const answer_context& c) {
  if (cursor)
    cursor = to_string(resume_point{
      .moment = query.after ? query.after->moment : c.now, .cursor = *cursor});
}

http_response not_there() {
  return problem(404, "no such operation: purged or never recorded");
}

} // namespace

http_response answer_operations(const answer_context& c) {
  const auto query = parse_list_query(c.asked.query, list_use::api);
  const auto request = to_request(query, c.now, c.about.where);
  auto page = c.store.list(request, api_search_time);
  note_moment(page.next_cursor, query, c);
  return json_answer(to_json(page));
}

http_response answer_operation(const answer_context& c, const std::string& id) {
  check_no_parameters(c);
  const auto reply
    = c.store.get_call({.id = id_in(id), .deadline = std::nullopt});
  return reply.snapshot ? json_answer(to_json(reply)) : not_there();
}

http_response answer_history(const answer_context& c, const std::string& id) {
  check_no_parameters(c);
  const auto reply = c.store.get_history(
    {.id = id_in(id), .deadline = std::nullopt}, limits::max_answer_bytes);
  return reply.snapshot ? json_answer(to_json(reply)) : not_there();
}

http_response answer_errors(const answer_context& c) {
  const auto query = parse_list_query(c.asked.query, list_use::errors);
  auto found = c.store.list_errors(
    to_errors_request(query, c.now, c.about.where), api_search_time);
  note_moment(found.next_cursor, query, c);
  return json_answer(to_json(found));
}

http_response answer_counts(const answer_context& c) {
  check_no_parameters(c);
  return json_answer(to_json(c.store.get_counts(c.now)));
}

http_response answer_targets(const answer_context& c) {
  check_no_parameters(c);
  return json_answer(
    to_json(c.store.list_targets({.deadline = std::nullopt}, c.now)));
}

http_response answer_stats(const answer_context& c) {
  check_no_parameters(c);
  auto object = stats_json(
    c.store.size(), c.store.get_counts(c.now),
    totals_of(c.store.list_targets({.deadline = std::nullopt}, c.now)),
    c.store.tombstones());
  object["service"] = c.service && c.service->stats
                        ? nlohmann::ordered_json(to_json(*c.service->stats))
                        : nlohmann::ordered_json(nullptr);
  return json_answer(object);
}

http_response answer_health(const answer_context& c) {
  check_no_parameters(c);
  const auto written = c.source.last_written();
  const nlohmann::ordered_json object{
    {"state", c.service ? to_string(c.service->health.state) : "at_rest"},
    {"live", c.service.has_value()},
    {"last_written", written ? nlohmann::ordered_json(to_string(*written))
                             : nlohmann::ordered_json(nullptr)},
    {"service", c.service ? nlohmann::ordered_json(to_json(c.service->health))
                          : nlohmann::ordered_json(nullptr)}};
  auto answer = json_answer(object);
  if (c.service && c.service->health.state == health_state::failed)
    answer.status = 503;
  return answer;
}

http_response answer_metrics(const answer_context& c) {
  http_response answer;
  answer.type = "text/plain; version=0.0.4; charset=utf-8";
  if (c.service && !c.service->stats)
    return problem(503, c.service->health.reason);
  answer.body = c.service
                  ? to_prometheus(*c.service->stats)
                  : render_prometheus(
                    c.store.size(), c.store.get_counts(c.now),
                    c.store.list_targets({.deadline = std::nullopt}, c.now),
                    c.store.tombstones());
  return answer;
}

} // namespace waybill::dashboard
