// Writes sorted runs (packed_run.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "waybill/packed_run.hpp"
#include "waybill/run_sizes.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// The statements.
class run_sink {
public:
  run_sink(const run_layout& of, const run_sizes& sizes) noexcept;

  void open(sqlite::connection& db);
  void close() noexcept;

  [[nodiscard]] const run_layout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::size_t page_entries() const noexcept {
    return page_entries_;
  }

  void insert_page(std::int64_t number, std::span<const std::uint8_t> bytes);
  void list(const packed_run& x);
  void unlist(const packed_run& x);

  /// Deletes pages from one on and before another one, up to `limit`.
  /// @returns how many.
  std::int64_t delete_pages(std::int64_t from, std::int64_t before,
                            std::int64_t limit);

private:
  const run_layout& layout_;
  std::size_t page_entries_;
  sqlite3* db_ = nullptr;
  sqlite::statement insert_page_;
  sqlite::statement list_;
  sqlite::statement unlist_;
  sqlite::statement delete_pages_;
};

/// One run. Its pages are written as they are full; it is listed at the end.
class run_writer {
public:
  struct run_facts {
    std::int64_t run;
    std::int64_t first;
    std::int64_t next;
    /// How many entries are random at most.
    std::int64_t random;
  };

  run_writer(run_sink& sink, const run_facts& x);

  /// @throws store_error `store_corrupt` if it does not come behind the one
  ///         before it, or has no number of this run.
  void add(const run_entry& x);

  /// @returns null if it has no entry.
  run_ptr finish();

private:
  void write_page();

  run_sink& sink_;
  packed_run run_;
  run_filter filter_;
  std::vector<std::uint8_t> page_;
  std::size_t in_page_ = 0;
  run_entry before_;
};

} // namespace waybill
