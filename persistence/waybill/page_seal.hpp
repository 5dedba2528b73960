// Page seals: a checksum in the last 8 bytes of each page (SQLite's reserved
// bytes), of the rest and of the page's number. SQLite does not notice when a
// page comes back from the disk other than it went there; the seal tells.
#pragma once

#include <cstdint>
#include <span>

namespace waybill::sqlite {

inline constexpr std::size_t page_bytes = 4'096;
inline constexpr std::size_t seal_bytes = 8;

/// The seal of a page, of which `content` is all but the seal itself.
/// @param number counted from 0; a page in another's place does not match.
std::uint64_t seal_of(std::span<const std::uint8_t> content,
                      std::uint64_t number) noexcept;

/// Gives a page its seal.
///
/// That of the first page leaves out what changes without waybill: the counters
/// that an ordinary SQLite sets in a copy which it makes by its backup API, and
/// the bytes that name the log (log_name.hpp).
/// @param number counted from 0.
void seal(std::span<std::uint8_t, page_bytes> page,
          std::uint64_t number) noexcept;

/// Whether a page has its seal. That of a first page may also be one over all
/// of it, as schema version 1 wrote them.
[[nodiscard]] bool is_sealed(std::span<const std::uint8_t, page_bytes> page,
                             std::uint64_t number) noexcept;

} // namespace waybill::sqlite
