#include "waybill/log_tail.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <vector>

#include "waybill/sqlite.hpp"

namespace waybill {

namespace {

using namespace file_format;

constexpr int index_region_bytes = 32'768;
constexpr std::size_t frames_at_once = 15; // 64 KiB, as SQLite writes at most

bool is_page_size(std::size_t x) noexcept {
  return x >= 512 && x <= 65'536;
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

int shorten(sqlite3_file* file, sqlite3_int64 size) noexcept {
  sqlite3_int64 all = 0;
  const auto code = file->pMethods->xFileSize(file, &all);
  return code == SQLITE_OK && all > size ? file->pMethods->xTruncate(file, size)
                                         : code;
}

} // namespace

std::optional<log_end> find_log_end(sqlite3* db) noexcept {
  auto* const file = sqlite::file_of(db);
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
    .pages = words[5],
    .salt = {words[8], words[9]},
  };
}

bool is_surely_undone(sqlite3* db, const log_end& begin) noexcept {
  const auto now = find_log_end(db);
  auto* const log = sqlite::log_of(db);
  if (!now || log == nullptr)
    return false;
  const auto is_same = now->frames == begin.frames && now->salt == begin.salt;
  const auto is_restarted = now->frames == 0 && now->salt != begin.salt;
  if (!is_same && !is_restarted)
    return false; // its commit is visible, or someone else's is

  std::array<std::uint8_t, log_header_bytes> header_bytes{};
  if (const auto x = read(log, header_bytes, 0); x != got::all)
    return x == got::end_of_file; // nothing counts without a header
  const log_header header{header_bytes};
  if (now->frames > 0) {
    if (header.salt() != now->salt)
      return false;
  } else {
    if (!header.is_valid())
      return true; // was not written whole
    // A log that is started over gets the salt that its index says; only the
    // first generation gets one by chance.
    if (header.salt() != now->salt && header.generation() != 0)
      return true; // still the old header: nothing was written behind it
  }
  const std::size_t page_bytes = header.page_bytes();
  if (!is_page_size(page_bytes))
    return false;
  try {
    std::vector<std::uint8_t> buffer(frame_header_bytes + page_bytes);
    const log_frame frame{buffer};
    auto sum = header.checksum();
    if (now->frames > 0) {
      if (read(log, buffer, frame_offset(now->frames - 1, page_bytes))
          != got::all)
        return false;
      sum = frame.checksum();
    }
    for (std::size_t n = now->frames;; ++n) {
      if (const auto x = read(log, buffer, frame_offset(n, page_bytes));
          x != got::all)
        return x == got::end_of_file;
      if (!frame.follows(sum, header))
        return true; // the chain ends here
      if (frame.is_commit())
        return false;
      sum = frame.checksum();
    }
  } catch (const std::bad_alloc&) {
    return false;
  }
}

int write_log_again(sqlite3* db, bool sync) {
  const auto end = find_log_end(db);
  auto* const log = sqlite::log_of(db);
  if (!end || log == nullptr)
    return SQLITE_IOERR;
  std::array<std::uint8_t, log_header_bytes> header_bytes{};
  const auto code = log->pMethods->xRead(log, header_bytes.data(),
                                         log_header_bytes, 0);
  if (code == SQLITE_IOERR_SHORT_READ && end->frames == 0)
    return SQLITE_OK; // there is no log yet
  if (code != SQLITE_OK)
    return code;
  const log_header header{header_bytes};
  const std::size_t page_bytes = header.page_bytes();
  std::size_t committed = 0;
  if (end->frames > 0) {
    if (!is_page_size(page_bytes))
      return SQLITE_CORRUPT;
    committed = frame_offset(end->frames, page_bytes);
  } else if (!header.is_valid()) {
    return SQLITE_OK; // whatever it is, it is not ours to cut
  }
  const auto again = [&](std::size_t at, std::span<std::uint8_t> buffer) {
    const auto size = static_cast<int>(buffer.size());
    const auto offset = static_cast<sqlite3_int64>(at);
    const auto fault = log->pMethods->xRead(log, buffer.data(), size, offset);
    return fault == SQLITE_OK
             ? log->pMethods->xWrite(log, buffer.data(), size, offset)
             : fault;
  };
  if (committed > 0)
    if (const auto fault = again(0, header_bytes); fault != SQLITE_OK)
      return fault;
  std::vector<std::uint8_t> lot;
  for (std::size_t done = 0; done < end->frames;) {
    const auto n = std::min(end->frames - done, frames_at_once);
    lot.resize(n * (frame_header_bytes + page_bytes));
    if (const auto fault = again(frame_offset(done, page_bytes), lot);
        fault != SQLITE_OK)
      return fault;
    done += n;
  }
  if (const auto fault = shorten(log, static_cast<sqlite3_int64>(committed));
      fault != SQLITE_OK)
    return fault;
  return sync ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : SQLITE_OK;
}

} // namespace waybill
