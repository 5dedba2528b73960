// A program that speaks lines to a Unix socket, well or badly.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace waybill::test {

class line_client {
public:
  /// @param path of at most 107 bytes.
  explicit line_client(const std::string& path)
    : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
      throw std::runtime_error{"the path is too long"};
    std::memcpy(&address.sun_path, path.c_str(), path.size() + 1);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address),
                  sizeof address)
        != 0)
      throw std::runtime_error{"nobody listens at " + path};
  }

  ~line_client() { close(); }

  line_client(line_client&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)},
      rest_{std::move(other.rest_)} {}
  line_client& operator=(line_client&&) = delete;

  void close() {
    if (socket_ >= 0)
      ::close(std::exchange(socket_, -1));
  }

  /// @returns whether all of it could be sent.
  bool send(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const auto n = ::send(socket_, bytes.data() + sent, bytes.size() - sent,
                            MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  /// The next line; "" at the end of the connection, or if 10 s pass.
  std::string receive() {
    for (;;) {
      if (const auto end = rest_.find('\n'); end != std::string::npos) {
        auto line = rest_.substr(0, end);
        rest_.erase(0, end + 1);
        return line;
      }
      pollfd polled{socket_, POLLIN, 0};
      char bytes[65'536];
      if (::poll(&polled, 1, 10'000) <= 0)
        return "";
      const auto n = ::recv(socket_, bytes, sizeof bytes, 0);
      if (n <= 0)
        return "";
      rest_.append(bytes, static_cast<std::size_t>(n));
    }
  }

  /// Whether the other side closes the connection within 10 s.
  bool is_closed() {
    pollfd polled{socket_, POLLIN, 0};
    char byte = 0;
    return ::poll(&polled, 1, 10'000) > 0
           && ::recv(socket_, &byte, 1, MSG_PEEK) <= 0;
  }

private:
  int socket_;
  std::string rest_;
};

} // namespace waybill::test
