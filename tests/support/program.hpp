// Runs a real program: what it prints, how it ends, what it does on a terminal.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/files.hpp"
#include "support/temp_dir.hpp"

namespace waybill::test {

/// A file descriptor that is closed at the end.
class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {
    if (fd < 0)
      throw std::runtime_error{"cannot open a file, pipe or terminal"};
  }
  ~descriptor() { reset(); }
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&&) = delete;

  [[nodiscard]] int get() const { return fd_; }

  void reset() {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }

private:
  int fd_;
};

/// A running program. Killed if it still runs at the end of the scope.
class program {
public:
  struct setting {
    std::vector<std::string> arguments = {};
    /// What it reads from standard input.
    std::string input = {};
    /// Set in its environment, as in `NAME=value`.
    std::vector<std::string> environment = {};
    /// Where its output goes; -1 for files that `out()` and `err()` read.
    int stdout_fd = -1;
    int stderr_fd = -1;
  };

  program(const std::string& file, const setting& x) {
    write_file(scratch_ / "in", x.input);
    const descriptor in{
      ::open((scratch_ / "in").c_str(), O_RDONLY | O_CLOEXEC)};
    const auto output = [&](const char* name) {
      return descriptor{::open((scratch_ / name).c_str(),
                               O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    };
    const auto out = output("out");
    const auto err = output("err");

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    const auto put = [&](int from, int to) {
      ::posix_spawn_file_actions_adddup2(&actions, from, to);
    };
    put(in.get(), STDIN_FILENO);
    put(x.stdout_fd < 0 ? out.get() : x.stdout_fd, STDOUT_FILENO);
    put(x.stderr_fd < 0 ? err.get() : x.stderr_fd, STDERR_FILENO);

    std::vector<std::string> words{file};
    words.insert(words.end(), x.arguments.begin(), x.arguments.end());
    auto variables = x.environment;
    for (auto** each = environ; *each != nullptr; ++each)
      variables.emplace_back(*each);
    const auto code = ::posix_spawn(&pid_, file.c_str(), &actions, nullptr,
                                    pointers(words).data(),
                                    pointers(variables).data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (code != 0)
      throw std::runtime_error{"cannot run " + file};
  }

  ~program() {
    if (pid_ > 0) {
      signal(SIGKILL);
      wait();
    }
  }

  program(const program&) = delete;
  program& operator=(const program&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  void signal(int number) const { ::kill(pid_, number); }

  /// True until it has ended.
  [[nodiscard]] bool is_running() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info,
                    WEXITED | WNOHANG | WNOWAIT)
             == 0
           && info.si_pid == 0;
  }

  /// Waits for its end; kills it if that takes more than a minute.
  /// @returns its exit code, or 128 plus the signal that killed it.
  int wait() {
    const auto deadline = std::chrono::steady_clock::now()
                          + std::chrono::minutes{1};
    while (is_running()) {
      if (std::chrono::steady_clock::now() > deadline)
        signal(SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  [[nodiscard]] std::string out() const { return read_file(scratch_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(scratch_ / "err"); }

private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (auto& each : texts)
      all.push_back(each.data());
    all.push_back(nullptr);
    return all;
  }

  const temp_dir scratch_;
  pid_t pid_ = -1;
};

/// A terminal of a given width, as its user sees it.
class pseudo_terminal {
public:
  explicit pseudo_terminal(unsigned short columns)
    : user_side_{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)},
      program_side_{open_program_side(user_side_.get())} {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    ::ioctl(user_side_.get(), TIOCSWINSZ, &size);
  }

  /// What a program gets as its output.
  [[nodiscard]] int get() const { return program_side_.get(); }

  /// All that is shown until `x` ends.
  /// @param enough whether it is to be interrupted, as by Ctrl-C.
  std::string
  shown_by(program& x,
           const std::function<bool(const std::string& shown)>& enough = {}) {
    std::string all;
    bool interrupted = false;
    for (bool running = true; running;) {
      running = x.is_running();
      pollfd waiting{.fd = user_side_.get(), .events = POLLIN, .revents = 0};
      while (::poll(&waiting, 1, running ? 20 : 0) > 0
             && (waiting.revents & POLLIN) != 0) {
        char buffer[4096];
        const auto got = ::read(user_side_.get(), buffer, sizeof buffer);
        if (got <= 0)
          break;
        all.append(buffer, static_cast<std::size_t>(got));
      }
      if (enough && !interrupted && enough(all)) {
        x.signal(SIGINT);
        interrupted = true;
      }
    }
    return all;
  }

private:
  static int open_program_side(int user_side) {
    if (::grantpt(user_side) != 0 || ::unlockpt(user_side) != 0)
      return -1;
    return ::open(::ptsname(user_side), O_RDWR | O_NOCTTY | O_CLOEXEC);
  }

  descriptor user_side_;
  descriptor program_side_;
};

} // namespace waybill::test
