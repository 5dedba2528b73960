#include "waybill/tombstone_table.hpp"

#include <algorithm>
#include <string>

#include "waybill/operation_row.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

namespace {

timestamp decode_purge_time(const sqlite::statement& row, int column) {
  const timestamp x{row.integer(column)};
  if (x < min_timestamp || x > max_timestamp)
    row_is_corrupt("the time " + std::to_string(x.us()) + " of a purge");
  return x;
}

// Where rows begin and end; both are looked up at the ends of the table.
struct tombstone_range {
  std::int64_t first = 1;
  std::int64_t next = 1;
};

tombstone_range range_in(sqlite::connection& db) {
  auto stmt = db.prepare("SELECT coalesce((SELECT min(number) FROM tombstone), "
                         "1), coalesce((SELECT max(number) FROM tombstone), 0) "
                         "+ 1");
  stmt.step();
  tombstone_range x{stmt.integer(0), stmt.integer(1)};
  if (x.first < 1 || x.next < x.first || x.next > INT64_MAX / 2)
    row_is_corrupt("tombstones numbered from " + std::to_string(x.first)
                   + " to before " + std::to_string(x.next));
  return x;
}

std::optional<timestamp> forgotten_to_in(const sqlite::statement& row,
                                         int column) {
  if (row.is_null(column))
    return std::nullopt;
  return decode_purge_time(row, column);
}

} // namespace

purged_operation decode_purged(const sqlite::statement& row, int first) {
  purged_operation x;
  x.status = decode_status(row.integer(first));
  if (!is_terminal(x.status))
    row_is_corrupt("a tombstone of an operation that is "
                   + to_string(x.status));
  x.finished_at = decode_purge_time(row, first + 1);
  x.purged_at = decode_purge_time(row, first + 2);
  if (!row.is_null(first + 3))
    x.successor = decode_id(row.blob(first + 3));
  return x;
}

tombstone_sums tombstones_in(sqlite::connection& db) {
  const auto range = range_in(db);
  auto stmt = db.prepare("SELECT forgotten_to FROM tombstone_bounds");
  tombstone_sums x{.rows = range.next - range.first};
  if (stmt.step())
    x.remembered_since = forgotten_to_in(stmt, 0);
  return x;
}

std::optional<timestamp> first_purge_in(sqlite::connection& db) {
  auto stmt = db.prepare("SELECT purged_at FROM tombstone "
                         "ORDER BY number LIMIT 1");
  if (!stmt.step())
    return std::nullopt;
  const timestamp x{stmt.integer(0)};
  return x < min_timestamp || x > max_timestamp ? std::nullopt
                                                : std::optional{x};
}

