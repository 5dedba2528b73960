// Files that a command writes beside the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace waybill::cli {

/// Refuses a name that is one of the store's own files or SQLite's beside it.
/// @param option what the error calls it.
/// @throws usage_error
void check_is_no_store_file(const std::string& option, const std::string& file,
                            const std::string& store);

/// Which file a name stands for.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const file_identity&) const = default;
};

/// None if there is no such file.
std::optional<file_identity> identity_of(const std::string& file) noexcept;

/// A file that gets its name when it is whole: until then it is `FILE.part`.
class part_file {
public:
  struct permissions {
    /// Whether FILE.part, if it is there, is written on. If not, it must not be
    /// there.
    bool append = false;
    /// Whether FILE may be there, and FILE.part with its old content. If not,
    /// FILE must not be there, nor come to be there.
    bool overwrite = false;
  };

  /// @throws usage_error if a file is in the way; failure if there can be no
  ///         FILE.part.
  part_file(std::string file, permissions given);
  ~part_file();
  part_file(const part_file&) = delete;
  part_file& operator=(const part_file&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return fd_; }

  /// The names, ready to be printed.
  [[nodiscard]] std::string shown_name() const;
  [[nodiscard]] std::string shown_part() const;

  /// Cuts FILE.part to what was there at the beginning and `bytes` more.
  /// Removes it if nothing is left.
  /// @returns whether it is still there.
  bool keep(std::int64_t bytes) noexcept;

  /// Syncs FILE.part and names it FILE.
  /// @throws failure
  void publish();

private:
  void check_what_is_there() const;
  void open_part();

  const std::string file_;
  const std::string part_;
  const permissions given_;
  int fd_ = -1;
  std::int64_t size_before_ = 0;
};

} // namespace waybill::cli
