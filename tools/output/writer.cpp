#include "output/writer.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "exit_code.hpp"

namespace waybill::cli {

namespace {

constexpr std::size_t buffer_bytes = 65'536;

// Some other program may have made a shared terminal or pipe non-blocking.
void wait_for_room(int fd) {
  pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
  static_cast<void>(poll(&waiting, 1, -1));
}

} // namespace

writer::writer(int fd, std::string name) : fd_{fd}, name_{std::move(name)} {}

void writer::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffer_bytes)
    flush();
}

void writer::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const auto count = ::write(fd_, rest.data(), rest.size());
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
      written_ += count;
      continue;
    }
    const auto error = errno;
    if (error == EINTR)
      continue;
    if (error == EAGAIN || error == EWOULDBLOCK) {
      wait_for_room(fd_);
      continue;
    }
    buffer_.clear();
    if (error == EPIPE)
      throw reader_gone{};
    throw failure{name_ + ": " + std::generic_category().message(error)};
  }
  buffer_.clear();
}

bool writer::wait(std::chrono::milliseconds time) const {
  // Asks for nothing, and so hears of the end only.
  pollfd waiting{.fd = fd_, .events = 0, .revents = 0};
  const auto ready = poll(&waiting, 1, static_cast<int>(time.count()));
  return ready <= 0 || (waiting.revents & (POLLERR | POLLHUP)) == 0;
}

} // namespace waybill::cli
