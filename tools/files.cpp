#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "exit_code.hpp"
#include "waybill/text.hpp"

namespace waybill::cli {

namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw failure{escape(name) + ": " + std::generic_category().message(error)};
}

// The name that the file has or would have, links in its folder resolved.
std::filesystem::path full_name(const std::string& file) {
  std::error_code error;
  auto name = std::filesystem::weakly_canonical(
    std::filesystem::absolute(file, error), error);
  return error ? std::filesystem::path{file} : name;
}

// Makes a new name durable. Not every file system can; then there is nothing
// more to be done.
void sync_folder_of(const std::string& file) noexcept {
  std::error_code error;
  const auto folder = full_name(file).parent_path();
  const auto fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  static_cast<void>(fsync(fd));
  close(fd);
}

int replace(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Renames without replacing a file that has come in between.
int rename_to_new(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE)
      == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  // The file system does not know how.
  if (access(to.c_str(), F_OK) == 0)
    return EEXIST;
  return replace(from, to);
}

} // namespace

void check_is_no_store_file(const std::string& option, const std::string& file,
                            const std::string& store) {
  const auto name = full_name(file).string();
  const auto own = full_name(store).string();
  for (const auto* ending : {"", "-wal", "-shm", "-journal", "-lock"})
    if (name == own + ending)
      throw usage_error{option + ": " + escape(file)
                        + " belongs to the store itself"};
}

std::optional<file_identity> identity_of(const std::string& file) noexcept {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0)
    return std::nullopt;
  return file_identity{info.st_dev, info.st_ino};
}

part_file::part_file(std::string file, permissions given)
  : file_{std::move(file)}, part_{file_ + ".part"}, given_{given} {
  check_what_is_there();
  open_part();
}

part_file::~part_file() {
  if (fd_ >= 0)
    close(fd_);
}

std::string part_file::shown_name() const {
  return escape(file_);
}

std::string part_file::shown_part() const {
  return escape(part_);
}

void part_file::check_what_is_there() const {
  struct stat about {};
  // A device or a pipe would be replaced by a file.
  for (const auto& name : {file_, part_})
    if (lstat(name.c_str(), &about) == 0 && !S_ISREG(about.st_mode))
      throw usage_error{escape(name) + " is no regular file"};
  if (!given_.overwrite && lstat(file_.c_str(), &about) == 0)
    throw usage_error{escape(file_) + " is there already; --force replaces it"};
}

void part_file::open_part() {
  auto flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  if (!given_.append)
    flags |= given_.overwrite ? O_TRUNC : O_EXCL;
  fd_ = open(part_.c_str(), flags, 0600);
  if (fd_ < 0 && errno == EEXIST)
    throw usage_error{
      escape(part_)
      + " is there, of an export that was stopped: go on with its --cursor, or "
        "start anew with --force"};
  if (fd_ < 0)
    fail(part_, errno);
  const auto end = lseek(fd_, 0, SEEK_END);
  size_before_ = end < 0 ? 0 : end;
  char last = '\n';
  if (size_before_ > 0 && pread(fd_, &last, 1, size_before_ - 1) != 1)
    last = '\0';
  if (last != '\n') {
    close(std::exchange(fd_, -1));
    throw usage_error{escape(part_)
                      + " ends within a line; start anew with --force"};
  }
}

bool part_file::keep(std::int64_t bytes) noexcept {
  const auto size = size_before_ + bytes;
  if (size == 0) {
    unlink(part_.c_str());
    return false;
  }
  static_cast<void>(ftruncate(fd_, size) == 0);
  return true;
}

void part_file::publish() {
  if (fsync(fd_) != 0)
    fail(part_, errno);
  const auto error = given_.overwrite ? replace(part_, file_)
                                      : rename_to_new(part_, file_);
  if (error != 0)
    fail(file_, error);
  sync_folder_of(file_);
}

} // namespace waybill::cli
