// What happened in each minute, for a day: the figures of charts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "waybill/minute_total.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/tracking_status.hpp"

namespace waybill {

/// Counts in memory, and writes with a commit that there is anyway, each ten
/// seconds at most: an operation costs a few additions. What came since the
/// last write waits for such a commit, for one that is made for it, or for the
/// end. Told of each step of a transaction by status_counters.
class minute_totals {
public:
  /// Minutes that are kept.
  static constexpr std::int64_t kept = 1'440;

  void load(sqlite::connection& db);
  void close() noexcept;
  /// @param in_flight how many operations are.
  void flush(std::int64_t in_flight);
  void on_commit(std::int64_t in_flight) noexcept;
  void on_rollback() noexcept;

  /// Whether `flush` would write.
  [[nodiscard]] bool is_due() const noexcept;

  /// Whether anything that is committed is not written.
  [[nodiscard]] bool has_rest() const noexcept {
    return committed_.front().minute != none;
  }

  /// The next commit is made for that: whether it has something to write.
  bool wants_rest() noexcept {
    wants_rest_ = has_rest();
    return wants_rest_;
  }

  void took(timestamp now) noexcept;
  void ended(tracking_status how, timestamp now) noexcept;
  void retried(timestamp now) noexcept;

private:
  static constexpr std::int64_t none = INT64_MIN;

  struct count {
    std::int64_t minute = none;
    std::int64_t taken = 0;
    std::int64_t retries = 0;
    std::int64_t in_flight = 0; // in the end
    std::array<std::int64_t, num_tracking_statuses> ended{};

    void add(const count& x) noexcept;
  };

  // More minutes than there are within ten seconds, by a clock that goes on.
  using counts = std::array<count, 4>;

  // The place of a minute; the last one if there is no room.
  static count& place_of(counts& all, std::int64_t minute) noexcept;
  count& at(timestamp now) noexcept;
  void write(const count& x);

  counts open_;                    // by the transaction
  counts committed_;               // and not written
  std::int64_t latest_ = none;     // in µs
  std::int64_t written_at_ = none; // by the same clock
  bool writes_ = false;            // whether the transaction does
  bool wants_rest_ = false;
  sqlite::statement add_;
  sqlite::statement trim_;
};

/// Those from a time on that are kept, in order. Minutes in which nothing
/// happened are left out.
std::vector<minute_total> read_minute_totals(sqlite::connection& db,
                                             timestamp from);

} // namespace waybill
