#include "waybill/log_tail.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <span>
#include <vector>

namespace waybill {

namespace {

constexpr std::size_t log_header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr int index_region_bytes = 32'768;
constexpr std::size_t chunk_bytes = 65'536; // the most that SQLite writes

using pair = std::array<std::uint32_t, 2>;
using bytes = std::span<const std::uint8_t>;

sqlite3_file* file_of(sqlite3* db, int which) noexcept {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK
      || file == nullptr || file->pMethods == nullptr)
    return nullptr;
  return file;
}

std::uint32_t big_endian(bytes at) noexcept {
  return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16)
         | (std::uint32_t{at[2]} << 8) | std::uint32_t{at[3]};
}

std::uint32_t little_endian(bytes at) noexcept {
  return (std::uint32_t{at[3]} << 24) | (std::uint32_t{at[2]} << 16)
         | (std::uint32_t{at[1]} << 8) | std::uint32_t{at[0]};
}

// Salts are compared as they lie there.
pair raw_pair(bytes at) noexcept {
  pair x{};
  std::memcpy(x.data(), at.data(), sizeof x);
  return x;
}

pair big_endian_pair(bytes at) noexcept {
  return {big_endian(at), big_endian(at.subspan(4))};
}

// Continues a checksum over `data`, whose size is a multiple of 8.
pair checksum(pair sum, bytes data, bool is_big_endian) noexcept {
  const auto word = is_big_endian ? big_endian : little_endian;
  for (; data.size() >= 8; data = data.subspan(8)) {
    sum[0] += word(data) + sum[1];
    sum[1] += word(data.subspan(4)) + sum[0];
  }
  return sum;
}

enum class got : std::uint8_t { all, end_of_file, error };

got read(sqlite3_file* file, std::span<std::uint8_t> to,
         std::size_t offset) noexcept {
  switch (file->pMethods->xRead(file, to.data(), static_cast<int>(to.size()),
                                static_cast<sqlite3_int64>(offset))) {
    case SQLITE_OK:
      return got::all;
    case SQLITE_IOERR_SHORT_READ:
      return got::end_of_file;
    default:
      return got::error;
  }
}

} // namespace

std::optional<log_end> find_log_end(sqlite3* db) noexcept {
  auto* const file = file_of(db, SQLITE_FCNTL_FILE_POINTER);
  if (file == nullptr || file->pMethods->iVersion < 2)
    return std::nullopt;
  void volatile* region = nullptr;
  if (file->pMethods->xShmMap(file, 0, index_region_bytes, 0, &region)
        != SQLITE_OK
      || region == nullptr)
    return std::nullopt;
  // The index begins with two copies of its header, 12 words each, in the
  // machine's own byte order.
  const auto* const words = static_cast<const volatile std::uint32_t*>(region);
  for (int i = 0; i < 12; ++i)
    if (words[i] != words[i + 12])
      return std::nullopt;
  return log_end{
    .frames = words[4],
    .salt = {words[8], words[9]},
    .checksum = {words[6], words[7]},
  };
}

bool is_surely_undone(sqlite3* db, const log_end& begin) noexcept {
  const auto now = find_log_end(db);
  auto* const log = file_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
  if (!now || log == nullptr)
    return false;
  const auto is_same = now->frames == begin.frames && now->salt == begin.salt;
  const auto is_restarted = now->frames == 0 && now->salt != begin.salt;
  if (!is_same && !is_restarted)
    return false; // its commit is visible, or someone else's is

  std::array<std::uint8_t, log_header_bytes> header{};
  if (const auto x = read(log, header, 0); x != got::all)
    return x == got::end_of_file; // nothing counts without a header
  const bytes h{header};
  const auto is_big_endian = (big_endian(h) & 1U) != 0;
  const auto page_bytes = big_endian(h.subspan(8));
  const auto salt = raw_pair(h.subspan(16));
  auto sum = now->checksum;
  if (now->frames > 0) {
    if (salt != now->salt)
      return false;
  } else {
    sum = checksum({}, h.first(24), is_big_endian);
    if (sum != big_endian_pair(h.subspan(24)))
      return true; // was not written whole
    // A log that is started over gets the salt that its index says; only the
    // first generation gets one by chance.
    const auto generation = big_endian(h.subspan(12));
    if (salt != now->salt && generation != 0)
      return true; // still the old header: nothing was written behind it
  }
  if (page_bytes < 512 || page_bytes > 65'536)
    return false;
  try {
    std::vector<std::uint8_t> frame(frame_header_bytes + page_bytes);
    const bytes f{frame};
    for (std::size_t n = now->frames;; ++n) {
      if (const auto x = read(log, frame, log_header_bytes + n * frame.size());
          x != got::all)
        return x == got::end_of_file;
      sum = checksum(sum, f.first(8), is_big_endian);
      sum = checksum(sum, f.subspan(frame_header_bytes), is_big_endian);
      if (big_endian(f) == 0 || raw_pair(f.subspan(8)) != salt
          || big_endian_pair(f.subspan(16)) != sum)
        return true; // the chain ends here
      if (big_endian(f.subspan(4)) != 0)
        return false; // a commit mark
    }
  } catch (const std::bad_alloc&) {
    return false;
  }
}

int write_log_again(sqlite3* db) {
  const auto end = find_log_end(db);
  auto* const log = file_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
  if (!end || log == nullptr)
    return SQLITE_IOERR;
  if (end->frames == 0)
    return SQLITE_OK;
  std::array<std::uint8_t, log_header_bytes> header{};
  const auto copy = [&](std::span<std::uint8_t> part, std::size_t offset) {
    const auto at = static_cast<sqlite3_int64>(offset);
    const auto size = static_cast<int>(part.size());
    const auto code = log->pMethods->xRead(log, part.data(), size, at);
    return code == SQLITE_OK ? log->pMethods->xWrite(log, part.data(), size, at)
                             : code;
  };
  if (const auto code = copy(header, 0); code != SQLITE_OK)
    return code;
  const auto page_bytes = big_endian(bytes{header}.subspan(8));
  if (page_bytes < 512 || page_bytes > 65'536)
    return SQLITE_CORRUPT;
  const auto committed = end->frames * (frame_header_bytes + page_bytes);
  std::vector<std::uint8_t> chunk(std::min(committed, chunk_bytes));
  for (std::size_t done = 0; done < committed;) {
    const std::span part{chunk.data(),
                         std::min(committed - done, chunk.size())};
    if (const auto code = copy(part, log_header_bytes + done);
        code != SQLITE_OK)
      return code;
    done += part.size();
  }
  return SQLITE_OK;
}

} // namespace waybill
