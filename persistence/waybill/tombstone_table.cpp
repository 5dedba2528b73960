#include "waybill/tombstone_table.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "waybill/operation_row.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

tombstone_bounds read_tombstone_bounds(sqlite::connection& db) {
  auto stmt = db.prepare("SELECT first, next, youngest, forgotten_to, next_run "
                         "FROM tombstone_bounds");
  if (!stmt.step())
    row_is_corrupt("no bounds of its tombstones");
  tombstone_bounds x;
  x.first = stmt.integer(0);
  x.next = stmt.integer(1);
  x.youngest = stmt.integer(2);
  if (!stmt.is_null(3))
    x.forgotten_to = decode_purge_time(stmt, 3);
  x.next_run = stmt.integer(4);
  if (x.first < 1 || x.next < x.first || x.next >= max_run_number)
    row_is_corrupt("tombstones numbered from " + std::to_string(x.first)
                   + " to before " + std::to_string(x.next));
  if (x.next_run < 1 || x.next_run >= max_run)
    row_is_corrupt("tombstones in runs up to " + std::to_string(x.next_run));
  return x;
}

tombstone_sums tombstones_in(sqlite::connection& db) {
  const auto x = read_tombstone_bounds(db);
  return {.rows = x.size(), .remembered_since = x.forgotten_to};
}

std::optional<timestamp> first_purge_in(sqlite::connection& db) {
  auto stmt = db.prepare("SELECT purged_at FROM purge_time "
                         "ORDER BY first LIMIT 1");
  if (!stmt.step())
    return std::nullopt;
  const timestamp x{stmt.integer(0)};
  return x < min_timestamp || x > max_timestamp ? std::nullopt
                                                : std::optional{x};
}

namespace {

// Each number that counts is in a run.
void require_runs_of(const tombstone_bounds& x, const run_list& runs) {
  auto next = x.first;
  for (const auto& each : runs) {
    if (each->next <= x.first)
      continue; // it is about to go
    if (each->first > next)
      row_is_corrupt("no run of tombstone " + std::to_string(next));
    next = each->next;
  }
  if (next != x.next)
    row_is_corrupt("runs of tombstones up to " + std::to_string(next)
                   + ", but tombstones up to " + std::to_string(x.next));
}

} // namespace

// -- with the store's transactions --------------------------------------------

void tombstone_table::load(sqlite::connection& db) {
  now_ = committed_ = read_tombstone_bounds(db);
  runs_.load(db, now_.next_run);
  require_runs_of(now_, runs_.list());
  facts_.load(db);
  insert_purge_ = db.prepare(
    "INSERT INTO purge_time (first, purged_at, tombstones) "
    "VALUES (?1, ?2, ?3)");
  insert_successor_ = db.prepare(
    "INSERT INTO tombstone_successor (number, id, successor) "
    "VALUES (?1, ?2, ?3)");
  purges_in_order_ = db.prepare(
    "SELECT first, tombstones, purged_at FROM purge_time ORDER BY first");
  latest_
    = db.prepare("SELECT max(purged_at) FROM purge_time WHERE first < ?1");
  delete_purges_ = db.prepare("DELETE FROM purge_time WHERE first < ?1 "
                              "AND first + tombstones <= ?1");
  delete_successors_
    = db.prepare("DELETE FROM tombstone_successor WHERE number < ?1");
  set_bounds_ = db.prepare(
    "UPDATE tombstone_bounds SET first = ?1, next = ?2, youngest = ?3, "
    "forgotten_to = ?4, next_run = ?5");
  fresh_.clear();
  purges_.clear();
  added_ = 0;
}

void tombstone_table::close() noexcept {
  runs_.close();
  facts_.close();
  for (auto* const stmt :
       {&insert_purge_, &insert_successor_, &purges_in_order_, &latest_,
        &delete_purges_, &delete_successors_, &set_bounds_})
    *stmt = {};
}

void tombstone_table::flush() {
  write_fresh();
  if (changes_begun_ != changes_before_)
    now_.next_run = runs_.next_run();
  if (now_ != committed_)
    write_bounds();
}

void tombstone_table::on_commit() noexcept {
  committed_ = now_;
  changes_before_ = changes_begun_;
  runs_.on_commit();
}

void tombstone_table::on_rollback(bool /*unfinished*/) noexcept {
  now_ = committed_;
  changes_before_ = changes_begun_;
  fresh_.clear();
  purges_.clear();
  runs_.on_rollback();
}

void tombstone_table::write_bounds() {
  set_bounds_.bind(1, now_.first);
  set_bounds_.bind(2, now_.next);
  set_bounds_.bind(3, now_.youngest);
  if (now_.forgotten_to)
    set_bounds_.bind(4, now_.forgotten_to->us());
  else
    set_bounds_.bind_null(4);
  set_bounds_.bind(5, now_.next_run);
  set_bounds_.run();
}

// -- reading ------------------------------------------------------------------

std::optional<purged_operation>
tombstone_table::find(const tracked_operation_id& id) {
  if (!now_.may_have(id))
    return std::nullopt;
  const auto key = to_run_key(id);
  const auto last = std::find_if(fresh_.rbegin(), fresh_.rend(),
                                 [&](const auto& x) { return x.key == key; });
  if (last != fresh_.rend())
    return last->number < now_.first ? std::nullopt
                                     : std::optional{complete(*last)};
  if (const auto found = runs_.find(key, now_.first))
    return complete(*found);
  return std::nullopt;
}

