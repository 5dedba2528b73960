// Lines of a file or of standard input, bounded in length.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace waybill::cli {

class line_reader {
public:
  /// @param path a file, or `-` for standard input.
  /// @param max_line longer lines are read without being held in memory, in
  ///        bytes.
  /// @throws std::system_error, which names the file, if it cannot be opened
  ///         or is a directory.
  line_reader(const std::string& path, std::size_t max_line);
  ~line_reader();
  line_reader(const line_reader&) = delete;
  line_reader& operator=(const line_reader&) = delete;

  struct line {
    /// From 1.
    std::int64_t number = 0;
    /// Without its end, be that `\n` or `\r\n`. Only a beginning if `too_long`.
    std::string text;
    bool too_long = false;
  };

  /// The next line; none at the end, if a signal came while waiting for it, or
  /// if it did not come within `patience` (pipes and terminals may let one
  /// wait; without `patience`, for ever).
  /// @throws std::system_error, which names the file, if reading fails.
  std::optional<line> next(std::optional<std::chrono::milliseconds> patience
                           = std::nullopt);

  /// True once all lines have been returned.
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }

  /// Bytes of the lines returned so far, and of the whole file; the latter is 0
  /// for what is no file.
  [[nodiscard]] std::int64_t bytes_read() const noexcept { return returned_; }
  [[nodiscard]] std::int64_t bytes_in_all() const noexcept { return size_; }

private:
  bool fill(std::optional<std::chrono::milliseconds> patience);
  line take(std::size_t size);

  std::string name_;
  int fd_ = -1;
  std::size_t max_line_ = 0;
  std::int64_t size_ = 0;
  std::int64_t returned_ = 0;
  std::int64_t number_ = 0;
  bool source_ended_ = false;
  bool at_end_ = false;
  bool too_long_ = false;
  /// What was read; the part before `begin_` has been returned, the one before
  /// `searched_` has no line end.
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;
};

} // namespace waybill::cli
