#include "waybill/torn_log.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <span>
#include <unordered_set>

#include "waybill/sealed_vfs.hpp"

namespace waybill {

namespace {

// The format: https://sqlite.org/fileformat2.html#the_write_ahead_log
constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr std::size_t frame_bytes = frame_header_bytes + sqlite::page_bytes;
constexpr std::uint32_t magic = 0x377F'0682; // the last bit: big-endian sums

using bytes = std::span<const std::uint8_t>;

std::uint32_t number_at(bytes x, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(x[at]) << 24U
         | static_cast<std::uint32_t>(x[at + 1]) << 16U
         | static_cast<std::uint32_t>(x[at + 2]) << 8U | x[at + 3];
}

struct checksum {
  std::uint32_t a = 0;
  std::uint32_t b = 0;

  bool operator==(const checksum&) const = default;

  void add(bytes x, bool big_endian) noexcept {
    const auto word = [&](std::size_t at) {
      const auto n = number_at(x, at);
      return big_endian ? n : __builtin_bswap32(n);
    };
    for (std::size_t at = 0; at + 8 <= x.size(); at += 8) {
      a += word(at) + b;
      b += word(at + 4) + a;
    }
  }

  static checksum at(bytes x, std::size_t offset) noexcept {
    return {number_at(x, offset), number_at(x, offset + 4)};
  }
};

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
  std::array<std::uint8_t, header_bytes> header{};
  std::array<std::uint8_t, frame_bytes> frame{};
  if (!read(header) || !read(frame))
    return std::nullopt; // nothing has been written yet
  const auto big_endian = number_at(header, 0) == (magic | 1U);
  checksum sum;
  sum.add(bytes{header}.first(24), big_endian);
  // The header is synced before the first frame is written.
  if ((!big_endian && number_at(header, 0) != magic)
      || number_at(header, 8) != sqlite::page_bytes
      || checksum::at(header, 24) != sum)
    return file + ": the log's header is damaged";
  if (synchronous != durability::full)
    return std::nullopt;

  // Of the frames past the first that does not add up, only those count that
  // belong to this log and follow the frame before them. They are of a later
  // transaction if one has ended between (a commit may be padded with copies of
  // its last frame), or if they repeat a page: a transaction writes each once.
  // And it counts only if it has an end: what a killed process had not
  // committed may lie there still.
  bool damaged = false;
  bool later = false;
  std::optional<std::uint32_t> ended;
  std::unordered_set<std::uint32_t> pages; // of the transaction
  auto before = sum;                       // what the frame before says
  do {
    const bytes x{frame};
    const auto stored = checksum::at(x, 16);
    const auto ours = std::ranges::equal(x.subspan(8, 8),
                                         bytes{header}.subspan(16, 8));
    auto follows = before;
    follows.add(x.first(8), big_endian);
    follows.add(x.subspan(frame_header_bytes), big_endian);
    before = stored;
    const auto good = ours && follows == stored;
    damaged = damaged || !good;
    if (!good)
      continue;
    const auto number = number_at(x, 0);
    const auto ends = number_at(x, 4) != 0;
    const auto is_new = pages.insert(number).second;
    if (!damaged) {
      if (ends)
        pages.clear();
      continue;
    }
    later = later || !is_new || (ended && number != *ended);
    if (later && ends)
      return file
             + ": the log is damaged in its middle; transactions that had been "
               "synced would be lost (if it was written with another "
               "synchronous than full, open it with that first)";
    if (ends)
      ended = number;
  } while (read(frame));
  return std::nullopt;
}

} // namespace waybill
