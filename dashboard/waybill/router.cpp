#include "waybill/router.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "waybill/act_answer.hpp"
#include "waybill/api.hpp"
#include "waybill/assets.hpp"
#include "waybill/list_query.hpp"
#include "waybill/openapi.hpp"
#include "waybill/pages.hpp"
#include "waybill/watch_answer.hpp"

namespace waybill::dashboard {

namespace {

constexpr std::string_view api_prefix = "/api/v1/";
constexpr std::string_view asset_prefix = "/assets/";
constexpr std::string_view operation_prefix = "/operations/";

bool is_for_programs(std::string_view path) {
  return path.starts_with("/api/") || path == "/metrics";
}

// An error in the form that the asker can read.
http_response refusal(const site& about, const http_request& asked, int status,
                      const std::string& why) {
  return is_for_programs(asked.path) ? problem(status, why)
                                     : error_page(about, asked, status, why);
}

http_response find_api(const answer_context& c, std::string_view path) {
  if (path == "operations")
    return answer_operations(c);
  if (path == "counts")
    return answer_counts(c);
  if (path == "stats")
    return answer_stats(c);
  if (path == "health")
    return answer_health(c);
  if (path == "errors")
    return answer_errors(c);
  if (path == "targets")
    return answer_targets(c);
  constexpr std::string_view one = "operations/";
  constexpr std::string_view steps = "/history";
  if (path.starts_with(one)) {
    path.remove_prefix(one.size());
    if (path.ends_with(steps))
      return answer_history(c, std::string{
                                 path.substr(0, path.size() - steps.size())});
    return answer_operation(c, std::string{path});
  }
  return problem(404, "there is no such resource; see openapi.json");
}

http_response find_page(const answer_context& c) {
  const std::string_view path{c.asked.path};
  if (path == "/")
    return overview_page(c);
  if (path == "/operations")
    return operations_page(c);
  if (path == "/errors")
    return errors_page(c);
  if (path == "/live")
    return live_page(c);
  if (path == "/storage")
    return storage_page(c);
  if (path == "/stuck")
    return stuck_page(c);
  if (path == "/targets")
    return targets_page(c);
  if (path.starts_with(operation_prefix))
    return operation_page(c, std::string{path.substr(operation_prefix.size())});
  return error_page(c.about, c.asked, 404, "There is no such page.");
}

http_response asset_answer(const asset& x) {
  http_response answer;
  answer.type = x.type;
  answer.body = x.content;
  // Another content has another name.
  answer.headers.emplace_back("Cache-Control",
                              "public, max-age=31536000, immutable");
  return answer;
}

http_response not_allowed(http_response x, const char* methods) {
  x.headers.emplace_back("Allow", methods);
  return x;
}

http_response with_bearer(http_response x) {
  if (x.status == 401)
    x.headers.emplace_back("WWW-Authenticate", "Bearer");
  return x;
}

http_response no_token() {
  return with_bearer(
    problem(401, "a token is needed: Authorization: Bearer …"));
}

int status_of(const store_error& e) {
  return e.code() == errc::invalid_request ? 400 : 503;
}

// What holds for all answers.
http_response finished(http_response x, const http_request& asked) {
  if (asked.method != "POST")
    x = with_tag(std::move(x), asked);
  if (!header_of(x, "Cache-Control"))
    x.headers.emplace_back("Cache-Control", "private, no-cache");
  x.headers.emplace_back("Content-Security-Policy",
                         "default-src 'self'; base-uri 'none'; form-action "
                         "'self'; frame-ancestors 'none'; object-src 'none'");
  x.headers.emplace_back("X-Content-Type-Options", "nosniff");
  x.headers.emplace_back("Referrer-Policy", "no-referrer");
  x.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  return x;
}

} // namespace

router::router(site about, std::string file)
  : about_{std::move(about)}, source_{file}, feed_{std::move(file)} {}

http_response router::answer(const http_request& asked) {
  http_response x;
  try {
    x = refuse_or_find(asked);
  } catch (const query_error& e) {
    x = refusal(about_, asked, 400, e.what());
  } catch (const store_error& e) {
    const auto status = status_of(e);
    if (status != 400)
      source_.forget();
    x = refusal(about_, asked, status, to_string(e.code()) + ": " + e.what());
  } catch (const std::exception&) {
    source_.forget();
    x = refusal(about_, asked, 500, "something went wrong here");
  }
  return finished(std::move(x), asked);
}

http_response router::refuse_or_find(const http_request& asked) {
  if (!asked.host)
    return problem(400, "a Host header is missing");
  if (!is_host_allowed(about_.access, *asked.host))
    return problem(421, "this server has no such name; --host-name gives it "
                        "one");
  const auto is_login = about_.access.token && asked.path == "/login";
  if (is_login && asked.method == "POST")
    return begin_session(asked);
  if (const auto verb = act_in(asked.path))
    return act(asked, *verb);
  if (asked.method != "GET" && asked.method != "HEAD")
    return not_allowed(refusal(about_, asked, 405,
                               "only GET and HEAD are known here"),
                       "GET, HEAD");
  // They tell nothing, and the form for the token is made of them.
  if (asked.path.starts_with(asset_prefix)) {
    if (const auto* const found
        = find_asset(asked.path.substr(asset_prefix.size())))
      return asset_answer(*found);
    return refusal(about_, asked, 404, "There is no such file.");
  }
  if (is_login || !may_ask(about_.access, asked)) {
    return is_for_programs(asked.path)
             ? no_token()
             : with_bearer(login_page(about_, asked, false));
  }
  return find(asked);
}

// Before anything else is told: whether they may ask, and from where.
http_response router::act(const http_request& asked, audit_verb verb) {
  if (!about_.actions || about_.metrics_only)
    return problem(404, "operators can do nothing here: waybill serve "
                        "--actions lets them");
  if (!may_ask(about_.access, asked))
    return no_token();
  if (asked.method != "POST")
    return not_allowed(problem(405, "only POST is known here"), "POST");
  if (!is_from_here(asked))
    return problem(403, "a page of another site asks for this");
  if (!is_json(asked))
    return problem(415, "Content-Type must be application/json");
  const std::optional<service_facts> unasked;
  const answer_context c{about_,           asked,        source_,
                         source_.reader(), about_.now(), unasked};
  return answer_act(c, verb);
}

http_response router::begin_session(const http_request& asked) {
  // Whatever site it comes from: the form has the secret in it, and a browser
  // adds nothing that others lack.
  for (const auto& [name, value] : parse_parameters(asked.body))
    if (name == "token" && same_secret(value, *about_.access.token)) {
      http_response x;
      x.status = 303;
      x.headers.emplace_back("Location", "./");
      x.headers.emplace_back("Set-Cookie", session_cookie(about_.access));
      return x;
    }
  return login_page(about_, asked, true);
}

http_response router::find(const http_request& asked) {
  if (about_.metrics_only && asked.path != "/metrics")
    return refusal(about_, asked, 404, "Only /metrics is here.");
  if (asked.path == "/api/v1/openapi.json") {
    http_response x;
    x.type = "application/json";
    x.body
      = openapi_document(about_.version, about_.actions.has_value()).dump();
    return x;
  }
  return find_in_store(asked);
}

http_response router::find_in_store(const http_request& asked) {
  const auto service = about_.ask_service ? about_.ask_service()
                                          : std::optional<service_facts>{};
  const answer_context c{about_,           asked,        source_,
                         source_.reader(), about_.now(), service};
  if (asked.path == "/metrics")
    return answer_metrics(c);
  if (asked.path == "/api/v1/watch")
    return answer_watch(c, feed_);
  if (asked.path.starts_with(api_prefix))
    return find_api(c, std::string_view{asked.path}.substr(api_prefix.size()));
  if (asked.path.starts_with("/api/"))
    return problem(404, "there is no such version of the API; try /api/v1/");
  return find_page(c);
}

} // namespace waybill::dashboard
