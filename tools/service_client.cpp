#include "service_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "exit_code.hpp"
#include "interruption.hpp"
#include "waybill/text.hpp"
#include "waybill/unix_socket.hpp"

namespace waybill::cli {

namespace {

[[noreturn]] void fail_without_answer(const std::string& why) {
  throw failure{why + "; what it was asked may be done all the same"};
}

// Who may own the store may answer for it.
void require_trust(int socket, const std::string& file,
                   const std::string& path) {
  const auto peer = peer_of(socket);
  struct stat info {};
  if (peer
      && (*peer == 0 || *peer == ::geteuid()
          || (::stat(file.c_str(), &info) == 0 && *peer == info.st_uid)))
    return;
  throw failure{escape(path) + " is not the service's: user "
                + (peer ? std::to_string(*peer) : "unknown")
                + " listens there, who does not own " + escape(file)};
}

void limit_sending(int socket, std::chrono::milliseconds time) {
  timeval limit{};
  limit.tv_sec = time.count() / 1'000;
  limit.tv_usec = time.count() % 1'000 * 1'000;
  static_cast<void>(
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
}

} // namespace

std::optional<service_client>
service_client::connect(const std::string& file,
                        std::optional<std::chrono::milliseconds> patience) {
  const auto path = operator_socket_of(file);
  service_client client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                        patience};
  // Nobody takes connections in a process that is stopped.
  if (patience)
    limit_sending(client.socket_, *patience);
  const socket_address address{path};
  if (client.socket_ < 0 || address.fault() != 0
      || ::connect(client.socket_, address.get(), socket_address::size()) != 0)
    return std::nullopt;
  require_trust(client.socket_, file, path);
  return client;
}

service_client::~service_client() {
  if (socket_ >= 0)
    ::close(socket_);
}

service_client::service_client(service_client&& other) noexcept
  : socket_{std::exchange(other.socket_, -1)}, patience_{other.patience_} {}

void service_client::send(std::string line) {
  line += '\n';
  for (std::size_t sent = 0; sent < line.size();) {
    const auto n = ::send(socket_, line.data() + sent, line.size() - sent,
                          MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      return; // it has said why, or ended
    sent += n < 0 ? 0 : static_cast<std::size_t>(n);
  }
}

std::string service_client::receive() {
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  std::string line;
  for (;;) {
    if (patience_ && steady_clock::now() - begin > *patience_)
      fail_without_answer("the service does not answer");
    if (stop_asked())
      throw failure{"stopped; what the service was asked goes on there",
                    exit_code::interrupted};
    pollfd polled{socket_, POLLIN, 0};
    if (::poll(&polled, 1, 100) <= 0) // a signal may come at any moment
      continue;
    char bytes[4'096];
    const auto n = ::recv(socket_, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      fail_without_answer("the service ended before it answered");
    line.append(bytes, static_cast<std::size_t>(n));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
  }
}

void service_client::refuse(const operator_error& e) {
  const auto text = "the service: " + escape(e.what());
  if (certainty_of(e.code()) == certainty::unknown)
    fail_without_answer(text);
  throw failure{text, e.code() == errc::invalid_request
                        ? exit_code::usage
                        : exit_code::store_error};
}

} // namespace waybill::cli
