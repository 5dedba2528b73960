#include "site_runtime/external_system.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <httplib.h>

#include "site_runtime/endpoint.hpp"
#include "site_runtime/error_text.hpp"
#include "site_runtime/input.hpp"
#include "site_runtime/retry_after.hpp"
#include "waybill/options.hpp"

namespace site_runtime {

namespace {

using kind = waybill::delivery_result::kind;

constexpr bool is_transient(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

std::string describe(httplib::Error error, const std::string& server) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return "cannot connect to " + server;
    case httplib::Error::Write:
      return "connection lost while sending";
    case httplib::Error::Read:
      return "connection lost before the answer came";
    default:
      return "no answer from " + server + ": " + httplib::to_string(error);
  }
}

// `503 Service Unavailable: ` and the beginning of the answer's first line;
// where a redirect leads comes before it.
std::string describe(const httplib::Response& response) {
  constexpr std::size_t longest = 200;
  auto text = std::to_string(response.status);
  const auto append = [&](const char* before, std::string_view what) {
    if (const auto line = one_line(what, longest); !line.empty())
      text += before + line;
  };
  append(" ", response.reason);
  if (response.status >= 300 && response.status <= 399)
    append(" to ", response.get_header_value("Location"));
  append(": ", response.body.substr(0, response.body.find('\n')));
  return text;
}

// By the clock of whom the date is from, as far as that is known.
std::optional<std::chrono::milliseconds>
retry_after(const httplib::Response& response) {
  using namespace std::chrono;
  const auto date = parse_http_date(response.get_header_value("Date"));
  return parse_retry_after(response.get_header_value("Retry-After"),
                           date.value_or(floor<seconds>(system_clock::now())));
}

} // namespace

base_url base_url::parse(const std::string& text) {
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end);
  if (scheme_end == std::string::npos
      || (scheme != "http" && scheme != "https"))
    throw std::invalid_argument{"must begin with http:// or https://"};
#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
  if (scheme == "https")
    throw std::invalid_argument{"https is missing in this build"};
#endif
  const auto host = scheme_end + 3;
  const auto host_end = text.find_first_of("/?#", host);
  base_url url{.origin = text.substr(0, host_end), .prefix = {}};
  if (host_end != std::string::npos)
    url.prefix = text.substr(host_end);
  if (url.prefix.find_first_of("?# ") != std::string::npos)
    throw std::invalid_argument{"must end after the path"};
  while (url.prefix.ends_with('/'))
    url.prefix.pop_back();
  if (host == url.origin.size() || url.origin[host] == ':'
      || url.origin.find_first_of("@ ", host) != std::string::npos)
    throw std::invalid_argument{"must name a host, and a port if need be"};
  if (const auto colon = url.origin.find(':', host);
      colon != std::string::npos && url.origin[host] != '[') {
    int port = 0;
    const auto* const begin = url.origin.data() + colon + 1;
    const auto* const end = url.origin.data() + url.origin.size();
    const auto [stop, error] = std::from_chars(begin, end, port);
    if (error != std::errc{} || stop != end || port < 1 || port > 65'535)
      throw std::invalid_argument{"must have a port from 1 to 65535"};
  }
  if (!httplib::Client{url.origin}.is_valid())
    throw std::invalid_argument{"is no URL of a server"};
  return url;
}

external_system::external_system(base_url url,
                                 std::chrono::milliseconds timeout,
                                 retry_source earlier_retries)
  : url_{std::move(url)},
    timeout_{timeout},
    earlier_retries_{std::move(earlier_retries)} {}

waybill::delivery_result
external_system::deliver(const waybill::delivery& call) {
  const auto request = to_request(call.payload);
  const httplib::Headers headers{{key_header, to_string(call.idempotency_key)},
                                 {attempt_header,
                                  std::to_string(next_attempt(call.id))}};

  // A connection for each attempt: nothing that one call does to it can spoil
  // another.
  httplib::Client client{url_.origin};
  client.set_connection_timeout(timeout_);
  client.set_read_timeout(timeout_);
  client.set_write_timeout(timeout_);
  client.set_url_encode(false);
  const auto began = std::chrono::steady_clock::now();
  const auto result = client.Post(url_.prefix + request.path, headers,
                                  request.body, "application/json");
  const auto took = std::chrono::steady_clock::now() - began;

  if (!result)
    return {.what = kind::transient,
            .error = took >= timeout_
                       ? "no answer within " + waybill::to_text(timeout_)
                       : describe(result.error(), url_.origin),
            .http_status = std::nullopt,
            .retry_after = std::nullopt};
  const auto status = result->status;
  const auto http_status = status >= 100 && status <= 599
                             ? std::optional<std::int32_t>{status}
                             : std::nullopt;
  if (status >= 200 && status <= 299) {
    forget(call.id);
    return {.what = kind::delivered,
            .error = std::nullopt,
            .http_status = http_status,
            .retry_after = std::nullopt};
  }
  if (is_transient(status))
    return {.what = kind::transient,
            .error = describe(*result),
            .http_status = http_status,
            .retry_after = retry_after(*result)};
  forget(call.id);
  return {.what = kind::permanent,
          .error = describe(*result),
          .http_status = http_status,
          .retry_after = std::nullopt};
}

// The number that store-and-forward counts as well: after a restart it goes on
// with the retries that were tracked.
std::int64_t
external_system::next_attempt(const waybill::tracked_operation_id& id) {
  {
    const std::lock_guard guard{mutex_};
    if (const auto at = attempts_.find(id); at != attempts_.end())
      return ++at->second;
  }
  const auto attempt = earlier_retries_(id) + 1;
  const std::lock_guard guard{mutex_};
  return attempts_[id] = attempt;
}

void external_system::forget(const waybill::tracked_operation_id& id) {
  const std::lock_guard guard{mutex_};
  attempts_.erase(id);
}

} // namespace site_runtime
