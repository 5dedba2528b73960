#include "waybill/recovered_tombstones.hpp"

#include <algorithm>
#include <cstddef>

#include "waybill/operation_row.hpp"
#include "waybill/tombstone_table.hpp"
#include "waybill/transition_log.hpp"

namespace waybill {

namespace {

// Columns of `tombstone`, in the order of the table.
namespace of_tombstone {
constexpr std::size_t id = 1;
constexpr std::size_t status = 2;
constexpr std::size_t finished_at = 3;
constexpr std::size_t purged_at = 4;
constexpr std::size_t successor = 5;
constexpr std::size_t count = 6;
} // namespace of_tombstone

// Of `purged_successor`.
namespace of_successor {
constexpr std::size_t id = 1;
constexpr std::size_t count = 2;
} // namespace of_successor

// Of `tombstone_bounds`.
namespace of_bounds {
constexpr std::size_t youngest = 1;
constexpr std::size_t forgotten_to = 2;
constexpr std::size_t count = 3;
} // namespace of_bounds

bool is_row_number(std::int64_t x) {
  return x >= 1 && x <= max_transition_number;
}

} // namespace

recovered_tombstones::recovered_tombstones(sqlite::connection& db) : db_{db} {
  insert_ = db.prepare(
    "INSERT OR IGNORE INTO tombstone (number, id, " WAYBILL_PURGED_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  insert_successor_ = db.prepare(
    "INSERT OR IGNORE INTO purged_successor (predecessor, id) "
    "VALUES (?1, ?2)");
  set_bounds_ = db.prepare(
    "UPDATE tombstone_bounds SET youngest = ?1, forgotten_to = ?2");
}

bool recovered_tombstones::is_one(const salvaged_row& row) {
  const auto& x = row.values;
  switch (x.size()) {
    case of_tombstone::count:
      return x[of_tombstone::id].is_blob()
             && x[of_tombstone::purged_at].is_integer();
    case of_successor::count:
      return x[of_successor::id].is_blob();
    case of_bounds::count:
      return row.rowid == 1 && x[of_bounds::youngest].is_integer()
             && (x[of_bounds::forgotten_to].is_null()
                 || x[of_bounds::forgotten_to].is_time());
    default:
      return false;
  }
}

sqlite::statement* recovered_tombstones::bind(const salvaged_row& row) {
  const auto& x = row.values;
  if (x.size() == of_bounds::count) {
    has_bounds_ = true;
    if (x[of_bounds::forgotten_to].is_integer())
      forgotten_to_ = x[of_bounds::forgotten_to].integer;
    bind_bounds(); // again when all are there
    return &set_bounds_;
  }
  if (!is_row_number(row.rowid) || !x[of_tombstone::id].is_id())
    return nullptr;
  if (x.size() == of_successor::count) {
    insert_successor_.bind(1, row.rowid);
    insert_successor_.bind_borrowed(2, x[of_successor::id].blob());
    return &insert_successor_;
  }
  const auto& status = x[of_tombstone::status];
  const auto& successor = x[of_tombstone::successor];
  if (!status.is_integer() || status.integer < 2 || status.integer > 5
      || !x[of_tombstone::finished_at].is_time()
      || !x[of_tombstone::purged_at].is_time()
      || !(successor.is_null() || successor.is_id()))
    return nullptr;
  const auto id = decode_id(x[of_tombstone::id].blob());
  youngest_ = std::max(youngest_, tombstone_table::time_in(id).value_or(-1));
  insert_.bind(1, row.rowid);
  insert_.bind_borrowed(2, x[of_tombstone::id].blob());
  insert_.bind(3, status.integer);
  insert_.bind(4, x[of_tombstone::finished_at].integer);
  insert_.bind(5, x[of_tombstone::purged_at].integer);
  if (successor.is_null())
    insert_.bind_null(6);
  else
    insert_.bind_borrowed(6, successor.blob());
  return &insert_;
}

void recovered_tombstones::bind_bounds() {
  set_bounds_.bind(1, youngest_);
  if (forgotten_to_)
    set_bounds_.bind(2, *forgotten_to_);
  else
    set_bounds_.bind_null(2);
}

// In their order, none in memory; those before the first gap stay.
void recovered_tombstones::close_gaps() {
  if (db_.query_int("SELECT count(*) = 0 OR max(number) - min(number) + 1 "
                    "= count(*) FROM tombstone")
      != 0)
    return;
  auto next = db_.prepare("SELECT min(number) FROM tombstone "
                          "WHERE number > ?1");
  auto renumber = db_.prepare("UPDATE tombstone SET number = ?1 "
                              "WHERE number = ?2");
  auto last = db_.query_int("SELECT min(number) FROM tombstone");
  for (auto given = last;;) {
    next.bind(1, last);
    {
      const sqlite::reset_guard guard{next};
      if (!next.step() || next.is_null(0))
        return;
      last = next.integer(0);
    }
    if (++given == last)
      continue;
    renumber.bind(1, given);
    renumber.bind(2, last);
    renumber.run();
  }
}

void recovered_tombstones::finish(bool is_whole) {
  close_gaps();
  // Without them, and if one may be missing, all that was purged until now may
  // be forgotten.
  if (!has_bounds_ || !is_whole)
    forgotten_to_ = std::max(forgotten_to_.value_or(min_timestamp.us()),
                             timestamp::now().us());
  db_.exec("DELETE FROM purged_successor WHERE predecessor NOT IN "
           "(SELECT seq FROM operation) OR EXISTS (SELECT 1 FROM requeue r "
           "WHERE r.predecessor = purged_successor.predecessor)");
  bind_bounds();
  set_bounds_.run();
  insert_ = {};
  insert_successor_ = {};
  set_bounds_ = {};
}

} // namespace waybill
