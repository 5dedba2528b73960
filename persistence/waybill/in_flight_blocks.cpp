#include "waybill/in_flight_blocks.hpp"

#include <string>

namespace waybill {

void in_flight_blocks::load(sqlite::connection& db) {
  increase_ = db.prepare(
    "INSERT INTO in_flight_block (in_status, block, operations) "
    "VALUES (?1, ?2, ?3) ON CONFLICT (in_status, block) "
    "DO UPDATE SET operations = operations + excluded.operations");
  decrease_ = db.prepare(
    "UPDATE in_flight_block SET operations = operations - ?3 "
    "WHERE in_status = ?1 AND block = ?2 RETURNING operations");
  delete_ = db.prepare("DELETE FROM in_flight_block "
                       "WHERE in_status = ?1 AND block = ?2");
}

void in_flight_blocks::add(std::int64_t seq, tracking_status status,
                           std::int64_t change) {
  if (!is_terminal(status))
    changes_[{status, block_of(seq)}] += change;
}

void in_flight_blocks::flush() {
  for (const auto& [where, change] : changes_)
    if (change > 0)
      increase(where, change);
    else if (change < 0)
      decrease(where, -change);
}

std::vector<std::int64_t>
in_flight_blocks::changed(tracking_status status) const {
  std::vector<std::int64_t> blocks;
  for (const auto& [where, change] : changes_)
    if (where.first == status && change > 0)
      blocks.push_back(where.second);
  return blocks;
}

void in_flight_blocks::increase(const place& where, std::int64_t by) {
  bind(increase_, where);
  increase_.bind(3, by);
  increase_.run();
}

void in_flight_blocks::decrease(const place& where, std::int64_t by) {
  bind(decrease_, where);
  decrease_.bind(3, by);
  const sqlite::reset_guard guard{decrease_};
  if (!decrease_.step())
    throw store_error{errc::store_corrupt,
                      "block " + std::to_string(where.second)
                        + " has operations in flight, but is not listed"};
  const auto left = decrease_.integer(0);
  decrease_.step(); // to its end
  if (left > 0)
    return;
  bind(delete_, where);
  delete_.run();
}

void in_flight_blocks::bind(sqlite::statement& stmt, const place& where) {
  stmt.bind(1, static_cast<std::int64_t>(where.first));
  stmt.bind(2, where.second);
}

void in_flight_blocks::close() noexcept {
  increase_ = {};
  decrease_ = {};
  delete_ = {};
}

} // namespace waybill
