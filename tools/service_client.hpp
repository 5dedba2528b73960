// Asks the service that runs on a store, over the socket beside its file.
#pragma once

#include <optional>
#include <string>

#include "waybill/operator_messages.hpp"

namespace waybill::cli {

class service_client {
public:
  /// None if no service listens there: the store is at rest, or its service has
  /// no socket.
  /// @throws failure if what listens there is no service that may have the
  ///         store.
  static std::optional<service_client> connect(const std::string& file);

  ~service_client();
  service_client(service_client&& other) noexcept;
  service_client& operator=(service_client&&) = delete;

  /// Waits for the answer as long as the service lives.
  /// @throws failure what the service says, or that its answer never came;
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

private:
  explicit service_client(int socket) noexcept : socket_{socket} {}

  void send(std::string line);
  std::string receive();
  [[noreturn]] static void refuse(const operator_error& e);

  int socket_;
};

} // namespace waybill::cli
