// Where the operations in flight are among all others, for whoever lists them.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "waybill/messages.hpp"
#include "waybill/sqlite.hpp"
#include "waybill/transaction_participant.hpp"

namespace waybill {

/// How many operations of each status are in flight in each block of
/// consecutive row numbers. An index would be written with each row; this is
/// written once a transaction, for the few blocks that its operations are in,
/// and finds them nearly as fast: a block that is listed has one at least, and
/// few rows.
class in_flight_blocks final : public transaction_participant {
public:
  /// Row numbers a block.
  static constexpr std::int64_t size = 512;

  /// The block that row `seq` is in.
  static constexpr std::int64_t block_of(std::int64_t seq) noexcept {
    return seq >> 9;
  }

  void load(sqlite::connection& db) override;
  void close() noexcept override;

  /// @throws store_error `store_corrupt` if a block was not listed that should.
  void flush() override;

  void on_commit() noexcept override { changes_.clear(); }
  void on_rollback(bool /*unfinished*/) noexcept override { changes_.clear(); }

  /// Row `seq` appeared in `status`, moved to it, or left it. Does nothing for
  /// a terminal status.
  void add(std::int64_t seq, tracking_status status, std::int64_t change);

  /// The blocks, in order, in which there may be more in `status` than is
  /// written yet.
  [[nodiscard]] std::vector<std::int64_t> changed(tracking_status status) const;

private:
  using place = std::pair<tracking_status, std::int64_t>; // status and block

  void increase(const place& where, std::int64_t by);
  void decrease(const place& where, std::int64_t by);
  static void bind(sqlite::statement& stmt, const place& where);

  std::map<place, std::int64_t> changes_;
  sqlite::statement increase_;
  sqlite::statement decrease_;
  sqlite::statement delete_;
};

static_assert(in_flight_blocks::block_of(in_flight_blocks::size) == 1);

/// Joins blocks with the rows in them that have their block's status, to follow
/// `SELECT … FROM`.
#define WAYBILL_ROWS_IN_FLIGHT                                                 \
  "in_flight_block CROSS JOIN operation "                                      \
  "ON seq BETWEEN block * 512 AND block * 512 + 511 AND status = in_status "

} // namespace waybill
