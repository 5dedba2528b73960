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

/// GCC 12 makes a loop over single bytes of std::ranges::copy.
inline void copy_bytes(bytes from, std::uint8_t* to) noexcept {
  std::memcpy(to, from.data(), from.size());
}

/// The number in the first four bytes.
constexpr std::uint32_t big_endian(bytes x) noexcept {
  return std::uint32_t{x[0]} << 24U | std::uint32_t{x[1]} << 16U
         | std::uint32_t{x[2]} << 8U | std::uint32_t{x[3]};
}

inline void put_big_endian(std::uint8_t* to, std::uint32_t x) noexcept {
  for (auto i = 0U; i < 4; ++i)
    to[i] = static_cast<std::uint8_t>(x >> (24U - 8 * i));
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
inline constexpr std::size_t expansion_at = 72; // SQLite keeps what is there
inline constexpr std::size_t expansion_bytes = 20;

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

/// The running checksum of a log. It is linear: the sum over two differing
/// inputs differs by the sum over their difference.
struct log_checksum {
  std::uint32_t a = 0;
  std::uint32_t b = 0;

  bool operator==(const log_checksum&) const = default;

  constexpr log_checksum operator+(log_checksum x) const noexcept {
    return {a + x.a, b + x.b};
  }
  constexpr log_checksum operator-(log_checksum x) const noexcept {
    return {a - x.a, b - x.b};
  }

  /// Continues it over `x`, whose size is a multiple of 8.
  void add(bytes x, bool sums_are_big_endian) noexcept {
    if (sums_are_big_endian)
      add_words<big_endian>(x);
    else
      add_words<little_endian>(x);
  }

  /// What adding `N` bytes of zeros makes of it.
  template <std::size_t N>
  [[nodiscard]] constexpr log_checksum over_zeros() const noexcept {
    static_assert(N % 8 == 0);
    constexpr auto of = [](log_checksum x) { // one factor of each part
      for (std::size_t i = 0; i < N; i += 8) {
        x.a += x.b;
        x.b += x.a;
      }
      return x;
    };
    constexpr auto of_a = of({1, 0});
    constexpr auto of_b = of({0, 1});
    return {a * of_a.a + b * of_b.a, a * of_a.b + b * of_b.b};
  }

private:
  template <std::uint32_t (*Word)(bytes)>
  void add_words(bytes x) noexcept {
    for (; x.size() >= 8; x = x.subspan(8)) {
      a += Word(x) + b;
      b += Word(x.subspan(4)) + a;
    }
  }
};

constexpr log_checksum checksum_at(bytes x) noexcept {
  return {big_endian(x), big_endian(x.subspan(4))};
}

/// Where a frame has it.
inline constexpr std::size_t frame_checksum_at = 16;

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
    return checksum_at(bytes_.subspan(frame_checksum_at));
  }

  /// What the checksum should be behind a frame (or header) with `before`.
  [[nodiscard]] log_checksum
  computed_checksum(log_checksum before,
                    const log_header& header) const noexcept {
    before.add(bytes_.first(8), header.sums_are_big_endian());
    before.add(bytes_.subspan(frame_header_bytes),
               header.sums_are_big_endian());
    return before;
  }

  /// Whether it belongs to the log of that header and follows a frame (or the
  /// header) with the checksum `before`.
  [[nodiscard]] bool follows(log_checksum before,
                             const log_header& header) const noexcept {
    return page_number() != 0 && salt() == header.salt()
           && computed_checksum(before, header) == checksum();
  }

private:
  bytes bytes_;
};

} // namespace waybill::file_format
