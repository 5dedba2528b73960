// Speaks HTTP to a server of this machine, well or badly.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "support/catch.hpp"
#include "support/program.hpp"

namespace waybill::test {

/// A connection to a server of this machine, which says all at once.
class web_client {
public:
  explicit web_client(int port)
    : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{};
    patience.tv_sec = 20;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience,
                 sizeof patience);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                  sizeof address)
        != 0)
      throw std::runtime_error{"nobody listens"};
  }

  void say(std::string_view text) const {
    // It may have been refused before its end.
    static_cast<void>(
      ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }

  /// All that comes until the other side ends.
  [[nodiscard]] std::string hear() const {
    std::string all;
    char bytes[4'096];
    for (;;) {
      const auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (n <= 0)
        return all;
      all.append(bytes, static_cast<std::size_t>(n));
    }
  }

  /// What comes until there is `wanted` in it.
  [[nodiscard]] std::string hear_until(std::string_view wanted) const {
    std::string all;
    char bytes[4'096];
    while (all.find(wanted) == std::string::npos) {
      const auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (n <= 0)
        return all;
      all.append(bytes, static_cast<std::size_t>(n));
    }
    return all;
  }

  /// Whether the other side has ended the connection by now.
  [[nodiscard]] bool has_ended() const {
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

private:
  descriptor socket_;
};

/// The port that a `waybill serve` has got; waits until it says so.
inline int port_of(const program& server) {
  const auto deadline = std::chrono::steady_clock::now()
                        + std::chrono::seconds{30};
  while (server.out().find('\n') == std::string::npos && server.is_running()
         && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  const auto out = server.out();
  CAPTURE(out, server.err());
  REQUIRE(out.starts_with("http://127.0.0.1:"));
  return std::stoi(out.substr(out.rfind(':') + 1));
}

/// POSTs JSON.
inline web_client
send_json(int port, const std::string& path, const std::string& body,
          const std::string& headers = "Content-Type: application/json\r\n") {
  web_client client{port};
  client.say("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers
             + "Connection: close\r\nContent-Length: "
             + std::to_string(body.size()) + "\r\n\r\n" + body);
  return client;
}

/// What is answered to that.
inline std::string post_json(int port, const std::string& path,
                             const std::string& body) {
  return send_json(port, path, body).hear();
}

} // namespace waybill::test
