// What a recovery takes, and what it has done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace waybill {

/// What becomes of rows on pages that do not have their checksum, but look
/// sound: a byte of them may be another than was written.
enum class unproven_rows : std::uint8_t {
  /// They are left out, unless the file is of schema version 1: an ordinary
  /// SQLite that copies the log of such a store makes pages without checksum.
  /// (Whoever opens it to write brings it to a newer version first.)
  leave_out,
  copy,
};

/// What `recover_store` has done.
struct recovery_report {
  /// Copied.
  std::int64_t operations = 0;
  std::int64_t transitions = 0;
  std::int64_t calls = 0;
  /// How many operations there should have been, by the store's counters; none
  /// if these are damaged.
  std::optional<std::int64_t> counted;
  /// Rows of operations, transitions, calls, payloads and names that were found
  /// and not copied.
  std::int64_t left_out = 0;
  /// Of the rows copied, those on pages without their checksum.
  std::int64_t unproven = 0;
  std::int64_t damaged_pages = 0;
  /// Whether all is there, each byte as it was written. Damage to indexes and
  /// counters, which are made anew, is none.
  bool is_whole = true;
  /// What is missing or in doubt, the first of it, one line each.
  std::vector<std::string> remarks;

  static constexpr std::size_t max_remarks = 100;
};

} // namespace waybill
