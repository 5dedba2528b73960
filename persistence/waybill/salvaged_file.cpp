#include "waybill/salvaged_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <utility>

#include "waybill/file_access.hpp"
#include "waybill/log_name.hpp"
#include "waybill/torn_log.hpp"

namespace waybill {

namespace {

using namespace file_format;
using sqlite::page_bytes;

// Places in the first page.
constexpr std::size_t pages_at = 28;
constexpr std::size_t free_list_at = 32;

// SQLite's map of pages: page 2, and each time behind as many as it has room
// for, of 5 bytes each.
constexpr std::uint32_t first_map = 2;
constexpr std::uint32_t entry_bytes = 5;
constexpr std::uint32_t entries_a_map = (page_bytes - sqlite::seal_bytes)
                                        / entry_bytes;

constexpr std::size_t frame_and_page_bytes = frame_header_bytes + page_bytes;

constexpr const char* another_log
  = "its log is not used: as far as can be told, it belongs to another store "
    "or to another moment of this one";

// What cannot be read stays zero.
void read_at(int fd, std::uint64_t at, std::span<std::uint8_t> to) noexcept {
  while (!to.empty()) {
    const auto got = ::pread(fd, to.data(), to.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return;
    at += static_cast<std::uint64_t>(got);
    to = to.subspan(static_cast<std::size_t>(got));
  }
}

int open_to_read(const std::string& file) {
  return open_apart(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

std::uint64_t size_of(int fd) noexcept {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::uint32_t pages_in(std::uint64_t size) noexcept {
  const auto pages = (size + page_bytes - 1) / page_bytes;
  return static_cast<std::uint32_t>(
    std::min<std::uint64_t>(pages, std::numeric_limits<std::int32_t>::max()));
}

// The two salts and a checksum; see log_name.hpp.
sqlite::log_name name_in(const salvaged_page& first) noexcept {
  return sqlite::decode_log_name(
    bytes{first.bytes}.subspan<expansion_at, expansion_bytes>());
}

} // namespace

salvaged_file::salvaged_file(const std::string& file)
  : fd_{open_to_read(file)} {
  if (fd_ < 0)
    unavailable(file, "cannot be read: " + error_text(errno));
  num_pages_ = pages_in(size_of(fd_));
  log_fd_ = open_to_read(file + "-wal");
  const auto first = read(1);
  is_unnamed_ = name_in(first).is_unnamed;
  // Behind what SQLite uses there may be room for what comes; what is missing
  // of a file that was cut off is read as zeros.
  const auto used = big_endian(bytes{first.bytes}.subspan(pages_at));
  if (first.is_proven && used > 0 && used <= INT32_MAX)
    num_pages_ = used;
  read_log(file);
}

salvaged_file::~salvaged_file() {
  for (const auto fd : {fd_, log_fd_})
    if (fd >= 0)
      ::close(fd);
}

salvaged_page salvaged_file::read(std::uint32_t number) const noexcept {
  salvaged_page page;
  if (const auto at = in_log_.find(number); at != in_log_.end()) {
    read_at(log_fd_, at->second + frame_header_bytes, page.bytes);
    page.is_proven = true;
    return page;
  }
  read_at(fd_, std::uint64_t{number - 1} * page_bytes, page.bytes);
  page.is_proven = sqlite::is_sealed(page.bytes, number - 1);
  return page;
}

// -- the log ------------------------------------------------------------------

void salvaged_file::read_log(const std::string& file) {
  if (log_fd_ < 0 || size_of(log_fd_) == 0)
    return;
  std::array<std::uint8_t, log_header_bytes> buffer{};
  read_at(log_fd_, 0, buffer);
  const log_header header{buffer};
  if (!header.is_valid() || header.page_bytes() != page_bytes) {
    log_fault_ = "its log is not used: the log's header is damaged";
    return;
  }
  const auto name = name_in(read(1));
  // What is in the log before is in the file already.
  if (!name.is_unnamed && !name.is_damaged && name.previous == header.salt()
      && name.current != header.salt())
    return;
  if (name.is_damaged || (!name.is_unnamed && !name.admits(header.salt()))) {
    log_fault_ = another_log;
    return;
  }
  read_frames(header);
  if (!log_fault_ && find_torn_log(file + "-wal", durability::full))
    log_fault_ = "its log is damaged in its middle: the transactions from "
                 "there on are left out";
}

void salvaged_file::read_frames(const log_header& header) {
  std::array<std::uint8_t, frame_and_page_bytes> buffer{};
  const auto frames
    = (size_of(log_fd_)
       - std::min<std::uint64_t>(size_of(log_fd_), log_header_bytes))
      / frame_and_page_bytes;
  auto before = header.checksum();
  std::vector<std::pair<std::uint32_t, std::uint64_t>> open; // transaction
  for (std::uint64_t n = 0; n < frames; ++n) {
    const auto at = frame_offset(n, page_bytes);
    buffer.fill(0);
    read_at(log_fd_, at, buffer);
    const log_frame frame{buffer};
    if (!frame.follows(before, header))
      break;
    // Version 1 sealed no pages of its log.
    if (is_unnamed_
        && sqlite::is_sealed(
          std::span{buffer}.subspan<frame_header_bytes, page_bytes>(),
          frame.page_number() - 1)) {
      log_fault_ = another_log;
      return;
    }
    before = frame.checksum();
    open.emplace_back(frame.page_number(), at);
    if (!frame.is_commit())
      continue;
    for (const auto& [page, where] : open)
      in_log_[page] = where;
    open.clear();
    num_pages_ = big_endian(bytes{buffer}.subspan(4));
  }
}

// -- what pages are used for --------------------------------------------------

bool salvaged_file::is_map(std::uint32_t number) noexcept {
  return number >= first_map && (number - first_map) % (entries_a_map + 1) == 0;
}

void salvaged_file::read_uses() {
  uses_.assign(std::size_t{num_pages_} + 1, use{});
  for (auto number = first_map; number <= num_pages_;
       number += entries_a_map + 1)
    read_map(number);
  read_free_list();
}

void salvaged_file::read_map(std::uint32_t number) {
  const auto page = read(number);
  for (std::uint32_t i = 0; i < entries_a_map; ++i) {
    const auto of = std::uint64_t{number} + 1 + i;
    if (of > num_pages_)
      return;
    const auto entry = bytes{page.bytes}.subspan(std::size_t{i} * entry_bytes);
    const auto what = entry[0];
    const auto parent = big_endian(entry.subspan(1));
    if (what < 1 || what > 5 || parent > num_pages_)
      continue;
    uses_[of] = {static_cast<page_use>(what), parent, page.is_proven};
    if (static_cast<page_use>(what) == page_use::inner)
      above_others_.insert(parent);
  }
}

// Each of its pages names the next one and some others.
void salvaged_file::read_free_list() {
  const auto first = read(1);
  auto number = big_endian(bytes{first.bytes}.subspan(free_list_at));
  while (number > 1 && number <= num_pages_ && free_.insert(number).second) {
    const auto page = read(number);
    if (!page.is_proven && use_of(number) != page_use::free)
      return;
    const bytes all{page.bytes};
    const auto count = std::min<std::size_t>(big_endian(all.subspan(4)),
                                             page_bytes / 4 - 2);
    for (std::size_t i = 0; i < count; ++i)
      free_.insert(big_endian(all.subspan(8 + 4 * i)));
    number = big_endian(all);
  }
}

page_use salvaged_file::use_of(std::uint32_t number) const noexcept {
  const auto& known = uses_[number];
  if (!known.is_proven && free_.contains(number))
    return page_use::free;
  return known.what;
}

std::uint32_t salvaged_file::root_of(std::uint32_t number) const noexcept {
  // A damaged map may lead in a circle.
  for (std::uint32_t steps = 0; steps <= num_pages_; ++steps) {
    if (number == 0 || number > num_pages_)
      return 0;
    if (number == 1)
      return 1;
    const auto& known = uses_[number];
    switch (known.what) {
      case page_use::root:
        return number;
      case page_use::first_overflow:
      case page_use::overflow:
      case page_use::inner:
        number = known.parent;
        break;
      case page_use::free:
      case page_use::unknown:
        return 0;
    }
  }
  return 0;
}

} // namespace waybill
