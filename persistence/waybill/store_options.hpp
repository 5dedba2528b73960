// What a store is opened with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "waybill/run_sizes.hpp"

namespace waybill {

/// How much a COMMIT survives (SQLite's `synchronous`).
enum class durability : std::uint8_t {
  /// A killed process only; after a crash of the operating system or a power
  /// loss the file may be damaged.
  off = 0,
  /// A killed process only; after a crash of the operating system or a power
  /// loss the file is sound, but the last answers may be gone.
  normal = 1,
  /// A power loss and a crash of the operating system too, on storage that
  /// honours fsync. The default.
  full = 2,
};

/// Which operations are remembered when they are purged.
enum class duplicate_scope : std::uint8_t {
  /// Those whose calls were kept: a call with such an id is not taken again.
  calls = 0,
  /// All: nor is an operation with such an id recorded again.
  all = 1,
};

/// What a number may be.
struct option_range {
  std::int64_t min;
  std::int64_t max;
  const char* unit;

  [[nodiscard]] constexpr bool holds(std::int64_t value) const noexcept {
    return value >= min && value <= max;
  }
};

/// Like `64 to 1048576 bytes`.
std::string to_text(const option_range& x);

struct store_options {
  static constexpr option_range last_error_cap_range{64, 1'048'576, "bytes"};
  static constexpr option_range checkpoint_pages_range{100, 1'000'000, "pages"};
  static constexpr option_range history_range{0, 10'000, "transitions"};
  static constexpr option_range audit_records_range{0, 100'000, "records"};
  static constexpr option_range max_tombstones_range{0, 1'000'000'000, "rows"};
  static constexpr option_range cache_bytes_range{65'536, 17'179'869'184,
                                                  "bytes"};

  /// The database file; created with mode 0600 if missing. Its folder must
  /// exist and be on a local file system.
  std::string file;
  durability synchronous = durability::full;
  /// Longest `last_error` kept, in bytes; longer ones are shortened.
  std::size_t last_error_cap = 4'096;
  /// The write-ahead log is copied into the file once it has this many pages
  /// (of 4,096 bytes), or an eighth of what the disk has free.
  int checkpoint_pages = 4'000;
  /// How many transitions of an operation are kept at least, and less than
  /// twice as many; 0 keeps none, and `watch_transitions` sees none.
  std::int32_t history = 16;
  /// How many acts of operators the audit tells of; those recorded first go. 0
  /// records none; those that are there stay.
  std::int64_t audit_records = 10'000;
  /// SQLite's page cache, in bytes.
  std::int64_t cache_bytes = std::int64_t{16} * 1'024 * 1'024;
  /// The name of a registered SQLite VFS; empty for the default.
  std::string vfs;
  /// What is left of an operation when it is purged, until that is forgotten
  /// (`purge_terminal::forget_before`): its id and how it finished, about 30
  /// bytes. Past the most there may be, the first purged go; 0 leaves none.
  duplicate_scope duplicates_of = duplicate_scope::calls;
  std::int64_t max_tombstones = 10'000'000;
  /// How these are packed; for tests.
  run_sizes tombstone_runs{};
};

/// Whether the file can be used turns out when it is opened.
/// @throws store_error `invalid_options` naming the first option that is out of
///         its range, and the range.
void validate(const store_options& x);

} // namespace waybill
