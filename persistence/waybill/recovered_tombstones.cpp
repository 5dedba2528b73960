#include "waybill/recovered_tombstones.hpp"

#include <algorithm>
#include <cstddef>

#include "waybill/operation_row.hpp"
#include "waybill/store_error.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

namespace {

// Columns of `tombstone_page` and of `purged_successor`, in the order of the
// tables.
namespace of_page {
constexpr std::size_t bytes = 1;
constexpr std::size_t count = 2;
} // namespace of_page

// Of `purge_time` and of `tombstone_successor`.
namespace of_purge {
constexpr std::size_t purged_at = 1;
constexpr std::size_t tombstones = 2;
constexpr std::size_t count = 3;
} // namespace of_purge

// Of `tombstone_bounds`.
namespace of_bounds {
constexpr std::size_t first = 1;
constexpr std::size_t next = 2;
constexpr std::size_t youngest = 3;
constexpr std::size_t forgotten_to = 4;
constexpr std::size_t next_run = 5;
constexpr std::size_t count = 6;
} // namespace of_bounds

bool is_row_number(std::int64_t x) {
  return x >= 1 && x <= max_transition_number;
}

} // namespace

recovered_tombstones::recovered_tombstones(sqlite::connection& db) : db_{db} {
  db.exec("CREATE TEMP TABLE found_tombstone (number INTEGER PRIMARY KEY, "
          "id BLOB, value INTEGER)");
  db.exec("CREATE TEMP TABLE found_purge (first INTEGER PRIMARY KEY, "
          "purged_at INTEGER, tombstones INTEGER)");
  db.exec("CREATE TEMP TABLE found_successor (number INTEGER PRIMARY KEY, "
          "id BLOB, successor BLOB)");
  insert_ = db.prepare("INSERT OR IGNORE INTO found_tombstone "
                       "VALUES (?1, ?2, ?3)");
  insert_purge_ = db.prepare("INSERT OR IGNORE INTO found_purge "
                             "VALUES (?1, ?2, ?3)");
  insert_successor_ = db.prepare("INSERT OR IGNORE INTO found_successor "
                                 "VALUES (?1, ?2, ?3)");
  insert_purged_successor_ = db.prepare(
    "INSERT OR IGNORE INTO purged_successor (predecessor, id) "
    "VALUES (?1, ?2)");
}

bool recovered_tombstones::is_one(const salvaged_row& row) {
  const auto& x = row.values;
  switch (x.size()) {
    case of_page::count:
      return x[of_page::bytes].is_blob();
    case of_purge::count:
      return (x[1].is_integer() && x[2].is_integer())
             || (x[1].is_blob() && x[2].is_blob());
    case of_bounds::count:
      return row.rowid == 1 && x[of_bounds::first].is_integer()
             && x[of_bounds::next].is_integer()
             && x[of_bounds::youngest].is_integer()
             && x[of_bounds::next_run].is_integer();
    default:
      return false;
  }
}

bool recovered_tombstones::take(const salvaged_row& row) {
  const auto& x = row.values;
  if (x.size() == of_bounds::count)
    return take_bounds(row);
  const auto are_ids = std::all_of(
    x.begin() + 1, x.end(), [](const auto& each) { return each.is_id(); });
  if (x.size() == of_page::count && !are_ids)
    return take_page(row);
  if (!is_row_number(row.rowid))
    return false;
  if (x[1].is_integer())
    return take_purge(row);
  if (!are_ids)
    return false;
  auto& stmt = x.size() == of_page::count ? insert_purged_successor_
                                          : insert_successor_;
  stmt.bind(1, row.rowid);
  for (std::size_t i = 1; i < x.size(); ++i)
    stmt.bind_borrowed(static_cast<int>(i) + 1, x[i].blob());
  stmt.run();
  return true;
}

