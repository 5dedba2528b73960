#include "waybill/torn_log.hpp"

#include <array>
#include <cstdint>
#include <fstream>
#include <unordered_set>

#include "waybill/file_format.hpp"
#include "waybill/sealed_vfs.hpp"

namespace waybill {

using namespace file_format;

std::optional<std::string> find_torn_log(const std::string& file,
                                         durability synchronous) {
  if (synchronous == durability::off)
    return std::nullopt;
  std::ifstream in{file, std::ios::binary};
  const auto read = [&](auto& to) {
    return static_cast<bool>(in.read(reinterpret_cast<char*>(to.data()),
                                     static_cast<std::streamsize>(to.size())));
  };
  std::array<std::uint8_t, log_header_bytes> header_bytes{};
  std::array<std::uint8_t, frame_header_bytes + sqlite::page_bytes> buffer{};
  if (!read(header_bytes) || !read(buffer))
    return std::nullopt; // nothing has been written yet
  const log_header header{header_bytes};
  const log_frame frame{buffer};
  // The header is synced before the first frame is written.
  if (!header.is_valid() || header.page_bytes() != sqlite::page_bytes)
    return file + ": the log's header is damaged";
  if (synchronous != durability::full)
    return std::nullopt;

  // Of the frames past the first that does not add up, only those count that
  // belong to this log and follow the frame before them. They are of a later
  // transaction if one has ended between, or if they repeat a page, which a
  // transaction writes once; but for its last frame, which may repeat a page
  // that was written before the COMMIT, or itself for padding. And a later
  // transaction counts only if it has an end: what a killed process had not
  // committed may lie there still.
  bool damaged = false;
  bool later = false;
  std::optional<std::uint32_t> ended;
  std::unordered_set<std::uint32_t> pages; // of the transaction
  auto before = header.checksum();
  do {
    const auto good = frame.follows(before, header);
    before = frame.checksum(); // whatever it says
    damaged = damaged || !good;
    if (!good)
      continue;
    const auto number = frame.page_number();
    const auto ends = frame.is_commit();
    const auto is_new = pages.insert(number).second;
    if (!damaged) {
      if (ends)
        pages.clear();
      continue;
    }
    later = later || (!is_new && !ends) || (ended && number != *ended);
    if (later && ends)
      return file
             + ": the log is damaged in its middle; transactions that had been "
               "synced would be lost (if it was written with another "
               "synchronous than full, open it with that first)";
    if (ends)
      ended = number;
  } while (read(buffer));
  return std::nullopt;
}

} // namespace waybill
