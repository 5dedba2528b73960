#include "input/line_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw std::system_error{error, std::generic_category(), name};
}

} // namespace

line_reader::line_reader(const std::string& path, std::size_t max_line)
  : name_{path == "-" ? "standard input" : escape(path)},
    fd_{path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)},
    max_line_{max_line} {
  struct stat about {};
  if (fd_ < 0 || fstat(fd_, &about) != 0)
    fail(name_, errno);
  if (S_ISDIR(about.st_mode)) {
    if (fd_ != STDIN_FILENO)
      close(fd_);
    fail(name_, EISDIR);
  }
  if (S_ISREG(about.st_mode))
    size_ = about.st_size;
}

line_reader::~line_reader() {
  if (fd_ != STDIN_FILENO)
    close(fd_);
}

std::optional<line_reader::line>
line_reader::next(std::optional<std::chrono::milliseconds> patience) {
  for (;;) {
    if (const auto end = buffer_.find('\n', searched_);
        end != std::string::npos) {
      auto result = take(end - begin_);
      begin_ = searched_ = end + 1;
      ++returned_;
      return result;
    }
    searched_ = buffer_.size();
    if (searched_ - begin_ > max_line_) {
      // The rest of the line is read, but not kept.
      too_long_ = true;
      returned_ += static_cast<std::int64_t>(searched_ - begin_);
      buffer_.resize(begin_);
      searched_ = begin_;
    }
    if (source_ended_) {
      if (begin_ == buffer_.size() && !too_long_) {
        at_end_ = true;
        return std::nullopt;
      }
      auto result = take(buffer_.size() - begin_);
      begin_ = searched_ = buffer_.size();
      return result;
    }
    if (!fill(patience))
      return std::nullopt;
  }
}

// Reads more. Returns false if nothing came in time, or a signal came first;
// the end is something.
bool line_reader::fill(std::optional<std::chrono::milliseconds> patience) {
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  const auto ready = poll(&waiting, 1,
                          patience ? static_cast<int>(patience->count()) : -1);
  if (ready == 0 || (ready < 0 && errno == EINTR))
    return false;
  constexpr std::size_t chunk = 65'536;
  const auto size = buffer_.size();
  buffer_.resize(size + chunk);
  const auto got = read(fd_, buffer_.data() + size, chunk);
  const auto error = errno;
  buffer_.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0 && (error == EINTR || error == EAGAIN))
    return false;
  if (got < 0)
    fail(name_, error);
  source_ended_ = got == 0;
  return true;
}

line_reader::line line_reader::take(std::size_t size) {
  returned_ += static_cast<std::int64_t>(size);
  line result{.number = ++number_,
              .text = buffer_.substr(begin_, size),
              .too_long = std::exchange(too_long_, false) || size > max_line_};
  if (result.text.ends_with('\r'))
    result.text.pop_back();
  return result;
}

} // namespace waybill::cli
