#include "waybill/line_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "waybill/file_access.hpp"
#include "waybill/unix_socket.hpp"

namespace waybill {

namespace {

using steady_clock = std::chrono::steady_clock;
using time_point = steady_clock::time_point;

class descriptor {
public:
  descriptor() = default;

  // One below 3 is a host's standard output to be.
  explicit descriptor(int fd) noexcept : fd_{fd} {
    if (fd < 0 || fd > STDERR_FILENO)
      return;
    fd_ = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ::close(fd);
  }

  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

private:
  int fd_ = -1;
};

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw std::runtime_error{path + ": " + what + ": " + error_text(errno)};
}

// A listening socket with that path.
descriptor listen_at(const std::string& path) {
  if (const auto there = look_at(path)) {
    if (!S_ISSOCK(there->st_mode)) {
      errno = EEXIST;
      fail(path, "is something else than a socket");
    }
    // Who made it owned the store, and does not any more.
    ::unlink(path.c_str());
  }
  descriptor socket{
    ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket)
    fail(path, "no socket is to be had");
  const socket_address address{path};
  errno = address.fault();
  if (errno != 0)
    fail(path, "cannot be a socket");
  // The rights of its file are those of the descriptor.
  ::fchmod(socket.get(), owner_only);
  if (::bind(socket.get(), address.get(), socket_address::size()) != 0)
    fail(path, "cannot be a socket");
  if (::chmod(path.c_str(), owner_only) != 0
      || ::listen(socket.get(), SOMAXCONN) != 0)
    fail(path, "cannot be listened to");
  return socket;
}

// Whether a user may have the store's files anyway.
bool is_trusted(uid_t user) {
  return user == ::geteuid() || user == 0;
}

struct connection {
  descriptor socket;
  uid_t user = 0;
  std::string in;
  std::string out;
  bool is_owed = false; // an answer
  bool is_last = false; // it is closed after that
  time_point last_move;
};

} // namespace

class line_server::core : public std::enable_shared_from_this<core> {
public:
  core(const std::string& path, line_server_limits limits,
       line_function on_line)
    : path_{path},
      limits_{std::move(limits)},
      on_line_{std::move(on_line)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (!wake_)
      fail(path, "no event is to be had");
    listener_ = listen_at(path);
    if (const auto there = look_at(path))
      made_ = id_of(*there);
  }

  void run() {
    while (!stopping()) {
      take_answers();
      close_idle();
      wait();
    }
    connections_.clear();
    listener_ = {};
    // Unless somebody has put another one there.
    if (const auto there = look_at(path_); there && id_of(*there) == made_)
      ::unlink(path_.c_str());
  }

  void stop() {
    {
      const std::lock_guard guard{mutex_};
      stopping_ = true;
    }
    wake_up();
  }

private:
  using number = std::uint64_t; // of a connection

  void answer(number to, std::string line) {
    {
      const std::lock_guard guard{mutex_};
      answers_.emplace_back(to, std::move(line));
    }
    wake_up();
  }

  bool stopping() {
    const std::lock_guard guard{mutex_};
    return stopping_;
  }

