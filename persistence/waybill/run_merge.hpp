// Some runs become one, a part at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "waybill/packed_run.hpp"
#include "waybill/run_source.hpp"
#include "waybill/run_writer.hpp"

namespace waybill {

/// Each part may be in another transaction. If one of these is rolled back, the
/// merge has to go: what it has written is not there.
class run_merge {
public:
  /// @param of runs beside each other, with some number from `from` on.
  /// @param run the number of the run that they become.
  /// @param from entries below that number are left out.
  run_merge(run_source& source, run_sink& sink, run_list of, std::int64_t run,
            std::int64_t from);

  [[nodiscard]] const run_list& inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::int64_t number() const noexcept { return number_; }

  /// Reads up to `limit` entries.
  /// @returns whether these were the last.
  bool step(std::int64_t limit);

  /// Lists the run.
  /// @returns null if it has no entry.
  run_ptr finish() { return writer_.finish(); }

private:
  // Where one of the inputs has been read to.
  struct cursor {
    run_ptr run;
    std::size_t next_page = 0;
    std::vector<run_entry> page;
    std::size_t at = 0;
  };

  void read_page(cursor& x);
  static run_writer::run_facts facts_of(const run_list& all, std::int64_t run,
                                        std::int64_t from);

  run_source& source_;
  run_list inputs_;
  std::int64_t number_;
  std::int64_t from_;
  run_writer writer_;
  std::vector<cursor> cursors_; // of those that have not ended
};

} // namespace waybill