void tombstone_table::load(sqlite::connection& db) {
  const auto range = range_in(db);
  now_ = {.first = range.first, .next = range.next, .forgotten_to = {}};
  {
    auto stmt
      = db.prepare("SELECT youngest, forgotten_to FROM tombstone_bounds");
    if (!stmt.step())
      row_is_corrupt("no bounds of its tombstones");
    now_.youngest = stmt.integer(0);
    now_.forgotten_to = forgotten_to_in(stmt, 1);
  }
  committed_ = now_;
  find_ = db.prepare(WAYBILL_SELECT_PURGED);
  insert_ = db.prepare(
    "INSERT INTO tombstone (number, id, " WAYBILL_PURGED_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  first_to_stay_ = db.prepare(
    "SELECT number FROM tombstone WHERE number >= ?1 AND number < ?2 "
    "AND purged_at BETWEEN ?3 AND ?4 ORDER BY number LIMIT 1");
  last_due_ = db.prepare(
    "SELECT number FROM tombstone WHERE number >= ?1 AND number < ?2 "
    "AND purged_at < ?3 AND purged_at >= ?4 ORDER BY number DESC LIMIT 1");
  latest_ = db.prepare("SELECT max(purged_at) FROM tombstone "
                       "WHERE number >= ?1 AND number < ?2");
  first_ = db.prepare("SELECT min(number) FROM tombstone");
  delete_
    = db.prepare("DELETE FROM tombstone WHERE number >= ?1 AND number < ?2");
  set_bounds_ = db.prepare(
    "UPDATE tombstone_bounds SET youngest = ?1, forgotten_to = ?2");
}

void tombstone_table::close() noexcept {
  for (auto* const stmt : {&find_, &insert_, &first_to_stay_, &last_due_,
                           &latest_, &first_, &delete_, &set_bounds_})
    *stmt = {};
}

void tombstone_table::flush() {
  if (now_.youngest == committed_.youngest
      && now_.forgotten_to == committed_.forgotten_to)
    return;
  set_bounds_.bind(1, now_.youngest);
  if (now_.forgotten_to)
    set_bounds_.bind(2, now_.forgotten_to->us());
  else
    set_bounds_.bind_null(2);
  set_bounds_.run();
}

std::optional<purged_operation>
tombstone_table::find(const tracked_operation_id& id) {
  if (!may_have(id))
    return std::nullopt;
  const auto bytes = encode_id(id);
  find_.bind_borrowed(1, bytes);
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    return std::nullopt;
  return decode_purged(find_, 0);
}

void tombstone_table::add(const tombstone& x) {
  const auto id = encode_id(x.id);
  insert_.bind(1, now_.next);
  insert_.bind_borrowed(2, id);
  insert_.bind(3, static_cast<std::int64_t>(x.was.status));
  insert_.bind(4, x.was.finished_at.us());
  insert_.bind(5, x.was.purged_at.us());
  id_bytes successor{};
  if (x.was.successor) {
    successor = encode_id(*x.was.successor);
    insert_.bind_borrowed(6, successor);
  } else {
    insert_.bind_null(6);
  }
  ++changes_begun_;
  insert_.run();
  ++now_.next;
  now_.youngest = std::max(now_.youngest, time_in(x.id).value_or(-1));
}

bool tombstone_table::expire(const due_times& due, std::int64_t limit) {
  if (!has_any())
    return false;
  constexpr std::int64_t looked_at = 4'096; // by a clock that was ahead
  auto end = std::min(now_.next, now_.first + looked_at);
  const auto lower = [&end](sqlite::statement& stmt, std::int64_t if_none,
                            std::int64_t behind) {
    const sqlite::reset_guard guard{stmt};
    end = stmt.step() ? stmt.integer(0) + behind : if_none;
  };
  first_to_stay_.bind(1, now_.first);
  first_to_stay_.bind(2, end);
  first_to_stay_.bind(3, due.before.us());
  first_to_stay_.bind(4, due.now.us());
  lower(first_to_stay_, end, 0);
  const auto is_last = end < std::min(now_.next, now_.first + looked_at);
  last_due_.bind(1, now_.first);
  last_due_.bind(2, end);
  last_due_.bind(3, due.before.us());
  last_due_.bind(4, due.not_before.us());
  lower(last_due_, now_.first, 1);
  const auto lot = std::min(end, now_.first + limit);
  const auto more = lot < end || (!is_last && end < now_.next);
  const auto found = lot > now_.first;
  take_away(lot, due.before);
  return found && more;
}

bool tombstone_table::keep_at_most(std::int64_t rows, std::int64_t limit) {
  if (now_.size() > rows)
    take_away(now_.first + std::min(now_.size() - rows, limit), max_timestamp);
  return now_.size() > rows;
}

// Those before number `end`, none of which was purged after `latest`, whatever
// a clock that was ahead says.
void tombstone_table::take_away(std::int64_t end, timestamp latest) {
  if (end <= now_.first)
    return;
  bool is_empty = true;
  {
    latest_.bind(1, now_.first);
    latest_.bind(2, end);
    const sqlite::reset_guard guard{latest_};
    if (latest_.step() && !latest_.is_null(0)) {
      forgotten_to(std::max(min_timestamp,
                            std::min(timestamp{latest_.integer(0)}, latest)));
      is_empty = false;
    }
  }
  if (is_empty) { // numbers have a gap in a file that someone has made
    const sqlite::reset_guard guard{first_};
    if (first_.step() && !first_.is_null(0))
      end = std::clamp(first_.integer(0), end, now_.next);
  } else {
    delete_.bind(1, now_.first);
    delete_.bind(2, end);
    ++changes_begun_;
    delete_.run();
  }
  now_.first = end;
  if (!has_any()) // the numbers begin anew when it is opened again
    now_.youngest = -1;
}

} // namespace waybill
