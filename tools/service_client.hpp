// Asks the service that runs on a store, over the socket beside its file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "waybill/operator_messages.hpp"

namespace waybill::cli {

class service_client {
public:
  /// None if no service listens there: the store is at rest, or its service has
  /// no socket.
  /// @throws failure if what listens there is no service that may have the
  ///         store.
  /// @param patience how long an answer may take; none: as long as the service
  ///        lives.
  static std::optional<service_client>
  connect(const std::string& file,
          std::optional<std::chrono::milliseconds> patience = std::nullopt);

  ~service_client();
  service_client(service_client&& other) noexcept;
  service_client& operator=(service_client&&) = delete;

  /// Waits for the answer.
  /// @throws failure what the service says, or that its answer did not come;
  ///         `interrupted` at a signal.
  template <class Request>
  typename Request::reply ask(const Request& x) {
    send(to_operator_line(x));
    const auto line = receive();
    try {
      return parse_operator_reply<typename Request::reply>(line);
    } catch (const operator_error& e) {
      refuse(e);
    }
  }

  /// The same with lines that somebody else makes and reads.
  /// @throws failure that the answer did not come, or that it was stopped.
  std::string exchange(std::string line) {
    send(std::move(line));
    return receive();
  }

private:
  service_client(int socket,
                 std::optional<std::chrono::milliseconds> patience) noexcept
    : socket_{socket}, patience_{patience} {}

  void send(std::string line);
  std::string receive();
  [[noreturn]] static void refuse(const operator_error& e);

  int socket_;
  std::optional<std::chrono::milliseconds> patience_;
};

} // namespace waybill::cli
