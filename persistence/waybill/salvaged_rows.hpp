// Rows in the pages of a store that may be damaged: the format of SQLite's
// trees, https://sqlite.org/fileformat2.html
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "waybill/salvaged_file.hpp"
#include "waybill/timestamp.hpp"

namespace waybill {

struct salvaged_value {
  enum class type : std::uint8_t { null, integer, real, text, blob };

  type is = type::null;
  std::int64_t integer = 0;
  std::string bytes; // of texts and blobs

  [[nodiscard]] bool is_null() const noexcept { return is == type::null; }
  [[nodiscard]] bool is_integer() const noexcept { return is == type::integer; }
  [[nodiscard]] bool is_text() const noexcept { return is == type::text; }
  [[nodiscard]] bool is_blob() const noexcept { return is == type::blob; }

  [[nodiscard]] bool is_between(std::int64_t min,
                                std::int64_t max) const noexcept {
    return is_integer() && integer >= min && integer <= max;
  }
  [[nodiscard]] bool is_time() const noexcept {
    return is_between(min_timestamp.us(), max_timestamp.us());
  }
  [[nodiscard]] bool is_id() const noexcept {
    return is_blob() && bytes.size() == 16;
  }
  [[nodiscard]] std::span<const std::uint8_t> blob() const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  }
};

struct salvaged_row {
  /// Of an entry of an index 0.
  std::int64_t rowid = 0;
  std::vector<salvaged_value> values;
  /// Whether all pages that it was read from are proven.
  bool is_proven = false;
};

/// The rows of a page.
struct salvaged_rows {
  /// Whether it is an index's, and so are they.
  bool are_entries = false;
  std::vector<salvaged_row> rows;
  /// How many more there should be, that cannot be read.
  std::int64_t unreadable = 0;
};

/// @returns none if the page has no rows of its own: one that leads to others,
///          or is no tree's, or is so damaged that it does not look like one.
std::optional<salvaged_rows> read_rows(const salvaged_file& file,
                                       std::uint32_t number,
                                       const salvaged_page& page);

} // namespace waybill
