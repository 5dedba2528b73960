// Where SQLite keeps things in its files: https://sqlite.org/fileformat2.html
//
// A write-ahead log is a header and frames of one page each. The checksum of
// each frame continues that of the frame before, so that a frame which adds up
// proves all before it. A frame that ends a transaction carries a commit mark.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace waybill::file_format {

using bytes = std::span<const std::uint8_t>;

/// The number in the first four bytes.
constexpr std::uint32_t big_endian(bytes x) noexcept {
  return std::uint32_t{x[0]} << 24U | std::uint32_t{x[1]} << 16U
         | std::uint32_t{x[2]} << 8U | std::uint32_t{x[3]};
}

constexpr std::uint32_t little_endian(bytes x) noexcept {
  return std::uint32_t{x[3]} << 24U | std::uint32_t{x[2]} << 16U
         | std::uint32_t{x[1]} << 8U | std::uint32_t{x[0]};
}

// -- the database -------------------------------------------------------------

inline constexpr std::size_t database_header_bytes = 100;
inline constexpr std::size_t page_size_at = 16; // two bytes
inline constexpr std::size_t reserved_bytes_at = 20;
inline constexpr std::size_t application_id_at = 68;

// -- the write-ahead log ------------------------------------------------------

inline constexpr std::size_t log_header_bytes = 32;
inline constexpr std::size_t frame_header_bytes = 24;

/// Where frame `n` begins, counted from 0, in a log of pages of that size.
constexpr std::size_t frame_offset(std::size_t n,
                                   std::size_t page_bytes) noexcept {
  return log_header_bytes + n * (frame_header_bytes + page_bytes);
}

/// Tells one generation of a log from the next. SQLite copies it around as it
/// lies there, in whatever byte order; so do we.
using log_salt = std::array<std::uint32_t, 2>;

inline log_salt salt_at(bytes x) noexcept {
  log_salt salt{};
  std::memcpy(salt.data(), x.data(), sizeof salt);
  return salt;
}

/// The running checksum of a log.
struct log_checksum {
  std::uint32_t a = 0;
  std::uint32_t b = 0;

  bool operator==(const log_checksum&) const = default;

  /// Continues it over `x`, whose size is a multiple of 8.
  void add(bytes x, bool sums_are_big_endian) noexcept {
    const auto word = sums_are_big_endian ? big_endian : little_endian;
    for (; x.size() >= 8; x = x.subspan(8)) {
      a += word(x) + b;
      b += word(x.subspan(4)) + a;
    }
  }
};

constexpr log_checksum checksum_at(bytes x) noexcept {
  return {big_endian(x), big_endian(x.subspan(4))};
}

/// A view of a log's first bytes.
class log_header {
public:
  explicit log_header(
    std::span<const std::uint8_t, log_header_bytes> x) noexcept
    : bytes_{x} {}

  /// Whether it is one, and whole.
  [[nodiscard]] bool is_valid() const noexcept {
    constexpr std::uint32_t magic = 0x377F'0682; // the last bit tells the order
    return (big_endian(bytes_) & ~1U) == magic
           && computed_checksum() == checksum();
  }

  /// The byte order of the words that are summed up.
  [[nodiscard]] bool sums_are_big_endian() const noexcept {
    return (big_endian(bytes_) & 1U) != 0;
  }

  [[nodiscard]] std::uint32_t page_bytes() const noexcept {
    return big_endian(bytes_.subspan(8));
  }

  /// How often the log was started over.
  [[nodiscard]] std::uint32_t generation() const noexcept {
    return big_endian(bytes_.subspan(12));
  }

  [[nodiscard]] log_salt salt() const noexcept {
    return salt_at(bytes_.subspan(16));
  }

  /// What the frames' checksums go on from.
  [[nodiscard]] log_checksum checksum() const noexcept {
    return checksum_at(bytes_.subspan(24));
  }

private:
  [[nodiscard]] log_checksum computed_checksum() const noexcept {
    log_checksum sum;
    sum.add(bytes_.first(24), sums_are_big_endian());
    return sum;
  }

  bytes bytes_;
};

/// A view of a frame.
class log_frame {
public:
  explicit log_frame(bytes x) noexcept : bytes_{x} {}

  /// Of the page in the database, from 1.
  [[nodiscard]] std::uint32_t page_number() const noexcept {
    return big_endian(bytes_);
  }

  /// Whether it is the last of its transaction.
  [[nodiscard]] bool is_commit() const noexcept {
    return big_endian(bytes_.subspan(4)) != 0;
  }

  [[nodiscard]] log_salt salt() const noexcept {
    return salt_at(bytes_.subspan(8));
  }

  [[nodiscard]] log_checksum checksum() const noexcept {
    return checksum_at(bytes_.subspan(16));
  }

  /// Whether it belongs to the log of that header and follows a frame (or the
  /// header) with the checksum `before`.
  [[nodiscard]] bool follows(log_checksum before,
                             const log_header& header) const noexcept {
    if (page_number() == 0 || salt() != header.salt())
      return false;
    before.add(bytes_.first(8), header.sums_are_big_endian());
    before.add(bytes_.subspan(frame_header_bytes),
               header.sums_are_big_endian());
    return before == checksum();
  }

private:
  bytes bytes_;
};

} // namespace waybill::file_format
