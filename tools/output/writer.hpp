// Buffered output to a file descriptor, of which every error is noticed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace waybill::cli {

/// Writes to a descriptor that someone else closes.
class writer {
public:
  /// @param name what errors call it, for example `standard output`; ready to
  ///        be printed.
  writer(int fd, std::string name);

  /// What is still in the buffer is lost: whoever has not called `flush()` has
  /// nothing to say about it.
  ~writer() = default;
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  /// @throws failure if it cannot be written; reader_gone if nobody reads it.
  void write(std::string_view text);

  /// @throws as `write`.
  void flush();

  /// Forgets what has not been written yet.
  void discard() noexcept { buffer_.clear(); }

  /// Bytes that have reached the descriptor.
  [[nodiscard]] std::int64_t written() const noexcept { return written_; }

  /// Waits, until a signal at most, while someone may read.
  /// @returns false if nobody reads any more.
  [[nodiscard]] bool wait(std::chrono::milliseconds time) const;

private:
  int fd_;
  std::string name_;
  std::string buffer_;
  std::int64_t written_ = 0;
};

} // namespace waybill::cli