bool recovered_tombstones::take_page(const salvaged_row& row) {
  try {
    const run_page page{tombstone_layout, row.values[of_page::bytes].blob()};
    for (std::size_t i = 0; i < page.size(); ++i) {
      const auto entry = page.at(i);
      decode_tombstone(entry.value);
      const auto id = encode_id(to_operation_id(entry.key));
      insert_.bind(1, entry.number);
      insert_.bind_borrowed(2, id);
      insert_.bind(3, static_cast<std::int64_t>(entry.value));
      insert_.run();
    }
    return true;
  } catch (const store_error& e) {
    if (e.code() != errc::store_corrupt)
      throw;
    return false;
  }
}

bool recovered_tombstones::take_purge(const salvaged_row& row) {
  const auto& x = row.values;
  if (!x[of_purge::purged_at].is_time()
      || !x[of_purge::tombstones].is_between(1, max_run_number))
    return false;
  insert_purge_.bind(1, row.rowid);
  insert_purge_.bind(2, x[of_purge::purged_at].integer);
  insert_purge_.bind(3, x[of_purge::tombstones].integer);
  insert_purge_.run();
  return true;
}

bool recovered_tombstones::take_bounds(const salvaged_row& row) {
  const auto& x = row.values;
  const auto& forgotten_to = x[of_bounds::forgotten_to];
  const auto& first = x[of_bounds::first];
  if (!first.is_between(1, max_run_number)
      || !x[of_bounds::next].is_between(first.integer, max_run_number)
      || !(forgotten_to.is_null() || forgotten_to.is_time()))
    return false;
  // What may be junk makes none be forgotten.
  if (row.is_proven)
    first_ = has_bounds_ ? std::min(first_, first.integer) : first.integer;
  has_bounds_ = has_bounds_ || row.is_proven;
  if (forgotten_to.is_integer())
    forgotten_to_ = std::max(forgotten_to_.value_or(forgotten_to.integer),
                             forgotten_to.integer);
  return true;
}

// In their order, without gaps; what was forgotten is left out.
// What lost the time of its purge may have been purged just now.
void recovered_tombstones::make_runs() {
  tombstone_table to{run_sizes{}};
  to.load(db_);
  if (forgotten_to_)
    to.forget_at_once(timestamp{*forgotten_to_});
  auto rows = db_.prepare(
    "SELECT t.number, t.id, t.value, s.successor, p.purged_at "
    "FROM found_tombstone t LEFT JOIN found_successor s "
    "ON s.number = t.number AND s.id = t.id LEFT JOIN found_purge p "
    "ON p.first = (SELECT max(first) FROM found_purge WHERE first <= t.number) "
    "AND t.number - p.first < p.tombstones "
    "WHERE t.number >= ?1 ORDER BY t.number");
  rows.bind(1, first_);
  const auto now = timestamp::now();
  for (std::int64_t n = 1; rows.step(); ++n) {
    const auto value
      = decode_tombstone(static_cast<std::uint64_t>(rows.integer(2)));
    tombstone x{decode_id(rows.blob(1)),
                {value.status, value.finished_at, now}};
    if (!rows.is_null(3))
      x.was.successor = decode_id(rows.blob(3));
    if (!rows.is_null(4))
      x.was.purged_at = timestamp{rows.integer(4)};
    to.add(x);
    if (n % run_sizes{}.fresh == 0) {
      to.merge();
      to.sweep(run_sizes{}.fresh);
    }
  }
  to.flush();
  to.close();
}

void recovered_tombstones::finish(bool is_whole) {
  // Without bounds, and if one may be missing, all that was purged until now
  // may be forgotten.
  if (!has_bounds_ || !is_whole)
    forgotten_to_ = std::max(forgotten_to_.value_or(min_timestamp.us()),
                             timestamp::now().us());
  make_runs();
  db_.exec("DELETE FROM purged_successor WHERE predecessor NOT IN "
           "(SELECT seq FROM operation) OR EXISTS (SELECT 1 FROM requeue r "
           "WHERE r.predecessor = purged_successor.predecessor)");
  for (auto* const stmt : {&insert_, &insert_purge_, &insert_successor_,
                           &insert_purged_successor_})
    *stmt = {};
}

} // namespace waybill
