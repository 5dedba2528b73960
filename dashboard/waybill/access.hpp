// Who may ask: by which names, and with which token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waybill/http_message.hpp"

namespace waybill::dashboard {

struct access_rules {
  /// Names of this server besides `localhost` and addresses, without ports. A
  /// page of someone else that makes its own name lead here has neither.
  std::vector<std::string> host_names = {};
  /// What programs send and people type in; none: whoever reaches the address
  /// may ask.
  std::optional<std::string> token = std::nullopt;
  /// What a browser shows instead once it has shown the token: another secret
  /// of as many bytes, which ends with the server.
  std::string session = {};
  /// The name of the cookie that it is in. Cookies know no ports: servers of
  /// one machine have names of their own.
  std::string cookie = "waybill_session";
};

/// A secret of 64 hexadecimal digits.
/// @throws std::system_error if the system gives no random bytes.
std::string make_session();

/// Whether two secrets are the same, in a time that tells only their lengths.
bool same_secret(std::string_view a, std::string_view b) noexcept;

/// Whether the request names us by one of our names.
bool is_host_allowed(const access_rules& x, const std::string& host);

/// Whether a request has shown the token, or a session that it has begun.
bool may_ask(const access_rules& x, const http_request& asked);

/// Whether a request to change something comes from a page of ours, or from no
/// browser: each browser says with a POST where it comes from, in `Origin`, and
/// most, but not over plain HTTP, in `Sec-Fetch-Site`.
bool is_from_here(const http_request& asked);

/// The value of `Set-Cookie` that begins a session. The path is the folder that
/// the browser asked in, whatever prefix is before it.
std::string session_cookie(const access_rules& x);

} // namespace waybill::dashboard
