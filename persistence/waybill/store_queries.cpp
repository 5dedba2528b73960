#include "waybill/store_queries.hpp"

#include <string>
#include <utility>

#include "waybill/in_flight_blocks.hpp"

namespace waybill {

namespace {

// When the first one was recorded whose time has come: the clock may have been
// ahead before. It may have been so for many: only so many blocks are searched.
std::optional<timestamp> oldest_in_flight(sqlite::connection& db, timestamp now,
                                          const in_flight_blocks& unwritten) {
  constexpr int most_blocks = 64;
  auto listed = db.prepare("SELECT seq, created_at FROM " WAYBILL_ROWS_IN_FLIGHT
                           "WHERE in_status = ?1 ORDER BY block, seq");
  auto in_block = db.prepare(
    "SELECT seq, created_at FROM operation WHERE status = ?1 "
    "AND seq >= ?2 AND seq < ?3 ORDER BY seq");
  std::optional<timestamp> oldest;
  std::int64_t first = INT64_MAX;
  // Returns whether there is one.
  const auto look = [&](sqlite::statement& stmt) {
    const sqlite::reset_guard guard{stmt};
    auto left = most_blocks;
    std::int64_t block = -1;
    while (stmt.step()) {
      const auto seq = stmt.integer(0);
      const timestamp created_at{stmt.integer(1)};
      if (created_at <= now) {
        if (seq < first) {
          first = seq;
          oldest = created_at;
        }
        return true;
      }
      if (!oldest)
        oldest = now;
      const auto next = in_flight_blocks::block_of(seq);
      if (std::exchange(block, next) != next && left-- == 0)
        break;
    }
    return false;
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

} // namespace

void read_ages(sqlite::connection& db, timestamp now, counts_reply& counts,
               const in_flight_blocks& unwritten) {
  counts.oldest_in_flight = oldest_in_flight(db, now, unwritten);
  counts.oldest_parked = oldest_finished(db, tracking_status::parked);
  if (counts.oldest_parked > now)
    counts.oldest_parked = now;
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

std::optional<timestamp> latest_time(sqlite::connection& db) {
  auto recorded
    = db.prepare("SELECT created_at FROM operation ORDER BY seq DESC LIMIT 1");
  if (!recorded.step())
    return std::nullopt;
  auto latest = recorded.integer(0);
  auto finished = db.prepare(
    "SELECT updated_at FROM operation WHERE status >= 2 AND status = ?1 "
    "ORDER BY updated_at DESC LIMIT 1");
  for (int i = 0; i < num_tracking_statuses; ++i) {
    if (!is_terminal(static_cast<tracking_status>(i)))
      continue;
    finished.bind(1, i);
    const sqlite::reset_guard guard{finished};
    if (finished.step())
      latest = std::max(latest, finished.integer(0));
  }
  return timestamp{latest};
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
