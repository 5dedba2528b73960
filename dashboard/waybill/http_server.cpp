// The one file that knows libmicrohttpd. A thread of its own waits for all
// connections and calls the handler; answers, but for streams, are made whole
// before they are sent, so that slow readers hold nothing but their own
// connection.
#include "waybill/http_server.hpp"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "waybill/answer_stream.hpp"

namespace waybill::dashboard {

namespace {

using std::chrono::steady_clock;

// Enough for the headers that are allowed, and for those of an answer.
constexpr std::size_t connection_memory = 24'576;

// What has come of a request so far.
struct open_request {
  http_request asked;
  std::size_t header_bytes = 0;
  int hosts = 0;
  /// Why it is answered without being handled.
  int refused = 0;
  /// Of an answer that has not been sent to its end.
  std::size_t unsent = 0;
};

// What is compared with names from outside, whose case does not matter.
bool is_header(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size())
    return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = name[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c)
        != lower[i])
      return false;
  }
  return true;
}

MHD_Result take_header(void* to, MHD_ValueKind, const char* key,
                       std::size_t key_size, const char* value,
                       std::size_t value_size) {
  auto& x = *static_cast<open_request*>(to);
  constexpr std::size_t around = 4; // a colon, a blank, an end of line
  x.header_bytes += key_size + value_size + around;
  const std::string_view name{key, key_size};
  const auto text = value == nullptr ? std::string{}
                                     : std::string{value, value_size};
  if (is_header(name, "host")) {
    ++x.hosts;
    x.asked.host = text;
  } else if (is_header(name, "authorization")) {
    x.asked.authorization = text;
  } else if (is_header(name, "cookie")) {
    x.asked.cookie = text;
  } else if (is_header(name, "if-none-match")) {
    x.asked.if_none_match = text;
  } else if (is_header(name, "accept")) {
    x.asked.accept = text;
  } else if (is_header(name, "last-event-id")) {
    x.asked.last_event_id = text;
  } else if (is_header(name, "origin")) {
    x.asked.origin = text;
  } else if (is_header(name, "sec-fetch-site")) {
    x.asked.sec_fetch_site = text;
  } else if (is_header(name, "content-type")) {
    x.asked.content_type = text;
  }
  return MHD_YES;
}

MHD_Result take_argument(void* to, MHD_ValueKind, const char* key,
                         std::size_t key_size, const char* value,
                         std::size_t value_size) {
  auto& x = *static_cast<open_request*>(to);
  x.header_bytes += key_size + value_size + 2;
  x.asked.query.emplace_back(percent_decoded({key, key_size}),
                             value == nullptr
                               ? std::string{}
                               : percent_decoded({value, value_size}));
  return MHD_YES;
}

// We decode what is in a URL ourselves.
std::size_t leave_escaped(void*, MHD_Connection*, char* text) {
  return std::strlen(text);
}

// An answer that goes on, and where it goes. Its connection sleeps while there
// is nothing to send: no thread waits for it.
struct open_stream {
  std::shared_ptr<answer_stream> from;
  MHD_Connection* connection = nullptr;
  std::function<void(open_stream*)> forget;
};

ssize_t read_stream(void* of, std::uint64_t, char* to, std::size_t size) {
  const auto& x = *static_cast<open_stream*>(of);
  try {
    auto* const connection = x.connection;
    const auto part = x.from->read(
      to, size, [connection] { MHD_suspend_connection(connection); },
      [connection] { MHD_resume_connection(connection); });
    return part.is == answer_stream::state::ended
             ? static_cast<ssize_t>(MHD_CONTENT_READER_END_OF_STREAM)
             : static_cast<ssize_t>(part.bytes);
  } catch (...) {
    return static_cast<ssize_t>(MHD_CONTENT_READER_END_WITH_ERROR);
  }
}

void forget_stream(void* of) {
  const std::unique_ptr<open_stream> x{static_cast<open_stream*>(of)};
  x->forget(x.get());
}

