#include "waybill/call_table.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "waybill/operation_row.hpp"
#include "waybill/store_error.hpp"

namespace waybill {

namespace {

#define WAYBILL_SELECT_CALL "SELECT " WAYBILL_CALL_COLUMNS " FROM call "

// Places among WAYBILL_CALL_COLUMNS.
namespace col {
constexpr int seq = 0;
constexpr int target = 1;
constexpr int state = 2;
constexpr int attempt = 3;
constexpr int interruptions = 4;
constexpr int due = 5;
constexpr int expires = 6;
constexpr int priority = 7;
constexpr int order_key = 8;
constexpr int root = 9;
constexpr int bytes = 10;
} // namespace col

std::int64_t decode_number(const sqlite::statement& row, int column,
                           const char* name, std::int64_t min,
                           std::int64_t max) {
  const auto number = row.integer(column);
  if (number < min || number > max)
    row_is_corrupt(std::string{"the "} + name + " " + std::to_string(number));
  return number;
}

std::optional<timestamp> decode_time(const sqlite::statement& row, int column,
                                     const char* name) {
  if (row.is_null(column))
    return std::nullopt;
  return timestamp{
    decode_number(row, column, name, min_timestamp.us(), max_timestamp.us())};
}

void bind_time(sqlite::statement& stmt, int param,
               const std::optional<timestamp>& x) {
  if (x)
    stmt.bind(param, x->us());
  else
    stmt.bind_null(param);
}

std::span<const std::uint8_t> bytes_of(std::string_view x) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(x.data()), x.size()};
}

} // namespace

call_row decode_call(const sqlite::statement& row) {
  call_row x;
  x.seq = row.integer(col::seq);
  x.target = row.integer(col::target);
  x.state = static_cast<call_state>(
    decode_number(row, col::state, "state of a call", 0, 2));
  x.attempt = static_cast<std::int32_t>(
    decode_number(row, col::attempt, "attempt", 1, INT32_MAX));
  x.interruptions = static_cast<std::int32_t>(decode_number(
    row, col::interruptions, "number of interruptions", 0, INT32_MAX));
  x.due = decode_time(row, col::due, "due time");
  x.expires = decode_time(row, col::expires, "expiry");
  x.priority = static_cast<std::int32_t>(
    decode_number(row, col::priority, "priority", 0, limits::max_priority));
  if (!row.is_null(col::order_key))
    x.order_key = decode_text(row, col::order_key);
  if (!row.is_null(col::root))
    x.root = decode_id(row.blob(col::root));
  x.bytes = decode_number(row, col::bytes, "size of a payload", 0,
                          std::int64_t{limits::max_payload});
  return x;
}

stored_payload read_payload(sqlite::statement& found, const call_row& x,
                            std::int64_t number) {
  found.bind(1, number);
  const sqlite::reset_guard guard{found};
  if (!found.step())
    row_is_corrupt("a call without a payload");
  stored_payload payload;
  if (!found.is_null(0))
    payload.codec = decode_text(found, 0);
  const auto bytes = found.blob(1);
  if (std::ssize(bytes) != x.bytes)
    row_is_corrupt("a payload of " + std::to_string(bytes.size())
                   + " bytes, which should have " + std::to_string(x.bytes));
  payload.bytes.assign(reinterpret_cast<const char*>(bytes.data()),
                       bytes.size());
  return payload;
}

// -- opening and the steps of transactions ------------------------------------

