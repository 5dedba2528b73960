#include "waybill/requeue_table.hpp"

#include <string_view>

#include "waybill/operation_row.hpp"

namespace waybill {

namespace {

void bind_key(sqlite::statement& stmt, const requeue_table::key_place& x) {
  stmt.bind(1, x.target);
  stmt.bind_borrowed(2, std::string_view{x.key});
  stmt.bind(3, std::int64_t{x.kept ? 1 : 0});
}

} // namespace

requeue_row decode_requeue(const sqlite::statement& row) {
  const auto number = [&](int column) {
    const auto x = row.integer(column);
    if (x < 1)
      row_is_corrupt("the number " + std::to_string(x) + " in a requeue");
    return x;
  };
  requeue_row x;
  x.successor = number(0);
  if (!row.is_null(1))
    x.predecessor = number(1);
  const auto generation = number(2);
  if (generation > INT32_MAX)
    row_is_corrupt("the generation " + std::to_string(generation));
  x.generation = static_cast<std::int32_t>(generation);
  x.root = decode_id(row.blob(3));
  x.place = number(4);
  x.payload = number(5);
  return x;
}

void requeue_table::load(sqlite::connection& db) {
  may_have_any_ = db.query_int("SELECT EXISTS (SELECT 1 FROM requeue) OR "
                               "EXISTS (SELECT 1 FROM purged_successor)")
                  != 0;
  find_ = db.prepare("SELECT " WAYBILL_REQUEUE_COLUMNS
                     " FROM requeue WHERE successor = ?1");
  successor_of_
    = db.prepare("SELECT successor FROM requeue WHERE predecessor = ?1");
  insert_ = db.prepare("INSERT INTO requeue (" WAYBILL_REQUEUE_COLUMNS
                       ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  delete_ = db.prepare("DELETE FROM requeue WHERE successor = ?1");
  unlink_ = db.prepare("UPDATE requeue SET predecessor = NULL "
                       "WHERE predecessor = ?1");
  find_purged_
    = db.prepare("SELECT id FROM purged_successor WHERE predecessor = ?1");
  insert_purged_ = db.prepare("INSERT INTO purged_successor (predecessor, id) "
                              "VALUES (?1, ?2)");
  delete_purged_
    = db.prepare("DELETE FROM purged_successor WHERE predecessor = ?1");
  first_ = db.prepare("SELECT place, seq FROM requeued_key WHERE target = ?1 "
                      "AND order_key = ?2 AND kept = ?3 "
                      "ORDER BY place LIMIT 1");
  insert_key_ = db.prepare("INSERT INTO requeued_key "
                           "(target, order_key, kept, place, seq) "
                           "VALUES (?1, ?2, ?3, ?4, ?5)");
  delete_key_ = db.prepare("DELETE FROM requeued_key WHERE target = ?1 "
                           "AND order_key = ?2 AND kept = ?3 AND place = ?4");
}

void requeue_table::close() noexcept {
  for (auto* const stmt :
       {&find_, &successor_of_, &insert_, &delete_, &unlink_, &find_purged_,
        &insert_purged_, &delete_purged_, &first_, &insert_key_, &delete_key_})
    *stmt = {};
}

std::optional<requeue_row> requeue_table::find(std::int64_t successor) {
  if (!may_have_any_)
    return std::nullopt;
  find_.bind(1, successor);
  const sqlite::reset_guard guard{find_};
  if (!find_.step())
    return std::nullopt;
  return decode_requeue(find_);
}

std::optional<std::int64_t>
requeue_table::successor_of(std::int64_t predecessor) {
  if (!may_have_any_)
    return std::nullopt;
  successor_of_.bind(1, predecessor);
  const sqlite::reset_guard guard{successor_of_};
  if (!successor_of_.step())
    return std::nullopt;
  return successor_of_.integer(0);
}

void requeue_table::insert(const requeue_row& x) {
  insert_.bind(1, x.successor);
  if (x.predecessor)
    insert_.bind(2, *x.predecessor);
  else
    insert_.bind_null(2);
  insert_.bind(3, std::int64_t{x.generation});
  const auto root = encode_id(x.root);
  insert_.bind_borrowed(4, root);
  insert_.bind(5, x.place);
  insert_.bind(6, x.payload);
  change(insert_);
  may_have_any_ = true;
}

std::optional<tracked_operation_id>
requeue_table::purged_successor_of(std::int64_t predecessor) {
  if (!may_have_any_)
    return std::nullopt;
  find_purged_.bind(1, predecessor);
  const sqlite::reset_guard guard{find_purged_};
  if (!find_purged_.step())
    return std::nullopt;
  return decode_id(find_purged_.blob(0));
}

void requeue_table::forget(std::int64_t seq, const tracked_operation_id& id) {
  if (!may_have_any_)
    return;
  if (const auto link = find(seq)) {
    delete_.bind(1, seq);
    change(delete_);
    if (link->predecessor) {
      const auto bytes = encode_id(id);
      insert_purged_.bind(1, *link->predecessor);
      insert_purged_.bind_borrowed(2, bytes);
      change(insert_purged_);
    }
  }
  unlink_.bind(1, seq);
  change(unlink_);
  delete_purged_.bind(1, seq);
  change(delete_purged_);
}

std::optional<requeue_table::first_call>
requeue_table::first_of_key(const key_place& x) {
  if (!may_have_any_)
    return std::nullopt;
  bind_key(first_, x);
  const sqlite::reset_guard guard{first_};
  if (!first_.step())
    return std::nullopt;
  return first_call{first_.integer(0), first_.integer(1)};
}

void requeue_table::insert_key(const key_place& x, const first_call& call) {
  bind_key(insert_key_, x);
  insert_key_.bind(4, call.place);
  insert_key_.bind(5, call.seq);
  change(insert_key_);
}

void requeue_table::remove_key(const key_place& x, std::int64_t place) {
  bind_key(delete_key_, x);
  delete_key_.bind(4, place);
  change(delete_key_);
}

void requeue_table::change(sqlite::statement& stmt) {
  ++changes_begun_;
  stmt.run();
}

} // namespace waybill