// @param stream is taken if `x` goes on.
MHD_Result send(MHD_Connection* connection, const http_response& x,
                std::unique_ptr<open_stream> stream = nullptr) {
  constexpr std::size_t stream_block = 8'192;
  // It is copied, and not written to.
  auto* const body = const_cast<char*>(x.body.data());
  auto* const response
    = stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, stream_block,
                                                 &read_stream, stream.get(),
                                                 &forget_stream)
             : MHD_create_response_from_buffer(x.body.size(), body,
                                               MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) {
    if (stream)
      stream->forget(stream.get());
    return MHD_NO;
  }
  static_cast<void>(stream.release()); // the response has it
  if (x.status != 304)
    MHD_add_response_header(response, "Content-Type", x.type.c_str());
  for (const auto& [name, value] : x.headers)
    MHD_add_response_header(response, name.c_str(), value.c_str());
  const auto result
    = MHD_queue_response(connection, static_cast<unsigned>(x.status), response);
  MHD_destroy_response(response);
  return result;
}

int listening_socket(const listen_address& where) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
      ::inet_pton(AF_INET, where.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(where.port);
    size = sizeof *v4;
  } else {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (::inet_pton(AF_INET6, where.host.c_str(), &v6->sin6_addr) != 1)
      throw server_error{"is no address"};
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(where.port);
    size = sizeof *v6;
  }
  const auto fd = ::socket(address.ss_family,
                           SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  constexpr int backlog = 128;
  if (fd < 0
      || ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0
      || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0
      || ::listen(fd, backlog) != 0) {
    const auto error = errno;
    if (fd >= 0)
      ::close(fd);
    throw server_error{std::generic_category().message(error)};
  }
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 0;
  return ntohs(address.ss_family == AF_INET
                 ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                 : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
}

} // namespace

