// A request and its answer, whatever server is between them and the network.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace waybill::dashboard {

class answer_stream;

/// Names and values of a query or of a form, in order, decoded.
using parameters = std::vector<std::pair<std::string, std::string>>;

struct http_request {
  /// In upper case.
  std::string method = "GET";
  /// Decoded, without the query.
  std::string path = "/";
  parameters query = {};
  /// The headers that are looked at; none: not there.
  std::optional<std::string> host = std::nullopt;
  std::optional<std::string> authorization = std::nullopt;
  std::optional<std::string> cookie = std::nullopt;
  std::optional<std::string> if_none_match = std::nullopt;
  std::optional<std::string> accept = std::nullopt;
  std::optional<std::string> last_event_id = std::nullopt;
  std::optional<std::string> origin = std::nullopt;
  std::optional<std::string> sec_fetch_site = std::nullopt;
  std::optional<std::string> content_type = std::nullopt;
  std::string body = {};
};

struct http_response {
  int status = 200;
  /// Of the body: its media type.
  std::string type = "text/html; charset=utf-8";
  std::string body = {};
  /// Besides the type, names and values.
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Instead of a body: what is sent as it comes.
  std::shared_ptr<answer_stream> stream = nullptr;
};

/// The value of a header of an answer; none if it is not there.
std::optional<std::string> header_of(const http_response& x,
                                     std::string_view name);

/// `%41` as `A`; what is no such escape stays as it is.
std::string percent_decoded(std::string_view text);

/// The same for the path of a URL, but for `%2F`: it has as many folders as
/// before.
std::string decoded_path(std::string_view text);

/// `text` as it may stand in a path's segment, or in a query's name or value.
std::string percent_encoded(std::string_view text);

/// Reads `a=1&b=2`, in which `+` is a blank.
parameters parse_parameters(std::string_view text);

/// Writes what `parse_parameters` reads.
std::string to_query(const parameters& x);

/// What a status is called: `404` is `Not Found`.
std::string_view reason_of(int status);

/// An answer for programs. Bytes that are not UTF-8 become U+FFFD.
http_response json_answer(const nlohmann::json& x);
http_response json_answer(const nlohmann::ordered_json& x);

/// An error for programs, as problem details (RFC 9457).
http_response problem(int status, const std::string& detail);

/// The answer without its body if the asker has it already, by the `ETag` that
/// it gets here.
http_response with_tag(http_response x, const http_request& asked);

} // namespace waybill::dashboard
