// Tells of most keys that are not in a run that they are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "waybill/run_key.hpp"

namespace waybill {

/// What a key's bits are found by.
class run_hash {
public:
  explicit run_hash(const run_key& key) noexcept;

  // Which of so many blocks.
  [[nodiscard]] std::size_t block_of(std::size_t blocks) const noexcept {
    return static_cast<std::size_t>((block_ >> 32U) * blocks >> 32U);
  }

  // Of its `nth` bit, the place in the block.
  [[nodiscard]] unsigned bit(unsigned nth) const noexcept {
    return static_cast<unsigned>(bits_ >> 9U * nth & 511U);
  }

private:
  std::uint64_t block_;
  std::uint64_t bits_;
};

/// A Bloom filter of blocks of 64 bytes: a key has six bits in one block, so
/// that a look costs one line of the processor's cache. At 12 bits a key about
/// one of a hundred that are not there seems to be.
class run_filter {
public:
  /// Has none.
  run_filter() noexcept = default;

  /// @param keys how many it will have at most.
  explicit run_filter(std::int64_t keys);

  /// As it was stored.
  /// @returns none if it cannot have been.
  static std::optional<run_filter> of(std::span<const std::uint8_t> stored);

  void add(const run_hash& x) noexcept;

  [[nodiscard]] bool may_have(const run_hash& x) const noexcept;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return bytes_;
  }

private:
  static constexpr std::size_t block_bytes = 64;
  static constexpr unsigned bits_a_key = 6;

  std::vector<std::uint8_t> bytes_;
};

} // namespace waybill
