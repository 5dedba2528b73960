// A sorted run of entries: how it is stored, and what memory has of it.
//
// A run is some of the entries of a table, sorted by key and number, packed
// into pages, and never changed. Its pages are rows of NAME_page: the run's
// first number (8 bytes), then the entries: key, number less the run's first
// (4 bytes), value; all numbers are big-endian. A page has the number `run <<
// 24 | k`. It has as many entries as it has room for, so each is one page of
// SQLite's. NAME_run lists the runs.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "waybill/run_filter.hpp"
#include "waybill/run_key.hpp"

namespace waybill {

/// What a run has of something: no two have the same number.
struct run_entry {
  run_key key;
  std::int64_t number = 0;
  std::uint64_t value = 0;

  /// The order in a run.
  friend auto operator<=>(const run_entry& a, const run_entry& b) noexcept {
    const auto keys = a.key <=> b.key;
    return keys != 0 ? keys : a.number <=> b.number;
  }
  bool operator==(const run_entry&) const = default;
};

/// What all runs of a table have in common.
struct run_layout {
  /// The tables are NAME_run and NAME_page.
  const char* name;
  /// 16, or 8: then keys have only a high half.
  std::size_t key_bytes;
  /// Up to 8.
  std::size_t value_bytes;
  /// Whether a key is in the filter of its run. Those that are not must lie so
  /// that the run's bounds tell enough.
  bool (*is_random)(const run_key&) noexcept;

  static constexpr std::size_t page_head = 8;
  static constexpr std::size_t number_bytes = 4;

  [[nodiscard]] constexpr std::size_t entry_bytes() const noexcept {
    return key_bytes + number_bytes + value_bytes;
  }
};

/// Numbers of runs and of their pages.
constexpr std::int64_t max_run = std::int64_t{1} << 38U;
constexpr std::int64_t max_run_pages = std::int64_t{1} << 24U;
constexpr std::int64_t max_run_number = std::int64_t{1} << 61U;

constexpr std::int64_t first_page_of(std::int64_t run) noexcept {
  return run * max_run_pages;
}

/// Appends big-endian.
void append_number(std::vector<std::uint8_t>& to, std::uint64_t x,
                   std::size_t bytes);

void append_key(std::vector<std::uint8_t>& to, const run_layout& layout,
                const run_key& x);

/// @param first the first number of its run.
void append_entry(std::vector<std::uint8_t>& to, const run_layout& layout,
                  std::int64_t first, const run_entry& x);

/// @param bytes of which there are as many as a key has.
run_key decode_key(const run_layout& layout,
                   std::span<const std::uint8_t> bytes) noexcept;

/// A page, as it is stored.
class run_page {
public:
  /// @param bytes are borrowed.
  /// @throws store_error `store_corrupt` if it is none.
  run_page(const run_layout& layout, std::span<const std::uint8_t> bytes);

  [[nodiscard]] std::int64_t first_number() const noexcept { return first_; }

  /// At least 1.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] run_key key_at(std::size_t i) const noexcept;

  [[nodiscard]] run_entry at(std::size_t i) const noexcept;

  /// The one with the largest number of those with that key.
  [[nodiscard]] std::optional<run_entry>
  find(const run_key& key) const noexcept;

private:
  [[nodiscard]] std::span<const std::uint8_t>
  bytes_of(std::size_t i) const noexcept;

  const run_layout& layout_;
  std::span<const std::uint8_t> bytes_;
  std::int64_t first_ = 0;
  std::size_t size_ = 0;
};

/// What is listed of a run.
struct packed_run {
  std::int64_t run = 0;
  /// Its entries' numbers are from `first` on and below `next`. Each number is
  /// in one run at most.
  std::int64_t first = 0;
  std::int64_t next = 0;
  std::int64_t entries = 0;
  /// How many of them are in the filter.
  std::int64_t random = 0;
  /// The first key of each page, and the last one of all.
  std::vector<run_key> fences;
  run_key last;
  /// None: it has not been read.
  std::optional<run_filter> filter;

  [[nodiscard]] std::int64_t pages() const noexcept {
    return static_cast<std::int64_t>(fences.size());
  }

  /// If not, the key is not in the run.
  /// @param hash null for a key that is not random.
  [[nodiscard]] bool may_have(const run_key& key,
                              const run_hash* hash) const noexcept {
    return key >= fences.front() && key <= last
           && (!filter || hash == nullptr || filter->may_have(*hash));
  }

  /// The page that has a key that is not before the first one, if any has it.
  [[nodiscard]] std::size_t page_of(const run_key& key) const noexcept;
};

using run_ptr = std::shared_ptr<const packed_run>;

/// By their numbers: those that were made first come first.
using run_list = std::vector<run_ptr>;

} // namespace waybill
