// Serves lines of text on a Unix socket, in a thread of its own, with bounds on
// everything that comes in.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace waybill {

/// What a line_server bears.
struct line_server_limits {
  /// One more is closed at once.
  std::size_t connections = 64;
  /// Of a line; a longer one is answered with `too_long`, and its connection
  /// closed.
  std::size_t line_bytes = 65'536;
  /// How long a connection may do nothing, while it is not owed an answer, or
  /// not take one.
  std::chrono::milliseconds idle = std::chrono::seconds{30};
  /// The lines for whoever is refused.
  std::string too_many;
  std::string too_long;
};

/// Connections are answered one line at a time: what comes while an answer is
/// owed waits in the kernel. Only who has the process's user, or root, is
/// served.
class line_server {
public:
  /// Sends the answer to a line, if who asked is still there. May be called by
  /// any thread, also when there is no server any more; once.
  using answer_function = std::function<void(std::string answer)>;

  /// Hears a line without its end, and whose program has sent it, in the
  /// server's thread. It may throw nothing.
  using line_function
    = std::function<void(std::string line, uid_t user, answer_function answer)>;

  /// Makes the socket, with mode 0600; one that was left there is replaced.
  /// Its name may be longer than the 107 bytes of a socket's address.
  /// @throws std::runtime_error with the reason, std::system_error if a thread
  ///         is not to be had.
  line_server(const std::string& path, line_server_limits limits,
              line_function on_line);

  /// Closes all connections and removes the socket.
  ~line_server();

  line_server(const line_server&) = delete;
  line_server& operator=(const line_server&) = delete;

private:
  class core;
  const std::shared_ptr<core> core_;
  std::thread thread_;
};

} // namespace waybill