class http_server::state {
public:
  state(const listen_address& where, handler answer,
        const server_bounds& bounds)
    : where_{where}, answer_{std::move(answer)}, bounds_{bounds} {
    const auto fd = listening_socket(where);
    where_.port = port_of(fd);
    constexpr auto flags = static_cast<unsigned>(MHD_USE_AUTO_INTERNAL_THREAD)
                           | MHD_ALLOW_SUSPEND_RESUME;
    daemon_ = MHD_start_daemon(
      flags, 0, nullptr, nullptr, &state::on_request, this,
      MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
      bounds.connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(bounds.idle.count()),
      MHD_OPTION_UNESCAPE_CALLBACK, &leave_escaped, nullptr,
      MHD_OPTION_NOTIFY_COMPLETED, &state::on_completed, this,
      MHD_OPTION_NOTIFY_CONNECTION, &state::on_connection, this,
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (daemon_ == nullptr) {
      ::close(fd);
      throw server_error{"the server does not start"};
    }
  }

  ~state() {
    // Connections that sleep would not hear of it.
    for (const auto& each : close_streams())
      each->end();
    {
      // What has been said last is sent, to those who read.
      constexpr std::chrono::seconds for_reading{1};
      std::unique_lock lock{mutex_};
      forgotten_.wait_for(lock, for_reading, [&] { return streams_.empty(); });
    }
    MHD_stop_daemon(daemon_);
  }

  state(const state&) = delete;
  state& operator=(const state&) = delete;

  [[nodiscard]] const listen_address& address() const { return where_; }

  void drop_the_slow() {
    const auto earliest = steady_clock::now() - bounds_.request;
    const std::lock_guard guard{mutex_};
    for (const auto& [connection, x] : connections_)
      if (x.since < earliest)
        ::shutdown(x.fd, SHUT_RDWR);
  }

private:
  struct open_connection {
    int fd = -1;
    steady_clock::time_point since;
  };

  static MHD_Result on_request(void* self, MHD_Connection* connection,
                               const char* url, const char* method,
                               const char* /*version*/, const char* data,
                               std::size_t* size, void** request) {
    try {
      return static_cast<state*>(self)->handle(connection, url, method, data,
                                               *size, *request);
    } catch (...) {
      return MHD_NO; // no memory: the connection ends
    }
  }

  static void on_completed(void* self, MHD_Connection* connection,
                           void** request, MHD_RequestTerminationCode) {
    const std::unique_ptr<open_request> ended{
      static_cast<open_request*>(std::exchange(*request, nullptr))};
    auto& x = *static_cast<state*>(self);
    if (ended)
      x.unsent_ -= ended->unsent;
    const std::lock_guard guard{x.mutex_};
    if (const auto found = x.connections_.find(connection);
        found != x.connections_.end())
      found->second.since = steady_clock::now();
  }

  static void on_connection(void* self, MHD_Connection* connection,
                            void** /*of_socket*/,
                            MHD_ConnectionNotificationCode what) {
    auto& x = *static_cast<state*>(self);
    const std::lock_guard guard{x.mutex_};
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
      x.connections_.erase(connection);
      return;
    }
    const auto* const info
      = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != nullptr)
      x.connections_[connection] = {info->connect_fd, steady_clock::now()};
  }

  std::vector<std::shared_ptr<answer_stream>> close_streams() {
    const std::lock_guard guard{mutex_};
    closing_ = true;
    std::vector<std::shared_ptr<answer_stream>> all;
    for (const auto* each : streams_)
      all.push_back(each->from);
    return all;
  }

  std::unique_ptr<open_stream> begin_stream(MHD_Connection* connection,
                                            const http_response& x) {
    auto made = std::make_unique<open_stream>();
    made->from = x.stream;
    made->connection = connection;
    made->forget = [this](open_stream* gone) {
      const std::lock_guard guard{mutex_};
      streams_.erase(gone);
      forgotten_.notify_all();
    };
    const std::lock_guard guard{mutex_};
    streams_.insert(made.get());
    // It takes as long as it takes.
    if (const auto found = connections_.find(connection);
        found != connections_.end())
      found->second.since = steady_clock::time_point::max();
    if (closing_)
      x.stream->end();
    return made;
  }

  MHD_Result handle(MHD_Connection* connection, const char* url,
                    const char* method, const char* data, std::size_t& size,
                    void*& request) {
    if (request == nullptr) {
      auto begun = std::make_unique<open_request>();
      begin(connection, url, method, *begun);
      const auto refused = begun->refused;
      request = begun.release();
      return refused == 0
               ? MHD_YES
               : send(connection, problem(refused, "larger than it may be"));
    }
    auto& x = *static_cast<open_request*>(request);
    if (size > 0) {
      if (x.asked.body.size() + size > bounds_.body_bytes)
        return MHD_NO;
      x.asked.body.append(data, size);
      size = 0;
      return MHD_YES;
    }
    auto answer = answer_(x.asked);
    if (answer.stream)
      return send(connection, answer, begin_stream(connection, answer));
    if (unsent_ + answer.body.size() > bounds_.unsent_bytes)
      answer = problem(503, "too much of what was asked for has not been read");
    x.unsent = answer.body.size();
    unsent_ += x.unsent;
    return send(connection, answer);
  }

  void begin(MHD_Connection* connection, const char* url, const char* method,
             open_request& x) const {
    x.asked.method = method;
    x.asked.path = decoded_path(url);
    x.header_bytes = x.asked.method.size() + std::strlen(url);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &take_header, &x);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND,
                                &take_argument, &x);
    if (x.hosts != 1)
      x.asked.host.reset(); // two are none
    const auto* const length = MHD_lookup_connection_value(
      connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (x.header_bytes > bounds_.header_bytes)
      x.refused = 431;
    else if (length != nullptr
             && std::strtoull(length, nullptr, 10) > bounds_.body_bytes)
      x.refused = 413;
  }

  listen_address where_;
  const handler answer_;
  const server_bounds bounds_;
  std::size_t unsent_ = 0; // by the server's thread alone
  std::mutex mutex_;
  std::map<MHD_Connection*, open_connection> connections_;
  std::set<open_stream*> streams_;
  std::condition_variable forgotten_; // of a stream
  bool closing_ = false;
  MHD_Daemon* daemon_ = nullptr;
};

bool has_http_server() noexcept {
  return true;
}

http_server::http_server(const listen_address& where, handler answer,
                         const server_bounds& bounds)
  : state_{std::make_unique<state>(where, std::move(answer), bounds)} {}

http_server::~http_server() = default;

std::string http_server::url() const {
  const auto& where = state_->address();
  const auto host = where.host.find(':') == std::string::npos
                      ? where.host
                      : '[' + where.host + ']';
  return "http://" + host + ':' + std::to_string(where.port) + '/';
}

void http_server::drop_the_slow() {
  state_->drop_the_slow();
}

} // namespace waybill::dashboard
