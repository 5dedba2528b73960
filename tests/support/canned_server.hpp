// An HTTP server that gives one answer, byte for byte, and keeps what it got.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace waybill::test {

class canned_server {
public:
  /// Answers one request, on loopback.
  explicit canned_server(std::string answer)
    : answer_{std::move(answer)},
      listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto size = static_cast<socklen_t>(sizeof address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, size) != 0
        || ::listen(listener_, 1) != 0
        || ::getsockname(listener_, generic, &size) != 0)
      throw std::runtime_error{"cannot listen on loopback"};
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }

  canned_server(const canned_server&) = delete;
  canned_server& operator=(const canned_server&) = delete;

  ~canned_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
  }

  /// The request; waits for it.
  std::string request() { return got_.get_future().get(); }

private:
  void serve() {
    const auto fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0)
      return;
    std::string all;
    char buffer[4096];
    while (!is_whole(all)) {
      const auto got = ::read(fd, buffer, sizeof buffer);
      if (got <= 0)
        break;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    got_.set_value(all);
    std::string_view rest = answer_;
    while (!rest.empty()) {
      const auto sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        break;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    ::shutdown(fd, SHUT_WR);
    while (::read(fd, buffer, sizeof buffer) > 0) {
      // until the client has gone
    }
    ::close(fd);
  }

  // Whether the head and as much as it announces are there.
  static bool is_whole(const std::string& request) {
    constexpr std::string_view length = "Content-Length: ";
    const auto head = request.find("\r\n\r\n");
    if (head == std::string::npos)
      return false;
    const auto at = request.find(length);
    const auto size
      = at > head ? 0 : std::stoul(request.substr(at + length.size()));
    return request.size() >= head + 4 + size;
  }

  const std::string answer_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::promise<std::string> got_;
  std::thread thread_;
};

} // namespace waybill::test
