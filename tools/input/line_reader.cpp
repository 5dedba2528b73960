#include "input/line_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "exit_code.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

[[noreturn]] void fail(const std::string& name, int error, exit_code code) {
  throw failure{name + ": " + std::generic_category().message(error), code};
}

} // namespace

line_reader::line_reader(const std::string& path)
  : name_{path == "-" ? "standard input" : escape(path)},
    fd_{path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)} {
  struct stat about {};
  if (fd_ < 0 || fstat(fd_, &about) != 0)
    fail(name_, errno, exit_code::usage);
  if (S_ISDIR(about.st_mode)) {
    if (fd_ != STDIN_FILENO)
      close(fd_);
    fail(name_, EISDIR, exit_code::usage);
  }
  if (S_ISREG(about.st_mode))
    size_ = about.st_size;
}

line_reader::~line_reader() {
  if (fd_ != STDIN_FILENO)
    close(fd_);
}

std::optional<line_reader::line> line_reader::next() {
  for (;;) {
    if (const auto end = buffer_.find('\n', searched_);
        end != std::string::npos) {
      auto result = take(end - begin_);
      begin_ = searched_ = end + 1;
      ++returned_;
      return result;
    }
    searched_ = buffer_.size();
    if (searched_ - begin_ > max_line) {
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
    if (!fill())
      return std::nullopt;
  }
}

// Reads more. Returns false if a signal came first; the end is something.
bool line_reader::fill() {
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  constexpr std::size_t chunk = 65'536;
  const auto size = buffer_.size();
  buffer_.resize(size + chunk);
  const auto got = read(fd_, buffer_.data() + size, chunk);
  const auto error = errno;
  buffer_.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0 && error == EINTR)
    return false;
  if (got < 0)
    fail(name_, error, exit_code::store_error);
  source_ended_ = got == 0;
  return true;
}

line_reader::line line_reader::take(std::size_t size) {
  returned_ += static_cast<std::int64_t>(size);
  line result{.number = ++number_,
              .text = buffer_.substr(begin_, size),
              .too_long = std::exchange(too_long_, false) || size > max_line};
  if (result.text.ends_with('\r'))
    result.text.pop_back();
  return result;
}

} // namespace waybill::cli
