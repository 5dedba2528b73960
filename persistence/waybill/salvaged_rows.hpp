// Rows in the pages of a store that may be damaged: the format of SQLite's
// trees, https://sqlite.org/fileformat2.html
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "waybill/salvaged_file.hpp"

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
