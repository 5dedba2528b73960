#include "waybill/act_answer.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "waybill/act_request.hpp"
#include "waybill/json.hpp"
#include "waybill/list_query.hpp"
#include "waybill/operator_messages.hpp"
#include "waybill/text.hpp"
#include "waybill/whole_number.hpp"

namespace waybill::dashboard {

namespace {

using nlohmann::ordered_json;
using std::chrono::steady_clock;

// Whoever else asks waits so long.
constexpr std::chrono::milliseconds act_search_time{100};

template <class T>
ordered_json text_or_null(const std::optional<T>& x) {
  return x ? ordered_json(*x) : ordered_json(nullptr);
}

// -- who and why --------------------------------------------------------------

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

// A name is what somebody says; whom this runs as is what we say.
std::string operator_in(const answer_context& c, const act_request& x) {
  if (!x.who)
    return c.about.actions->user;
  if (is_blank(*x.who))
    throw query_error{"who must not be empty"};
  return *x.who + " (" + c.about.actions->user + ')';
}

std::string reason_in(const act_request& x) {
  if (!x.reason || is_blank(*x.reason))
    throw query_error{"reason is missing: why it is done, for the audit"};
  if (x.reason->size() > limits::max_reason)
    throw query_error{"reason must have at most "
                      + std::to_string(limits::max_reason) + " bytes"};
  return *x.reason;
}

operator_act operator_act_of(const answer_context& c, const act_request& x,
                             std::optional<std::string> what) {
  if (what)
    what = truncate_utf8(*what, limits::max_audit_text);
  return {.id = x.act ? *x.act : tracked_operation_id::generate(),
          .who = operator_in(c, x),
          .what = std::move(what)};
}

// -- the service --------------------------------------------------------------

template <class Request>
typename Request::reply ask_service(const answer_context& c, const Request& x) {
  if (const auto fault = find_fault(x))
    throw query_error{escape(*fault)};
  const auto line = c.about.actions->ask(to_operator_line(x));
  if (!line)
    throw operator_error{
      errc::store_unavailable,
      "no service runs on the store, or it has no socket (operator_socket): "
      "actions go through it. The command does them on a store at rest"};
  return parse_operator_reply<typename Request::reply>(*line);
}

// What a refusal of the service is over HTTP; 504: it may be done all the same.
int http_status_of(errc code) noexcept {
  if (code == errc::invalid_request)
    return 400;
  return certainty_of(code) == certainty::unknown ? 504 : 503;
}

// -- requeue and discard ------------------------------------------------------

// Up to where operations are meant, and what durations count back from.
struct act_bound {
  timestamp moment;
  std::int64_t number_until = 0;
};

// What is committed from now on is not meant.
act_bound bound_in(const answer_context& c, const act_request& x) {
  if (!x.bound)
    return {c.now, c.store.last_transition_number() + 1};
  const auto point = parse_resume_point(*x.bound);
  const auto number = point ? whole_number<std::int64_t>(point->cursor)
                            : std::nullopt;
  if (!number)
    throw query_error{"bound must be what a dry run was answered with"};
  return {point->moment, *number};
}

std::string to_text(const act_bound& x) {
  return to_string(
    resume_point{.moment = x.moment, .cursor = std::to_string(x.number_until)});
}

// Operations that a filter lets through, those first that were there first.
struct found_by_filter {
  list_query query;
  list_operations request;
};

found_by_filter filter_in(const answer_context& c, const act_request& x,
                          audit_verb verb, const act_bound& bound) {
  found_by_filter found;
  found.query = parse_list_query(*x.filter, list_use::filter);
  auto& request = found.request;
  request = to_request(found.query, bound.moment, c.about.where);
  const auto& statuses = request.filter.statuses;
  if (statuses.empty()
      || !std::ranges::all_of(statuses, [verb](tracking_status each) {
           return may_be_meant(verb, each);
         }))
    throw query_error{
      verb == audit_verb::requeue
        ? "status must be of Parked and Failed: no others can be requeued"
        : "status must be of Submitted, Retrying, Parked and Failed: no others "
          "can be discarded"};
  request.order = list_order::oldest_first;
  request.filter.number_until = bound.number_until;
  // Without a history nothing has the number by which it finished.
  if (std::ranges::all_of(statuses, is_terminal) && !c.store.keeps_history())
    request.filter.terminal_until = std::min(
      request.filter.terminal_until.value_or(bound.moment), bound.moment);
  request.cursor = x.cursor;
  return found;
}

// Those of a page that something can be done to.
std::vector<tracked_operation_id> meant_in(const answer_context& c,
                                           const list_reply& page) {
  std::vector<tracked_operation_id> all;
  for (const auto& each : page.operations)
    all.push_back(each.id);
  std::vector<tracked_operation_id> meant;
  for (const auto& each : c.store.get_calls(all))
    if (each.snapshot && (each.call || is_in_flight(each.snapshot->status)))
      meant.push_back(each.snapshot->id);
  return meant;
}

http_response count_matching(const answer_context& c, const act_request& x,
                             audit_verb verb) {
  const auto bound = bound_in(c, x);
  auto request = filter_in(c, x, verb, bound).request;
  request.page_size = limits::max_page_size;
  std::int64_t count = 0;
  const auto end = steady_clock::now() + act_search_time;
  do {
    const auto page = c.store.list(request, act_search_time);
    count += std::ssize(meant_in(c, page));
    request.cursor = page.next_cursor;
  } while (request.cursor && steady_clock::now() < end);
  return json_answer(
    ordered_json{{"count", count},
                 {"bound", to_text(bound)},
                 {"next_cursor", text_or_null(request.cursor)}});
}

// @returns where the next step begins; none after the last one.
template <class Request>
std::optional<std::string> find_next(const answer_context& c,
                                     const act_request& x, audit_verb verb,
                                     Request& to) {
  if (!x.bound)
    throw query_error{"bound is missing: a dry run is answered with it"};
  auto found = filter_in(c, x, verb, bound_in(c, x));
  found.request.page_size = x.limit.value_or(limits::max_acted_on);
  const auto page = c.store.list(found.request, act_search_time);
  to.ids = meant_in(c, page);
  to.act->what = truncate_utf8(to_options(found.query.filter).substr(1),
                               limits::max_audit_text);
  return page.next_cursor;
}

template <class Request>
http_response answer_bulk(const answer_context& c, const act_request& x,
                          audit_verb verb) {
  if (x.ids.empty() != x.filter.has_value())
    throw query_error{"ids or filter must be there, and only one of them"};
  if (!x.filter && (x.dry_run || x.bound || x.cursor || x.limit))
    throw query_error{"dry_run, bound, cursor and limit go with a filter"};
  if (x.dry_run)
    return count_matching(c, x, verb);
  Request request;
  request.ids = x.ids;
  request.reason = reason_in(x);
  request.act = operator_act_of(c, x, std::nullopt);
  std::optional<std::string> next;
  if (x.filter)
    next = find_next(c, x, verb, request);
  auto results = ordered_json::array();
  if (!request.ids.empty())
    for (const auto& each : ask_service(c, request).results)
      results.push_back(ordered_json(to_json(each)));
  return json_answer(ordered_json{{"act", to_string(*request.act->id)},
                                  {"results", std::move(results)},
                                  {"next_cursor", text_or_null(next)}});
}

// -- pause and resume ---------------------------------------------------------

template <class Request>
http_response answer_pause(const answer_context& c, const act_request& x) {
  if (!x.target)
    throw query_error{"target is missing"};
  Request request;
  request.target = *x.target;
  request.who = operator_in(c, x);
  request.reason = reason_in(x);
  const auto reply = ask_service(c, request);
  if (reply.outcome == pause_outcome::not_found)
    return problem(404, "there is no target \"" + escape(*x.target) + '"');
  return json_answer(ordered_json(to_json(reply)));
}

// -- purge --------------------------------------------------------------------

struct purge_question {
  timestamp older_than;
  std::vector<tracking_status> statuses;
};

purge_question purge_in(const answer_context& c, const act_request& x) {
  const auto older_than = x.older_than
                            ? parse_time(*x.older_than, c.now, c.about.where)
                            : std::nullopt;
  if (!older_than)
    throw query_error{"older_than must be a duration like 30d, or a time like "
                      "2026-11-23"};
  purge_question asked{*older_than, {}};
  try {
    asked.statuses = parse_statuses(x.status);
  } catch (const filter_error& e) {
    throw query_error{e.name() + " must be " + e.expected()};
  }
  if (!std::ranges::all_of(asked.statuses, [&](tracking_status each) {
        return may_be_meant(x.with_payload ? audit_verb::requeue
                                           : audit_verb::purge,
                            each);
      }))
    throw query_error{x.with_payload ? "status must be of Parked and Failed: "
                                       "no payload is kept of others"
                                     : "status must be of Delivered, Parked, "
                                       "Failed and Discarded: what is in "
                                       "flight is never deleted"};
  return asked;
}

// A request for each status; one for all of them if none is named.
template <class F>
void for_each_purge(const purge_question& asked, purge_terminal request,
                    F&& f) {
  if (asked.statuses.empty())
    return f(request);
  for (const auto each : asked.statuses) {
    request.status = each;
    f(request);
  }
}

http_response count_purge(const answer_context& c, const act_request& x,
                          const purge_question& asked) {
  const auto end = steady_clock::now() + act_search_time;
  std::int64_t count = 0;
  bool complete = true;
  for_each_purge(asked,
                 {.older_than = asked.older_than,
                  .status = std::nullopt,
                  .deadline = std::nullopt,
                  .with_payload = x.with_payload},
                 [&](const purge_terminal& request) {
                   if (complete)
                     count += c.store.count_due(request, [&](std::int64_t,
                                                             std::int64_t) {
                       complete = steady_clock::now() < end;
                       return complete;
                     });
                 });
  return json_answer(ordered_json{{"count", count},
                                  {"complete", complete},
                                  {"older_than", to_string(asked.older_than)}});
}

std::string purge_words(const act_request& x) {
  filter_arguments filter;
  filter.statuses = x.status;
  return "--older-than " + shell_word(*x.older_than) + to_options(filter)
         + (x.with_payload ? " --with-payload" : "");
}

std::int64_t delete_finished(const answer_context& c,
                             const purge_question& asked,
                             const purge_terminal& step) {
  std::int64_t deleted = 0;
  try {
    for_each_purge(asked, step, [&](const purge_terminal& request) {
      deleted += ask_service(c, request).deleted;
    });
  } catch (const operator_error& e) {
    if (deleted == 0)
      throw;
    // Whatever it says of one status: something is done.
    throw operator_error{errc::outcome_unknown,
                         std::to_string(deleted)
                           + " deleted; then: " + e.what()};
  }
  return deleted;
}

// A step is what finished between two times: a service deletes all of it before
// it answers.
http_response answer_purge(const answer_context& c, const act_request& x) {
  using enum tracking_status;
  const auto asked = purge_in(c, x);
  if (x.dry_run)
    return count_purge(c, x, asked);
  const auto reason = reason_in(x);
  auto act = operator_act_of(c, x, purge_words(x));
  act.reason = reason;
  list_operations list;
  list.filter.statuses = asked.statuses;
  if (asked.statuses.empty())
    list.filter.statuses = {delivered, parked, failed, discarded};
  list.filter.terminal_until = asked.older_than;
  list.order = list_order::oldest_first;
  list.page_size = limits::max_page_size;
  list.cursor = x.cursor;
  if (const auto fault = find_fault(list))
    throw query_error{escape(*fault)};
  const auto page = c.store.list(list, act_search_time);
  std::int64_t deleted = 0;
  if (!page.operations.empty())
    deleted = delete_finished(
      c, asked,
      {.older_than = std::min(asked.older_than,
                              *page.operations.back().terminal_at
                                + std::chrono::microseconds{1}),
       .status = std::nullopt,
       .deadline = std::nullopt,
       .not_before = page.operations.front().terminal_at,
       .with_payload = x.with_payload,
       .act = act});
  return json_answer(
    ordered_json{{"act", to_string(*act.id)},
                 {"deleted", deleted},
                 {"older_than", to_string(asked.older_than)},
                 {"next_cursor", text_or_null(page.next_cursor)}});
}

http_response answer_verb(const answer_context& c, audit_verb verb) {
  const auto x = parse_act(c.asked.body, verb);
  switch (verb) {
    case audit_verb::requeue:
      return answer_bulk<requeue>(c, x, verb);
    case audit_verb::discard:
      return answer_bulk<discard_many>(c, x, verb);
    case audit_verb::pause:
      return answer_pause<pause_target>(c, x);
    case audit_verb::resume:
      return answer_pause<resume_target>(c, x);
    case audit_verb::purge:
      break;
  }
  return answer_purge(c, x);
}

} // namespace

std::optional<audit_verb> act_in(std::string_view path) noexcept {
  constexpr std::string_view prefix = "/api/v1/";
  return path.starts_with(prefix) ? parse_audit_verb(path.substr(prefix.size()))
                                  : std::nullopt;
}

bool is_json(const http_request& asked) {
  constexpr std::string_view wanted = "application/json";
  auto type = asked.content_type.value_or("");
  type.resize(std::min(type.find(';'), type.size()));
  while (type.ends_with(' '))
    type.pop_back();
  return std::ranges::equal(type, wanted, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

http_response answer_act(const answer_context& c, audit_verb verb) {
  if (!c.asked.query.empty())
    throw query_error{"takes no parameters, but a JSON object as body"};
  try {
    return answer_verb(c, verb);
  } catch (const operator_error& e) {
    return problem(http_status_of(e.code()), e.what());
  }
}

} // namespace waybill::dashboard
