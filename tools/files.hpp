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

/// Whoever has deleted or replaced a file does not write to what is open here.
/// @param was updated, if it was none.
/// @throws failure if the name does not stand for that file any more.
void check_same_file(const std::string& file,
                     std::optional<file_identity>& was);

/// A file that gets its name when it is whole: until then it is `FILE.part`.
/// Beside it `FILE.part.at` says up to where it is whole, how much that is,
/// what goes on there and the checksum of its bytes, so that it can be written
/// on however its writer ended.
class part_file {
public:
  struct permissions {
    /// Where to write on: FILE.part must be there, and whole up to that place.
    /// If none, FILE.part must not be there.
    std::optional<std::string> place;
    /// Whether FILE may be there, and FILE.part with its old content. If not,
    /// FILE must not be there, nor come to be there.
    bool overwrite = false;
  };

  /// @throws usage_error if a file is in the way, or FILE.part is not what is
  ///         to be written on; failure if there can be no FILE.part.
  part_file(std::string file, permissions given);
  ~part_file();
  part_file(const part_file&) = delete;
  part_file& operator=(const part_file&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return fd_; }

  /// The names, ready to be printed.
  [[nodiscard]] std::string shown_name() const;
  [[nodiscard]] std::string shown_part() const;

  /// What was in FILE.part at the beginning, as `keep` was told.
  [[nodiscard]] std::int64_t count_before() const noexcept {
    return before_.count;
  }

  /// Notes that FILE.part is whole with `bytes` more than at the beginning, in
  /// which there are `count` more items, and where to go on then. Best effort.
  void note(std::int64_t bytes, std::int64_t count,
            const std::string& place) noexcept;

  /// Cuts FILE.part to what was there at the beginning and `bytes` more.
  /// Removes it if nothing is left.
  /// @returns whether it is still there.
  bool keep(std::int64_t bytes) noexcept;

  /// Syncs FILE.part and names it FILE.
  /// @throws failure
  void publish();

private:
  // What FILE.part.at says.
  struct whole_part {
    std::int64_t bytes = 0;
    std::int64_t count = 0;
    std::string place;
    std::uint64_t checksum = 0;
  };

  // FNV-1a: it is to notice other bytes, not an attacker's.
  static constexpr std::uint64_t checksum_of_nothing = 0xCBF2'9CE4'8422'2325;

  void check_what_is_there() const;
  [[nodiscard]] std::optional<whole_part> read_note() const;
  void open_part();
  void write_on();
  bool sum_up(std::int64_t to) noexcept;

  const std::string file_;
  const std::string part_;
  const std::string note_;
  const permissions given_;
  int fd_ = -1;
  int note_fd_ = -1;
  whole_part before_;
  // Of so many bytes from the beginning.
  std::uint64_t checksum_ = checksum_of_nothing;
  std::int64_t summed_up_ = 0;
};

} // namespace waybill::cli
