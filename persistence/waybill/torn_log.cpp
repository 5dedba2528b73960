#include "waybill/torn_log.hpp"

#include <array>
#include <cstdint>
#include <fstream>
#include <unordered_set>

#include "waybill/file_format.hpp"
#include "waybill/log_tail.hpp"
#include "waybill/page_seal.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

using namespace file_format;

namespace {

constexpr std::size_t whole_frame_bytes = frame_header_bytes
                                          + sqlite::page_bytes;

using header_buffer = std::array<std::uint8_t, log_header_bytes>;
using frame_buffer = std::array<std::uint8_t, whole_frame_bytes>;

// Goes through a log, frame by frame.
//
// Of the frames past the first that does not add up, only those count that
// belong to this log and follow the frame before them. They are of a later
// transaction if one has ended between, or if they repeat a page, which a
// transaction writes once; but for its last frame, which may repeat a page that
// was written before the COMMIT, or itself for padding. And a later transaction
// counts only if it has an end: what a killed process had not committed may lie
// there still.
class torn_log_search {
public:
  // @param before of the frame before the first one, which ends a transaction.
  torn_log_search(const log_header& header, log_checksum before)
    : header_{header}, before_{before} {}

  // @returns true if a later transaction has been found.
  bool pass(const log_frame& frame) {
    const auto good = frame.follows(before_, header_);
    before_ = frame.checksum(); // whatever it says
    is_damaged_ = is_damaged_ || !good;
    if (!good)
      return false;
    const auto number = frame.page_number();
    const auto ends = frame.is_commit();
    const auto is_new = pages_.insert(number).second;
    if (!is_damaged_) {
      if (ends)
        pages_.clear();
      return false;
    }
    later_ = later_ || (!is_new && !ends) || (ended_ && number != *ended_);
    if (later_ && ends)
      return true;
    if (ends)
      ended_ = number;
    return false;
  }

  // Whether a frame did not add up.
  [[nodiscard]] bool is_damaged() const noexcept { return is_damaged_; }

private:
  log_header header_;
  log_checksum before_;
  bool is_damaged_ = false;
  bool later_ = false;
  std::optional<std::uint32_t> ended_;
  std::unordered_set<std::uint32_t> pages_; // of the transaction
};

std::string header_is_damaged(const std::string& log) {
  return log + ": the log's header is damaged";
}

std::string middle_is_damaged(const std::string& log) {
  return log
         + ": the log is damaged in its middle; transactions that had been "
           "synced would be lost (if it was written with another synchronous "
           "than full, open it with that first)";
}

// Damage, and the bytes that show it: the frame that does not add up, or the
// header.
struct sight {
  bool in_header = false;
  std::size_t frame = 0;
  log_checksum bytes;

  bool operator==(const sight&) const = default;
};

std::optional<sight> look_behind_the_end(sqlite3* db) {
  const auto end = find_log_end(db);
  auto* const log = sqlite::log_of(db);
  if (!end || log == nullptr)
    return std::nullopt;
  const auto read = [&](auto& to, std::size_t at) {
    return log->pMethods->xRead(log, to.data(), static_cast<int>(to.size()),
                                static_cast<sqlite3_int64>(at))
           == SQLITE_OK;
  };
  const auto sum_of = [](bytes x) {
    log_checksum sum;
    sum.add(x, false);
    return sum;
  };
  header_buffer header_bytes{};
  frame_buffer buffer{};
  const log_header header{header_bytes};
  const log_frame frame{buffer};
  auto n = std::size_t{end->frames};
  if (!read(header_bytes, 0)
      || !read(buffer, frame_offset(n == 0 ? 0 : n - 1, sqlite::page_bytes)))
    return std::nullopt;
  if (!header.is_valid())
    return sight{true, 0, sum_of(header_bytes)};
  if (header.salt() != end->salt)
    return std::nullopt; // it begins anew with what is written next
  // As far as it goes by now: an owner may write faster than this reads.
  sqlite3_int64 size = 0;
  if (log->pMethods->xFileSize(log, &size) != SQLITE_OK)
    return std::nullopt;
  torn_log_search search{header, n == 0 ? header.checksum() : frame.checksum()};
  std::optional<sight> found;
  for (; frame_offset(n, sqlite::page_bytes) < static_cast<std::size_t>(size)
         && read(buffer, frame_offset(n, sqlite::page_bytes));
       ++n) {
    if (search.pass(frame))
      return found;
    if (search.is_damaged() && !found)
      found = sight{false, n, sum_of(buffer)};
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> find_torn_log(const std::string& file,
                                         durability synchronous) {
  if (synchronous == durability::off)
    return std::nullopt;
  std::ifstream in{file, std::ios::binary};
  const auto read = [&](auto& to) {
    return static_cast<bool>(in.read(reinterpret_cast<char*>(to.data()),
                                     static_cast<std::streamsize>(to.size())));
  };
  header_buffer header_bytes{};
  frame_buffer buffer{};
  if (!read(header_bytes) || !read(buffer))
    return std::nullopt; // nothing has been written yet
  const log_header header{header_bytes};
  // The header is synced before the first frame is written.
  if (!header.is_valid() || header.page_bytes() != sqlite::page_bytes)
    return header_is_damaged(file);
  if (synchronous != durability::full)
    return std::nullopt;
  torn_log_search search{header, header.checksum()};
  do {
    if (search.pass(log_frame{buffer}))
      return middle_is_damaged(file);
  } while (read(buffer));
  return std::nullopt;
}

std::optional<std::string> find_torn_log(sqlite3* db, const std::string& file) {
  // What an owner is writing just now may look damaged, but not for long.
  constexpr int most_looks = 8;
  std::optional<sight> before;
  for (int looks = 0; looks < most_looks; ++looks) {
    const auto found = look_behind_the_end(db);
    if (!found)
      return std::nullopt;
    if (found == before)
      return found->in_header ? header_is_damaged(file + "-wal")
                              : middle_is_damaged(file + "-wal");
    before = found;
  }
  return std::nullopt;
}

} // namespace waybill
