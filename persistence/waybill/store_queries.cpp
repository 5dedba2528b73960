#include "waybill/store_queries.hpp"

#include <string>

#include "waybill/in_flight_blocks.hpp"

namespace waybill {

std::optional<timestamp> oldest_in_flight(sqlite::connection& db,
                                          const in_flight_blocks& unwritten) {
  auto listed = db.prepare("SELECT seq, created_at FROM " WAYBILL_ROWS_IN_FLIGHT
                           "WHERE in_status = ?1 ORDER BY block, seq LIMIT 1");
  auto in_block = db.prepare(
    "SELECT seq, created_at FROM operation WHERE status = ?1 "
    "AND seq >= ?2 AND seq < ?3 ORDER BY seq LIMIT 1");
  std::optional<timestamp> oldest;
  std::int64_t first = INT64_MAX;
  // Returns whether there is one.
  const auto look = [&](sqlite::statement& stmt) {
    const sqlite::reset_guard guard{stmt};
    if (!stmt.step())
      return false;
    if (stmt.integer(0) < first) {
      first = stmt.integer(0);
      oldest = timestamp{stmt.integer(1)};
    }
    return true;
  };
  for (const auto status :
       {tracking_status::submitted, tracking_status::retrying}) {
    listed.bind(1, static_cast<std::int64_t>(status));
    look(listed);
    for (const auto block : unwritten.changed(status)) {
      in_block.bind(1, static_cast<std::int64_t>(status));
      in_block.bind(2, block * in_flight_blocks::size);
      in_block.bind(3, (block + 1) * in_flight_blocks::size);
      if (block > in_flight_blocks::block_of(first) || look(in_block))
        break;
    }
  }
  return oldest;
}

std::optional<timestamp> oldest_finished(sqlite::connection& db,
                                         tracking_status status) {
  auto stmt = db.prepare(
    "SELECT updated_at FROM operation WHERE status >= 2 AND status = ?1 "
    "ORDER BY updated_at LIMIT 1");
  stmt.bind(1, static_cast<std::int64_t>(status));
  if (!stmt.step())
    return std::nullopt;
  return timestamp{stmt.integer(0)};
}

std::int64_t last_transition(sqlite::connection& db) {
  // The store's row knows of what has been purged since.
  return db.query_int("SELECT max((SELECT last_number FROM store), "
                      "coalesce((SELECT max(seq) FROM operation), 0), "
                      "coalesce((SELECT max(number) FROM transition), 0))");
}

store_size size_of(sqlite::connection& db) {
  const auto page_bytes = db.query_int("PRAGMA page_size");
  store_size x;
  x.file_bytes = db.query_int("PRAGMA page_count") * page_bytes;
  x.free_bytes = db.query_int("PRAGMA freelist_count") * page_bytes;
  return x;
}

} // namespace waybill
