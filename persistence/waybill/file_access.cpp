#include "waybill/file_access.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "waybill/store_error.hpp"

namespace waybill {

std::optional<struct stat> look_at(const std::string& name) noexcept {
  struct stat info {};
  if (::lstat(name.c_str(), &info) != 0)
    return std::nullopt;
  return info;
}

int open_apart(const std::string& name, int flags, mode_t mode) noexcept {
  constexpr int lowest = STDERR_FILENO + 1;
  const auto fd = ::open(name.c_str(), flags, mode);
  if (fd < 0 || fd >= lowest)
    return fd;
  const auto moved = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest);
  const auto code = errno;
  ::close(fd);
  errno = code;
  return moved;
}

void sync_folder_of(const std::string& file) {
  const auto folder = std::filesystem::path{file}.parent_path().string();
  const auto fd = open_apart(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto failed = fd < 0 || ::fsync(fd) != 0;
  const auto code = errno;
  if (fd >= 0)
    ::close(fd);
  if (failed)
    unavailable(folder, "cannot sync this folder: " + error_text(code));
}

void unavailable(const std::string& file, const std::string& reason) {
  throw store_error{errc::store_unavailable, file + ": " + reason};
}

std::string error_text(int code) {
  return std::generic_category().message(code);
}

} // namespace waybill
