// Serves HTTP on an address. The one file that knows libmicrohttpd is behind
// it, or one that says that there is none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "waybill/http_message.hpp"

namespace waybill::dashboard {

/// An address and a port to listen on.
struct listen_address {
  /// `127.0.0.1`, `::1`; no name but `localhost`.
  std::string host = "127.0.0.1";
  /// 0: any that is free.
  std::uint16_t port = 8'080;

  /// Whether only this machine reaches it.
  [[nodiscard]] bool is_loopback() const;
};

/// Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`.
/// @returns none for anything else.
std::optional<listen_address> parse_listen_address(const std::string& text);

struct server_bounds {
  unsigned connections = 256;
  /// Of a request's line and headers, in bytes.
  std::size_t header_bytes = 8'192;
  std::size_t body_bytes = 65'536;
  /// Of all answers, but for streams, that their askers have not read to their
  /// ends.
  std::size_t unsent_bytes = 67'108'864;
  /// Nothing is read or written for so long.
  std::chrono::seconds idle{15};
  /// From a connection's beginning, or its last answer, to the next one's end.
  std::chrono::seconds request{30};
};

/// Why there can be no server.
class server_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Whether this was built with a server at all.
bool has_http_server() noexcept;

class http_server {
public:
  /// Called in a thread of the server, one request at a time. Must not throw.
  using handler = std::function<http_response(const http_request&)>;

  /// Listens from now on.
  /// @throws server_error
  http_server(const listen_address& where, handler answer,
              const server_bounds& bounds = {});
  /// Answers no more when it returns.
  ~http_server();

  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// `http://127.0.0.1:8080/`, with the port that it has got.
  [[nodiscard]] std::string url() const;

  /// Lets those go who take longer for a request than they may; to be called
  /// every now and then.
  void drop_the_slow();

private:
  class state;
  std::unique_ptr<state> state_;
};

} // namespace waybill::dashboard
