// Reads sorted runs (packed_run.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "waybill/packed_run.hpp"
#include "waybill/sqlite.hpp"

namespace waybill {

/// Whether filters are read: they pay for those who ask often.
enum class run_filters : std::uint8_t { leave_out, read };

/// The runs of an open database. Nothing in it is trusted to be what a writer
/// has made: what cannot be is `store_corrupt`. That entries are sorted, and
/// that filters know them, only a check finds out (run_check.hpp).
class run_source {
public:
  explicit run_source(const run_layout& of) noexcept : layout_{of} {}

  void open(sqlite::connection& db);
  void close() noexcept;

  [[nodiscard]] const run_layout& layout() const noexcept { return layout_; }

  /// Those that are listed.
  /// @param known what is known of some: runs never change.
  run_list list(const run_list& known, run_filters filters);

  /// Calls `f` with a page, which lives as long as the call.
  template <class F>
  void with_page(const packed_run& x, std::size_t k, F&& f) {
    page_.bind(1, first_page_of(x.run) + static_cast<std::int64_t>(k));
    const sqlite::reset_guard guard{page_};
    require_page(page_.step(), x, k);
    const run_page page{layout_, page_.blob(0)};
    require_page(page.first_number() == x.first, x, k);
    f(page);
  }

  /// The entry with the largest number of those with that key, if that number
  /// is not below `from`.
  std::optional<run_entry> find(const run_list& runs, const run_key& key,
                                std::int64_t from);

private:
  static void require_page(bool ok, const packed_run& x, std::size_t k);
  void read_rest(packed_run& x, run_filters filters);

  const run_layout& layout_;
  sqlite::statement list_;
  sqlite::statement fences_;
  sqlite::statement filter_;
  sqlite::statement page_;
};

} // namespace waybill
