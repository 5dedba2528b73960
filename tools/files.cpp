#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
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

void check_same_file(const std::string& file,
                     std::optional<file_identity>& was) {
  const auto is = identity_of(file);
  if (!is || (was && *is != *was))
    throw failure{escape(file) + ": has been deleted or replaced"};
  was = is;
}

part_file::part_file(std::string file, permissions given)
  : file_{std::move(file)},
    part_{file_ + ".part"},
    note_{part_ + ".at"},
    given_{std::move(given)} {
  check_what_is_there();
  open_part();
  try {
    if (given_.place)
      write_on();
    const auto flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
                       | (given_.place ? 0 : O_TRUNC);
    note_fd_ = open(note_.c_str(), flags, 0600);
    if (note_fd_ < 0)
      fail(note_, errno);
  } catch (...) {
    close(fd_);
    throw;
  }
}

part_file::~part_file() {
  close(fd_);
  close(note_fd_);
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
  for (const auto& name : {file_, part_, note_})
    if (lstat(name.c_str(), &about) == 0 && !S_ISREG(about.st_mode))
      throw usage_error{escape(name) + " is no regular file"};
  if (!given_.overwrite && lstat(file_.c_str(), &about) == 0)
    throw usage_error{escape(file_) + " is there already; --force replaces it"};
}

// None if it is not there, or not as `note` leaves it.
std::optional<part_file::whole_part> part_file::read_note() const {
  std::ifstream in{note_};
  whole_part x;
  std::string end;
  if (!(in >> x.bytes >> x.count >> x.place >> std::hex >> x.checksum >> end)
      || end != "." || x.bytes < 0 || x.count < 0)
    return std::nullopt;
  return x;
}

void part_file::open_part() {
  auto flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
  if (!given_.place)
    flags |= O_CREAT | (given_.overwrite ? O_TRUNC : O_EXCL);
  fd_ = open(part_.c_str(), flags, 0600);
  if (fd_ >= 0)
    return;
  if (errno == EEXIST) {
    const auto whole = read_note();
    throw usage_error{
      escape(part_) + " is there, of an export that was stopped: "
      + (whole ? "go on with --cursor " + escape(whole->place) + ", or " : "")
      + "start anew with --force"};
  }
  if (errno == ENOENT && given_.place)
    throw usage_error{"there is no " + escape(part_)
                      + " to go on with; without --cursor it begins anew"};
  fail(part_, errno);
}

// Goes to where the part is whole.
void part_file::write_on() {
  const auto whole = read_note();
  if (!whole)
    throw usage_error{escape(part_) + " cannot be written on, for "
                      + escape(note_)
                      + " does not say up to where it is whole; start anew "
                        "with --force and without --cursor"};
  if (whole->place != *given_.place)
    throw usage_error{escape(part_) + " goes on with --cursor "
                      + escape(whole->place)};
  before_ = *whole;
  const auto size = lseek(fd_, 0, SEEK_END);
  if (size < before_.bytes)
    throw usage_error{escape(part_)
                      + " is shorter than it was; start anew with --force and "
                        "without --cursor"};
  if (!sum_up(before_.bytes) || checksum_ != before_.checksum)
    throw usage_error{escape(part_)
                      + " has other bytes than it had; start anew with --force "
                        "and without --cursor"};
  // What a killed export wrote behind it is written again.
  if (ftruncate(fd_, before_.bytes) != 0
      || lseek(fd_, before_.bytes, SEEK_SET) < 0)
    fail(part_, errno);
}

// Goes on with the checksum; what has been written is read once more.
bool part_file::sum_up(std::int64_t to) noexcept {
  std::array<unsigned char, 65'536> buffer{};
  while (summed_up_ < to) {
    const auto left = static_cast<std::size_t>(to - summed_up_);
    const auto got = pread(fd_, buffer.data(), std::min(buffer.size(), left),
                           summed_up_);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i)
      checksum_ = (checksum_ ^ buffer[i]) * 0x100'0000'01B3;
    summed_up_ += got;
  }
  return true;
}

void part_file::note(std::int64_t bytes, std::int64_t count,
                     const std::string& place) noexcept {
  try {
    if (!sum_up(before_.bytes + bytes))
      return;
    std::array<char, 17> sum{};
    std::snprintf(sum.data(), sum.size(), "%016" PRIx64, checksum_);
    // In one write, so that it is there as a whole whenever we are killed; the
    // numbers only grow, and what is left of a longer one is behind the end.
    const auto text = std::to_string(before_.bytes + bytes) + ' '
                      + std::to_string(before_.count + count) + ' ' + place
                      + ' ' + sum.data() + " .\n";
    static_cast<void>(pwrite(note_fd_, text.data(), text.size(), 0));
  } catch (...) {
    // Without it the export goes on only if it is stopped in good order.
  }
}

bool part_file::keep(std::int64_t bytes) noexcept {
  const auto size = before_.bytes + bytes;
  if (size == 0) {
    unlink(part_.c_str());
    unlink(note_.c_str());
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
  unlink(note_.c_str());
  sync_folder_of(file_);
}

} // namespace waybill::cli