  void wake_up() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
  }

  void take_answers() {
    std::vector<std::pair<number, std::string>> answers;
    {
      const std::lock_guard guard{mutex_};
      answers.swap(answers_);
    }
    for (auto& [to, line] : answers)
      if (const auto found = connections_.find(to);
          found != connections_.end()) {
        auto& x = found->second;
        x.is_owed = false;
        send(x, std::move(line));
        finish(found);
      }
  }

  void close_idle() {
    const auto oldest = steady_clock::now() - limits_.idle;
    std::erase_if(connections_, [&](const auto& each) {
      return !each.second.is_owed && each.second.last_move < oldest;
    });
  }

  // Until something happens, or somebody may have been idle for too long.
  void wait() {
    std::vector<pollfd> polled{{wake_.get(), POLLIN, 0},
                               {listener_.get(), listening(), 0}};
    std::vector<number> numbers;
    for (const auto& [n, x] : connections_) {
      numbers.push_back(n);
      polled.push_back({x.socket.get(), events_of(x), 0});
    }
    const auto patience = std::min<std::int64_t>(limits_.idle.count(), 1'000);
    if (::poll(polled.data(), polled.size(), static_cast<int>(patience)) <= 0)
      return;
    std::uint64_t times = 0;
    [[maybe_unused]] const auto n = ::read(wake_.get(), &times, sizeof times);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (polled[i + 2].revents != 0)
        move(connections_.find(numbers[i]), polled[i + 2].revents);
    if (polled[1].revents != 0)
      accept_all();
  }

  // Not at once again when there was no descriptor for somebody.
  short listening() const {
    return steady_clock::now() < no_accept_until_ ? short{0} : short{POLLIN};
  }

  static short events_of(const connection& x) {
    if (!x.out.empty())
      return POLLOUT;
    return x.is_owed ? short{0} : short{POLLIN};
  }

  using place = std::map<number, connection>::iterator;

  void move(place at, short events) {
    auto& x = at->second;
    if ((events & POLLOUT) != 0)
      flush(x);
    else if ((events & POLLIN) != 0)
      receive(x);
    else // it has gone, whatever it is owed
      x.socket = {};
    finish(at);
  }

  // Goes on with what it has sent meanwhile.
  void finish(place at) {
    auto& x = at->second;
    if (x.socket && x.out.empty() && !x.is_owed && !x.is_last)
      hear(at->first, x);
    if (!x.socket || (x.is_last && x.out.empty()))
      connections_.erase(at);
  }

  static void receive(connection& x) {
    char bytes[4'096];
    const auto got = ::recv(x.socket.get(), bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (got <= 0) {
      x.socket = {};
      return;
    }
    x.last_move = steady_clock::now();
    x.in.append(bytes, static_cast<std::size_t>(got));
  }

  // The next line, if there is one.
  void hear(number n, connection& x) {
    const auto end = x.in.find('\n');
    if (end == std::string::npos ? x.in.size() > limits_.line_bytes
                                 : end > limits_.line_bytes) {
      x.is_last = true;
      x.in.clear();
      return send(x, limits_.too_long);
    }
    if (end == std::string::npos)
      return;
    auto line = x.in.substr(0, end);
    x.in.erase(0, end + 1);
    x.is_owed = true;
    on_line_(std::move(line), x.user,
             [me = weak_from_this(), n](std::string text) {
               if (const auto server = me.lock())
                 server->answer(n, std::move(text));
             });
  }

  void send(connection& x, std::string line) {
    x.last_move = steady_clock::now();
    x.out = std::move(line) + '\n';
    flush(x);
  }

  void flush(connection& x) {
    const auto sent = ::send(x.socket.get(), x.out.data(), x.out.size(),
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR)
        x.socket = {};
      return;
    }
    x.last_move = steady_clock::now();
    x.out.erase(0, static_cast<std::size_t>(sent));
  }

  void accept_all() {
    for (;;) {
      descriptor socket{::accept4(listener_.get(), nullptr, nullptr,
                                  SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (!socket) {
        if (errno != EAGAIN && errno != EINTR)
          no_accept_until_ = steady_clock::now() + std::chrono::seconds{1};
        return;
      }
      const auto user = peer_of(socket.get());
      if (!user || !is_trusted(*user))
        continue;
      connection x;
      x.socket = std::move(socket);
      x.user = *user;
      if (connections_.size() >= limits_.connections)
        send(x, limits_.too_many); // as much as it takes
      else {
        x.last_move = steady_clock::now();
        connections_.emplace(++last_, std::move(x));
      }
    }
  }

  const std::string path_;
  const line_server_limits limits_;
  const line_function on_line_;
  const descriptor wake_;
  descriptor listener_;
  file_id made_;
  std::map<number, connection> connections_;
  number last_ = 0;
  time_point no_accept_until_{};

  std::mutex mutex_; // for the rest
  std::vector<std::pair<number, std::string>> answers_;
  bool stopping_ = false;
};

line_server::line_server(const std::string& path, line_server_limits limits,
                         line_function on_line)
  : core_{std::make_shared<core>(path, std::move(limits), std::move(on_line))},
    thread_{[core = core_] { core->run(); }} {}

line_server::~line_server() {
  core_->stop();
  thread_.join();
}

} // namespace waybill
