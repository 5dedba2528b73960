// Forked processes: what only another process, or a dying one, can show.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace waybill::test {

/// A process that runs a function and ends without destructors, as a crash
/// does. No Catch2 macro may be used in it.
class child_process {
public:
  /// Runs `f()`, whose result (0 to 98) is the exit code; 99 if it throws.
  template <class F>
  explicit child_process(F&& f) {
    std::fflush(nullptr);
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
      throw std::runtime_error{"cannot make a pipe"};
    pid_ = ::fork();
    if (pid_ < 0)
      throw std::runtime_error{"cannot fork"};
    if (pid_ != 0) {
      ::close(ends[1]);
      from_child_ = ends[0];
      return;
    }
    ::close(ends[0]);
    to_parent_ = ends[1];
    int code = 99;
    try {
      code = f(*this);
    } catch (...) {
      code = 99;
    }
    ::_exit(code);
  }

  ~child_process() {
    if (pid_ > 0)
      kill();
    ::close(from_child_);
  }

  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// In the child: tells the parent that it has come this far.
  void report() const {
    const char byte = '!';
    static_cast<void>(!::write(to_parent_, &byte, 1));
  }

  /// In the child: waits to be killed.
  [[noreturn]] static void linger() {
    for (;;)
      ::pause();
  }

  /// Waits for the child's report.
  /// @returns false if it ended without one.
  [[nodiscard]] bool await_report() const {
    char byte = 0;
    return ::read(from_child_, &byte, 1) == 1;
  }

  /// Kills the child with SIGKILL and waits for its end.
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }

  /// Waits for the child's end.
  /// @returns its exit code, or 128 plus the signal that killed it.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

private:
  pid_t pid_ = -1;
  int from_child_ = -1;
  int to_parent_ = -1;
};

/// Runs `f()` in a child process to its end.
/// @returns its exit code, or 128 plus the signal that killed it.
template <class F>
int in_child(F&& f) {
  return child_process{[&](const child_process&) { return f(); }}.wait();
}

} // namespace waybill::test
