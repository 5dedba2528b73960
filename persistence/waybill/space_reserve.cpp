#include "waybill/space_reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "waybill/file_access.hpp"

namespace waybill {

namespace {

std::int64_t space_of(const struct stat& info) noexcept {
  constexpr std::int64_t block_bytes = 512; // whatever the file system's are
  return info.st_blocks * block_bytes;
}

} // namespace

void reserve_space(int fd, std::int64_t bytes) noexcept {
  struct stat info {};
  if (::fstat(fd, &info) != 0 || space_of(info) >= bytes)
    return;
  while (::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes) != 0
         && errno == EINTR) {
    // A signal came; there is no other reason to try again.
  }
}

void reserve_space(const std::string& file, std::int64_t bytes) noexcept {
  const auto info = look_at(file);
  if (!info || space_of(*info) >= bytes)
    return;
  const auto fd = open_apart(file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return;
  reserve_space(fd, bytes);
  ::close(fd);
}

std::int64_t share_of_log(const std::string& log) noexcept {
  constexpr auto no_limit = std::numeric_limits<std::int64_t>::max();
  const auto info = look_at(log);
  struct statvfs disk {};
  if (!info || ::statvfs(log.c_str(), &disk) != 0 || disk.f_blocks == 0)
    return no_limit;
  const auto free = static_cast<std::int64_t>(disk.f_bavail)
                    * static_cast<std::int64_t>(disk.f_frsize);
  return std::max({space_of(*info), log_reserve_bytes, free / 8});
}

bool release_space(int fd) noexcept {
  struct stat before {};
  struct stat after {};
  return ::fstat(fd, &before) == 0 && ::ftruncate(fd, before.st_size) == 0
         && ::fstat(fd, &after) == 0 && after.st_blocks < before.st_blocks;
}

} // namespace waybill