void call_table::load(sqlite::connection& db) {
  places_ = {};
  lately_begun_.clear();
  insert_ = db.prepare("INSERT INTO call (" WAYBILL_CALL_COLUMNS ") VALUES "
                       "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  insert_payload_
    = db.prepare("INSERT INTO payload (seq, codec, bytes) VALUES (?1, ?2, ?3)");
  find_ = db.prepare(WAYBILL_SELECT_CALL "WHERE seq = ?1");
  payload_ = db.prepare(WAYBILL_SELECT_PAYLOAD);
  begun_ = db.prepare(WAYBILL_SELECT_CALL
                      "WHERE target = ?1 AND state = 1 ORDER BY seq");
  waiting_ = db.prepare(WAYBILL_SELECT_CALL "WHERE seq > ?1 ORDER BY seq");
  // `state = 0` and `due IS NOT NULL` let SQLite see that the partial index
  // serves.
  scheduled_ = db.prepare(WAYBILL_SELECT_CALL
                          "WHERE target = ?1 AND state = 0 "
                          "AND due IS NOT NULL ORDER BY due, seq LIMIT ?2");
  keyed_ = db.prepare(WAYBILL_SELECT_CALL
                      "WHERE target = ?1 AND order_key = ?2 "
                      "AND state = ?3 ORDER BY seq LIMIT 1");
  update_ = db.prepare("UPDATE call SET state = ?2, attempt = ?3, "
                       "interruptions = ?4, due = ?5 WHERE seq = ?1");
  delete_ = db.prepare("DELETE FROM call WHERE seq = ?1");
  delete_payload_ = db.prepare("DELETE FROM payload WHERE seq = ?1");
  // The same for `status >= 2`; and one bound for each end of the times.
  finished_ = db.prepare(
    "SELECT seq, updated_at, "
    "EXISTS (SELECT 1 FROM call WHERE call.seq = operation.seq) "
    "FROM operation WHERE status >= 2 AND status = ?1 AND updated_at >= ?2 "
    "AND updated_at < ?3 AND (+updated_at > ?4 OR +seq > ?5) "
    "ORDER BY updated_at, seq LIMIT ?6");
}

void call_table::close() noexcept {
  for (auto* const stmt :
       {&insert_, &insert_payload_, &find_, &payload_, &begun_, &waiting_,
        &scheduled_, &keyed_, &update_, &delete_, &delete_payload_, &finished_})
    *stmt = {};
}

void call_table::on_rollback(bool /*unfinished*/) noexcept {
  places_ = {}; // what was deleted behind them is there again
  lately_begun_.clear();
}

// -- reading ------------------------------------------------------------------

std::optional<call_row> call_table::find(std::int64_t seq) {
  if (const auto begun = lately_begun_.find(seq); begun != lately_begun_.end())
    return begun->second;
  find_.bind(1, seq);
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    return std::nullopt;
  return decode(find_);
}

std::vector<call_row> call_table::begun_of(std::int64_t target) {
  std::vector<call_row> rows;
  begun_.bind(1, target);
  const sqlite::reset_guard guard{begun_};
  while (begun_.step())
    rows.push_back(decode(begun_));
  return rows;
}

call_table::found_calls
call_table::find_waiting(std::int64_t target, timestamp now, std::int64_t after,
                         std::int64_t limit, std::int64_t max_scanned) {
  found_calls found;
  found.cursor = after;
  waiting_.bind(1, after);
  const sqlite::reset_guard guard{waiting_};
  for (std::int64_t scanned = 0;
       scanned < max_scanned && std::ssize(found.rows) < limit; ++scanned) {
    if (!waiting_.step()) {
      found.is_complete = true;
      break;
    }
    found.cursor = waiting_.integer(col::seq);
    if (waiting_.integer(col::target) == target
        && waiting_.integer(col::state) == 0
        && (waiting_.is_null(col::due)
            || waiting_.integer(col::due) <= now.us()))
      found.rows.push_back(decode(waiting_));
  }
  return found;
}

call_table::found_calls call_table::find_scheduled(std::int64_t target,
                                                   std::int64_t limit) {
  found_calls found;
  scheduled_.bind(1, target);
  scheduled_.bind(2, limit);
  const sqlite::reset_guard guard{scheduled_};
  while (scheduled_.step())
    found.rows.push_back(decode(scheduled_));
  found.is_complete = std::ssize(found.rows) < limit;
  return found;
}

std::optional<call_row> call_table::first_of_key(std::int64_t target,
                                                 const std::string& key,
                                                 bool or_kept) {
  std::optional<call_row> first;
  std::int64_t place = 0;
  keyed_.bind(1, target);
  keyed_.bind_borrowed(2, std::string_view{key});
  for (const auto state :
       {call_state::begun, call_state::waiting, call_state::kept}) {
    if (state == call_state::kept && !or_kept)
      break;
    keyed_.bind(3, static_cast<std::int64_t>(state));
    {
      const sqlite::reset_guard guard{keyed_};
      if (keyed_.step() && (!first || keyed_.integer(col::seq) < place)) {
        first = decode(keyed_);
        place = first->seq;
      }
    }
    if (first && first->state == call_state::begun)
      return first;
    const auto early
      = state == call_state::begun
          ? std::nullopt
          : requeues_.first_of_key(
            {.target = target, .key = key, .kept = state == call_state::kept});
    if (early && (!first || early->place < place)) {
      first = find(early->seq);
      place = early->place;
      if (!first)
        row_is_corrupt("an order key of a call that there is not");
    }
  }
  return first;
}

std::int64_t call_table::place_of(const call_row& x) {
  const auto link = link_of(x);
  return link ? link->place : x.seq;
}

// None if it is its own: all that were tried again have a root.
std::optional<requeue_row> call_table::link_of(const call_row& x) {
  return x.root ? requeues_.find(x.seq) : std::nullopt;
}

call_row call_table::decode(const sqlite::statement& row) const {
  auto x = decode_call(row);
  if (!targets_.has(x.target))
    row_is_corrupt("a call for target " + std::to_string(x.target)
                   + ", which there is not");
  return x;
}

// -- changing -----------------------------------------------------------------

void call_table::insert(const call_row& x,
                        const std::optional<std::string>& codec,
                        std::string_view payload) {
  insert_row(x);
  insert_payload_.bind(1, x.seq);
  insert_payload_.bind_borrowed_or_null(2, codec);
  // A null pointer would be NULL, and no empty payload.
  insert_payload_.bind_borrowed(3, bytes_of(payload.empty() ? "" : payload));
  insert_payload_.run();
}

void call_table::hand_on(const call_row& kept, const call_row& successor,
                         const tracked_operation_id& root) {
  const auto before = link_of(kept);
  if (before)
    take_out_key(kept, *before);
  const requeue_row link{.successor = successor.seq,
                         .predecessor = kept.seq,
                         .generation = before ? before->generation + 1 : 1,
                         .root = root,
                         .place = before ? before->place : kept.seq,
                         .payload = payload_number(kept, before)};
  delete_.bind(1, kept.seq);
  ++changes_begun_;
  delete_.run();
  targets_.add_kept(kept.target, kept.bytes, -1);
  requeues_.insert(link);
  insert_row(successor);
  if (successor.order_key)
    requeues_.insert_key(
      {.target = successor.target, .key = *successor.order_key, .kept = false},
      {.place = link.place, .seq = successor.seq});
}

void call_table::take_out_key(const call_row& x, const requeue_row& link) {
  if (x.order_key)
    requeues_.remove_key({.target = x.target,
                          .key = *x.order_key,
                          .kept = x.state == call_state::kept},
                         link.place);
}

void call_table::insert_row(const call_row& x) {
  insert_.bind(1 + col::seq, x.seq);
  insert_.bind(1 + col::target, x.target);
  insert_.bind(1 + col::state, static_cast<std::int64_t>(x.state));
  insert_.bind(1 + col::attempt, x.attempt);
  insert_.bind(1 + col::interruptions, x.interruptions);
  bind_time(insert_, 1 + col::due, x.due);
  bind_time(insert_, 1 + col::expires, x.expires);
  insert_.bind(1 + col::priority, x.priority);
  insert_.bind_borrowed_or_null(1 + col::order_key, x.order_key);
  id_bytes root{};
  if (x.root) {
    root = encode_id(*x.root);
    insert_.bind_borrowed(1 + col::root, root);
  } else {
    insert_.bind_null(1 + col::root);
  }
  insert_.bind(1 + col::bytes, x.bytes);
  ++changes_begun_;
  insert_.run();
  targets_.add_active(x.target, x.bytes, 1);
  count(x, 1);
  if (x.state == call_state::begun)
    remember(x);
}

// As many as workers there may be, and more.
void call_table::remember(const call_row& x) {
  constexpr std::size_t most = 4'096;
  if (lately_begun_.size() >= most)
    lately_begun_.clear();
  lately_begun_.insert_or_assign(x.seq, x);
}

// A call is where it is, or not any more.
void call_table::count(const call_row& x, std::int64_t change) {
  if (x.state == call_state::begun)
    targets_.add_progress(x.target, {.begun = change});
  else if (x.state == call_state::waiting && x.due)
    targets_.add_progress(x.target, {.scheduled = change});
}

void call_table::begin(call_row& x) {
  count(x, -1);
  x.state = call_state::begun;
  x.due.reset();
  update(x);
  count(x, 1);
  remember(x);
}

void call_table::wait(call_row& x, std::int32_t attempt,
                      const std::optional<timestamp>& due) {
  count(x, -1);
  x.state = call_state::waiting;
  x.attempt = attempt;
  x.due = due;
  update(x);
  count(x, 1);
}

void call_table::settle(call_row& x, tracking_status status) {
  if (!keeps(status)) {
    remove(x);
    return;
  }
  const auto link = x.order_key ? link_of(x) : std::nullopt;
  if (link)
    take_out_key(x, *link);
  count(x, -1);
  x.state = call_state::kept;
  x.due.reset();
  update(x);
  if (link)
    requeues_.insert_key(
      {.target = x.target, .key = *x.order_key, .kept = true},
      {.place = link->place, .seq = x.seq});
  targets_.add_active(x.target, x.bytes, -1);
  targets_.add_kept(x.target, x.bytes, 1);
}

bool call_table::release(std::int64_t seq) {
  const auto x = find(seq);
  if (!x || x->state != call_state::kept)
    return false;
  remove(*x);
  return true;
}

void call_table::update(const call_row& x) {
  lately_begun_.erase(x.seq);
  update_.bind(1, x.seq);
  update_.bind(2, static_cast<std::int64_t>(x.state));
  update_.bind(3, x.attempt);
  update_.bind(4, x.interruptions);
  bind_time(update_, 5, x.due);
  ++changes_begun_;
  update_.run();
}

void call_table::remove(const call_row& x) {
  lately_begun_.erase(x.seq);
  const auto link = link_of(x);
  if (link)
    take_out_key(x, *link);
  delete_.bind(1, x.seq);
  delete_payload_.bind(1, payload_number(x, link));
  ++changes_begun_;
  delete_.run();
  delete_payload_.run();
  count(x, -1);
  if (x.state == call_state::kept)
    targets_.add_kept(x.target, x.bytes, -1);
  else
    targets_.add_active(x.target, x.bytes, -1);
}

// -- purging ------------------------------------------------------------------

call_table::finished_rows call_table::find_finished(tracking_status status,
                                                    bool with_call,
                                                    timestamp older_than,
                                                    timestamp not_before,
                                                    std::int64_t limit) {
  auto& place
    = places_.at(with_call ? 1 : 0).at(static_cast<std::size_t>(status));
  if (place.not_before != not_before.us())
    place = {.not_before = not_before.us()};
  finished_.bind(1, static_cast<std::int64_t>(status));
  finished_.bind(2, std::max(not_before.us(), place.updated_at));
  finished_.bind(3, older_than.us());
  finished_.bind(4, place.updated_at);
  finished_.bind(5, place.seq);
  finished_.bind(6, limit);
  const sqlite::reset_guard guard{finished_};
  finished_rows found;
  std::int64_t looked_at = 0;
  for (; finished_.step(); ++looked_at) {
    place.seq = finished_.integer(0);
    place.updated_at = finished_.integer(1);
    if ((finished_.integer(2) != 0) == with_call
        && !(with_call && keeps_others_waiting(place.seq)))
      found.seqs.push_back(place.seq);
  }
  found.is_last = looked_at < limit;
  if (found.is_last)
    place = {};
  return found;
}

// Whether the call of a finished operation has a key that it gives up only when
// it is discarded: who delivers would not hear of its end.
bool call_table::keeps_others_waiting(std::int64_t seq) {
  const auto x = find(seq);
  if (!x || !x->order_key)
    return false;
  const auto* const bounds = targets_.bounds_of(x->target);
  return bounds != nullptr && bounds->kept_block;
}

} // namespace waybill
