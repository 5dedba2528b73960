// Lines of a file or of standard input, bounded in length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace waybill::cli {

/// Longer lines are read without being held in memory, in bytes. The longest
/// line that an export can have is a few MiB.
inline constexpr std::size_t max_line = std::size_t{64} * 1'024 * 1'024;

class line_reader {
public:
  /// @param path a file, or `-` for standard input.
  /// @throws failure (`usage`) if it cannot be opened or is a directory.
  explicit line_reader(const std::string& path);
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

  /// The next line; none at the end, or if a signal came while waiting for it.
  /// @throws failure if reading fails.
  std::optional<line> next();

  /// True once all lines have been returned.
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }

  /// Bytes of the lines returned so far, and of the whole file; the latter is 0
  /// for what is no file.
  [[nodiscard]] std::int64_t bytes_read() const noexcept { return returned_; }
  [[nodiscard]] std::int64_t bytes_in_all() const noexcept { return size_; }

private:
  bool fill();
  line take(std::size_t size);

  std::string name_;
  int fd_ = -1;
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
