// The pages of a store that may be damaged, read without SQLite, which gives up
// at the first one that is.
//
// Where the file has a log that is its own, its pages are those of the log's
// last whole transaction, as SQLite would have them. The log is taken as far as
// its frames follow each other.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "waybill/file_format.hpp"
#include "waybill/page_seal.hpp"

namespace waybill {

/// A page as it was found; zeros where it could not be read.
struct salvaged_page {
  std::array<std::uint8_t, sqlite::page_bytes> bytes{};
  /// Whether it is certain that this is what was written: it has its seal, or
  /// comes from a frame of the log that adds up.
  bool is_proven = false;
};

/// What the file says of a page's use (SQLite keeps that up for its vacuum).
enum class page_use : std::uint8_t {
  unknown = 0,
  root = 1,
  free = 2,
  first_overflow = 3,
  overflow = 4,
  inner = 5, // of a tree, and no root
};

class salvaged_file {
public:
  /// Opens `file` and its log to read them, and nothing else.
  /// @throws store_error `store_unavailable`
  explicit salvaged_file(const std::string& file);
  ~salvaged_file();
  salvaged_file(const salvaged_file&) = delete;
  salvaged_file& operator=(const salvaged_file&) = delete;

  /// How many pages there are; they are numbered from 1.
  [[nodiscard]] std::uint32_t num_pages() const noexcept { return num_pages_; }

  [[nodiscard]] salvaged_page read(std::uint32_t number) const noexcept;

  /// Why the log, or its end, is not used; none if it is, or need not be.
  [[nodiscard]] const std::optional<std::string>& log_fault() const noexcept {
    return log_fault_;
  }

  /// Reads what the file says of all pages. Must be called first.
  void read_uses();

  /// Free if the file says so for certain, or if nothing else is known.
  [[nodiscard]] page_use use_of(std::uint32_t number) const noexcept;

  /// Whether it is one of those that say how others are used.
  [[nodiscard]] static bool is_map(std::uint32_t number) noexcept;

  /// Whether a tree's page is above others: no row is in it.
  [[nodiscard]] bool is_above_others(std::uint32_t number) const noexcept {
    return above_others_.contains(number);
  }

  /// The root of the tree that the page belongs to; 0 if that is not known.
  [[nodiscard]] std::uint32_t root_of(std::uint32_t number) const noexcept;

private:
  struct use {
    page_use what = page_use::unknown;
    std::uint32_t parent = 0;
    bool is_proven = false;
  };

  void read_log(const std::string& file);
  void read_frames(const file_format::log_header& header);
  void read_map(std::uint32_t number);
  void read_free_list();

  int fd_ = -1;
  int log_fd_ = -1;
  std::uint32_t num_pages_ = 0;
  bool is_unnamed_ = false; // of schema version 1: names no log
  std::optional<std::string> log_fault_;
  std::unordered_map<std::uint32_t, std::uint64_t> in_log_; // page: frame
  std::vector<use> uses_;                                   // by number
  std::unordered_set<std::uint32_t> above_others_;
  std::unordered_set<std::uint32_t> free_;
};

} // namespace waybill
