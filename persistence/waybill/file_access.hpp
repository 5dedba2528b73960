// What the operating system tells about files, and how they are opened.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

namespace waybill {

/// What the kernel tells one file from another by.
struct file_id {
  dev_t device = 0;
  ino_t inode = 0;

  bool operator==(const file_id&) const = default;
};

inline file_id id_of(const struct stat& info) noexcept {
  return {info.st_dev, info.st_ino};
}

/// The rights of files that are made.
inline constexpr mode_t owner_only = S_IRUSR | S_IWUSR;

/// What there is under that name, a link itself included; none if nothing is,
/// or it cannot be told.
std::optional<struct stat> look_at(const std::string& name) noexcept;

/// Opens a file as open(2) does, but gives it no descriptor below 3: where the
/// standard ones are closed, a host would write its output there.
int open_apart(const std::string& name, int flags, mode_t mode = 0) noexcept;

/// Makes what is in the folder of `file` durable.
/// @throws store_error `store_unavailable` if that fails.
void sync_folder_of(const std::string& file);

/// @throws store_error `store_unavailable`
[[noreturn]] void unavailable(const std::string& file,
                              const std::string& reason);

/// What an errno means.
std::string error_text(int code);

} // namespace waybill