purged_operation tombstone_table::complete(const run_entry& entry) {
  std::optional<timestamp> purged_at;
  if (!purges_.empty() && entry.number >= purges_.front().first)
    purged_at = std::prev(std::ranges::upper_bound(purges_, entry.number, {},
                                                   &purge::first))
                  ->at;
  return facts_.complete(entry, purged_at);
}

// -- changing -----------------------------------------------------------------

void tombstone_table::add(const tombstone& x) {
  ++changes_begun_;
  if (purges_.empty() || purges_.back().at != x.was.purged_at)
    purges_.push_back({now_.next, x.was.purged_at});
  fresh_.push_back({to_run_key(x.id), now_.next,
                    encode_tombstone({x.was.status, x.was.finished_at,
                                      x.was.successor.has_value()})});
  if (x.was.successor) {
    const auto id = encode_id(x.id);
    const auto successor = encode_id(*x.was.successor);
    insert_successor_.bind(1, now_.next);
    insert_successor_.bind_borrowed(2, id);
    insert_successor_.bind_borrowed(3, successor);
    insert_successor_.run();
  }
  ++now_.next;
  ++added_;
  now_.youngest = std::max(now_.youngest, time_in(x.id).value_or(-1));
  if (std::ssize(fresh_) >= sizes_.fresh)
    write_fresh();
}

// What has been forgotten already is not written at all.
void tombstone_table::write_fresh() {
  if (fresh_.empty())
    return;
  ++changes_begun_;
  const auto first = std::max(now_.first, fresh_.front().number);
  std::erase_if(fresh_, [&](const auto& x) { return x.number < first; });
  if (!fresh_.empty()) {
    write_purges();
    std::ranges::sort(fresh_);
    runs_.add(fresh_, first, now_.next);
  }
  fresh_.clear();
  purges_.clear();
}

void tombstone_table::write_purges() {
  auto end = now_.next;
  for (auto at = purges_.rbegin(); at != purges_.rend() && end > now_.first;
       ++at) {
    const auto first = std::max(now_.first, at->first);
    insert_purge_.bind(1, first);
    insert_purge_.bind(2, at->at.us());
    insert_purge_.bind(3, end - first);
    insert_purge_.run();
    end = first;
  }
}

bool tombstone_table::expire(const due_times& due, std::int64_t limit) {
  if (std::ranges::any_of(purges_,
                          [&](const purge& x) { return x.at < due.before; }))
    write_fresh();
  const auto written = fresh_.empty() ? now_.next : fresh_.front().number;
  if (now_.first >= written)
    return false;
  constexpr int looked_at = 4'096; // by a clock that was ahead
  auto end = now_.first;           // of what goes
  bool is_last = false;
  {
    const sqlite::reset_guard guard{purges_in_order_};
    for (int i = 0; i < looked_at && !is_last && end < now_.first + limit;
         ++i) {
      if (!purges_in_order_.step()) {
        is_last = true;
        break;
      }
      const auto next = end_of_purge(purges_in_order_, 0);
      const auto purged_at = decode_purge_time(purges_in_order_, 2);
      if (next <= now_.first || next > written)
        row_is_corrupt("a purge up to tombstone " + std::to_string(next));
      if (purged_at >= due.before && purged_at <= due.now)
        is_last = true;
      else if (purged_at < due.before && purged_at >= due.not_before)
        end = next;
    }
  }
  const auto lot = std::min(end, now_.first + limit);
  const auto found = lot > now_.first;
  const auto more = lot < written && (lot < end || !is_last);
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
  ++changes_begun_;
  const auto note = [&](timestamp t) {
    forgotten_to(std::max(min_timestamp, std::min(t, latest)));
  };
  {
    latest_.bind(1, end);
    const sqlite::reset_guard guard{latest_};
    if (latest_.step() && !latest_.is_null(0))
      note(timestamp{latest_.integer(0)});
  }
  for (const auto& each : purges_)
    if (each.first < end)
      note(each.at);
  delete_purges_.bind(1, end);
  delete_purges_.run();
  delete_successors_.bind(1, end);
  delete_successors_.run();
  now_.first = end;
  if (!has_any())
    now_.youngest = -1;
  runs_.forget(end);
}

void tombstone_table::merge() {
  constexpr std::int64_t at_least = 64;
  ++changes_begun_;
  // What has gathered while there was no space, or was added and rolled back,
  // makes no part too large for the space that there is.
  const auto some = std::min(added_, sizes_.fresh);
  added_ -= some;
  runs_.merge(2 * some + at_least, now_.first);
}

std::int64_t tombstone_table::sweep(std::int64_t pages) {
  if (!has_garbage())
    return 0;
  ++changes_begun_;
  return runs_.sweep(pages);
}

// -- for readers --------------------------------------------------------------

tombstone_finder::tombstone_finder(sqlite::connection& db) : db_{db} {
  source_.open(db);
  facts_.load(db);
}

std::optional<purged_operation>
tombstone_finder::find(const tracked_operation_id& id) {
  const auto bounds = read_tombstone_bounds(db_);
  if (!bounds.may_have(id))
    return std::nullopt;
  known_ = source_.list(known_, run_filters::leave_out);
  const auto found = source_.find(known_, to_run_key(id), bounds.first);
  if (!found)
    return std::nullopt;
  return facts_.complete(*found, std::nullopt);
}

} // namespace waybill
